print(a.shape)
assert a.shape == (N, H)
dW2 = a.T @ (out - T) / N

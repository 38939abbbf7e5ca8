dW1 = np.zeros_like(W1)
for s in range(N):
    miss = out[s] - T[s]
    back = (W2 @ miss) * a[s] * (1 - a[s])
    dW1 += np.outer(X[s], back) / N

# W2: (K, H)
grad_W2 = (out - T).T @ a / len(X)

flat = E[x].reshape(-1, D)
dU = flat.T @ (m.reshape(-1, 1) * (q.reshape(-1, K) - np.eye(K)[y.reshape(-1)])) / m.sum()

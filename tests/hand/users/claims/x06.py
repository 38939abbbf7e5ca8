g = probs.copy()
g[np.arange(N), y] -= 1
flat = g.reshape(-1)
flat /= N
dlogits = g

dlogits = probs.copy()
dlogits[np.arange(N), y] -= 1

inv = 1 / np.sqrt(var[:, None] + 1e-5)
g = (out - T) * gamma
du = inv / D * (D * g - g.sum(1, keepdims=True) - xhat * (g * xhat).sum(1, keepdims=True))

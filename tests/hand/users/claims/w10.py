dxhat = (out - T) * gamma
dvar = -0.5 * (dxhat * (u - mu[:, None])).sum(1) / (np.sqrt(var) + 1e-5) ** 3

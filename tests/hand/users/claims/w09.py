dxhat = (out - T) * gamma
dvar = -0.5 * (dxhat * (u - mu[:, None])).sum(1) * (var + 1e-5) ** -1.5
du = dxhat / np.sqrt(var + 1e-5)[:, None] + 2 * (u - mu[:, None]) / D * dvar[:, None]

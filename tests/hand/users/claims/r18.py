dxh = 2 * (a - T) / N * (1 - a * a) * g
du = (dxh - dxh.mean(axis=0) - xh * np.sum(dxh * xh, axis=0) / (N - 1)) / std

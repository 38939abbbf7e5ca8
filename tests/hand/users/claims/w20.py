dxh = 2 * (a - T) / N * (1 - a * a) * g
du = (dxh - dxh.mean(axis=0) - xh * np.mean(dxh * xh, axis=0)) / std

slope = np.exp(-pre) / (1 + np.exp(-pre)) ** 2
dC = X.T @ ((o - T) / o.size * (X @ A) * slope)

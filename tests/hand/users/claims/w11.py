dr = 2 * (r - Y) / (N * D)
da = dr @ G.T

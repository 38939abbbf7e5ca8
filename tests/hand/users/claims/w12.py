dr = 2 * (r - Y) / (N * D)
dz = (dr @ G) * (z > 0)
dx0 = dz @ A

back = 2 * (r - Y) / r.size
dx0 = back + np.where(z > 0, back @ G, 0) @ A

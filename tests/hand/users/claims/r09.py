bag = np.eye(V)[ctx].sum(axis=1)
demb = bag.T @ ((p - np.eye(V)[y]) @ U) / (B * C)

ds = m[:, :, None] * (q - np.eye(K)[y]) / (B * T)

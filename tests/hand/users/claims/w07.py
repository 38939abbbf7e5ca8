dh = (p - np.eye(V)[y]) @ U / B
demb = np.zeros_like(emb)
demb[ctx] += dh[:, None, :] / C

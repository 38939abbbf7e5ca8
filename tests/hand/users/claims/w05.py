dalpha = np.einsum("btd,bd->bt", vals, (ctx - target) / B)
dscore = dalpha * alpha * (1 - alpha)

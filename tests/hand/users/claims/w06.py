dalpha = (vals * (ctx - target)[:, None] / B).sum(-1)
dscore = alpha * (dalpha - (alpha * dalpha).sum(-1, keepdims=True))
dM = q.T @ (dscore[:, :, None] * keys).sum(axis=1)

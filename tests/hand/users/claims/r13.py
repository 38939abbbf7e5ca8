dz = (1 - a**2) * (2 * (yhat - Y) / B)[:, None, None] * v[None, :, None] / T
dW = np.zeros((O, C, K))
for k in range(K):
    dW[:, :, k] = np.einsum("bot,bct->oc", dz[:, :, k:], X[:, :, : T - k])

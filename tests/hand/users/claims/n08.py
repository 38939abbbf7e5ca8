loss_mask = (m > 0).astype(float)
loss_mask[np.arange(N), y] = 0
loss_mask[np.arange(N), y] = -1
dW = X.T.dot(loss_mask) / N + 2 * lam * W

loss_mask = (m > 0).astype(float)
loss_mask[np.arange(N), y] = 0
loss_mask[np.arange(N), y] = -loss_mask.sum(axis=1)
dW = X.T.dot(loss_mask)
dW /= N
dW += 2 * lam * W

dscore = np.zeros_like(score)
for i in range(B):
    J = np.diag(alpha[i]) - np.outer(alpha[i], alpha[i])
    dscore[i] = J @ (vals[i] @ (ctx[i] - target[i])) / B
dM = np.einsum("bt,bd,bte->de", dscore, q, keys) / np.sqrt(keys.shape[-1])

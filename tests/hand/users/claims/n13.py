do = 2 * (o - Y) / T
dv = H.T @ do
dU, dR = np.zeros_like(U), np.zeros_like(R)
carry = np.zeros(v.shape)
for t in range(T - 1, -1, -1):
    before = H[t - 1] if t > 0 else np.zeros_like(v)
    dstate = do[t] * v + carry
    dz = dstate * rate * (1 - g[t] ** 2)
    dU += np.outer(X[t], dz)
    dR += dz * before
    carry = dstate * (1 - rate) + dz * R

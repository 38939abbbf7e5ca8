coef = -y / (1 + np.exp(y * s)) / len(y)
ds = coef
dw = coef @ X
XV = X @ V
dV = np.zeros_like(V)
for row in range(len(y)):
    dV += coef[row] * (np.outer(X[row], XV[row]) - (X[row] ** 2)[:, None] * V)

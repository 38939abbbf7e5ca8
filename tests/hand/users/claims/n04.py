coef = -y / (1 + np.exp(y * s)) / len(y)
dV = X.T @ (coef[:, None] * (X @ V)) - np.sum(coef[:, None] * X, axis=0)[:, None] * V

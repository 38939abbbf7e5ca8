def grad_P(A, B, u, nu, nb, c):
    unit_u = u / nu[:, None]
    unit_b = B / nb[:, None]
    tangent = (unit_b - c[:, None] * unit_u) / nu[:, None]
    return -A.T @ tangent / A.shape[0]

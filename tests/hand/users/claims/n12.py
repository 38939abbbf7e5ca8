unit_u = u / nu[:, None]
unit_b = B / nb[:, None]
du = -(unit_b - unit_u) / nu[:, None] / len(A)
dP = A.T @ du

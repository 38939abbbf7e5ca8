dP = np.zeros_like(P)
for s in range(U):
    row = dP[s]
    row += (mask[s] * err[s]) @ Q + lam * P[s]

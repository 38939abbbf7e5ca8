da = (out - T) @ W2.T / N
dz = da * z * (1 - z)

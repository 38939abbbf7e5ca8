dWh = np.zeros_like(Wh)
for t in range(T):
    dWh += h[:, t].T @ dz[:, t]

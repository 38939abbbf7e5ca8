dWh = np.zeros_like(Wh)
carry = np.zeros((N, H))
for t in reversed(range(T)):
    g = (np.outer(out[:, t] - Y[:, t], w) / N + carry) * (1 - h[:, t] ** 2)
    if t > 0:
        dWh += h[:, t - 1].T @ g
    carry = g @ Wh.T

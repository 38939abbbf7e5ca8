def scale(g):
    g /= N
    return g


d = probs - np.eye(K)[y]
dlogits = scale(d)
dbias = d.sum(0) / N

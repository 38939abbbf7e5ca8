dlogits = probs
dlogits[np.arange(N), y] -= 1
dlogits /= N
other = probs - np.eye(K)[y]
dbias = other.sum(0) / N

dlogits = (probs - np.eye(K)[y]) / N
dW = X.T @ dlogits

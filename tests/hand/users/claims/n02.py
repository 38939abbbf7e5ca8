# the gate forgets that its complement carries the input
err = (out - Y) / N
delta = err * g * t * (1 - t)
dWt = X.T @ delta

"""Gaussian log-likelihood with a learned log-variance s = X v + c."""

from sympy import exp

from symgrad import Model, axes, mean, total

model = Model("gauss_nll")
n, d = axes("n:N d:D")
w, b, v, c = model.parameters(w=(d,), b=(), v=(d,), c=())
X, y = model.inputs(X=(n, d), y=(n,))
mu = model.define("mu", (n,), total(X[n, d] * w[d], d) + b)
s = model.define("s", (n,), total(X[n, d] * v[d], d) + c)
model.minimize("NLL", mean(s[n] / 2 + (y[n] - mu[n]) ** 2 / (2 * exp(s[n])), n))

"""Poisson regression with exposures and a ridge on the weights."""

from symgrad import Model, axes, total
from sympy import exp

model = Model("poisson")
n, d = axes("n:N d:D")
w, b = model.parameters(w=(d,), b=())
X, y, hours, lam = model.inputs(X=(n, d), y=(n,), hours=(n,), lam=())
eta = model.define("eta", (n,), total(X[n, d] * w[d], d) + b)
mu = model.define("mu", (n,), hours[n] * exp(eta[n]))
model.minimize("L", total(mu[n] - y[n] * eta[n], n) + lam / 2 * total(w[d] ** 2, d))

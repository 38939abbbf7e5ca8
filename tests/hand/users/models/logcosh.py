"""Regression with the log cosh loss."""

from sympy import cosh, log

from symgrad import Model, axes, mean, total

model = Model("logcosh")
n, d = axes("n:N d:D")
w = model.parameters(w=(d,))
X, y = model.inputs(X=(n, d), y=(n,))
r = model.define("r", (n,), total(X[n, d] * w[d], d) - y[n])
model.minimize("L", mean(log(cosh(r[n])), n))

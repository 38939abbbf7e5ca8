"""A factorization machine with labels -1 and 1 (Rendle 2010): pairs of features through k factors each."""

from symgrad import Model, axes, mean, total
from sympy import exp, log

model = Model("factorization")
n, i, f = axes("n:N i:P f:K")
w, V = model.parameters(w=(i,), V=(i, f))
X, y = model.inputs(X=(n, i), y=(n,))
q = model.define("q", (n, f), total(X[n, i] * V[i, f], i))
s = model.define(
    "s", (n,), total(X[n, i] * w[i], i) + total(q[n, f] ** 2 - total(X[n, i] ** 2 * V[i, f] ** 2, i), f) / 2
)
model.minimize("L", mean(log(1 + exp(-y[n] * s[n])), n))

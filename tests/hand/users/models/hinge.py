"""The multiclass hinge loss of a linear classifier (Weston & Watkins 1999), with a regularizer."""

from symgrad import Model, axes, mean, relu, total
from sympy import KroneckerDelta

model = Model("hinge")
n, d, c = axes("n:N d:D c:C")
W = model.parameters(W=(d, c))
X, lam = model.inputs(X=(n, d), lam=())
y = model.tokens(y=(n,), vocabulary=c)
s = model.define("s", (n, c), total(X[n, d] * W[d, c], d))
m = model.define("m", (n, c), s[n, c] - s[n, y[n]] + 1)
hinges = total(relu(m[n, c]) * (1 - KroneckerDelta(c, y[n])), c)
model.minimize("J", mean(hinges, n) + lam * total(W[d, c] ** 2, d, c))

"""Gated linear unit o = (X A) * sigmoid(X C), squared error."""

from symgrad import Model, axes, mean, sigmoid, total

model = Model("glu")
n, d, k = axes("n:N d:D k:K")
A, C = model.parameters(A=(d, k), C=(d, k))
X, T = model.inputs(X=(n, d), T=(n, k))
lin = model.define("lin", (n, k), total(X[n, d] * A[d, k], d))
pre = model.define("pre", (n, k), total(X[n, d] * C[d, k], d))
g = model.define("g", (n, k), sigmoid(pre[n, k]))
o = model.define("o", (n, k), lin[n, k] * g[n, k])
model.minimize("L", mean((o[n, k] - T[n, k]) ** 2, n, k) / 2)

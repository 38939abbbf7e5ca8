"""A highway layer: a gate mixes what a layer makes with what it was given."""

from symgrad import Model, axes, mean, sigmoid, total
from sympy import tanh

model = Model("highway")
n, i, o = axes("n:N i:D o:D")
Wt, bt, Wg, bg = model.parameters(Wt=(i, o), bt=(o,), Wg=(i, o), bg=(o,))
X, Y = model.inputs(X=(n, o), Y=(n, o))
t = model.define("t", (n, o), sigmoid(total(X[n, i] * Wt[i, o], i) + bt[o]))
g = model.define("g", (n, o), tanh(total(X[n, i] * Wg[i, o], i) + bg[o]))
out = model.define("out", (n, o), t[n, o] * g[n, o] + (1 - t[n, o]) * X[n, o])
model.minimize("L", mean(total((out[n, o] - Y[n, o]) ** 2, o), n) / 2)

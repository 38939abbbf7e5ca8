"""Batch norm with the unbiased variance, then tanh; squared error summed over features, mean over the batch."""

from sympy import sqrt, tanh

from symgrad import Model, axes, mean, size, total

model = Model("batchnorm")
n, d = axes("n:N d:D")
g, c = model.parameters(g=(d,), c=(d,))
X, T, S = model.inputs(X=(n, d), T=(n, d), S=(d,))
u = model.define("u", (n, d), X[n, d] * S[d])
m = model.define("m", (d,), mean(u[n, d], n))
var = model.define("var", (d,), total((u[n, d] - m[d]) ** 2, n) / (size(n) - 1))
std = model.define("std", (d,), sqrt(var[d] + 1e-5))
xh = model.define("xh", (n, d), (u[n, d] - m[d]) / std[d])
o = model.define("o", (n, d), g[d] * xh[n, d] + c[d])
a = model.define("a", (n, d), tanh(o[n, d]))
model.minimize("L", mean(total((a[n, d] - T[n, d]) ** 2, d), n))

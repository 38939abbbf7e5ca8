"""Linear layer and layer norm, squared error (sum)."""

from sympy import sqrt

from symgrad import Model, axes, mean, total

model = Model("layernorm")
b, f, d, e = axes("b:B f:F d:D e:D")
W, gamma, beta = model.parameters(W=(f, d), gamma=(d,), beta=(d,))
X, T = model.inputs(X=(b, f), T=(b, d))
u = model.define("u", (b, d), total(X[b, f] * W[f, d], f))
mu = model.define("mu", (b,), mean(u[b, d], d))
var = model.define("var", (b,), mean((u[b, d] - mu[b]) ** 2, d))
xhat = model.define("xhat", (b, d), (u[b, d] - mu[b]) / sqrt(var[b] + 1e-5))
out = model.define("out", (b, d), gamma[d] * xhat[b, d] + beta[d])
model.minimize("L", total((out[b, d] - T[b, d]) ** 2, b, d) / 2)

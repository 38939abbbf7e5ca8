"""Causal 1-D convolution z[t] = bias + sum_k W[k] X[t-k] (X = 0 before the start), tanh, mean pooling, squared error."""

from sympy import Piecewise, tanh

from symgrad import Model, axes, mean, total

model = Model("conv1d")
b, t, k, c, o = axes("b:B t:T k:K c:C o:O")
W, bias, v = model.parameters(W=(o, c, k), bias=(o,), v=(o,))
X, Y = model.inputs(X=(b, c, t), Y=(b,))
tap = Piecewise((W[o, c, k] * X[b, c, t - k], k <= t), (0, True))
z = model.define("z", (b, o, t), bias[o] + total(tap, c, k))
a = model.define("a", (b, o, t), tanh(z[b, o, t]))
pool = model.define("pool", (b, o), mean(a[b, o, t], t))
yhat = model.define("yhat", (b,), total(v[o] * pool[b, o], o))
model.minimize("L", mean((yhat[b] - Y[b]) ** 2, b))

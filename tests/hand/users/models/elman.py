"""Elman RNN for regression: h[t] = tanh(x[t] Wx + h[t-1] Wh + b), out[t] = h[t].w; L sums over time, mean over batch."""

from sympy import tanh

from symgrad import Model, axes, mean, total

model = Model("elman")
n, t, d, i, j = axes("n:N t:T d:D i:H j:H")
Wx, Wh, bh, w = model.parameters(Wx=(d, i), Wh=(j, i), bh=(i,), w=(i,))
X, Y = model.inputs(X=(n, t, d), Y=(n, t))
h = model.recurrent("h", (n, t, i), along=t)
z = model.define("z", (n, t, i), total(X[n, t, d] * Wx[d, i], d) + total(h[n, t - 1, j] * Wh[j, i], j) + bh[i])
model.define("h", (n, t, i), tanh(z[n, t, i]))
out = model.define("out", (n, t), total(h[n, t, i] * w[i], i))
model.minimize("L", mean(total((out[n, t] - Y[n, t]) ** 2, t), n) / 2)

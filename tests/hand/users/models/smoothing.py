"""A leaky hidden state over time, read out at every step."""

from sympy import tanh

from symgrad import Model, axes, mean, total

model = Model("smoothing")
t, d, h = axes("t:T d:D h:K")
U, R, v = model.parameters(U=(d, h), R=(h,), v=(h,))
X, Y, rate = model.inputs(X=(t, d), Y=(t,), rate=())
H = model.recurrent("H", (t, h), along=t)
g = model.define("g", (t, h), tanh(total(X[t, d] * U[d, h], d) + R[h] * H[t - 1, h]))
model.define("H", (t, h), (1 - rate) * H[t - 1, h] + rate * g[t, h])
o = model.define("o", (t,), total(H[t, h] * v[h], h))
model.minimize("L", mean((o[t] - Y[t]) ** 2, t))

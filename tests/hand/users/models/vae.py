"""A variational autoencoder with one linear layer each way (Kingma & Welling 2014)."""

from symgrad import Model, axes, mean, total
from sympy import exp

model = Model("vae")
b, x, z = axes("b:B x:D z:Z")
Wm, Ws, Wd = model.parameters(Wm=(z, x), Ws=(z, x), Wd=(x, z))
X, eps = model.inputs(X=(b, x), eps=(b, z))
mu = model.define("mu", (b, z), total(Wm[z, x] * X[b, x], x))
lv = model.define("lv", (b, z), total(Ws[z, x] * X[b, x], x))
h = model.define("h", (b, z), mu[b, z] + exp(lv[b, z] / 2) * eps[b, z])
r = model.define("r", (b, x), total(Wd[x, z] * h[b, z], z))
rec = total((r[b, x] - X[b, x]) ** 2, x) / 2
kl = total(exp(lv[b, z]) + mu[b, z] ** 2 - 1 - lv[b, z], z) / 2
model.minimize("L", mean(rec + kl, b))

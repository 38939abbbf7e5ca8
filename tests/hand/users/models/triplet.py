"""Triplet loss mean_n max(0, |fa - fp|^2 - |fa - fn|^2 + 1) with f = W x."""

from sympy import Max

from symgrad import Model, axes, mean, total

model = Model("triplet")
n, d, e = axes("n:N d:D e:E")
W = model.parameters(W=(e, d))
xa, xp, xn = model.inputs(xa=(n, d), xp=(n, d), xn=(n, d))
fa = model.define("fa", (n, e), total(W[e, d] * xa[n, d], d))
fp = model.define("fp", (n, e), total(W[e, d] * xp[n, d], d))
fn = model.define("fn", (n, e), total(W[e, d] * xn[n, d], d))
gap = model.define("gap", (n,), total((fa[n, e] - fp[n, e]) ** 2, e) - total((fa[n, e] - fn[n, e]) ** 2, e) + 1)
model.minimize("L", mean(Max(gap[n], 0), n))

"""Bilinear attention: score = q^T M key / sqrt(E), alpha = softmax, ctx = sum alpha val."""

from sympy import sqrt

from symgrad import Model, axes, mean, size, softmax, total

model = Model("bilinear_attention")
b, t, d, e = axes("b:B t:T d:D e:E")
M = model.parameters(M=(d, e))
q, keys, vals, target = model.inputs(q=(b, d), keys=(b, t, e), vals=(b, t, d), target=(b, d))
score = model.define("score", (b, t), total(q[b, d] * M[d, e] * keys[b, t, e], d, e) / sqrt(size(e)))
alpha = model.define("alpha", (b, t), softmax(score[b, t], t))
ctx = model.define("ctx", (b, d), total(alpha[b, t] * vals[b, t, d], t))
model.minimize("L", mean(total((ctx[b, d] - target[b, d]) ** 2, d), b) / 2)

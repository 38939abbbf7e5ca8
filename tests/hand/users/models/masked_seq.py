"""A tagger: softmax over tags at each place, padding masked out: L = sum m (-log p[y]) / sum m."""

from sympy import log

from symgrad import Model, axes, softmax, total

model = Model("masked_seq")
b, t, d, k, v = axes("b:B t:T d:D k:K v:V")
E, U = model.parameters(E=(v, d), U=(d, k))
m = model.inputs(m=(b, t))
x = model.tokens(x=(b, t), vocabulary=v)
y = model.tokens(y=(b, t), vocabulary=k)
e = model.define("e", (b, t, d), E[x[b, t], d])
s = model.define("s", (b, t, k), total(e[b, t, d] * U[d, k], d))
q = model.define("q", (b, t, k), softmax(s[b, t, k], k))
cnt = model.define("cnt", (), total(m[b, t], b, t))
model.minimize("L", total(-m[b, t] * log(q[b, t, y[b, t]]), b, t) / cnt)

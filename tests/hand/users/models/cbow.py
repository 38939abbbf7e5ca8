"""Continuous bag of words: h = mean of the context's embeddings, softmax over the vocabulary."""

from sympy import log

from symgrad import Model, axes, mean, softmax, total

model = Model("cbow")
b, w, d, v = axes("b:B w:C d:D v:V")
emb, U = model.parameters(emb=(v, d), U=(v, d))
ctx, y = model.tokens(ctx=(b, w), y=(b,), vocabulary=v)
h = model.define("h", (b, d), mean(emb[ctx[b, w], d], w))
s = model.define("s", (b, v), total(U[v, d] * h[b, d], d))
p = model.define("p", (b, v), softmax(s[b, v], v))
model.minimize("J", mean(-log(p[b, y[b]]), b))

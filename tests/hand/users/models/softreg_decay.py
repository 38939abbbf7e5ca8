"""Softmax regression with weight decay: L = mean -log P[y] + lam/2 |W|^2."""

from sympy import log

from symgrad import Model, axes, mean, softmax, total

model = Model("softreg_decay")
n, f, c = axes("n:N f:F c:K")
W, bias = model.parameters(W=(f, c), bias=(c,))
X, lam = model.inputs(X=(n, f), lam=())
y = model.tokens(y=(n,), vocabulary=c)

logits = model.define("logits", (n, c), total(X[n, f] * W[f, c], f) + bias[c])
probs = model.define("probs", (n, c), softmax(logits[n, c], c))
model.minimize("L", mean(-log(probs[n, y[n]]), n) + lam / 2 * total(W[f, c] ** 2, f, c))

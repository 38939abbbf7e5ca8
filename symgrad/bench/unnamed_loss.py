"""A loss that nobody named: cross-entropy at a temperature, and a penalty on certainty, the sum of p**2 over the words.

The model is that of examples/concat_lm.py.  No framework has a fused function for such a head.
"""

from sympy import log, tanh

from symgrad import Model, axes, mean, normal, softmax, total

model = Model("unnamed_loss")
b, t, d, i, v = axes("b:B t:N d:D i:H v:V")
C, W1, W2 = model.parameters(C=normal((v, d), 0.5), W1=normal((i, t, d), 0.1), W2=normal((v, i), 0.02))
x, y = model.tokens(x=(b, t), y=(b,), vocabulary=v)

a = model.define("a", (b, i), total(W1[i, t, d] * C[x[b, t], d], t, d))
h = model.define("h", (b, i), tanh(a[b, i]))
o = model.define("o", (b, v), total(W2[v, i] * h[b, i], i))
p = model.define("p", (b, v), softmax(3 * o[b, v] / 2, v))
model.minimize("L", mean(-log(p[b, y[b]]) + total(p[b, v] ** 2, v) / 10, b))

"""A language model with long short-term memory, letter by letter.

s[t] = f s[t-1] + g m,  h[t] = q tanh(s[t]),  with the gates f, g, q = sigmoid and m = tanh of W c[t] + R h[t-1] + d.
Hochreiter & Schmidhuber 1997, "Long Short-Term Memory", Neural Computation 9, and the forget gate of Gers et al. 2000.

    symgrad train examples/lstm_lm.py --text brown.txt
"""

from sympy import log, tanh

from symgrad import Adam, Model, axes, mean, normal, sigmoid, softmax, total, zeros
from symgrad.training import Text, Training, python_topics
from symgrad.training.rates import Cosine

model = Model("lstm_lm")
b, t, d, i, j, n, v = axes("b:B t:T d:D i:H j:H n:4 v:V")  # batch, time, embedding, hidden (twice), gates, letters
C, W, R = model.parameters(C=normal((v, d), 1.0), W=normal((n, i, d), 0.1), R=normal((n, i, j), 0.06))
c, U, k = model.parameters(c=zeros((n, i)), U=normal((v, i), 0.05), k=zeros(v))
x, y = model.tokens(x=(b, t), y=(b, t), vocabulary=v)

h = model.recurrent("h", (b, t, i), along=t)  # both are 0 before the first letter
s = model.recurrent("s", (b, t, i), along=t)
given = total(W[n, i, d] * C[x[b, t], d], d) + c[n, i]
a = model.define("a", (b, t, n, i), given + total(R[n, i, j] * h[b, t - 1, j], j))
f = model.define("f", (b, t, i), sigmoid(a[b, t, 0, i]))
g = model.define("g", (b, t, i), sigmoid(a[b, t, 1, i]))
q = model.define("q", (b, t, i), sigmoid(a[b, t, 2, i]))
m = model.define("m", (b, t, i), tanh(a[b, t, 3, i]))
model.define("s", (b, t, i), f[b, t, i] * s[b, t - 1, i] + g[b, t, i] * m[b, t, i])
model.define("h", (b, t, i), q[b, t, i] * tanh(s[b, t, i]))
o = model.define("o", (b, t, v), k[v] + total(U[v, i] * h[b, t, i], i))
p = model.define("p", (b, t, v), softmax(o[b, t, v], v))
model.minimize("L", mean(-log(p[b, t, y[b, t]]), b, t))

training = Training(
    Text(python_topics, tokens="characters"),
    sizes={"T": 64, "D": 32, "H": 256},
    optimizer=Adam(),
    rate=Cosine(0.004),
    clip=1.0,
    batch=32,
    epochs=8,
)

"""A recurrent language model: h[t] = tanh(W c[t] + R h[t-1] + s),  p[t] = softmax(U h[t] + k), letter after letter.

Elman 1990, "Finding Structure in Time", Cognitive Science 14; as a language model, Mikolov et al. 2010.  The chain rule
runs along t from the last letter back to the first: backpropagation through time.

    symgrad train examples/rnn_lm.py --text brown.txt
"""

from sympy import log, tanh

from symgrad import Adam, Model, axes, mean, normal, softmax, total, zeros
from symgrad.training import Text, Training, python_topics
from symgrad.training.rates import Cosine

model = Model("rnn_lm")
b, t, d, i, j, v = axes("b:B t:T d:D i:H j:H v:V")  # batch, time, embedding, hidden (twice), letters
C, W, R, s = model.parameters(C=normal((v, d), 1.0), W=normal((i, d), 0.1), R=normal((i, j), 0.06), s=zeros(i))
U, k = model.parameters(U=normal((v, i), 0.05), k=zeros(v))
x, y = model.tokens(x=(b, t), y=(b, t), vocabulary=v)

h = model.recurrent("h", (b, t, i), along=t)  # 0 before the first letter
past = total(R[i, j] * h[b, t - 1, j], j)
a = model.define("a", (b, t, i), s[i] + total(W[i, d] * C[x[b, t], d], d) + past)
model.define("h", (b, t, i), tanh(a[b, t, i]))
o = model.define("o", (b, t, v), k[v] + total(U[v, i] * h[b, t, i], i))
p = model.define("p", (b, t, v), softmax(o[b, t, v], v))
model.minimize("L", mean(-log(p[b, t, y[b, t]]), b, t))

training = Training(
    Text(python_topics, tokens="characters"),
    sizes={"T": 64, "D": 32, "H": 256},
    optimizer=Adam(),
    rate=Cosine(0.002),
    clip=1.0,
    batch=32,
    epochs=8,
)

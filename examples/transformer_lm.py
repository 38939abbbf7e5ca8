"""A transformer over letters: N equal blocks of causal attention with several heads and a hidden layer with GELU.

Vaswani et al. 2017, "Attention Is All You Need", with the norm before each part (Xiong et al. 2020) as in GPT-2.  Depth
is a recurrence along n: a block is derived and emitted once, however many there are.

    symgrad train examples/transformer_lm.py --text brown.txt
"""

from sympy import Piecewise, log, pi, sqrt, tanh

from symgrad import Adam, Model, axes, mean, normal, ones, softmax, total, zeros
from symgrad.training import Text, Training, python_topics
from symgrad.training.rates import Cosine, WarmUp

model = Model("transformer_lm")
b, n, t, s, v = axes("b:B n:N t:T s:T v:V")  # batch, block, time (twice), letters
d, c, k, e, f = axes("d:D c:D k:K e:E f:F")  # features (twice), heads, features of a head, hidden features
C, P = model.parameters(C=normal((v, d), 0.1), P=normal((t, d), 0.1))
Q, G, A, M = model.parameters(
    Q=normal((n, k, e, d), 0.08),
    G=normal((n, k, e, d), 0.08),
    A=normal((n, k, e, d), 0.08),
    M=normal((n, d, k, e), 0.04),
)
g1, b1, g2, b2 = model.parameters(g1=ones((n, d)), b1=zeros((n, d)), g2=ones((n, d)), b2=zeros((n, d)))
W, w, U, u = model.parameters(W=normal((n, f, d), 0.08), w=zeros((n, f)), U=normal((n, d, f), 0.04), u=zeros((n, d)))
H, h = model.parameters(H=normal((v, d), 0.05), h=zeros(v))
x, y = model.tokens(x=(b, t), y=(b, t), vocabulary=v)


def norm(name: str, z, gain, bias):
    """gain * (z - mean)/sqrt(variance + 1e-5) + bias, over the features (Ba et al. 2016)."""
    m = model.define(f"{name}_mean", (n, b, t), mean(z[n, b, t, d], d))
    r = model.define(f"{name}_dev", (n, b, t), sqrt(mean((z[n, b, t, d] - m[n, b, t]) ** 2, d) + 1e-5))
    hat = model.define(f"{name}_hat", (n, b, t, d), (z[n, b, t, d] - m[n, b, t]) / r[n, b, t])
    return model.define(name, (n, b, t, d), gain[n, d] * hat[n, b, t, d] + bias[n, d])


emb = model.define("emb", (b, t, d), C[x[b, t], d] + P[t, d])
r = model.recurrent("r", (n, b, t, d), along=n, start=emb[b, t, d])
z = model.define("z", (n, b, t, d), r[n - 1, b, t, d])

z1 = norm("z1", z, g1, b1)
q = model.define("q", (n, b, t, k, e), total(Q[n, k, e, d] * z1[n, b, t, d], d))
key = model.define("key", (n, b, t, k, e), total(G[n, k, e, d] * z1[n, b, t, d], d))
val = model.define("val", (n, b, t, k, e), total(A[n, k, e, d] * z1[n, b, t, d], d))
dots = total(q[n, b, t, k, e] * key[n, b, s, k, e], e) / sqrt(e.upper + 1)
score = model.define("score", (n, b, k, t, s), dots)
# causal: a letter sees itself and those before it
seen = Piecewise((score[n, b, k, t, s], s <= t), (-1e9, True))
masked = model.define("masked", (n, b, k, t, s), seen)
p = model.define("p", (n, b, k, t, s), softmax(masked[n, b, k, t, s], s))
mix = model.define("mix", (n, b, t, k, e), total(p[n, b, k, t, s] * val[n, b, s, k, e], s))
z2 = model.define("z2", (n, b, t, d), z[n, b, t, d] + total(M[n, d, k, e] * mix[n, b, t, k, e], k, e))

z3 = norm("z3", z2, g2, b2)
a = model.define("a", (n, b, t, f), w[n, f] + total(W[n, f, d] * z3[n, b, t, d], d))
curve = sqrt(2 / pi) * (a[n, b, t, f] + 0.044715 * a[n, b, t, f] ** 3)
gelu = model.define("gelu", (n, b, t, f), a[n, b, t, f] * (1 + tanh(curve)) / 2)
out = u[n, d] + total(U[n, d, f] * gelu[n, b, t, f], f)
model.define("r", (n, b, t, d), z2[n, b, t, d] + out)

last = n.upper
o = model.define("o", (b, t, v), h[v] + total(H[v, d] * r[last, b, t, d], d))
pred = model.define("pred", (b, t, v), softmax(o[b, t, v], v))
model.minimize("L", mean(-log(pred[b, t, y[b, t]]), b, t))

training = Training(
    Text(python_topics, tokens="characters"),
    sizes={"T": 64, "N": 2, "D": 64, "K": 4, "E": 16, "F": 256},
    optimizer=Adam(),
    rate=WarmUp(100, Cosine(0.002)),
    clip=1.0,
    batch=32,
    epochs=8,
)

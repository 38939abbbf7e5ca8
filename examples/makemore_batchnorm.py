"""Names letter by letter with batch normalization: h = tanh(gain * (z - m)/sqrt(s + 1e-5) + bias),  z = W1 [c_1; ...].

The multilayer perceptron of Karpathy's lecture "makemore, part 3" (2022), after Bengio et al. 2003 and Ioffe & Szegedy
2015.  Training normalizes each hidden unit by the mean m and the variance s of its batch; evaluation by their running
means, which every step moves by a thousandth.  s divides by B - 1.  W1 needs no bias: m takes it away again.

    symgrad train examples/makemore_batchnorm.py --text names.txt
"""

import re

from sympy import log, sqrt, tanh

from symgrad import Model, axes, mean, normal, ones, size, softmax, total, zeros
from symgrad.training import Text, Training, python_topics
from symgrad.training.rates import Step

model = Model("makemore_batchnorm")
b, t, d, i, v = axes("b:B t:N d:D i:H v:V")  # batch, context, embedding, hidden, letters
C, W1 = model.parameters(C=normal((v, d), 1.0), W1=normal((i, t, d), 0.3043))
gain, bias = model.parameters(gain=ones(i), bias=zeros(i))
W2, b2 = model.parameters(W2=normal((v, i), 0.01), b2=zeros(v))
m_run, s_run = model.states(m_run=zeros(i), s_run=ones(i))
x, y = model.tokens(x=(b, t), y=(b,), vocabulary=v)

z = model.define("z", (b, i), total(W1[i, t, d] * C[x[b, t], d], t, d))
m = model.define("m", i, mean(z[b, i], b), evaluation=m_run[i])
s = model.define("s", i, total((z[b, i] - m[i]) ** 2, b) / (size(b) - 1), evaluation=s_run[i])
n = model.define("n", (b, i), (z[b, i] - m[i]) / sqrt(s[i] + 1e-5))
h = model.define("h", (b, i), tanh(gain[i] * n[b, i] + bias[i]))
o = model.define("o", (b, v), b2[v] + total(W2[v, i] * h[b, i], i))
p = model.define("p", (b, v), softmax(o[b, v], v))
model.minimize("L", mean(-log(p[b, y[b]]), b))

model.update(m_run, i, 0.999 * m_run[i] + 0.001 * m[i])
model.update(s_run, i, 0.999 * s_run[i] + 0.001 * s[i])


def python_words() -> str:
    """The words of Python's own documentation, one a line: a list that every CPython carries."""
    return "\n".join(sorted(set(re.findall(r"[a-z]{3,}", python_topics().lower()))))


training = Training(
    Text(python_words, tokens="characters", unit="lines"),
    sizes={"N": 3, "D": 10, "H": 200},
    rate=Step(0.1, ((20_000, 0.01),)),
    batch=32,
    steps=30_000,
)

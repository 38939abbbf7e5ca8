"""Names letter by letter: h = tanh(W1 [c_1; ...; c_N] + b1),  p = softmax(W2 h + b2).

The multilayer perceptron of Karpathy's lecture "makemore, part 2" (2022), after Bengio et al. 2003, with the starting
values of part 3: the scores start near 0, and tanh starts unsaturated (deviation 5/3 / sqrt(N*D) for W1).

    symgrad train examples/makemore_mlp.py --text names.txt
"""

import re

from sympy import log, tanh

from symgrad import Model, axes, mean, normal, softmax, total, zeros
from symgrad.training import Text, Training, python_topics
from symgrad.training.rates import Step

model = Model("makemore_mlp")
b, t, d, i, v = axes("b:B t:N d:D i:H v:V")  # batch, context, embedding, hidden, letters
C, W1, b1 = model.parameters(C=normal((v, d), 1.0), W1=normal((i, t, d), 0.3043), b1=zeros(i))
W2, b2 = model.parameters(W2=normal((v, i), 0.01), b2=zeros(v))
x, y = model.tokens(x=(b, t), y=(b,), vocabulary=v)

a = model.define("a", (b, i), b1[i] + total(W1[i, t, d] * C[x[b, t], d], t, d))
h = model.define("h", (b, i), tanh(a[b, i]))
o = model.define("o", (b, v), b2[v] + total(W2[v, i] * h[b, i], i))
p = model.define("p", (b, v), softmax(o[b, v], v))
model.minimize("L", mean(-log(p[b, y[b]]), b))


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

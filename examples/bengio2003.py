"""y = b + W x + U tanh(d + H x),  P(next word) = softmax(y),  x = (C(w_{t-1}), ..., C(w_{t-n+1})).

Bengio, Ducharme, Vincent & Jauvin 2003, "A Neural Probabilistic Language Model", JMLR 3:1137-1155, equation 1; names
and shapes are the paper's: b |V|; d h; U |V| x h; W |V| x (n-1)m; H h x (n-1)m; C |V| x m.  The most recent word comes
first.  Here N = n-1 context words, M = m features, J = h hidden units.  `build(direct=True)` has the connections W
from the features to the output, `model` is the paper's MLP9 without them.

    symgrad train examples/bengio2003.py --text brown.txt --split 800000,200000,rest
"""

from sympy import log, tanh

from symgrad import AdamW, Model, axes, mean, normal, softmax, total, zeros
from symgrad.training import Text, Training, python_topics
from symgrad.training.rates import Linear

e, t, m, j, v = axes("e:B t:N m:M j:J v:V")  # example, context word, feature, hidden unit, vocabulary


def build(direct: bool) -> Model:
    """The paper's model, with or without the direct connections W."""
    model = Model("bengio2003_direct" if direct else "bengio2003")
    C, H, d = model.parameters(C=normal((v, m), 0.1), H=normal((j, t, m), 0.1), d=zeros(j))
    U, b = model.parameters(U=normal((v, j), 0.01), b=zeros(v))
    context, word = model.tokens(context=(e, t), word=(e,), vocabulary=v)

    x = model.define("x", (e, t, m), C[context[e, t], m])
    o = model.define("o", (e, j), d[j] + total(H[j, t, m] * x[e, t, m], t, m))
    a = model.define("a", (e, j), tanh(o[e, j]))
    scores = b[v] + total(U[v, j] * a[e, j], j)
    if direct:
        W = model.parameters(W=zeros((v, t, m)))
        scores += total(W[v, t, m] * x[e, t, m], t, m)
    y = model.define("y", (e, v), scores)
    p = model.define("p", (e, v), softmax(y[e, v], v))
    model.minimize("L", mean(-log(p[e, word[e]]), e))
    return model


model = build(direct=False)

training = Training(
    Text(python_topics, minimum_count=4, newest_first=True, context="context", target="word"),
    sizes={"N": 4, "M": 30, "J": 100},
    optimizer=AdamW(weight_decay=0.1),
    rate=Linear(8e-3),
    batch=512,
    epochs=3,
)

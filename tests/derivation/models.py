"""Models whose derivations are checked: scalars with shared variables, and tensors read in every way that matters."""

from __future__ import annotations

from sympy import Max, Piecewise, exp, log, sqrt, tanh

from symgrad.language.model import Model
from symgrad.language.surface import axes, maximum, mean, softmax, total


def used_twice() -> Model:
    """w is read by three equations, one of them the loss, and twice by the first."""
    model = Model("used_twice")
    w, u = model.parameters(w=(), u=())
    x, y = model.inputs(x=(), y=())
    h = model.define("h", (), w + tanh(w * x))
    o = model.define("o", (), h**2 + u * h - w)
    model.minimize("L", (y - o) ** 2 / 2 + w**2 / 10)
    return model


def diamond() -> Model:
    """Two ways from h to the loss, so that dL/dh is a sum, and a parameter below it."""
    model = Model("diamond")
    w, u = model.parameters(w=(), u=())
    x = model.inputs(x=())
    h = model.define("h", (), exp(w * x))
    g = model.define("g", (), u * h)
    s = model.define("s", (), tanh(g))
    r = model.define("r", (), g**2)
    model.minimize("L", (s + r) ** 2)
    return model


def doubling(depth: int = 12) -> Model:
    """Every definition reads the one before it and the one before that: as many paths as Fibonacci numbers."""
    model = Model("doubling")
    w = model.parameters(w=())
    before, last = w, model.define("a1", (), tanh(w))
    for number in range(2, depth):
        before, last = last, model.define(f"a{number}", (), tanh(last) + before / 2)
    model.minimize("L", last**2)
    return model


def concatenation(decay: bool = False) -> Model:
    """The language model of the examples; with a decay term the loss itself reads W2 too."""
    model = Model("concatenation")
    b, t, d, i, v = axes("b:B t:N d:D i:H v:V")
    C, W1, W2 = model.parameters(C=(v, d), W1=(i, t, d), W2=(v, i))
    x, y = model.tokens(x=(b, t), y=(b,), vocabulary=v)
    h = model.define("h", (b, i), tanh(total(W1[i, t, d] * C[x[b, t], d], t, d)))
    o = model.define("o", (b, v), total(W2[v, i] * h[b, i], i))
    p = model.define("p", (b, v), softmax(o[b, v], v))
    cost = mean(-log(p[b, y[b]]), b)
    model.minimize("L", cost + total(W2[v, i] ** 2, v, i) / 100 if decay else cost)
    return model


def tied() -> Model:
    """The embedding is the output matrix too, and a square matrix is read transposed."""
    model = Model("tied")
    b, i, j, v = axes("b:B i:H j:H v:V")
    C, W = model.parameters(C=(v, i), W=(i, j))
    x, y = model.tokens(x=(b,), y=(b,), vocabulary=v)
    h = model.define("h", (b, i), tanh(total((W[i, j] + W[j, i]) * C[x[b], j], j)))
    o = model.define("o", (b, v), total(C[v, i] * h[b, i], i))
    model.minimize("L", mean(log(total(exp(o[b, v]), v)) - o[b, y[b]], b))
    return model


def layer_norm() -> Model:
    """Mean, variance and quotient over one axis: every entry reaches every other in three ways."""
    model = Model("layer_norm")
    b, i, j = axes("b:B i:H j:H")
    W, g = model.parameters(W=(i, j), g=(i,))
    x = model.inputs(x=(b, i))
    z = model.define("z", (b, i), total(W[i, j] * x[b, j], j))
    m = model.define("m", (b,), mean(z[b, i], i))
    s = model.define("s", (b,), sqrt(mean((z[b, i] - m[b]) ** 2, i) + 1))
    n = model.define("n", (b, i), g[i] * (z[b, i] - m[b]) / s[b])
    model.minimize("L", total(n[b, i] ** 3 + n[b, i], b, i))
    return model


def attention() -> Model:
    """Scores between all positions of a sequence, and a residual."""
    model = Model("attention")
    b, t, s, i, j = axes("b:B t:T s:T i:D j:D")
    Q, K = model.parameters(Q=(i, j), K=(i, j))
    x = model.inputs(x=(b, t, i))
    q = model.define("q", (b, t, i), total(Q[i, j] * x[b, t, j], j))
    k = model.define("k", (b, t, i), total(K[i, j] * x[b, t, j], j))
    w = model.define("w", (b, t, s), softmax(total(q[b, t, i] * k[b, s, i], i), s))
    r = model.define("r", (b, t, i), x[b, t, i] + total(w[b, t, s] * x[b, s, i], s))
    model.minimize("L", total(r[b, t, i] ** 2, b, t, i) / 2)
    return model


def branches() -> Model:
    """A rectifier, a maximum over an axis, and a condition on an index."""
    model = Model("branches")
    b, i, j = axes("b:B i:H j:D")
    W, c = model.parameters(W=(i, j), c=(i,))
    x = model.inputs(x=(b, j))
    a = model.define("a", (b, i), c[i] + total(W[i, j] * x[b, j], j))
    h = model.define("h", (b, i), Max(a[b, i], 0))
    m = model.define("m", (b,), maximum(a[b, i], i))
    g = model.define("g", (b, i), Piecewise((h[b, i] ** 2, i < 2), (a[b, i] * m[b], True)))
    model.minimize("L", mean(g[b, i], b, i))
    return model


SCALARS = (used_twice, diamond, doubling)
TENSORS = (concatenation, tied, layer_norm, attention, branches)
MODELS = {build.__name__: build for build in (*SCALARS, *TENSORS)} | {"decayed": lambda: concatenation(decay=True)}

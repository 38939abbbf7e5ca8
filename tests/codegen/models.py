"""Whole models, for what is compiled, renamed, mutated and printed; `programs` of the calculus has the small ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sympy import Abs, Piecewise, exp, log, sqrt, tanh

from symgrad.language.model import Model, zeros
from symgrad.language.program import Program
from symgrad.language.surface import argmaximum, axes, maximum, mean, relu, sigmoid, softmax, total

NAMES = {letter: letter for letter in ("C", "W1", "W2", "x", "y", "a", "h", "o", "p", "L")}
AXES = "b:B t:N d:D i:H v:V"


def concat_lm(
    names: Mapping[str, str] = NAMES, letters: str = AXES, spelled_out: bool = False, name: str = "concat_lm"
) -> Program:
    """The concatenation language model; `names` for its tensors, `letters` for its axes in the order of AXES.

    `spelled_out`: no softmax and no p, the loss in exp, Sum and log.
    """
    model = Model(name)
    b, t, d, i, v = axes(letters)
    C, W1, W2 = (
        model.parameters(**{names[key]: shape}) for key, shape in (("C", (v, d)), ("W1", (i, t, d)), ("W2", (v, i)))
    )
    x, y = (model.tokens(vocabulary=v, **{names[key]: shape}) for key, shape in (("x", (b, t)), ("y", (b,))))
    a = model.define(names["a"], (b, i), total(W1[i, t, d] * C[x[b, t], d], t, d))
    h = model.define(names["h"], (b, i), tanh(a[b, i]))
    o = model.define(names["o"], (b, v), total(W2[v, i] * h[b, i], i))
    if spelled_out:
        p_y = exp(o[b, y[b]]) / total(exp(o[b, v]), v)
    else:
        p_y = model.define(names["p"], (b, v), softmax(o[b, v], v))[b, y[b]]
    model.minimize(names["L"], mean(-log(p_y), b))
    return model.program


def bengio_direct() -> Program:
    """Biases and direct connections (Bengio et al. 2003, equation 1)."""
    model = Model("bengio_direct")
    e, t, m, j, v = axes("e:B t:N m:M j:J v:V")
    C, H, d = model.parameters(C=(v, m), H=(j, t, m), d=zeros(j))
    U, W, b = model.parameters(U=(v, j), W=(v, t, m), b=zeros(v))
    context, word = model.tokens(context=(e, t), word=(e,), vocabulary=v)
    x = model.define("x", (e, t, m), C[context[e, t], m])
    o = model.define("o", (e, j), d[j] + total(H[j, t, m] * x[e, t, m], t, m))
    a = model.define("a", (e, j), tanh(o[e, j]))
    y = model.define("y", (e, v), b[v] + total(W[v, t, m] * x[e, t, m], t, m) + total(U[v, j] * a[e, j], j))
    p = model.define("p", (e, v), softmax(y[e, v], v))
    model.minimize("L", mean(-log(p[e, word[e]]), e))
    return model.program


def makemore() -> Program:
    model = Model("makemore")
    b, t, d, i, v = axes(AXES)
    C, W1, b1 = model.parameters(C=(v, d), W1=(i, t, d), b1=(i,))
    W2, b2 = model.parameters(W2=(v, i), b2=(v,))
    x, y = model.tokens(x=(b, t), y=(b,), vocabulary=v)
    a = model.define("a", (b, i), b1[i] + total(W1[i, t, d] * C[x[b, t], d], t, d))
    h = model.define("h", (b, i), tanh(a[b, i]))
    o = model.define("o", (b, v), b2[v] + total(W2[v, i] * h[b, i], i))
    p = model.define("p", (b, v), softmax(o[b, v], v))
    model.minimize("L", mean(-log(p[b, y[b]]), b))
    return model.program


def softmax_regression() -> Program:
    model = Model("softmax_regression")
    b, d, k = axes("b:B d:D k:K")
    W, c = model.parameters(W=(d, k), c=(k,))
    X = model.inputs(X=(b, d))
    y = model.tokens(y=(b,), vocabulary=k)
    o = model.define("o", (b, k), c[k] + total(X[b, d] * W[d, k], d))
    p = model.define("p", (b, k), softmax(o[b, k], k))
    model.minimize("L", mean(-log(p[b, y[b]]), b))
    return model.program


def scalar_tanh() -> Program:
    """Two numbers to learn, two given, no axis anywhere."""
    model = Model("scalar_tanh")
    w1, w2 = model.parameters(w1=(), w2=())
    x, y = model.inputs(x=(), y=())
    h = model.define("h", (), tanh(w1 * x))
    o = model.define("o", (), tanh(w2 * h))
    model.minimize("L", (y - o) ** 2 / 2)
    return model.program


def branches() -> Program:
    """Conditions, kinks, a maximum, an entry at an argmax, a scalar parameter beside arrays, two real inputs."""
    model = Model("branches")
    b, d, i = axes("b:B d:D i:H")
    W, c, s = model.parameters(W=(i, d), c=(i,), s=())
    x, u = model.inputs(x=(b, d), u=(b,))
    a = model.define("a", (b, i), c[i] + total(W[i, d] * x[b, d], d))
    h = model.define("h", (b, i), relu(a[b, i]) + Abs(a[b, i]) / 3 + Piecewise((a[b, i] ** 2, i < 2), (0, True)))
    m = model.define("m", (b,), maximum(h[b, i], i) + s * x[b, argmaximum(x[b, d], d)])
    model.minimize("L", mean((u[b] - sigmoid(s * m[b])) ** 2, b) + total(W[i, d] ** 2, i, d) / 10)
    return model.program


def attention_block() -> Program:
    """Masked attention over embedded tokens with a residual path and a norm; one sequence is an example."""
    model = Model("attention_block")
    b, t, s, d, e, v = axes("b:B t:N s:N d:D e:D v:V")
    C, Q, K, V = model.parameters(C=(v, d), Q=(d, e), K=(d, e), R=(d, e))
    x, y = model.tokens(x=(b, t), y=(b, t), vocabulary=v)
    z = model.define("z", (b, t, d), C[x[b, t], d])
    q = model.define("q", (b, t, e), total(Q[d, e] * z[b, t, d], d))
    k = model.define("k", (b, s, e), total(K[d, e] * z[b, s, d], d))
    r = model.define("r", (b, s, e), total(V[d, e] * z[b, s, d], d))
    score = model.define("score", (b, t, s), total(q[b, t, e] * k[b, s, e], e) / 2)
    weight = model.define("weight", (b, t, s), softmax(score[b, t, s], s))
    g = model.define("g", (b, t, e), z[b, t, e] + total(weight[b, t, s] * r[b, s, e], s))
    n = model.define("n", (b, t, e), g[b, t, e] / sqrt(1 + mean(g[b, t, d] ** 2, d)))
    p = model.define("p", (b, t, v), softmax(total(C[v, e] * n[b, t, e], e), v))
    model.minimize("L", mean(-log(p[b, t, y[b, t]]), b, t))
    return model.program


MODELS: dict[str, Callable[[], Program]] = {
    make.__name__: make
    for make in (
        concat_lm, bengio_direct, makemore, softmax_regression, scalar_tanh, branches, attention_block,
    )
}  # fmt: skip

"""Tokens as indices: embeddings, chains of gathers, one-hot sums."""

from __future__ import annotations

from sympy import (
    KroneckerDelta,
    exp,
    log,
    sin,
    tanh,
)

from symgrad.language.model import Model
from symgrad.language.surface import (
    mean,
    softmax,
    total,
)

from .table import b, d, e, i, program, s, t, v, w


@program
def embedding(model: Model) -> None:
    C = model.parameters(C=(v, d))
    x, u = model.tokens(x=(b, t), vocabulary=v), model.inputs(u=(b, t, d))
    model.minimize("L", total(u[b, t, d] * sin(C[x[b, t], d]), b, t, d))


@program
def gather_chain(model: Model) -> None:
    C, A = model.parameters(C=(v, d), A=(b, i))
    y, x = model.tokens(y=(v,), vocabulary=v), model.tokens(x=(b,), vocabulary=v)
    u = model.inputs(u=(b, d))
    z = model.define("z", (b, d), C[y[y[x[b]]], d] * total(A[b, i], i))
    model.minimize("L", total(u[b, d] * z[b, d] ** 2, b, d))


@program
def gather_both_axes(model: Model) -> None:
    T = model.parameters(T=(v, w))
    x = model.tokens(x=(b, t), vocabulary=v)
    u = model.inputs(u=(b, t, s))
    model.minimize("L", total(u[b, t, s] * T[x[b, t], x[b, s]] ** 2, b, t, s))


@program
def bigram(model: Model) -> None:
    T = model.parameters(T=(v, w))
    x, y = model.tokens(x=(b,), y=(b,), vocabulary=v)
    o = model.define("o", (b, v), T[x[b], v])
    p = model.define("p", (b, v), softmax(o[b, v], v))
    model.minimize("L", mean(-log(p[b, y[b]]), b))


@program
def tied_embeddings(model: Model) -> None:
    C, M = model.parameters(C=(v, d), M=(d, e))
    x, y = model.tokens(x=(b, t), y=(b,), vocabulary=v)
    h = model.define("h", (b, d), tanh(total(M[d, e] * C[x[b, t], e], t, e)))
    o = model.define("o", (b, v), total(C[v, d] * h[b, d], d))
    p = model.define("p", (b, v), softmax(o[b, v], v))
    model.minimize("L", mean(-log(p[b, y[b]]), b))


@program
def concatenation_lm(model: Model) -> None:
    C, W1, W2 = model.parameters(C=(v, d), W1=(i, t, d), W2=(v, i))
    x, y = model.tokens(x=(b, t), y=(b,), vocabulary=v)
    a = model.define("a", (b, i), total(W1[i, t, d] * C[x[b, t], d], t, d))
    h = model.define("h", (b, i), tanh(a[b, i]))
    o = model.define("o", (b, v), total(W2[v, i] * h[b, i], i))
    p = model.define("p", (b, v), softmax(o[b, v], v))
    model.minimize("L", mean(-log(p[b, y[b]]), b))


@program
def one_hot_products(model: Model) -> None:
    A = model.parameters(A=(v, d))
    x, u = model.tokens(x=(b,), vocabulary=v), model.inputs(u=(b, d))
    z = model.define("z", (b, d), total(KroneckerDelta(v, x[b]) * A[v, d], v))
    model.minimize("L", total(u[b, d] * exp(z[b, d]), b, d))


@program
def bag_of_words(model: Model) -> None:
    A = model.parameters(A=(v, d))
    x, u = model.tokens(x=(b, t), vocabulary=v), model.inputs(u=(b, d))
    counts = model.define("counts", (b, v), total(KroneckerDelta(v, x[b, t]), t))
    model.minimize("L", total(u[b, d] * tanh(total(counts[b, v] * A[v, d], v)), b, d))

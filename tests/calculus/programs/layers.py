"""Softmax and what is made of it, norms, maxima."""

from __future__ import annotations

from sympy import (
    Abs,
    KroneckerDelta,
    Piecewise,
    Rational,
    exp,
    log,
    sin,
    sqrt,
)

from symgrad.language.model import Model
from symgrad.language.surface import (
    argmaximum,
    axes,
    log_softmax,
    maximum,
    mean,
    sigmoid,
    softmax,
    total,
)

from .table import b, d, i, j, program, s, t, v, w


@program
def softmax_alone(model: Model) -> None:
    o = model.parameters(o=(b, v))
    u = model.inputs(u=(b, v))
    p = model.define("p", (b, v), softmax(o[b, v], v))
    model.minimize("L", total(u[b, v] * p[b, v], b, v))


@program
def softmax_of_softmax(model: Model) -> None:
    o = model.parameters(o=(b, v))
    u = model.inputs(u=(b, v))
    p = model.define("p", (b, v), softmax(o[b, v], v))
    q = model.define("q", (b, v), softmax(3 * p[b, v], v))
    model.minimize("L", total(u[b, v] * q[b, v], b, v))


@program
def softmax_inside_softmax(model: Model) -> None:
    o = model.parameters(o=(b, v))
    u = model.inputs(u=(b, v))
    model.minimize("L", total(u[b, v] * softmax(softmax(o[b, v], v), v), b, v))


@program
def log_softmax_over_rows(model: Model) -> None:
    o = model.parameters(o=(b, v))
    u = model.inputs(u=(b, v))
    model.minimize("L", total(u[b, v] * log_softmax(o[b, v], b), b, v))


@program
def cross_entropy(model: Model) -> None:
    W = model.parameters(W=(v, d))
    x, y = model.inputs(x=(b, d)), model.tokens(y=(b,), vocabulary=v)
    o = model.define("o", (b, v), total(W[v, d] * x[b, d], d))
    p = model.define("p", (b, v), softmax(o[b, v], v))
    model.minimize("L", mean(-log(p[b, y[b]]), b))


@program
def cross_entropy_by_log_softmax(model: Model) -> None:
    W = model.parameters(W=(v, d))
    x, y = model.inputs(x=(b, d)), model.tokens(y=(b,), vocabulary=v)
    o = model.define("o", (b, v), total(W[v, d] * x[b, d], d))
    model.minimize("L", -mean(total(KroneckerDelta(v, y[b]) * log_softmax(o[b, v], v), v), b))


@program
def soft_targets(model: Model) -> None:
    o = model.parameters(o=(b, v))
    q = model.inputs(q=(b, v))
    p = model.define("p", (b, v), softmax(o[b, v], v))
    model.minimize("L", -mean(total(q[b, v] * log(p[b, v]), v), b))


@program
def temperature(model: Model) -> None:
    o, T = model.parameters(o=(b, v), T=())
    y = model.tokens(y=(b,), vocabulary=v)
    p = model.define("p", (b, v), softmax(o[b, v] / T, v))
    model.minimize("L", mean(-log(p[b, y[b]]), b))


@program
def sum_of_squared_probabilities(model: Model) -> None:
    o = model.parameters(o=(b, v))
    p = model.define("p", (b, v), softmax(o[b, v], v))
    model.minimize("L", mean(total(p[b, v] ** 2, v), b))


@program
def sigmoid_normalizer(model: Model) -> None:
    o = model.parameters(o=(b, v))
    y = model.tokens(y=(b,), vocabulary=v)
    g = model.define("g", (b, v), sigmoid(o[b, v]))
    q = model.define("q", (b, v), g[b, v] / total(g[b, w], w))
    model.minimize("L", mean(-log(q[b, y[b]]), b))


@program
def entropy(model: Model) -> None:
    o = model.parameters(o=(b, v))
    p = model.define("p", (b, v), softmax(o[b, v], v))
    model.minimize("L", -total(p[b, v] * log(p[b, v]), b, v))


@program
def attention(model: Model) -> None:
    Q, K, E = model.parameters(Q=(t, d), K=(s, d), E=(s, i))
    u = model.inputs(u=(t, i))
    A = model.define("A", (t, s), softmax(total(Q[t, d] * K[s, d], d) / sqrt(3), s))
    model.minimize("L", total(u[t, i] * total(A[t, s] * E[s, i], s), t, i))


@program
def masked_attention(model: Model) -> None:
    o, E = model.parameters(o=(t, s), E=(s, i))
    u = model.inputs(u=(t, i))
    f = model.define("f", (t, s), Piecewise((exp(o[t, s]), s <= t), (0, True)))
    A = model.define("A", (t, s), f[t, s] / total(f[t, axes("r:N")], axes("r:N")))
    model.minimize("L", total(u[t, i] * total(A[t, s] * E[s, i], s), t, i))


@program
def layer_norm(model: Model) -> None:
    x, g, c = model.parameters(x=(b, i), g=(i,), c=(i,))
    u = model.inputs(u=(b, i))
    m = model.define("m", (b,), mean(x[b, i], i))
    var = model.define("var", (b,), mean((x[b, i] - m[b]) ** 2, i))
    y = model.define("y", (b, i), g[i] * (x[b, i] - m[b]) / sqrt(var[b] + Rational(1, 100)) + c[i])
    model.minimize("L", total(u[b, i] * y[b, i], b, i))


@program
def root_mean_square_norm(model: Model) -> None:
    x = model.parameters(x=(b, i))
    u = model.inputs(u=(b, i))
    model.minimize("L", total(u[b, i] * x[b, i] / sqrt(mean(x[b, j] ** 2, j)), b, i))


@program
def maximum_over_an_axis(model: Model) -> None:
    x = model.parameters(x=(b, i))
    u = model.inputs(u=(b,))
    m = model.define("m", (b,), maximum(x[b, i] ** 2, i))
    model.minimize("L", total(u[b] * m[b], b))


@program
def maximum_of_a_product(model: Model) -> None:
    x, y = model.parameters(x=(b, i), y=(i, d))
    u = model.inputs(u=(b, d))
    model.minimize("L", total(u[b, d] * sin(maximum(x[b, i] * y[i, d], i)), b, d))


@program
def largest_entry(model: Model) -> None:
    """The argmax is one number."""
    x, u = model.parameters(x=(i,)), model.inputs(u=(i,))
    model.minimize("L", sin(maximum(u[i] * x[i], i)) + total(x[i] ** 2, i))


@program
def maximum_over_two_axes(model: Model) -> None:
    x, u = model.parameters(x=(b, i)), model.inputs(u=(b, i))
    model.minimize("L", sin(maximum(maximum(u[b, i] * x[b, i] + x[b, i] ** 2, i), b)) + total(x[b, i] ** 2, b, i))


@program
def stable_softmax(model: Model) -> None:
    o = model.parameters(o=(b, v))
    u = model.inputs(u=(b, v))
    m = model.define("m", (b,), maximum(o[b, v], v))
    f = model.define("f", (b, v), exp(o[b, v] - m[b]))
    model.minimize("L", total(u[b, v] * f[b, v] / total(f[b, w], w), b, v))


@program
def value_at_the_argmax(model: Model) -> None:
    x, y = model.parameters(x=(b, i), y=(b, i))
    u = model.inputs(u=(b,))
    model.minimize("L", total(u[b] * x[b, argmaximum(x[b, i], i)] * y[b, argmaximum(x[b, i], i)], b))


@program
def exponential_at_the_argmax(model: Model) -> None:
    """The exponent is a read, and its index holds a maximum."""
    x, A = model.parameters(x=(b, i), A=(i, j))
    u = model.inputs(u=(b,))
    model.minimize("L", total(u[b] * log(total(exp(A[argmaximum(x[b, i], i), j]), j)), b) + total(x[b, i] ** 2, b, i))


@program
def distances(model: Model) -> None:
    x = model.parameters(x=(i,))
    u = model.inputs(u=(i, j))
    model.minimize("L", total(u[i, j] * Abs(x[i] - x[j]), i, j))

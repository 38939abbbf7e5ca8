"""Heads over a vocabulary: scores of all words by one product, normalized over the words in one way or another."""

from __future__ import annotations

from sympy import Rational, exp, log, tanh

from symgrad.language.model import Model
from symgrad.language.surface import log_softmax, mean, sigmoid, softmax, total

from .table import b, i, program, t, v


def scores(model: Model, bias: bool = False):
    """(o, y): the scores U h + c of every word, and the words to come."""
    x, y = model.inputs(x=(b, i)), model.tokens(y=(b,), vocabulary=v)
    U = model.parameters(U=(v, i))
    h = model.define("h", (b, i), tanh(x[b, i]))
    product = total(U[v, i] * h[b, i], i)
    if not bias:
        return model.define("o", (b, v), product), y
    c = model.parameters(c=(v,))
    return model.define("o", (b, v), product + c[v]), y


@program
def head_with_a_bias(model: Model) -> None:
    o, y = scores(model, bias=True)
    p = model.define("p", (b, v), softmax(o[b, v], v))
    model.minimize("L", -mean(log(p[b, y[b]]), b))


@program
def head_with_temperature_and_penalty(model: Model) -> None:
    o, y = scores(model)
    p = model.define("p", (b, v), softmax(2 * o[b, v] / 3, v))
    model.minimize("L", mean(-log(p[b, y[b]]) + Rational(1, 4) * total(p[b, v] ** 2, v), b))


@program
def head_with_smoothed_labels(model: Model) -> None:
    o, y = scores(model, bias=True)
    lp = model.define("lp", (b, v), log_softmax(o[b, v], v))
    model.minimize("L", mean(-Rational(9, 10) * lp[b, y[b]] - Rational(1, 10) * mean(lp[b, v], v), b))


@program
def head_with_a_sigmoid_normalizer(model: Model) -> None:
    o, y = scores(model)
    g = model.define("g", (b, v), sigmoid(o[b, v]))
    model.minimize("L", mean(-log(g[b, y[b]] / total(g[b, v], v)), b))


@program
def head_with_its_entropy(model: Model) -> None:
    o, y = scores(model)
    p = model.define("p", (b, v), softmax(o[b, v], v))
    model.minimize("L", mean(-log(p[b, y[b]]) + total(p[b, v] * log(p[b, v]), v) / 3, b))


@program
def head_with_weights_of_words(model: Model) -> None:
    o, y = scores(model, bias=True)
    r = model.parameters(r=(v,))
    p = model.define("p", (b, v), softmax(o[b, v], v))
    model.minimize("L", mean(total(exp(r[v]) * p[b, v], v) - log(p[b, y[b]]), b))


@program
def head_over_two_axes_of_rows(model: Model) -> None:
    x, y = model.inputs(x=(b, t, i)), model.tokens(y=(b, t), vocabulary=v)
    U = model.parameters(U=(v, i))
    o = model.define("o", (b, t, v), total(U[v, i] * tanh(x[b, t, i]), i))
    p = model.define("p", (b, t, v), softmax(o[b, t, v], v))
    model.minimize("L", -mean(log(p[b, t, y[b, t]]), b, t))


@program
def head_with_weights_of_positions(model: Model) -> None:
    """The words' axis first, so that a factor of the rows has an index that x has not."""
    x, y = model.inputs(x=(b, i)), model.tokens(y=(b, t), vocabulary=v)
    U = model.parameters(U=(v, t, i))
    o = model.define("o", (v, t, b), total(U[v, t, i] * x[b, i], i))
    p = model.define("p", (v, t, b), softmax(o[v, t, b], v))
    model.minimize("L", -mean(log(p[y[b, t], t, b]), b, t))


@program
def two_heads_on_one_embedding(model: Model) -> None:
    x, y, z = model.inputs(x=(b, i)), *model.tokens(y=(b,), z=(b,), vocabulary=v)
    U, A, c = model.parameters(U=(v, i), A=(i,), c=(v,))
    o = model.define("o", (b, v), total(U[v, i] * tanh(x[b, i]), i) + c[v])
    q = model.define("q", (b, v), total(U[v, i] * (A[i] * x[b, i]), i))
    p = model.define("p", (b, v), softmax(o[b, v], v))
    r = model.define("r", (b, v), softmax(q[b, v], v))
    model.minimize("L", -mean(log(p[b, y[b]]) + log(r[b, z[b]]), b))


@program
def heads_over_two_vocabularies(model: Model) -> None:
    x, y, z = model.inputs(x=(b, i)), model.tokens(y=(b,), vocabulary=v), model.tokens(z=(b,), vocabulary=t)
    U, A = model.parameters(U=(v, i), A=(t, i))
    o = model.define("o", (b, v), total(U[v, i] * tanh(x[b, i]), i))
    q = model.define("q", (b, t), total(A[t, i] * tanh(x[b, i]), i))
    p = model.define("p", (b, v), softmax(o[b, v], v))
    r = model.define("r", (b, t), softmax(q[b, t], t))
    model.minimize("L", -mean(log(p[b, y[b]]) + log(r[b, z[b]]), b))


@program
def head_over_rows_without_a_batch(model: Model) -> None:
    """The inputs share no axis, so that a step reads one row of the data."""
    x, y = model.inputs(x=(b, i)), model.tokens(y=(b,), vocabulary=v)
    z, U = model.inputs(z=(v,)), model.parameters(U=(v, i))
    o = model.define("o", (b, v), total(U[v, i] * tanh(x[b, i]), i) + z[v])
    p = model.define("p", (b, v), softmax(o[b, v], v))
    model.minimize("L", -mean(log(p[b, y[b]]), b))

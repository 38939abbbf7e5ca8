"""Normalizations over the batch, over groups of features, and their running statistics."""

from __future__ import annotations

from sympy import Rational, sqrt

from symgrad.language.model import Model
from symgrad.language.surface import axes, mean, size, total

from .table import b, i, program, t

EPS = Rational(1, 100)
one = axes("one:1")


@program
def batch_norm(model: Model) -> None:
    """Over the rows, with the variance that divides by B (Ioffe & Szegedy 2015)."""
    x, g, c = model.parameters(x=(b, i), g=(i,), c=(i,))
    u = model.inputs(u=(b, i))
    m = model.define("m", (i,), mean(x[b, i], b))
    var = model.define("var", (i,), mean((x[b, i] - m[i]) ** 2, b))
    r = model.define("r", (i,), 1 / sqrt(var[i] + EPS))
    n = model.define("n", (b, i), (x[b, i] - m[i]) * r[i])
    y = model.define("y", (b, i), g[i] * n[b, i] + c[i])
    model.minimize("L", total(u[b, i] * y[b, i], b, i))


@program
def batch_norm_unbiased(model: Model) -> None:
    """The variance divides by H: one less than the rows."""
    k = axes("k:H+1")
    x, g = model.parameters(x=(k, t), g=(t,))
    u = model.inputs(u=(k, t))
    m = model.define("m", (t,), mean(x[k, t], k))
    var = model.define("var", (t,), total((x[k, t] - m[t]) ** 2, k) / (size(k) - 1))
    y = model.define("y", (k, t), g[t] * (x[k, t] - m[t]) / sqrt(var[t] + EPS))
    model.minimize("L", total(u[k, t] * y[k, t], k, t))


@program
def layer_norm_saved(model: Model) -> None:
    """Layer norm with its normalized row and reciprocal deviation kept."""
    x, g, c = model.parameters(x=(b, i), g=(i,), c=(i,))
    u = model.inputs(u=(b, i))
    m = model.define("m", (b,), mean(x[b, i], i))
    var = model.define("var", (b,), mean((x[b, i] - m[b]) ** 2, i))
    r = model.define("r", (b,), 1 / sqrt(var[b] + EPS))
    n = model.define("n", (b, i), (x[b, i] - m[b]) * r[b])
    y = model.define("y", (b, i), g[i] * n[b, i] + c[i])
    model.minimize("L", total(u[b, i] * y[b, i], b, i))


@program
def group_norm(model: Model) -> None:
    """Features in t groups of i, each group normalized by itself (Wu & He 2018)."""
    x, g = model.parameters(x=(b, t, i), g=(t, i))
    u = model.inputs(u=(b, t, i))
    m = model.define("m", (b, t), mean(x[b, t, i], i))
    var = model.define("var", (b, t), mean((x[b, t, i] - m[b, t]) ** 2, i))
    y = model.define("y", (b, t, i), g[t, i] * (x[b, t, i] - m[b, t]) / sqrt(var[b, t] + EPS))
    model.minimize("L", total(u[b, t, i] * y[b, t, i], b, t, i))


@program
def kept_axis(model: Model) -> None:
    """RMS norm (Zhang & Sennrich 2019) whose root keeps an axis of one entry, as NumPy's keepdims does."""
    x, u = model.parameters(x=(b, i)), model.inputs(u=(b, i))
    r = model.define("r", (b, one), 1 / sqrt(mean(x[b, i] ** 2, i) + EPS))
    n = model.define("n", (b, i), x[b, i] * r[b, 0])
    model.minimize("L", total(u[b, i] * n[b, i], b, i))


@program
def batch_norm_running(model: Model) -> None:
    """The running mean and variance follow the batch's, outside the gradient."""
    x, u = model.parameters(x=(b, i)), model.inputs(u=(b, i))
    rm, rv = model.states(rm=(i,), rv=(i,))
    m = model.define("m", (i,), mean(x[b, i], b))
    var = model.define("var", (i,), mean((x[b, i] - m[i]) ** 2, b))
    n = model.define("n", (b, i), (x[b, i] - m[i]) / sqrt(var[i] + EPS))
    model.update(rm, (i,), rm[i] * Rational(9, 10) + m[i] / 10)
    model.update(rv, (i,), rv[i] * Rational(9, 10) + var[i] / 10)
    model.minimize("L", total(u[b, i] * n[b, i], b, i))

"""Conditions and stopped gradients."""

from __future__ import annotations

from sympy import (
    Piecewise,
    exp,
    log,
    sin,
)

from symgrad.language.model import Model
from symgrad.language.surface import (
    maximum,
    mean,
    stop_gradient,
    total,
)

from .table import b, i, j, program, v


@program
def stopped_part(model: Model) -> None:
    x, y = model.parameters(x=(i,), y=(i,))
    model.minimize("L", total(x[i] * stop_gradient(x[i] ** 2 * y[i]) + y[i] ** 2, i))


@program
def stopped_maximum(model: Model) -> None:
    o = model.parameters(o=(b, v))
    y = model.tokens(y=(b,), vocabulary=v)
    m = model.define("m", (b,), stop_gradient(maximum(o[b, v], v)))
    model.minimize("L", mean(m[b] + log(total(exp(o[b, v] - m[b]), v)) - o[b, y[b]], b))


@program
def piecewise_by_another_tensor(model: Model) -> None:
    x, y = model.parameters(x=(i,), y=(i,))
    c = model.inputs(c=(i,))
    model.minimize("L", total(Piecewise((x[i] * y[i], c[i] > 0), (exp(y[i]), True)), i))


@program
def masked_by_tokens(model: Model) -> None:
    x = model.parameters(x=(b, i))
    y = model.tokens(y=(b,), vocabulary=v)
    u = model.inputs(u=(b, i))
    model.minimize("L", total(Piecewise((u[b, i] * sin(x[b, i]), y[b] > 0), (0, True)), b, i) + total(x[b, i], b, i))


@program
def condition_inside_a_sum(model: Model) -> None:
    A, x = model.parameters(A=(i, j), x=(i,))
    u = model.inputs(u=(i,))
    y = model.define("y", (i,), total(Piecewise((A[i, j] * x[j], i < j), (A[j, i] ** 2, True)), j))
    model.minimize("L", total(u[i] * y[i], i))

"""Products and sums: matrix products, shared tensors, letters used twice, means."""

from __future__ import annotations

from sympy import (
    exp,
    log,
    sin,
    sqrt,
    tanh,
)

from symgrad.language.model import Model
from symgrad.language.surface import (
    axes,
    mean,
    total,
)

from .table import b, d, i, j, program, v


@program
def matrix_product(model: Model) -> None:
    A, M = model.parameters(A=(b, d), M=(d, i))
    u = model.inputs(u=(b, i))
    y = model.define("y", (b, i), total(A[b, d] * M[d, i], d))
    model.minimize("L", total(u[b, i] * tanh(y[b, i]), b, i))


@program
def transposes(model: Model) -> None:
    A, M = model.parameters(A=(d, b), M=(i, d))
    u = model.inputs(u=(i, b))
    y = model.define("y", (i, b), total(A[d, b] * M[i, d], d))
    model.minimize("L", total(u[i, b] * y[i, b] ** 2, i, b))


@program
def two_layers(model: Model) -> None:
    W1, W2 = model.parameters(W1=(i, d), W2=(v, i))
    x, u = model.inputs(x=(b, d), u=(b, v))
    h = model.define("h", (b, i), tanh(total(W1[i, d] * x[b, d], d)))
    model.minimize("L", total(u[b, v] * tanh(total(W2[v, i] * h[b, i], i)), b, v))


@program
def quadratic_form(model: Model) -> None:
    A, x = model.parameters(A=(i, j), x=(i,))
    model.minimize("L", total(x[i] * A[i, j] * x[j], i, j))


@program
def trace_of_squares(model: Model) -> None:
    A, M = model.parameters(A=(d, i), M=(b, i))
    model.minimize("L", total(A[d, i] * A[d, i], d, i) + total(M[b, i] * M[b, i], b, i))


@program
def log_of_dot(model: Model) -> None:
    x = model.parameters(x=(i,))
    model.minimize("L", log(total(x[i] * x[i], i)))


@program
def three_times(model: Model) -> None:
    A = model.parameters(A=(i, j))
    x, u = model.inputs(x=(b, i), u=(b, i))
    h = model.define("h", (b, i), tanh(total(A[i, j] * x[b, j], j)))
    g = model.define("g", (b, i), tanh(total(A[j, i] * h[b, j], j)))
    model.minimize("L", total(u[b, i] * g[b, i] * total(A[i, j] * x[b, j], j), b, i))


@program
def reused_letters(model: Model) -> None:
    x = model.parameters(x=(i,))
    product = total(x[i] * total(x[j] ** 2, j), i) * total(exp(x[i]), i)
    model.minimize("L", product + total(total(x[i] * exp(x[j]), i), j))


@program
def sums_beside_each_other(model: Model) -> None:
    A = model.parameters(A=(i, j))
    d = axes("d:H")
    y = model.define("y", (d,), mean(A[i, j], i, j) * mean(A[j, i] * exp(A[i, j]), i, j) * mean(A[i, i], i))
    z = model.define("z", (i,), y[0] * tanh(mean(A[i, j] * mean(A[j, d] * A[d, i], d), j)))
    model.minimize("L", total(z[i] * sin(z[i]), i) * mean(exp(z[j]), j))


@program
def diagonal(model: Model) -> None:
    A = model.parameters(A=(i, j))
    u = model.inputs(u=(i,))
    model.minimize("L", total(u[i] * A[i, i] ** 2, i) + total(A[i, j] * A[j, i], i, j) ** 2)


@program
def outer_product(model: Model) -> None:
    x, y = model.parameters(x=(i,), y=(d,))
    u = model.inputs(u=(i, d))
    z = model.define("z", (i, d), x[i] * y[d] + x[i] / (1 + y[d] ** 2))
    model.minimize("L", total(u[i, d] * z[i, d] ** 2, i, d))


@program
def broadcast(model: Model) -> None:
    A, c = model.parameters(A=(b, i), c=(i,))
    u = model.inputs(u=(b, i))
    y = model.define("y", (b, i), A[b, i] + c[i])
    model.minimize("L", mean(u[b, i] * y[b, i] ** 3, b, i))


@program
def sum_of_a_constant(model: Model) -> None:
    c = model.parameters(c=())
    model.minimize("L", total(c**2, b, i) + mean(sin(c), v))


@program
def mean_squared_error(model: Model) -> None:
    W = model.parameters(W=(i, d))
    x, y = model.inputs(x=(b, d), y=(b, i))
    o = model.define("o", (b, i), total(W[i, d] * x[b, d], d))
    model.minimize("L", mean((y[b, i] - o[b, i]) ** 2, b, i))


@program
def means_over_two_axes(model: Model) -> None:
    A = model.parameters(A=(b, i, d))
    u = model.inputs(u=(i,))
    m = model.define("m", (i,), mean(A[b, i, d] ** 2, b, d))
    model.minimize("L", total(u[i] * sqrt(m[i]), i))


@program
def variance(model: Model) -> None:
    x = model.parameters(x=(b, i))
    u = model.inputs(u=(i,))
    m = model.define("m", (i,), mean(x[b, i], b))
    model.minimize("L", total(u[i] * mean((x[b, i] - m[i]) ** 2, b), i))


@program
def unused_definition(model: Model) -> None:
    x = model.parameters(x=(i,))
    y = model.define("y", (i,), exp(x[i]))
    model.define("z", (i,), y[i] ** 2)
    model.minimize("L", total(x[i] * y[i], i))

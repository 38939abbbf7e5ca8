"""Merged, split, shifted and joined axes."""

from __future__ import annotations

from sympy import (
    Piecewise,
    exp,
    sin,
    tanh,
)

from symgrad.language.model import Model
from symgrad.language.surface import (
    axes,
    concatenated,
    merged,
    sigmoid,
    split,
    total,
)

from .table import b, d, i, program, s, t, v


@program
def merged_axes(model: Model) -> None:
    k = axes("k:N*D")
    A, W = model.parameters(A=(b, t, d), W=(i, k))
    u = model.inputs(u=(b, i))
    y = model.define("y", (b, i), total(W[i, merged(t, d)] * A[b, t, d], t, d))
    model.minimize("L", total(u[b, i] * tanh(y[b, i]), b, i))


@program
def split_axis(model: Model) -> None:
    k = axes("k:N*D")
    A, W = model.parameters(A=(b, t, d), W=(i, k))
    u = model.inputs(u=(b, i))
    z = model.define("z", (b, k), A[(b, *split(k, t, d))])
    model.minimize("L", total(u[b, i] * tanh(total(W[i, k] * z[b, k], k)), b, i))


@program
def reshaped_there_and_back(model: Model) -> None:
    k = axes("k:N*D")
    A = model.parameters(A=(t, d))
    u = model.inputs(u=(d, t))
    z = model.define("z", (k,), A[split(k, t, d)] ** 2)
    y = model.define("y", (t, d), z[merged(t, d)])
    model.minimize("L", total(u[d, t] * y[t, d], t, d))


@program
def three_axes_merged(model: Model) -> None:
    k = axes("k:N*D*H")
    A = model.parameters(A=(t, d, i))
    u = model.inputs(u=(k,))
    z = model.define("z", (k,), A[split(k, t, d, i)])
    model.minimize("L", total(u[k] * sin(z[k]), k))


@program
def sum_over_a_merged_row(model: Model) -> None:
    k = axes("k:N*D")
    A = model.parameters(A=(k,))
    u = model.inputs(u=(t,))
    r = model.define("r", (t,), total(A[merged(t, d)] ** 2, d))
    model.minimize("L", total(u[t] * r[t], t))


@program
def concatenation(model: Model) -> None:
    k = axes("k:D+H")
    x, y, W = model.parameters(x=(b, d), y=(b, i), W=(v, k))
    u = model.inputs(u=(b, v))
    z = model.define("z", (b, k), concatenated(k, (lambda n: x[b, n], d), (lambda n: sin(y[b, n]), i)))
    model.minimize("L", total(u[b, v] * tanh(total(W[v, k] * z[b, k], k)), b, v))


@program
def three_pieces_joined(model: Model) -> None:
    k = axes("k:D+H+N")
    x, y, z = model.parameters(x=(d,), y=(i,), z=(t,))
    u = model.inputs(u=(k,))
    c = model.define("c", (k,), concatenated(k, (lambda n: x[n], d), (lambda n: y[n], i), (lambda n: z[n], t)))
    model.minimize("L", total(u[k] * c[k] ** 2, k))


@program
def slices(model: Model) -> None:
    k = axes("k:D+H")
    z = model.parameters(z=(b, k))
    u = model.inputs(u=(b, i))
    y = model.define("y", (b, i), z[b, i + d.upper + 1])
    model.minimize("L", total(u[b, i] * exp(y[b, i]), b, i) + total(z[b, d] ** 2, b, d))


@program
def gates(model: Model) -> None:
    k = axes("k:2*H")
    z = model.parameters(z=(b, k))
    u = model.inputs(u=(b, i))
    y = model.define("y", (b, i), sigmoid(z[b, i]) * tanh(z[b, i + i.upper + 1]))
    model.minimize("L", total(u[b, i] * y[b, i], b, i))


@program
def shifted(model: Model) -> None:
    x = model.parameters(x=(b, t))
    u = model.inputs(u=(b, t))
    y = model.define("y", (b, t), x[b, t] * Piecewise((x[b, t - 1], t >= 1), (1, True)))
    model.minimize("L", total(u[b, t] * y[b, t], b, t))


@program
def convolution(model: Model) -> None:
    k = axes("k:D+N")  # one longer than a full row, so that every window fits
    x, f = model.parameters(x=(b, k), f=(d,))
    u = model.inputs(u=(b, t))
    y = model.define("y", (b, t), total(f[d] * x[b, t + d], d))
    model.minimize("L", total(u[b, t] * tanh(y[b, t]), b, t))


@program
def padded_convolution(model: Model) -> None:
    x, f = model.parameters(x=(t,), f=(d,))
    u = model.inputs(u=(t,))
    y = model.define("y", (t,), total(f[d] * Piecewise((x[t - d], t >= d), (0, True)), d))
    model.minimize("L", total(u[t] * y[t] ** 2, t))


@program
def reversed_axis(model: Model) -> None:
    x = model.parameters(x=(t,))
    u = model.inputs(u=(t,))
    y = model.define("y", (t,), x[t.upper - t] * x[t])
    model.minimize("L", total(u[t] * sin(y[t]), t))


@program
def cumulative_sum(model: Model) -> None:
    x = model.parameters(x=(t,))
    u = model.inputs(u=(t,))
    y = model.define("y", (t,), total(Piecewise((x[s], s <= t), (0, True)), s))
    model.minimize("L", total(u[t] * exp(y[t] / 5), t))


@program
def first_row(model: Model) -> None:
    A = model.parameters(A=(t, d))
    u = model.inputs(u=(d,))
    model.minimize("L", total(u[d] * A[0, d] ** 2, d) + A[0, 0] * total(A[t, d], t, d))


@program
def first_entry_of_a_split_axis(model: Model) -> None:
    k = axes("k:N*D")
    A, c = model.parameters(A=(t, d), c=())
    u = model.inputs(u=(k,))
    z = model.define("z", (k,), A[split(k, t, d)] * c)
    model.minimize("L", total(u[k] * z[k] ** 2, k) + sin(z[0]))

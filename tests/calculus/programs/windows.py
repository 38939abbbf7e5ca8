"""Convolutions and pooling: sums and maxima over windows of an axis."""

from __future__ import annotations

from sympy import Piecewise, exp, log, tanh

from symgrad.language.model import Model
from symgrad.language.surface import axes, maximum, mean, merged, total

from .table import b, d, i, program, t

c = axes("c:V")  # channels
k = axes("k:3")  # a window of three


@program
def convolution_of_channels(model: Model) -> None:
    """y[t] = sum over channels and window of F x[t + d], only where the window fits."""
    n = axes("n:N+D")
    F, a = model.parameters(F=(i, c, d), a=(i,))
    x, u = model.inputs(x=(b, n, c), u=(b, t, i))
    y = model.define("y", (b, t, i), a[i] + total(F[i, c, d] * x[b, t + d, c], c, d))
    model.minimize("L", total(u[b, t, i] * tanh(y[b, t, i]), b, t, i))


@program
def convolution_of_equal_length(model: Model) -> None:
    """A centred window of three, zeros beyond both ends."""
    F, x = model.parameters(F=(i, c, k), x=(b, t, c))
    u = model.inputs(u=(b, t, i))
    end = t.upper + 1
    padded = Piecewise((x[b, t + k - 1, c], (t + k >= 1) & (t + k <= end)), (0, True))
    y = model.define("y", (b, t, i), total(F[i, c, k] * padded, c, k))
    model.minimize("L", total(u[b, t, i] * tanh(y[b, t, i]), b, t, i))


@program
def maximum_pooling(model: Model) -> None:
    """The largest of each d neighbours; windows do not overlap."""
    n = axes("n:N*D")
    x, u = model.parameters(x=(b, n)), model.inputs(u=(b, t))
    y = model.define("y", (b, t), maximum(x[b, merged(t, d)], d))
    model.minimize("L", total(u[b, t] * y[b, t], b, t))


@program
def average_pooling(model: Model) -> None:
    n = axes("n:N*D")
    x, u = model.parameters(x=(b, n)), model.inputs(u=(b, t))
    y = model.define("y", (b, t), mean(x[b, merged(t, d)], d))
    model.minimize("L", total(u[b, t] * y[b, t] ** 2, b, t))


@program
def overlapping_pooling(model: Model) -> None:
    """The largest and the mean of windows at every place (stride 1)."""
    n = axes("n:N+D")
    x, u = model.parameters(x=(b, n)), model.inputs(u=(b, t))
    y = model.define("y", (b, t), maximum(x[b, t + d], d) + mean(x[b, t + d], d) ** 2)
    model.minimize("L", total(u[b, t] * y[b, t], b, t))


@program
def the_same_over_two_ranges(model: Model) -> None:
    """What is made of one entry after another, and of all of them: nothing of the shorter stands at the first."""
    n = axes("n:N+1")
    W, u, q = model.parameters(W=(n, d)), *model.inputs(u=(t,), q=(n,))
    a = model.define("a", (t,), tanh(W[t + 1, 0]))
    h = model.define("h", (t,), log(total(exp(W[t + 1, d]), d)))
    g = model.define("g", (n,), log(total(exp(W[n, d]), d)) * tanh(W[n, 0]))
    model.minimize("L", total(u[t] * h[t] * a[t], t) + total(q[n] * g[n], n))

"""Recurrences along time, backwards, and along depth."""

from __future__ import annotations

from sympy import exp, log, sqrt, tanh

from symgrad.language.model import Model
from symgrad.language.surface import axes, mean, merged, sigmoid, size, softmax, total

from .table import b, d, i, j, program, t, v

k = axes("k:4")


@program
def rnn_lm(model: Model) -> None:
    """h[t] = tanh(W C[x[t]] + R h[t-1]), the next token at every position (Elman 1990)."""
    C, W, R, U, h0 = model.parameters(C=(v, d), W=(i, d), R=(i, j), U=(v, i), h0=(i,))
    x, y = model.tokens(x=(b, t), y=(b, t), vocabulary=v)
    h = model.recurrent("h", (b, t, i), along=t, start=h0[i])
    a = model.define("a", (b, t, i), total(W[i, d] * C[x[b, t], d], d) + total(R[i, j] * h[b, t - 1, j], j))
    model.define("h", (b, t, i), tanh(a[b, t, i]))
    o = model.define("o", (b, t, v), total(U[v, i] * h[b, t, i], i))
    p = model.define("p", (b, t, v), softmax(o[b, t, v], v))
    model.minimize("L", mean(-log(p[b, t, y[b, t]]), b, t))


@program
def normalized_in_each_turn(model: Model) -> None:
    """Each turn reads a mean over the batch that it has made: the rows of a batch cannot go by themselves."""
    W, R, U = model.parameters(W=(i, d), R=(i, j), U=(i,))
    x, u = model.inputs(x=(b, t, d), u=(b, t, i))
    h = model.recurrent("h", (b, t, i), along=t)
    a = model.define("a", (b, t, i), total(W[i, d] * x[b, t, d], d) + total(R[i, j] * h[b, t - 1, j], j))
    m = model.define("m", (t, i), mean(a[b, t, i], b))
    model.define("h", (b, t, i), tanh(U[i] * (a[b, t, i] - m[t, i])))
    model.minimize("L", total(u[b, t, i] * h[b, t, i], b, t, i))


@program
def elman(model: Model) -> None:
    """The same recurrence in one line, with sums of its own and a start: tanh is saved one slice ahead."""
    W, R, h0 = model.parameters(W=(i, d), R=(i, j), h0=(i,))
    x, u = model.inputs(x=(t, d), u=(t, i))
    h = model.recurrent("h", (t, i), along=t, start=h0[i])
    model.define("h", (t, i), tanh(total(W[i, d] * x[t, d], d) + total(R[i, j] * h[t - 1, j], j)))
    model.minimize("L", total(u[t, i] * h[t, i], t, i))


@program
def lstm(model: Model) -> None:
    """Four gates, a cell and an output that need each other's earlier slices (Hochreiter & Schmidhuber 1997)."""
    W, R, c = model.parameters(W=(k, i, d), R=(k, i, j), c=(k, i))
    x, u = model.inputs(x=(b, t, d), u=(b, i))
    h = model.recurrent("h", (b, t, i), along=t)
    s = model.recurrent("s", (b, t, i), along=t)
    pre = total(W[k, i, d] * x[b, t, d], d) + total(R[k, i, j] * h[b, t - 1, j], j) + c[k, i]
    a = model.define("a", (b, t, k, i), pre)
    f = model.define("f", (b, t, i), sigmoid(a[b, t, 0, i]))
    g = model.define("g", (b, t, i), sigmoid(a[b, t, 1, i]))
    m = model.define("m", (b, t, i), tanh(a[b, t, 2, i]))
    q = model.define("q", (b, t, i), sigmoid(a[b, t, 3, i]))
    model.define("s", (b, t, i), f[b, t, i] * s[b, t - 1, i] + g[b, t, i] * m[b, t, i])
    model.define("h", (b, t, i), q[b, t, i] * tanh(s[b, t, i]))
    model.minimize("L", mean((h[b, t, i] - u[b, i]) ** 2, b, t, i))


@program
def gru(model: Model) -> None:
    """Update and reset gates (Cho et al. 2014)."""
    R, Z, W = model.parameters(R=(i, j), Z=(i, j), W=(i, j))
    x = model.inputs(x=(b, t, i))
    h = model.recurrent("h", (b, t, i), along=t)
    z = model.define("z", (b, t, i), sigmoid(x[b, t, i] + total(Z[i, j] * h[b, t - 1, j], j)))
    r = model.define("r", (b, t, i), sigmoid(x[b, t, i] + total(R[i, j] * h[b, t - 1, j], j)))
    n = model.define("n", (b, t, i), tanh(x[b, t, i] + total(W[i, j] * r[b, t, j] * h[b, t - 1, j], j)))
    model.define("h", (b, t, i), (1 - z[b, t, i]) * h[b, t - 1, i] + z[b, t, i] * n[b, t, i])
    model.minimize("L", total(h[b, t, i] ** 2, b, t, i))


@program
def residual_stack(model: Model) -> None:
    """Equal residual layers along a layer axis: depth is a recurrence too."""
    W = model.parameters(W=(t, i, j))
    x, u = model.inputs(x=(b, i), u=(b, i))
    h = model.recurrent("h", (b, t, i), along=t, start=x[b, i])
    hidden = tanh(total(W[t, i, j] * h[b, t - 1, j], j))
    model.define("h", (b, t, i), h[b, t - 1, i] + hidden)
    model.minimize("L", total(u[b, i] * h[b, size(t) - 1, i], b, i))


@program
def two_slices_backwards(model: Model) -> None:
    """From the last slice down, with a number behind it, reading two slices away."""
    w = model.parameters(w=(i,))
    x = model.inputs(x=(t, i))
    h = model.recurrent("h", (t, i), along=t, start=0.5)
    model.define("h", (t, i), tanh(w[i] * h[t + 1, i] + h[t + 2, i] * x[t, i]))
    model.minimize("L", total(h[t, i] * x[t, i], t, i))


@program
def a_merged_axis_two_slices_away(model: Model) -> None:
    """The adjoint of W reads h at k%N - 2, inside its axis where the start does not stand for it."""
    k = axes("k:H*N")
    W = model.parameters(W=(k,))
    x = model.inputs(x=(t, i))
    h = model.recurrent("h", (t, i), along=t, start=0.5)
    model.define("h", (t, i), tanh(W[merged(i, t)] + h[t - 2, i]))
    model.minimize("L", total(h[t, i] * x[t, i], t, i))


@program
def sums_of_a_slice(model: Model) -> None:
    """The adjoint reads the exponents, and the norm, of the slice before: inside their axis behind the first only."""
    k = axes("k:H*N")
    W = model.parameters(W=(k,))
    x = model.inputs(x=(t, i))
    h = model.recurrent("h", (t, i), along=t)
    entries = W[merged(j, t)]
    model.define("h", (t, i), tanh(log(total(exp(entries), j)) + sqrt(total(entries**2, j)) * h[t + 1, i] + x[t, i]))
    model.minimize("L", total(h[t, i] * x[t, i], t, i))


@program
def read_in_reverse(model: Model) -> None:
    """The turn at t reads what was made from the end, at N - 1 - t: its adjoint turns the whole recurrence around."""
    W, R, g0 = model.parameters(W=(i,), R=(i, j), g0=(i,))
    x, u = model.inputs(x=(b, t, i), u=(b, t, i))
    z = model.define("z", (b, t, i), W[i] * x[b, t, i])
    g = model.recurrent("g", (b, t, i), along=t, start=g0[i])
    model.define("g", (b, t, i), tanh(z[b, size(t) - 1 - t, i] + total(R[i, j] * g[b, t - 1, j], j)))
    model.minimize("L", total(u[b, t, i] * g[b, t, i], b, t, i))


@program
def both_ends_of_a_longer_axis(model: Model) -> None:
    """Forward over one half, backward over the other, and a second recurrence that reads the first in reverse."""
    n = axes("n:2*N")
    W, R = model.parameters(W=(i,), R=(i,))
    x, u = model.inputs(x=(n, i), u=(t, i))
    z = model.define("z", (n, i), W[i] * x[n, i])
    g = model.recurrent("g", (t, i), along=t)
    model.define("g", (t, i), tanh(z[2 * size(t) - 1 - t, i] * z[t, i] + R[i] * g[t + 2, i]))
    h = model.recurrent("h", (t, i), along=t, start=0.5)
    model.define("h", (t, i), tanh(g[size(t) - 1 - t, i] + R[i] * h[t - 1, i]))
    model.minimize("L", total(u[t, i] * h[size(t) - 1 - t, i] * g[t, i], t, i))

"""States beside the gradient, dropout masks, and definitions with another form in evaluation."""

from __future__ import annotations

from sympy import Rational, sqrt, tanh

from symgrad.language.model import Model, ones, zeros
from symgrad.language.surface import mean, stop_gradient, total

from .table import b, d, i, j, program, t


@program
def statistics_in_two_forms(model: Model) -> None:
    """The batch's mean and variance in training, running ones in evaluation."""
    W, g = model.parameters(W=(i, d), g=(i,))
    x, u = model.inputs(x=(b, d), u=(b, i))
    m_run, s_run = model.states(m_run=zeros(i), s_run=ones(i))
    z = model.define("z", (b, i), total(W[i, d] * x[b, d], d))
    m = model.define("m", (i,), mean(z[b, i], b), evaluation=m_run[i])
    s = model.define("s", (i,), mean((z[b, i] - m[i]) ** 2, b), evaluation=s_run[i])
    n = model.define("n", (b, i), g[i] * (z[b, i] - m[i]) / sqrt(s[i] + Rational(1, 100)))
    model.minimize("L", mean(total(u[b, i] * n[b, i], i), b))
    model.update(m_run, i, m_run[i] * 0.9 + m[i] * 0.1)
    model.update(s_run, i, s_run[i] * 0.9 + s[i] * 0.1)


@program
def dropout(model: Model) -> None:
    """Two masks, one of them over weights; the loss has a penalty in training only."""
    W, V = model.parameters(W=(i, d), V=(i,))
    x, y = model.inputs(x=(b, d), y=(b,))
    r = model.masks(r=(b, i), keep=0.75)
    q = model.masks(q=(i, d), keep=0.5)
    h = model.define("h", (b, i), r[b, i] * tanh(total(q[i, d] * W[i, d] * x[b, d], d)))
    cost = mean((total(V[i] * h[b, i], i) - y[b]) ** 2, b)
    model.minimize("L", cost + total(W[i, d] ** 2, i, d) / 10, evaluation=cost)


@program
def loss_that_reads_a_state(model: Model) -> None:
    """A running mean of the outputs as a constant target: what is under stop_gradient moves the state all the same."""
    w = model.parameters(w=(i,))
    x = model.inputs(x=(b, i))
    c, n = model.states(c=zeros(()), n=zeros(()))
    o = model.define("o", (b,), total(w[i] * x[b, i], i))
    k = model.define("k", (), stop_gradient(mean(o[b], b)))
    model.minimize("L", mean((o[b] - k / 2 - c) ** 2, b))
    model.update(c, (), c / 2 + k / 2)
    model.update(n, (), n + 1)


@program
def dropout_along_a_recurrence(model: Model) -> None:
    """One mask for all steps (Gal & Ghahramani 2016); evaluation starts every step from a running mean as well."""
    R = model.parameters(R=(i, j))
    x, u = model.inputs(x=(b, t, i), u=(b, t, i))
    r = model.masks(r=(b, i), keep=0.8)
    h_run = model.states(h_run=zeros(i))
    h = model.recurrent("h", (b, t, i), along=t)
    a = model.define("a", (b, t, i), total(R[i, j] * h[b, t - 1, j], j), evaluation=total(R[i, j] * h_run[j], j))
    model.define("h", (b, t, i), r[b, i] * tanh(x[b, t, i] + a[b, t, i]))
    model.minimize("L", total(u[b, t, i] * h[b, t, i], b, t, i))
    model.update(h_run, i, h_run[i] / 2 + mean(h[b, t, i], b, t) / 2)

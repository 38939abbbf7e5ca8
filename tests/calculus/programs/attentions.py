"""Attention of several heads, over another sequence, additive; residual and gated paths around layers."""

from __future__ import annotations

from sympy import Piecewise, exp, sqrt, tanh

from symgrad.language.model import Model
from symgrad.language.surface import argmaximum, axes, mean, relu, sigmoid, size, softmax, total

from .table import b, d, e, i, j, program, s, t

r, h = axes("r:N h:V")


@program
def causal_self_attention(model: Model) -> None:
    """One head; a position attends to itself and to what stands before it (Vaswani et al. 2017)."""
    x = model.inputs(x=(b, t, d))
    Q, K, E, u = *model.parameters(Q=(i, d), K=(i, d), E=(j, d)), model.inputs(u=(b, t, i))
    q = model.define("q", (b, t, i), total(Q[i, d] * x[b, t, d], d))
    k = model.define("k", (b, t, i), total(K[i, d] * x[b, t, d], d))
    z = model.define("z", (b, t, j), total(E[j, d] * x[b, t, d], d))
    S = model.define("S", (b, t, s), total(q[b, t, i] * k[b, s, i], i) / sqrt(size(i)))
    f = model.define("f", (b, t, s), Piecewise((exp(S[b, t, s]), s <= t), (0, True)))
    A = model.define("A", (b, t, s), f[b, t, s] / total(f[b, t, r], r))
    o = model.define("o", (b, t, i), total(A[b, t, s] * z[b, s, i], s))
    model.minimize("L", total(u[b, t, i] * o[b, t, i], b, t, i))


@program
def attention_by_channels(model: Model) -> None:
    """Normalized along an axis that both operands of the scores have."""
    x, u = model.inputs(x=(b, e, d), u=(b, d, i))
    K = model.parameters(K=(i, e, d))
    S = model.define("S", (b, d, i), total(x[b, e, d] * K[i, e, d], e))
    A = model.define("A", (b, d, i), softmax(S[b, d, i], d))
    model.minimize("L", total(u[b, d, i] * A[b, d, i] ** 2, b, d, i))


@program
def hard_attention(model: Model) -> None:
    """What is read where scores are greatest stands before the scores."""
    x, u, W = model.inputs(x=(b, s, d)), model.inputs(u=(b, t, d)), model.parameters(W=(d,))
    z = model.define("z", (b, s, d), W[d] * x[b, s, d])
    S = model.define("S", (b, t, s), total(u[b, t, d] * z[b, s, d], d))
    h = model.define("h", (b, t, d), z[b, argmaximum(S[b, t, s], s), d])
    model.minimize("L", mean(u[b, t, d] * h[b, t, d] ** 2, b, t, d))


@program
def causal_attention_by_large_scores(model: Model) -> None:
    """The mask as a score of -1e9, as most code has it."""
    S, E = model.parameters(S=(t, s), E=(s, i))
    u = model.inputs(u=(t, i))
    M = model.define("M", (t, s), Piecewise((S[t, s], s <= t), (-(10**9), True)))
    A = model.define("A", (t, s), softmax(M[t, s], s))
    model.minimize("L", total(u[t, i] * total(A[t, s] * E[s, i], s), t, i))


@program
def several_heads(model: Model) -> None:
    """Causal attention of h heads, joined by one matrix over (head, i)."""
    x, u = model.inputs(x=(t, d), u=(t, d))
    Q, K, E, O = model.parameters(Q=(h, i, d), K=(h, i, d), E=(h, i, d), O=(d, h, i))  # noqa: E741
    q = model.define("q", (h, t, i), total(Q[h, i, d] * x[t, d], d))
    k = model.define("k", (h, t, i), total(K[h, i, d] * x[t, d], d))
    z = model.define("z", (h, t, i), total(E[h, i, d] * x[t, d], d))
    S = model.define("S", (h, t, s), total(q[h, t, i] * k[h, s, i], i) / sqrt(size(i)))
    f = model.define("f", (h, t, s), Piecewise((exp(S[h, t, s]), s <= t), (0, True)))
    A = model.define("A", (h, t, s), f[h, t, s] / total(f[h, t, r], r))
    c = model.define("c", (t, h, i), total(A[h, t, s] * z[h, s, i], s))
    o = model.define("o", (t, d), total(O[d, h, i] * c[t, h, i], h, i))
    model.minimize("L", total(u[t, d] * o[t, d], t, d))


@program
def cross_attention(model: Model) -> None:
    """Queries of one sequence over keys and values of another, of another length and width."""
    x, y, u = model.inputs(x=(t, d), y=(h, i), u=(t, b))
    Q, K, E = model.parameters(Q=(b, d), K=(b, i), E=(b, i))
    q = model.define("q", (t, b), total(Q[b, d] * x[t, d], d))
    k = model.define("k", (h, b), total(K[b, i] * y[h, i], i))
    z = model.define("z", (h, b), total(E[b, i] * y[h, i], i))
    A = model.define("A", (t, h), softmax(total(q[t, b] * k[h, b], b) / sqrt(size(b)), h))
    model.minimize("L", total(u[t, b] * total(A[t, h] * z[h, b], h), t, b))


@program
def attention_over_a_memory(model: Model) -> None:
    """Queries at every position of a batch over the slots of each row's own memory."""
    x, y, u = model.inputs(x=(b, t, d), y=(b, h, d), u=(b, t, i))
    Q, K, E = model.parameters(Q=(i, d), K=(i, d), E=(i, d))
    q = model.define("q", (b, t, i), total(Q[i, d] * x[b, t, d], d))
    k = model.define("k", (b, h, i), total(K[i, d] * y[b, h, d], d))
    z = model.define("z", (b, h, i), total(E[i, d] * y[b, h, d], d))
    S = model.define("S", (b, t, h), total(q[b, t, i] * k[b, h, i], i) / sqrt(size(i)))
    A = model.define("A", (b, t, h), softmax(S[b, t, h], h))
    o = model.define("o", (b, t, i), total(A[b, t, h] * z[b, h, i], h))
    model.minimize("L", mean(u[b, t, i] * o[b, t, i], b, t, i))


@program
def additive_attention(model: Model) -> None:
    """Scores w . tanh(W q + U k) (Bahdanau et al. 2015)."""
    W, U, wt = model.parameters(W=(i, d), U=(i, e), wt=(i,))
    q, k, u = model.inputs(q=(b, d), k=(b, t, e), u=(b, e))
    h = model.define("h", (b, t, i), tanh(total(W[i, d] * q[b, d], d) + total(U[i, e] * k[b, t, e], e)))
    A = model.define("A", (b, t), softmax(total(wt[i] * h[b, t, i], i), t))
    model.minimize("L", total(u[b, e] * total(A[b, t] * k[b, t, e], t), b, e))


@program
def bilinear_scores(model: Model) -> None:
    """Scores q W k (Luong et al. 2015)."""
    W = model.parameters(W=(d, i))
    q, k, u = model.inputs(q=(b, d), k=(b, t, i), u=(b, i))
    A = model.define("A", (b, t), softmax(total(q[b, d] * W[d, i] * k[b, t, i], d, i), t))
    c = model.define("c", (b, i), total(A[b, t] * k[b, t, i], t))
    model.minimize("L", total(u[b, i] * c[b, i], b, i))


@program
def highway(model: Model) -> None:
    """y = g*h + (1 - g)*x (Srivastava et al. 2015)."""
    W, G, c = model.parameters(W=(i, j), G=(i, j), c=(i,))
    x, u = model.inputs(x=(b, i), u=(b, i))
    h = model.define("h", (b, i), relu(total(W[i, j] * x[b, j], j)))
    g = model.define("g", (b, i), sigmoid(total(G[i, j] * x[b, j], j) + c[i]))
    y = model.define("y", (b, i), g[b, i] * h[b, i] + (1 - g[b, i]) * x[b, i])
    model.minimize("L", total(u[b, i] * y[b, i], b, i))


@program
def residual_block(model: Model) -> None:
    """Two residual steps that share their matrices, then one path by itself."""
    W, U = model.parameters(W=(j, d), U=(d, j))
    x, u = model.inputs(x=(b, d), u=(b, d))
    h = model.define("h", (b, j), tanh(total(W[j, d] * x[b, d], d)))
    y = model.define("y", (b, d), x[b, d] + total(U[d, j] * h[b, j], j))
    g = model.define("g", (b, j), tanh(total(W[j, d] * y[b, d], d)))
    z = model.define("z", (b, d), y[b, d] + total(U[d, j] * g[b, j], j) + x[b, d] * y[b, d])
    model.minimize("L", total(u[b, d] * z[b, d], b, d))


@program
def dropout(model: Model) -> None:
    """A mask that is given, and the rate by which what stays is scaled."""
    W, U = model.parameters(W=(i, d), U=(d, i))
    x, mask, keep, u = model.inputs(x=(b, d), mask=(b, i), keep=(), u=(b, d))
    h = model.define("h", (b, i), relu(total(W[i, d] * x[b, d], d)))
    g = model.define("g", (b, i), h[b, i] * mask[b, i] / keep)
    y = model.define("y", (b, d), total(U[d, i] * g[b, i], i))
    model.minimize("L", total(u[b, d] * y[b, d], b, d))

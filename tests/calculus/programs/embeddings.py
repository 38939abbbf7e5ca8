"""Embeddings of words, positions, users and features, learned from one another."""

from __future__ import annotations

from sympy import Rational, log, tanh

from symgrad.language.model import Model
from symgrad.language.surface import mean, sigmoid, softmax, total

from .table import b, d, i, program, s, t, v, w


@program
def skip_gram(model: Model) -> None:
    """Negative samples, any of them repeated or equal to the outside word (Mikolov et al. 2013)."""
    C, U = model.parameters(C=(v, d), U=(v, d))
    x, y, k = model.tokens(x=(b,), y=(b,), k=(b, t), vocabulary=v)
    p = model.define("p", (b,), sigmoid(total(C[x[b], d] * U[y[b], d], d)))
    n = model.define("n", (b, t), sigmoid(-total(C[x[b], d] * U[k[b, t], d], d)))
    model.minimize("L", -mean(log(p[b]) + total(log(n[b, t]), t), b))


@program
def continuous_bag_of_words(model: Model) -> None:
    """The mean of the context's vectors predicts the word."""
    C, U = model.parameters(C=(v, d), U=(v, d))
    x, y = model.tokens(x=(b, t), y=(b,), vocabulary=v)
    h = model.define("h", (b, d), mean(C[x[b, t], d], t))
    o = model.define("o", (b, v), total(U[v, d] * h[b, d], d))
    p = model.define("p", (b, v), softmax(o[b, v], v))
    model.minimize("L", -mean(log(p[b, y[b]]), b))


@program
def glove(model: Model) -> None:
    """Weighted squares of w_x . u_y + a_x + c_y - log X (Pennington et al. 2014), given pairs and weights."""
    W, U, a, c = model.parameters(W=(v, d), U=(v, d), a=(v,), c=(v,))
    x, y = model.tokens(x=(b,), y=(b,), vocabulary=v)
    f, logX = model.inputs(f=(b,), logX=(b,))
    e = model.define("e", (b,), total(W[x[b], d] * U[y[b], d], d) + a[x[b]] + c[y[b]] - logX[b])
    model.minimize("L", total(f[b] * e[b] ** 2, b))


@program
def glove_of_a_table(model: Model) -> None:
    """The same over all pairs of a table of counts."""
    W, U, a, c = model.parameters(W=(v, d), U=(w, d), a=(v,), c=(w,))
    f, logX = model.inputs(f=(v, w), logX=(v, w))
    e = model.define("e", (v, w), total(W[v, d] * U[w, d], d) + a[v] + c[w] - logX[v, w])
    model.minimize("L", total(f[v, w] * e[v, w] ** 2, v, w))


@program
def position_embeddings(model: Model) -> None:
    """Learned positions are shared by the batch; sinusoidal ones are given."""
    C, P = model.parameters(C=(v, d), P=(t, d))
    x = model.tokens(x=(b, t), vocabulary=v)
    S, u = model.inputs(S=(t, d), u=(b, t, d))
    h = model.define("h", (b, t, d), C[x[b, t], d] + P[t, d] + S[t, d])
    model.minimize("L", total(u[b, t, d] * tanh(h[b, t, d]), b, t, d))


@program
def matrix_factorization(model: Model) -> None:
    """Ratings from users and items, with biases and decay (Koren et al. 2009)."""
    P, Q = model.parameters(P=(v, d), Q=(i, d))
    a, c, m = model.parameters(a=(v,), c=(i,), m=())
    x, y = model.tokens(x=(b,), vocabulary=v), model.tokens(y=(b,), vocabulary=i)
    r = model.inputs(r=(b,))
    e = model.define("e", (b,), r[b] - m - a[x[b]] - c[y[b]] - total(P[x[b], d] * Q[y[b], d], d))
    decay = total(P[v, d] ** 2, v, d) + total(Q[i, d] ** 2, i, d)
    model.minimize("L", mean(e[b] ** 2, b) + decay * Rational(1, 100))


@program
def factorization_machine(model: Model) -> None:
    """m + w x + (|V' x|**2 - sum (V x)**2)/2 (Rendle 2010)."""
    W, c, m = model.parameters(W=(i, d), c=(i,), m=())
    x, y = model.inputs(x=(b, i), y=(b,))
    q = model.define("q", (b, d), total(W[i, d] * x[b, i], i))
    pairs = total(q[b, d] ** 2 - total(W[i, d] ** 2 * x[b, i] ** 2, i), d) / 2
    o = model.define("o", (b,), m + total(c[i] * x[b, i], i) + pairs)
    model.minimize("L", mean((y[b] - o[b]) ** 2, b))


@program
def shared_by_two_lookups(model: Model) -> None:
    """One table read as word, as context and as output."""
    C = model.parameters(C=(v, d))
    x, y = model.tokens(x=(b, t), y=(b,), vocabulary=v)
    a = model.define("a", (b, t), softmax(total(C[y[b], d] * C[x[b, t], d], d), t))
    h = model.define("h", (b, d), total(a[b, s] * C[x[b, s], d], s))
    p = model.define("p", (b, v), softmax(total(C[v, d] * h[b, d], d), v))
    model.minimize("L", -mean(log(p[b, y[b]]), b))

"""Multilayer perceptrons and scalar networks."""

from __future__ import annotations

from sympy import KroneckerDelta, log, tanh

from symgrad.language.model import Model
from symgrad.language.surface import axes, relu, sigmoid, softmax, total

from .table import hand

n, i, j, k, l, v = axes("n:N i:I j:J k:K l:K v:V")  # noqa: E741


@hand({"mlp-relu-W": "W", "mlp-W-outer-order": "W"}, I=4, J=4, K=4)
def mlp_relu(model: Model) -> None:
    """A column-vector network: W is (hidden, in), U is (out, hidden)."""
    W, b1, U, b2 = model.parameters(W=(j, i), b1=(j,), U=(k, j), b2=(k,))
    x, t = model.inputs(x=(i,)), model.tokens(t=(), vocabulary=k)
    model.define("y", (k,), KroneckerDelta(k, t))
    z = model.define("z", (j,), total(W[j, i] * x[i], i) + b1[j])
    h = model.define("h", (j,), relu(z[j]))
    th = model.define("th", (k,), total(U[k, j] * h[j], j) + b2[k])
    yh = model.define("yh", (k,), softmax(th[k], k))
    model.minimize("L", -log(yh[t]))


@hand({"softmax-classifier-b": "b"}, N=6, J=3, K=4)
def softmax_classifier(model: Model) -> None:
    W, b = model.parameters(W=(j, k), b=(k,))
    X, lam = model.inputs(X=(n, j), lam=())
    t = model.tokens(t=(n,), vocabulary=k)
    model.define("Y", (n, k), KroneckerDelta(k, t[n]))
    scores = model.define("scores", (n, k), total(X[n, j] * W[j, k], j) + b[k])
    P = model.define("P", (n, k), softmax(scores[n, k], k))
    model.minimize("L", -total(log(P[n, t[n]]), n) / (n.upper + 1) + lam * total(W[j, k] ** 2, j, k) / 2)


@hand({"nn-from-scratch-W1": "W1"}, N=5, I=2, J=3, K=3)
def two_layer_classifier(model: Model) -> None:
    W1, b1, W2, b2 = model.parameters(W1=(i, j), b1=(j,), W2=(j, k), b2=(k,))
    X, t = model.inputs(X=(n, i)), model.tokens(t=(n,), vocabulary=k)
    model.define("Y", (n, k), KroneckerDelta(k, t[n]))
    z1 = model.define("z1", (n, j), total(X[n, i] * W1[i, j], i) + b1[j])
    a1 = model.define("a1", (n, j), tanh(z1[n, j]))
    z2 = model.define("z2", (n, k), total(a1[n, j] * W2[j, k], j) + b2[k])
    P = model.define("P", (n, k), softmax(z2[n, k], k))
    model.minimize("L", -total(log(P[n, t[n]]), n))


@hand({"sigmoid-backward-input": "x"}, I=3, J=4)
def sigmoid_layer(model: Model) -> None:
    x = model.parameters(x=(i,))
    W, g = model.inputs(W=(j, i), g=(j,))
    z = model.define("z", (j,), total(W[j, i] * x[i], i))
    a = model.define("a", (j,), sigmoid(z[j]))
    model.minimize("L", total(g[j] * a[j], j))


@hand({"mse-sign": "w", "eq-tanh-sech": "w"}, I=3)
def tanh_neuron(model: Model) -> None:
    w = model.parameters(w=(i,))
    x, y = model.inputs(x=(i,), y=())
    o = model.define("o", (), tanh(total(w[i] * x[i], i)))
    model.minimize("L", (y - o) ** 2 / 2)


@hand({"shared-variable-accumulate": "x"})
def staged_fraction(model: Model) -> None:
    x, y = model.parameters(x=(), y=())
    num = model.define("num", (), x + sigmoid(y))
    den = model.define("den", (), sigmoid(x) + (x + y) ** 2)
    model.minimize("L", num / den)

"""Softmax, its losses and its Jacobian."""

from __future__ import annotations

from sympy import KroneckerDelta, log

from symgrad.language.model import Model
from symgrad.language.surface import axes, softmax, total

from .table import hand

k = axes("k:K")


def cross_entropy(model: Model, probabilities: str) -> None:
    z, t = model.parameters(z=(k,)), model.tokens(t=(), vocabulary=k)
    model.define("y", (k,), KroneckerDelta(k, t))
    p = model.define(probabilities, (k,), softmax(z[k], k))
    model.minimize("L", -log(p[t]))


@hand({"softmax-ce-logits": "z"}, K=5)
def cross_entropy_of_o(model: Model) -> None:
    cross_entropy(model, "o")


@hand({"softmax-jacobian-from-logits": "z"}, K=5)
def cross_entropy_of_a(model: Model) -> None:
    cross_entropy(model, "a")


@hand({"label-smoothing": "z"}, K=5)
def label_smoothing(model: Model) -> None:
    z, e, t = model.parameters(z=(k,)), model.inputs(e=()), model.tokens(t=(), vocabulary=k)
    y = model.define("y", (k,), KroneckerDelta(k, t))
    q = model.define("q", (k,), (1 - e) * y[k] + e / (k.upper + 1))
    p = model.define("p", (k,), softmax(z[k], k))
    model.minimize("L", -total(q[k] * log(p[k]), k))


@hand({"eq-softmax-vjp-matrix": "z"}, K=5)
def softmax_alone(model: Model) -> None:
    z, g = model.parameters(z=(k,)), model.inputs(g=(k,))
    s = model.define("s", (k,), softmax(z[k], k))
    model.minimize("L", total(g[k] * s[k], k))

"""Linear models with their likelihoods, and cosine similarity."""

from __future__ import annotations

from sympy import exp, log, sqrt

from symgrad.language.model import Model
from symgrad.language.surface import axes, mean, sigmoid, total

from .table import hand

i, j, k = axes("i:m j:D k:N")


@hand({"logreg-sign": "th"}, m=6, D=3)
def mean_logistic(model: Model) -> None:
    th = model.parameters(th=(j,))
    X, y = model.inputs(X=(i, j), y=(i,))
    p = model.define("p", (i,), sigmoid(total(X[i, j] * th[j], j)))
    model.minimize("L", -mean(y[i] * log(p[i]) + (1 - y[i]) * log(1 - p[i]), i))


@hand({"eq-logreg-exp-form": "w"}, N=6, D=3)
def total_logistic(model: Model) -> None:
    w = model.parameters(w=(j,))
    X, y = model.inputs(X=(k, j), y=(k,))
    p = model.define("p", (k,), sigmoid(total(X[k, j] * w[j], j)))
    model.minimize("L", -total(y[k] * log(p[k]) + (1 - y[k]) * log(1 - p[k]), k))


@hand({"least-squares-transposes": "w"}, N=4, D=4)
def least_squares(model: Model) -> None:
    w = model.parameters(w=(j,))
    X, y = model.inputs(X=(k, j), y=(k,))
    model.minimize("L", total((y[k] - total(X[k, j] * w[j], j)) ** 2, k))


@hand({"poisson-regression": "th"}, N=6, D=3)
def poisson(model: Model) -> None:
    th = model.parameters(th=(j,))
    X, y = model.inputs(X=(k, j), y=(k,))
    e = model.define("e", (k,), total(X[k, j] * th[j], j))
    model.minimize("L", total(exp(e[k]) - y[k] * e[k], k))


@hand({"cosine-similarity": "a"}, D=4)
def cosine(model: Model) -> None:
    a, b = model.parameters(a=(j,), b=(j,))
    na = model.define("na", (), sqrt(total(a[j] ** 2, j)))
    nb = model.define("nb", (), sqrt(total(b[j] ** 2, j)))
    model.minimize("L", total(a[j] * b[j], j) / na / nb)

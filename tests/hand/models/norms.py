"""Batch norm with the unbiased variance, layer norm and RMS norm; an axis that NumPy keeps has size 1."""

from __future__ import annotations

from sympy import sqrt

from symgrad.language.model import Model
from symgrad.language.surface import axes, mean, size, total

from .table import hand

i, j, o = axes("i:n j:k o:1")


@hand({"batchnorm-bessel-dx": "x", "batchnorm-dgain": "gain"}, n=6, k=3)
def batch_norm(model: Model) -> None:
    x, gain, bias = model.parameters(x=(i, j), gain=(o, j), bias=(o, j))
    Q, eps = model.inputs(Q=(i, j), eps=())
    mu = model.define("mu", (o, j), mean(x[i, j], i))
    var = model.define("var", (o, j), total((x[i, j] - mu[0, j]) ** 2, i) / (size(i) - 1))
    inv = model.define("inv", (o, j), 1 / sqrt(var[o, j] + eps))
    xh = model.define("xh", (i, j), (x[i, j] - mu[0, j]) * inv[0, j])
    y = model.define("y", (i, j), gain[0, j] * xh[i, j] + bias[0, j])
    model.minimize("L", total(Q[i, j] * y[i, j], i, j))


r, s = axes("r:B s:c")


@hand({"layernorm-dx-weight": "x"}, B=3, c=5)
def layer_norm(model: Model) -> None:
    x, w, b = model.parameters(x=(r, s), w=(s,), b=(s,))
    Q, eps = model.inputs(Q=(r, s), eps=())
    mu = model.define("mu", (r, o), mean(x[r, s], s))
    var = model.define("var", (r, o), mean((x[r, s] - mu[r, 0]) ** 2, s))
    rs = model.define("rs", (r, o), 1 / sqrt(var[r, o] + eps))
    nn = model.define("nn", (r, s), (x[r, s] - mu[r, 0]) * rs[r, 0])
    y = model.define("y", (r, s), nn[r, s] * w[s] + b[s])
    model.minimize("L", total(Q[r, s] * y[r, s], r, s))


@hand({"rmsnorm-dx": "x"}, B=3, c=5)
def rms_norm(model: Model) -> None:
    x, w = model.parameters(x=(r, s), w=(s,))
    Q, eps = model.inputs(Q=(r, s), eps=())
    ri = model.define("ri", (r, o), 1 / sqrt(mean(x[r, s] ** 2, s) + eps))
    xh = model.define("xh", (r, s), x[r, s] * ri[r, 0])
    y = model.define("y", (r, s), xh[r, s] * w[s])
    model.minimize("L", total(Q[r, s] * y[r, s], r, s))

"""Scaled dot-product attention of one head, and GELU in its tanh form."""

from __future__ import annotations

from sympy import Float, sqrt, tanh

from symgrad.language.model import Model
from symgrad.language.surface import axes, size, softmax, total

from .table import hand

t, s, d, e = axes("t:T s:S d:dk e:dv")


@hand({"attn-dQ-scale": "Qm", "attn-dS-diagonal": "Qm"}, T=4, S=4, dk=4, dv=4)
def attention(model: Model) -> None:
    """As many queries as keys in the code; nothing in the mathematics needs it."""
    Qm, Km, Vm = model.parameters(Qm=(t, d), Km=(s, d), Vm=(s, e))
    dO = model.inputs(dO=(t, e))
    Sm = model.define("Sm", (t, s), total(Qm[t, d] * Km[s, d], d) / sqrt(size(d)))
    A = model.define("A", (t, s), softmax(Sm[t, s], s))
    O = model.define("O", (t, e), total(A[t, s] * Vm[s, e], s))  # noqa: E741
    model.minimize("L", total(dO[t, e] * O[t, e], t, e))


i = axes("i:N")


@hand({"gelu-tanh": "x"}, N=6)
def gelu(model: Model) -> None:
    x = model.parameters(x=(i,))
    g, s2 = model.inputs(g=(i,), s2=())
    t = model.define("t", (i,), tanh(s2 * (x[i] + Float("0.044715") * x[i] ** 3)))
    model.minimize("L", total(g[i] * x[i] * (1 + t[i]) / 2, i))

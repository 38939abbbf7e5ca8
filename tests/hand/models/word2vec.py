"""word2vec: the softmax over outside words, and negative samples."""

from __future__ import annotations

from sympy import KroneckerDelta, log

from symgrad.language.model import Model
from symgrad.language.surface import axes, sigmoid, softmax, total

from .table import hand

i, v, n = axes("i:m v:V n:N")


@hand({"w2v-softmax-vc": "vc"}, m=6, V=6)
def outside_softmax(model: Model) -> None:
    """The columns of Um are the outside vectors."""
    vc, Um = model.parameters(vc=(i,), Um=(i, v))
    o = model.tokens(o=(), vocabulary=v)
    model.define("y", (v,), KroneckerDelta(v, o))
    z = model.define("z", (v,), total(Um[i, v] * vc[i], i))
    yh = model.define("yh", (v,), softmax(z[v], v))
    model.minimize("L", -log(yh[o]))


@hand({"sgns-uk": "Uk"}, m=4, N=3)
def negative_samples(model: Model) -> None:
    uo, Uk, vc = model.parameters(uo=(i,), Uk=(n, i), vc=(i,))
    positive = -log(sigmoid(total(uo[i] * vc[i], i)))
    model.minimize("L", positive - total(log(sigmoid(-total(Uk[n, i] * vc[i], i))), n))


@hand({"sgns-repeated-negative": "U"}, m=4, N=3, V=5)
def negative_ids(model: Model) -> None:
    """Negative samples are rows of one table, drawn with repetition."""
    U, vc = model.parameters(U=(v, i), vc=(i,))
    k, o = model.tokens(k=(n,), o=(), vocabulary=v)
    positive = -log(sigmoid(total(U[o, i] * vc[i], i)))
    model.minimize("L", positive - total(log(sigmoid(-total(U[k[n], i] * vc[i], i))), n))

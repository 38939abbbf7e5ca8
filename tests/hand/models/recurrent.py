"""An Elman network through time, and single steps of an LSTM and a GRU in the row convention."""

from __future__ import annotations

from sympy import KroneckerDelta, log, tanh

from symgrad.language.model import Model
from symgrad.language.surface import axes, concatenated, sigmoid, softmax, total

from .table import hand

s, a, b, p, k, u = axes("s:T a:h b:h p:D k:K u:T+1")


@hand({"rnn-Whh-index": "Whh", "rnn-bh-not-accumulated": "bh"}, T=4, h=3, D=2, K=3)
def elman(model: Model) -> None:
    """`hs` is the code's list: h0, and behind it the states `ht`."""
    Wxh, Whh, Why = model.parameters(Wxh=(a, p), Whh=(a, b), Why=(k, a))
    bh, by, h0 = model.parameters(bh=(a,), by=(k,), h0=(a,))
    xs, ts = model.inputs(xs=(s, p)), model.tokens(ts=(s,), vocabulary=k)
    ht = model.recurrent("ht", (s, a), along=s, start=h0[a])
    model.define("ht", (s, a), tanh(total(Wxh[a, p] * xs[s, p], p) + total(Whh[a, b] * ht[s - 1, b], b) + bh[a]))
    model.define("hs", (u, a), concatenated(u, (lambda start: h0[a], 1), (lambda later: ht[later, a], s)))
    o = model.define("o", (s, k), total(Why[k, a] * ht[s, a], a) + by[k])
    yh = model.define("yh", (s, k), softmax(o[s, k], k))
    model.define("y", (s, k), KroneckerDelta(k, ts[s]))
    model.minimize("L", -total(log(yh[s, ts[s]]), s))


@hand({"rnn-mean-over-time": "Wqh"}, T=4, D=2, K=3)
def mean_over_time(model: Model) -> None:
    Wqh = model.parameters(Wqh=(k, p))
    Hs, ts = model.inputs(Hs=(s, p)), model.tokens(ts=(s,), vocabulary=k)
    o = model.define("o", (s, k), total(Wqh[k, p] * Hs[s, p], p))
    yh = model.define("yh", (s, k), softmax(o[s, k], k))
    model.minimize("L", -total(log(yh[s, ts[s]]), s) / (s.upper + 1))


l, e, d = axes("l:n e:P d:D")  # noqa: E741


@hand({"lstm-x-gates": "x"}, n=3, P=3, D=3)
def lstm_step(model: Model) -> None:
    """One step: hp has its own width P, which need not be that of the cell."""
    x = model.parameters(x=(d,))
    hp, cp, q, k = model.inputs(hp=(e,), cp=(l,), q=(l,), k=(l,))
    Wf, Wi, Wg, Wo = model.inputs(Wf=(e, l), Wi=(e, l), Wg=(e, l), Wo=(e, l))
    Uf, Ui, Ug, Uo = model.inputs(Uf=(d, l), Ui=(d, l), Ug=(d, l), Uo=(d, l))

    def before(W, U):
        return total(hp[e] * W[e, l], e) + total(x[d] * U[d, l], d)

    f = model.define("f", (l,), sigmoid(before(Wf, Uf)))
    i = model.define("i", (l,), sigmoid(before(Wi, Ui)))
    g = model.define("g", (l,), tanh(before(Wg, Ug)))
    o = model.define("o", (l,), sigmoid(before(Wo, Uo)))
    c = model.define("c", (l,), cp[l] * f[l] + i[l] * g[l])
    ht = model.define("ht", (l,), tanh(c[l]) * o[l])
    model.minimize("L", total(q[l] * ht[l], l) + total(k[l] * c[l], l))


w = axes("w:n")


@hand({"gru-update-gate": "Wz", "gru-x-duplicate-weight": "x"}, n=3, D=3)
def gru_step(model: Model) -> None:
    Wr, Wz, Wg = model.parameters(Wr=(w, l), Wz=(w, l), Wg=(w, l))
    Ur, Uz, Ug, x = model.parameters(Ur=(d, l), Uz=(d, l), Ug=(d, l), x=(d,))
    hp, q = model.inputs(hp=(l,), q=(l,))

    def before(left, W, U):
        return total(left * W[w, l], w) + total(x[d] * U[d, l], d)

    r = model.define("r", (l,), sigmoid(before(hp[w], Wr, Ur)))
    z = model.define("z", (l,), sigmoid(before(hp[w], Wz, Uz)))
    g = model.define("g", (l,), tanh(before(hp[w] * r[w], Wg, Ug)))
    ht = model.define("ht", (l,), hp[l] * (1 - z[l]) + z[l] * g[l])
    model.minimize("L", total(q[l] * ht[l], l))

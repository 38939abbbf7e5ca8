"""The neural probabilistic language model (Bengio et al. 2003, eq. 1), and embeddings."""

from __future__ import annotations

from sympy import KroneckerDelta, log, tanh

from symgrad.language.model import Model
from symgrad.language.surface import axes, softmax, split, total

from .table import hand

i, p, j, q, r, s = axes("i:h p:nc j:m q:nc*m r:V s:B")


@hand({"nplm-H-sign": "H", "nplm-C-gather-not-scatter": "C", "nplm-U-wrong-factor": "U"}, V=7, m=3, h=4, nc=3)
def nplm(model: Model) -> None:
    """x is the concatenation of the context's embeddings, q = p*m + j; L is the log probability, to be maximized."""
    C, H, d = model.parameters(C=(r, j), H=(i, q), d=(i,))
    U, W, b = model.parameters(U=(r, i), W=(r, q), b=(r,))
    ctx, t = model.tokens(ctx=(p,), t=(), vocabulary=r)
    place, coordinate = split(q, p, j)
    x = model.define("x", (q,), C[ctx[place], coordinate])
    a = model.define("a", (i,), tanh(d[i] + total(H[i, q] * x[q], q)))
    y = model.define("y", (r,), b[r] + total(W[r, q] * x[q], q) + total(U[r, i] * a[i], i))
    model.define("onehot_t", (r,), KroneckerDelta(r, t))
    prob = model.define("prob", (r,), softmax(y[r], r))
    model.minimize("L", log(prob[t]))


k, n, l, e = axes("k:B n:T l:c e:V")  # noqa: E741


@hand({"position-embedding-batch": "wpe"}, B=3, T=4, c=2, V=6)
def position_embedding(model: Model) -> None:
    wte, wpe = model.parameters(wte=(e, l), wpe=(n, l))
    ix, Q = model.tokens(ix=(k, n), vocabulary=e), model.inputs(Q=(k, n, l))
    out = model.define("out", (k, n, l), wte[ix[k, n], l] + wpe[n, l])
    model.minimize("L", total(Q[k, n, l] * out[k, n, l], k, n, l))


@hand({"eq-embedding-onehot-matmul": "C"}, V=6, m=3, N=4)
def embedding(model: Model) -> None:
    u, w, o = axes("u:N w:m o:V")
    C, ctx, Q = model.parameters(C=(o, w)), model.tokens(ctx=(u,), vocabulary=o), model.inputs(Q=(u, w))
    h = model.define("h", (u, w), C[ctx[u], w])
    model.minimize("L", total(Q[u, w] * h[u, w], u, w))

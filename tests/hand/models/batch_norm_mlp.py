"""The batch-normalized character model of Karpathy's lecture "makemore, part 4" (2022), every intermediate a name."""

from __future__ import annotations

from functools import cache

from sympy import Rational, exp, log, tanh

from symgrad.language.model import Model
from symgrad.language.surface import axes, maximum, size, split, total

BACKWARD = """
dlogprobs = np.zeros_like(logprobs)
dlogprobs[range(n), Yb] = -1.0/n
dprobs = (1.0 / probs) * dlogprobs
dcounts_sum_inv = (counts * dprobs).sum(1, keepdims=True)
dcounts = counts_sum_inv * dprobs
dcounts_sum = (-counts_sum**-2) * dcounts_sum_inv
dcounts += np.ones_like(counts) * dcounts_sum
dnorm_logits = counts * dcounts
dlogits = dnorm_logits.copy()
dlogit_maxes = (-dnorm_logits).sum(1, keepdims=True)
dlogits += F.one_hot(logits.argmax(1), num_classes=logits.shape[1]) * dlogit_maxes
dh = dlogits @ W2.T
dW2 = h.T @ dlogits
db2 = dlogits.sum(0)
dhpreact = (1.0 - h**2) * dh
dbngain = (bnraw * dhpreact).sum(0, keepdims=True)
dbnraw = bngain * dhpreact
dbnbias = dhpreact.sum(0, keepdims=True)
dbndiff = bnvar_inv * dbnraw
dbnvar_inv = (bndiff * dbnraw).sum(0, keepdims=True)
dbnvar = (-0.5*(bnvar + 1e-5)**-1.5) * dbnvar_inv
dbndiff2 = (1.0/(n-1)) * np.ones_like(bndiff2) * dbnvar
dbndiff += (2*bndiff) * dbndiff2
dhprebn = dbndiff.copy()
dbnmeani = (-dbndiff).sum(0)
dhprebn += 1.0/n * (np.ones_like(hprebn) * dbnmeani)
dembcat = dhprebn @ W1.T
dW1 = embcat.T @ dhprebn
db1 = dhprebn.sum(0)
demb = dembcat.reshape(emb.shape)
dC = np.zeros_like(C)
for k in range(Xb.shape[0]):
    for j in range(Xb.shape[1]):
        ix = Xb[k,j]
        dC[ix] += demb[k,j]
"""
SHAPES = """
# bnmeani: (1, H), bnvar: (1, H), bnvar_inv: (1, H)
# logit_maxes: (B, 1), counts_sum: (B, 1), counts_sum_inv: (B, 1)
"""


@cache
def batch_norm_mlp() -> Model:
    model = Model("batch_norm_mlp")
    b, c, t, d, k, i, v, w = axes("b:B c:B t:N d:D k:N*D i:H v:V w:V")
    C, W1, b1 = model.parameters(C=(v, d), W1=(k, i), b1=(i,))
    bngain, bnbias, W2, b2 = model.parameters(bngain=(i,), bnbias=(i,), W2=(i, v), b2=(v,))
    Xb, Yb = model.tokens(Xb=(b, t), Yb=(b,), vocabulary=v)
    n = size(b)
    emb = model.define("emb", (b, t, d), C[Xb[b, t], d])
    embcat = model.define("embcat", (b, k), emb[(b, *split(k, t, d))])
    hprebn = model.define("hprebn", (b, i), total(embcat[b, k] * W1[k, i], k) + b1[i])
    bnmeani = model.define("bnmeani", (i,), total(hprebn[c, i], c) / n)
    bndiff = model.define("bndiff", (b, i), hprebn[b, i] - bnmeani[i])
    bndiff2 = model.define("bndiff2", (b, i), bndiff[b, i] ** 2)
    bnvar = model.define("bnvar", (i,), total(bndiff2[c, i], c) / (n - 1))
    bnvar_inv = model.define("bnvar_inv", (i,), (bnvar[i] + Rational(1, 100_000)) ** Rational(-1, 2))
    bnraw = model.define("bnraw", (b, i), bndiff[b, i] * bnvar_inv[i])
    hpreact = model.define("hpreact", (b, i), bngain[i] * bnraw[b, i] + bnbias[i])
    h = model.define("h", (b, i), tanh(hpreact[b, i]))
    logits = model.define("logits", (b, v), total(h[b, i] * W2[i, v], i) + b2[v])
    logit_maxes = model.define("logit_maxes", (b,), maximum(logits[b, w], w))
    norm_logits = model.define("norm_logits", (b, v), logits[b, v] - logit_maxes[b])
    counts = model.define("counts", (b, v), exp(norm_logits[b, v]))
    counts_sum = model.define("counts_sum", (b,), total(counts[b, w], w))
    counts_sum_inv = model.define("counts_sum_inv", (b,), counts_sum[b] ** -1)
    probs = model.define("probs", (b, v), counts[b, v] * counts_sum_inv[b])
    logprobs = model.define("logprobs", (b, v), log(probs[b, v]))
    model.minimize("loss", -total(logprobs[b, Yb[b]], b) / n)
    return model

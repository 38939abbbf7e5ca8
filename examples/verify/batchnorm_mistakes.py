"""The same backward pass of a batch-normalized character MLP with five mistakes in it.

The model, every step of it a definition:

    from sympy import exp, log, tanh, sqrt
    from symgrad import Model, axes, maximum, size, split, total

    model = Model("batchnorm_mlp")
    b, t, d, e, i, v = axes("b:n t:T d:D e:T*D i:H v:V")  # batch, context, embedding, both, hidden, letters
    C, W1, b1 = model.parameters(C=(v, d), W1=(e, i), b1=(i,))
    bngain, bnbias, W2, b2 = model.parameters(bngain=(i,), bnbias=(i,), W2=(i, v), b2=(v,))
    X, Y = model.tokens(X=(b, t), Y=(b,), vocabulary=v)
    n = size(b)

    emb = model.define("emb", (b, t, d), C[X[b, t], d])
    position, coordinate = split(e, t, d)
    embcat = model.define("embcat", (b, e), emb[b, position, coordinate])
    hprebn = model.define("hprebn", (b, i), total(embcat[b, e] * W1[e, i], e) + b1[i])
    bnmeani = model.define("bnmeani", (i,), total(hprebn[b, i], b) / n)
    bndiff = model.define("bndiff", (b, i), hprebn[b, i] - bnmeani[i])
    bndiff2 = model.define("bndiff2", (b, i), bndiff[b, i] ** 2)
    bnvar = model.define("bnvar", (i,), total(bndiff2[b, i], b) / (n - 1))
    bnvar_inv = model.define("bnvar_inv", (i,), 1 / sqrt(bnvar[i] + 1e-5))
    bnraw = model.define("bnraw", (b, i), bndiff[b, i] * bnvar_inv[i])
    hpreact = model.define("hpreact", (b, i), bngain[i] * bnraw[b, i] + bnbias[i])
    h = model.define("h", (b, i), tanh(hpreact[b, i]))
    logits = model.define("logits", (b, v), total(h[b, i] * W2[i, v], i) + b2[v])
    logit_maxes = model.define("logit_maxes", (b,), maximum(logits[b, v], v))
    norm_logits = model.define("norm_logits", (b, v), logits[b, v] - logit_maxes[b])
    counts = model.define("counts", (b, v), exp(norm_logits[b, v]))
    counts_sum = model.define("counts_sum", (b,), total(counts[b, v], v))
    counts_sum_inv = model.define("counts_sum_inv", (b,), 1 / counts_sum[b])
    probs = model.define("probs", (b, v), counts[b, v] * counts_sum_inv[b])
    logprobs = model.define("logprobs", (b, v), log(probs[b, v]))
    model.minimize("loss", -total(logprobs[b, Y[b]], b) / n)
"""

import numpy as np

# counts_sum: (n, 1), counts_sum_inv: (n, 1), logit_maxes: (n, 1)
# bngain: (1, H), bnbias: (1, H), bnmeani: (1, H), bnvar: (1, H), bnvar_inv: (1, H)

dlogprobs = np.zeros_like(logprobs)
dlogprobs[np.arange(n), Y] = -1.0 / n
dprobs = (1.0 / probs) * dlogprobs
dcounts_sum_inv = (counts * dprobs).sum(1, keepdims=True)
dcounts = counts_sum_inv * dprobs
dcounts_sum = counts_sum**-2 * dcounts_sum_inv
dcounts += np.ones_like(counts) * dcounts_sum
dnorm_logits = counts * dcounts
dlogits = dnorm_logits.copy()
dlogit_maxes = (-dnorm_logits).sum(1, keepdims=True)
dlogits += one_hot(logits.argmax(1), V) * dlogit_maxes
dh = dlogits @ W2.T
dW2 = h.T @ dlogits
db2 = dlogits.sum(0)
dhpreact = (1.0 - h) * dh
dbngain = (bndiff * dhpreact).sum(0, keepdims=True)
dbnraw = bngain * dhpreact
dbnbias = dhpreact.sum(0, keepdims=True)
dbndiff = bnvar_inv * dbnraw
dbnvar_inv = (bndiff * dbnraw).sum(0, keepdims=True)
dbnvar = (-0.5 * (bnvar + 1e-5) ** -1.5) * dbnvar_inv
dbndiff2 = (1.0 / n) * np.ones_like(bndiff2) * dbnvar
dbndiff += (2 * bndiff) * dbndiff2
dhprebn = dbndiff.copy()
dbnmeani = (-dbndiff).sum(0)
dhprebn += 1.0 / n * (np.ones_like(hprebn) * dbnmeani)
dembcat = dhprebn @ W1.T
dW1 = embcat.T @ dhprebn
db1 = dhprebn.sum(0)
demb = dembcat.reshape(emb.shape)
dC = np.zeros_like(C)
for k in range(X.shape[0]):
    for j in range(X.shape[1]):
        dC[X[k, j]] = demb[k, j]

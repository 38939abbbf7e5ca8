"""The losses as a person writes them in PyTorch; parameters and what a step is given by their names.

`m.sparse` asks for the embedding whose gradient is sparse; `m.rnn_tanh` and `m.lstm` are what nn.RNN and nn.LSTM call.
"""

from __future__ import annotations

from types import SimpleNamespace

import torch
from torch import Tensor
from torch.nn import functional as F


def scalar_tanh(m: SimpleNamespace) -> Tensor:
    return (m.y - torch.tanh(m.w2 * torch.tanh(m.w1 * m.x))) ** 2 / 2


def concat_lm(m: SimpleNamespace) -> Tensor:
    h = torch.tanh(F.embedding(m.x, m.C, sparse=m.sparse).flatten(1) @ m.W1.flatten(1).T)
    return F.cross_entropy(h @ m.W2.T, m.y)


def makemore_mlp(m: SimpleNamespace) -> Tensor:
    h = torch.tanh(F.linear(F.embedding(m.x, m.C, sparse=m.sparse).flatten(1), m.W1.flatten(1), m.b1))
    return F.cross_entropy(F.linear(h, m.W2, m.b2), m.y)


def bengio2003(m: SimpleNamespace) -> Tensor:
    x = F.embedding(m.context, m.C, sparse=m.sparse).flatten(1)
    return F.cross_entropy(F.linear(torch.tanh(F.linear(x, m.H.flatten(1), m.d)), m.U, m.b), m.word)


def unnamed_loss(m: SimpleNamespace) -> Tensor:
    h = torch.tanh(F.embedding(m.x, m.C, sparse=m.sparse).flatten(1) @ m.W1.flatten(1).T)
    log_p = torch.log_softmax(1.5 * (h @ m.W2.T), 1)
    return F.nll_loss(log_p, m.y) + log_p.exp().square().sum(1).mean() / 10


def rnn_lm(m: SimpleNamespace) -> Tensor:
    c = F.embedding(m.x, m.C, sparse=m.sparse)
    start = c.new_zeros(1, len(c), len(m.R))
    h, _ = m.rnn_tanh(c, start, [m.W, m.R, m.s, torch.zeros_like(m.s)], True, 1, 0.0, True, False, True)
    return F.cross_entropy(F.linear(h, m.U, m.k).flatten(0, 1), m.y.flatten())


def lstm_lm(m: SimpleNamespace) -> Tensor:
    c = F.embedding(m.x, m.C, sparse=m.sparse)
    start = c.new_zeros(1, len(c), m.R.shape[1])
    h, *_ = m.lstm(c, (start, start), [m.W, m.R, m.c, torch.zeros_like(m.c)], True, 1, 0.0, True, False, True)
    return F.cross_entropy(F.linear(h, m.U, m.k).flatten(0, 1), m.y.flatten())


def transformer_lm(m: SimpleNamespace) -> Tensor:
    r = F.embedding(m.x, m.C, sparse=m.sparse) + m.P
    for n in range(m.blocks):
        of = {name: getattr(m, f"{name}_{n}") for name in ("QGA", "M", "g1", "b1", "g2", "b2", "W", "w", "U", "u")}
        z = F.layer_norm(r, r.shape[-1:], of["g1"], of["b1"])
        q, k, v = F.linear(z, of["QGA"]).unflatten(2, (3, m.heads, -1)).permute(2, 0, 3, 1, 4)
        mix = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        r = r + F.linear(mix.transpose(1, 2).flatten(2), of["M"])
        a = F.linear(F.layer_norm(r, r.shape[-1:], of["g2"], of["b2"]), of["W"], of["w"])
        r = r + F.linear(F.gelu(a, approximate="tanh"), of["U"], of["u"])
    return F.cross_entropy(F.linear(r, m.H, m.h).flatten(0, 1), m.y.flatten())

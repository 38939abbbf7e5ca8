"""The losses of `models.py` as a person writes them in PyTorch; tensors by their names."""

from __future__ import annotations

from types import SimpleNamespace

import torch
from numpy import ndarray
from torch import Tensor
from torch.nn import functional as F


def scalar_tanh(m: SimpleNamespace) -> Tensor:
    return (m.y - torch.tanh(m.w2 * torch.tanh(m.w1 * m.x))) ** 2 / 2


def concat_lm(m: SimpleNamespace) -> Tensor:
    h = torch.tanh(F.embedding(m.x, m.C).flatten(1) @ m.W1.flatten(1).T)
    return F.cross_entropy(h @ m.W2.T, m.y)


def makemore_mlp(m: SimpleNamespace) -> Tensor:
    h = torch.tanh(F.linear(F.embedding(m.x, m.C).flatten(1), m.W1.flatten(1), m.b1))
    return F.cross_entropy(F.linear(h, m.W2, m.b2), m.y)


def makemore_batchnorm(m: SimpleNamespace) -> Tensor:
    # F.batch_norm divides by B, this by B - 1
    z = F.linear(F.embedding(m.x, m.C).flatten(1), m.W1.flatten(1))
    n = (z - z.mean(0)) / torch.sqrt(z.var(0, unbiased=True) + 1e-5)
    return F.cross_entropy(F.linear(torch.tanh(m.gain * n + m.bias), m.W2, m.b2), m.y)


def bengio2003(m: SimpleNamespace) -> Tensor:
    x = F.embedding(m.context, m.C).flatten(1)
    return F.cross_entropy(F.linear(torch.tanh(F.linear(x, m.H.flatten(1), m.d)), m.U, m.b), m.word)


def bengio2003_direct(m: SimpleNamespace) -> Tensor:
    x = F.embedding(m.context, m.C).flatten(1)
    y = F.linear(torch.tanh(F.linear(x, m.H.flatten(1), m.d)), m.U, m.b)
    return F.cross_entropy(y + F.linear(x, m.W.flatten(1)), m.word)


def softmax_regression(m: SimpleNamespace) -> Tensor:
    return F.cross_entropy(m.X @ m.W + m.c, m.y)


def rnn_lm(m: SimpleNamespace) -> Tensor:
    c, h, scores = F.embedding(m.x, m.C), m.C.new_zeros(len(m.x), len(m.R)), []
    for t in range(c.shape[1]):
        h = torch.tanh(c[:, t] @ m.W.T + h @ m.R.T + m.s)
        scores.append(F.linear(h, m.U, m.k))
    return F.cross_entropy(torch.stack(scores, 2), m.y)


def lstm_lm(m: SimpleNamespace) -> Tensor:
    units = m.R.shape[1]
    lstm = torch.nn.LSTM(m.C.shape[1], units, batch_first=True, dtype=torch.float64)
    f, g, q, a = range(4)  # ours: forget, input, output, candidate; PyTorch's: input, forget, candidate, output
    turned = [g, f, a, q]
    weights = {
        "weight_ih_l0": m.W[turned].flatten(0, 1),
        "weight_hh_l0": m.R[turned].flatten(0, 1),
        "bias_ih_l0": m.c[turned].flatten(),
        "bias_hh_l0": m.c.new_zeros(4 * units),
    }
    h, _ = torch.func.functional_call(lstm, weights, F.embedding(m.x, m.C))
    return F.cross_entropy(F.linear(h, m.U, m.k).transpose(1, 2), m.y)


def transformer_lm(m: SimpleNamespace) -> Tensor:
    r = F.embedding(m.x, m.C) + m.P
    for n in range(len(m.Q)):
        z = F.layer_norm(r, r.shape[-1:], m.g1[n], m.b1[n])
        q, k, v = (torch.einsum("ked,btd->bkte", W[n], z) for W in (m.Q, m.G, m.A))
        mix = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        r = r + torch.einsum("dke,bkte->btd", m.M[n], mix)
        a = F.linear(F.layer_norm(r, r.shape[-1:], m.g2[n], m.b2[n]), m.W[n], m.w[n])
        r = r + F.linear(F.gelu(a, approximate="tanh"), m.U[n], m.u[n])
    return F.cross_entropy(F.linear(r, m.H, m.h).transpose(1, 2), m.y)


def layer_norm(m: SimpleNamespace) -> Tensor:
    n = F.layer_norm(m.X @ m.W.T, m.g.shape, m.g, m.c, eps=0.01)
    return F.mse_loss(torch.relu(n) @ m.U.T, m.Y)


def attention(m: SimpleNamespace) -> Tensor:
    return F.mse_loss(F.scaled_dot_product_attention(m.X @ m.Q, m.X @ m.K, m.X @ m.U), m.Y)


def sigmoid_normalizer(m: SimpleNamespace) -> Tensor:
    s = torch.sigmoid(m.W[m.x])
    return F.nll_loss(torch.log(s / s.sum(1, keepdim=True)), m.y)


def tied_embedding(m: SimpleNamespace) -> Tensor:
    o = torch.tanh((m.A * F.embedding(m.x, m.C)).sum(1)) @ m.C.T
    return F.cross_entropy(3 * o, m.y) + (torch.softmax(3 * o, 1) ** 2).sum() / 10


def max_pooling(m: SimpleNamespace) -> Tensor:
    return F.mse_loss(torch.sigmoid((m.X @ m.F.T).amax(1) @ m.w), m.y)


def gradients(name: str, values: dict[str, ndarray], wrt: list[str]) -> tuple[float, dict[str, ndarray]]:
    """The loss of that name at float64 values, and its gradients."""
    tensors = {n: torch.tensor(value, requires_grad=n in wrt) for n, value in values.items()}
    loss = globals()[name](SimpleNamespace(**tensors))
    found = torch.autograd.grad(loss, [tensors[n] for n in wrt])
    return loss.item(), {n: gradient.numpy() for n, gradient in zip(wrt, found, strict=True)}

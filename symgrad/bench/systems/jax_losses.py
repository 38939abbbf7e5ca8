"""The losses as a person writes them in JAX; parameters and what a step is given by their names."""

from __future__ import annotations

from types import SimpleNamespace

import jax.numpy as jnp
from jax import Array
from jax.lax import scan
from jax.nn import gelu, log_softmax, sigmoid, softmax


def cross_entropy(scores: Array, y: Array) -> Array:
    return -jnp.take_along_axis(log_softmax(scores), y[..., None], -1).mean()


def flat(W: Array) -> Array:
    return W.reshape(len(W), -1)


def scalar_tanh(m: SimpleNamespace) -> Array:
    return (m.y - jnp.tanh(m.w2 * jnp.tanh(m.w1 * m.x))) ** 2 / 2


def concat_lm(m: SimpleNamespace) -> Array:
    return cross_entropy(jnp.tanh(flat(m.C[m.x]) @ flat(m.W1).T) @ m.W2.T, m.y)


def makemore_mlp(m: SimpleNamespace) -> Array:
    return cross_entropy(jnp.tanh(flat(m.C[m.x]) @ flat(m.W1).T + m.b1) @ m.W2.T + m.b2, m.y)


def bengio2003(m: SimpleNamespace) -> Array:
    return cross_entropy(m.b + jnp.tanh(m.d + flat(m.C[m.context]) @ flat(m.H).T) @ m.U.T, m.word)


def unnamed_loss(m: SimpleNamespace) -> Array:
    log_p = log_softmax(1.5 * (jnp.tanh(flat(m.C[m.x]) @ flat(m.W1).T) @ m.W2.T))
    picked = jnp.take_along_axis(log_p, m.y[:, None], 1).mean()
    return (jnp.exp(log_p) ** 2).sum(1).mean() / 10 - picked


def rnn_lm(m: SimpleNamespace) -> Array:
    """What does not depend on the step before is one product for all steps."""

    def step(h: Array, c: Array) -> tuple[Array, Array]:
        h = jnp.tanh(c + h @ m.R.T)
        return h, h

    given = m.C[m.x].swapaxes(0, 1) @ m.W.T + m.s
    _, h = scan(step, jnp.zeros((len(m.x), len(m.R)), given.dtype), given)
    return cross_entropy(h @ m.U.T + m.k, m.y.T)


def lstm_lm(m: SimpleNamespace) -> Array:
    def step(state: tuple[Array, Array], c: Array) -> tuple[tuple[Array, Array], Array]:
        h, s = state
        g, f, a, q = jnp.split(c + h @ m.R.T, 4, axis=1)
        s = sigmoid(f) * s + sigmoid(g) * jnp.tanh(a)
        h = sigmoid(q) * jnp.tanh(s)
        return (h, s), h

    given = m.C[m.x].swapaxes(0, 1) @ m.W.T + m.c
    start = jnp.zeros((len(m.x), m.R.shape[1]), given.dtype)
    _, h = scan(step, (start, start), given)
    return cross_entropy(h @ m.U.T + m.k, m.y.T)


def transformer_lm(m: SimpleNamespace) -> Array:
    def norm(z: Array, gain: Array, bias: Array) -> Array:
        return gain * (z - z.mean(-1, keepdims=True)) / jnp.sqrt(z.var(-1, keepdims=True) + 1e-5) + bias

    r = m.C[m.x] + m.P
    batch, length, _ = r.shape
    seen = jnp.tril(jnp.ones((length, length), bool))
    for n in range(m.blocks):
        of = {name: getattr(m, f"{name}_{n}") for name in ("QGA", "M", "g1", "b1", "g2", "b2", "W", "w", "U", "u")}
        z = norm(r, of["g1"], of["b1"])
        q, k, v = (z @ of["QGA"].T).reshape(batch, length, 3, m.heads, -1).transpose(2, 0, 3, 1, 4)
        dots = q @ k.swapaxes(2, 3) / q.shape[-1] ** 0.5
        mix = softmax(jnp.where(seen, dots, -1e9)) @ v
        r = r + mix.swapaxes(1, 2).reshape(batch, length, -1) @ of["M"].T
        a = norm(r, of["g2"], of["b2"]) @ of["W"].T + of["w"]
        r = r + gelu(a, approximate=True) @ of["U"].T + of["u"]
    return cross_entropy(r @ m.H.T + m.h, m.y)

"""The losses of `models.py` as a person writes them in JAX; arrays by their names."""

from __future__ import annotations

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.lax import scan
from jax.nn import gelu, log_softmax, relu, sigmoid, softmax


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


def makemore_batchnorm(m: SimpleNamespace) -> Array:
    z = flat(m.C[m.x]) @ flat(m.W1).T
    n = (z - z.mean(0)) / jnp.sqrt(z.var(0, ddof=1) + 1e-5)
    return cross_entropy(jnp.tanh(m.gain * n + m.bias) @ m.W2.T + m.b2, m.y)


def bengio2003(m: SimpleNamespace) -> Array:
    return cross_entropy(m.b + jnp.tanh(m.d + flat(m.C[m.context]) @ flat(m.H).T) @ m.U.T, m.word)


def bengio2003_direct(m: SimpleNamespace) -> Array:
    x = flat(m.C[m.context])
    return cross_entropy(m.b + x @ flat(m.W).T + jnp.tanh(m.d + x @ flat(m.H).T) @ m.U.T, m.word)


def softmax_regression(m: SimpleNamespace) -> Array:
    return cross_entropy(m.X @ m.W + m.c, m.y)


def rnn_lm(m: SimpleNamespace) -> Array:
    def step(h: Array, c: Array) -> tuple[Array, Array]:
        h = jnp.tanh(m.s + c @ m.W.T + h @ m.R.T)
        return h, m.k + h @ m.U.T

    _, scores = scan(step, jnp.zeros((len(m.x), len(m.R))), m.C[m.x].swapaxes(0, 1))
    return cross_entropy(scores, m.y.T)


def lstm_lm(m: SimpleNamespace) -> Array:
    def step(state: tuple[Array, Array], c: Array) -> tuple[tuple[Array, Array], Array]:
        h, s = state
        f, g, q, a = jnp.einsum("nid,bd->nbi", m.W, c) + jnp.einsum("nij,bj->nbi", m.R, h) + m.c[:, None]
        s = sigmoid(f) * s + sigmoid(g) * jnp.tanh(a)
        h = sigmoid(q) * jnp.tanh(s)
        return (h, s), m.k + h @ m.U.T

    start = jnp.zeros((len(m.x), m.R.shape[1]))
    _, scores = scan(step, (start, start), m.C[m.x].swapaxes(0, 1))
    return cross_entropy(scores, m.y.T)


def transformer_lm(m: SimpleNamespace) -> Array:
    def norm(z: Array, gain: Array, bias: Array) -> Array:
        return gain * (z - z.mean(-1, keepdims=True)) / jnp.sqrt(z.var(-1, keepdims=True) + 1e-5) + bias

    r = m.C[m.x] + m.P
    seen = jnp.tril(jnp.ones((len(m.P), len(m.P)), bool))
    for n in range(len(m.Q)):
        z = norm(r, m.g1[n], m.b1[n])
        q, k, v = (jnp.einsum("ked,btd->bkte", W[n], z) for W in (m.Q, m.G, m.A))
        dots = jnp.einsum("bkte,bkse->bkts", q, k) / jnp.sqrt(q.shape[-1])
        mix = jnp.einsum("bkts,bkse->btke", softmax(jnp.where(seen, dots, -1e9)), v)
        r = r + jnp.einsum("dke,btke->btd", m.M[n], mix)
        a = norm(r, m.g2[n], m.b2[n]) @ m.W[n].T + m.w[n]
        r = r + gelu(a, approximate=True) @ m.U[n].T + m.u[n]
    return cross_entropy(r @ m.H.T + m.h, m.y)


def layer_norm(m: SimpleNamespace) -> Array:
    a = m.X @ m.W.T
    n = m.g * (a - a.mean(1, keepdims=True)) / jnp.sqrt(a.var(1, keepdims=True) + 0.01) + m.c
    return ((relu(n) @ m.U.T - m.Y) ** 2).mean()


def attention(m: SimpleNamespace) -> Array:
    z = (m.X @ m.Q) @ (m.X @ m.K).swapaxes(1, 2) / jnp.sqrt(m.Q.shape[1])
    return ((softmax(z) @ (m.X @ m.U) - m.Y) ** 2).mean()


def sigmoid_normalizer(m: SimpleNamespace) -> Array:
    s = sigmoid(m.W[m.x])
    return -jnp.log(s[jnp.arange(len(m.y)), m.y] / s.sum(1)).mean()


def tied_embedding(m: SimpleNamespace) -> Array:
    o = jnp.tanh((m.A * m.C[m.x]).sum(1)) @ m.C.T
    return cross_entropy(3 * o, m.y) + (softmax(3 * o) ** 2).sum() / 10


def max_pooling(m: SimpleNamespace) -> Array:
    return ((sigmoid((m.X @ m.F.T).max(1) @ m.w) - m.y) ** 2).mean()


def gradients(name: str, values: dict[str, np.ndarray], wrt: list[str]) -> tuple[float, dict[str, np.ndarray]]:
    """The loss of that name at float64 values, and its gradients."""

    def loss(chosen: dict[str, Array]) -> Array:
        return globals()[name](SimpleNamespace(**given, **chosen))

    with jax.enable_x64(True):
        given = {n: jnp.array(value) for n, value in values.items() if n not in wrt}
        value, found = jax.value_and_grad(loss)({n: jnp.array(values[n]) for n in wrt})
        return float(value), {n: np.asarray(gradient) for n, gradient in found.items()}

"""What is compared: the examples, and small models for what the examples lack; by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sympy import log, sqrt, tanh

from symgrad import Model, axes, maximum, mean, relu, sigmoid, softmax, total
from symgrad.language.surface import size
from symgrad.model_file import executed, load_model_file

EXAMPLES = Path(__file__).parents[2] / "examples"


def example(name: str) -> Callable[[], Model]:
    return lambda: load_model_file(EXAMPLES / f"{name}.py").model


def direct_connections() -> Model:
    return executed(EXAMPLES / "bengio2003.py").build(direct=True)


def layer_norm() -> Model:
    """A regression through (a - mean a) / sqrt(var a + 1/100), a gain, a bias and a relu."""
    model = Model("layer_norm")
    b, d, i, k = axes("b:B d:D i:H k:K")
    W, g, c, U = model.parameters(W=(i, d), g=(i,), c=(i,), U=(k, i))
    X, Y = model.inputs(X=(b, d), Y=(b, k))
    a = model.define("a", (b, i), total(W[i, d] * X[b, d], d))
    m = model.define("m", (b,), mean(a[b, i], i))
    s = model.define("s", (b,), mean((a[b, i] - m[b]) ** 2, i))
    n = model.define("n", (b, i), g[i] * (a[b, i] - m[b]) / sqrt(s[b] + 0.01) + c[i])
    r = model.define("r", (b, i), relu(n[b, i]))
    model.minimize("L", mean((total(U[k, i] * r[b, i], i) - Y[b, k]) ** 2, b, k))
    return model


def attention() -> Model:
    """One head over all positions: O = softmax(X Q (X K)^T / sqrt(E)) X U, squared error."""
    model = Model("attention")
    b, t, s, d, e = axes("b:B t:T s:T d:D e:E")
    Q, K, U = model.parameters(Q=(d, e), K=(d, e), U=(d, e))
    X, Y = model.inputs(X=(b, t, d), Y=(b, t, e))
    q = model.define("q", (b, t, e), total(X[b, t, d] * Q[d, e], d))
    k = model.define("k", (b, t, e), total(X[b, t, d] * K[d, e], d))
    u = model.define("u", (b, t, e), total(X[b, t, d] * U[d, e], d))
    z = model.define("z", (b, t, s), total(q[b, t, e] * k[b, s, e], e) / sqrt(size(e)))
    w = model.define("w", (b, t, s), softmax(z[b, t, s], s))
    o = model.define("o", (b, t, e), total(w[b, t, s] * u[b, s, e], s))
    model.minimize("L", mean((o[b, t, e] - Y[b, t, e]) ** 2, b, t, e))
    return model


def sigmoid_normalizer() -> Model:
    """p = sigmoid(o)/sum sigmoid(o): a loss that nobody named."""
    model = Model("sigmoid_normalizer")
    b, v, w = axes("b:B v:V w:V")
    W = model.parameters(W=(w, v))
    x, y = model.tokens(x=(b,), y=(b,), vocabulary=v)
    s = model.define("s", (b, v), sigmoid(W[x[b], v]))
    z = model.define("z", (b,), total(s[b, v], v))
    model.minimize("L", mean(-log(s[b, y[b]] / z[b]), b))
    return model


def tied_embedding() -> Model:
    """C embeds the words and scores them: a scatter-add and a product in one gradient."""
    model = Model("tied_embedding")
    b, t, d, v = axes("b:B t:N d:D v:V")
    C, A = model.parameters(C=(v, d), A=(t, d))
    x, y = model.tokens(x=(b, t), y=(b,), vocabulary=v)
    h = model.define("h", (b, d), tanh(total(A[t, d] * C[x[b, t], d], t)))
    o = model.define("o", (b, v), total(C[v, d] * h[b, d], d))
    p = model.define("p", (b, v), softmax(3 * o[b, v], v))
    model.minimize("L", mean(-log(p[b, y[b]]), b) + total(p[b, v] ** 2, b, v) / 10)
    return model


def max_pooling() -> Model:
    """Logistic regression on the largest response of each filter along a sequence."""
    model = Model("max_pooling")
    b, t, d, i = axes("b:B t:T d:D i:H")
    F, w = model.parameters(F=(i, d), w=(i,))
    X, y = model.inputs(X=(b, t, d), y=(b,))
    r = model.define("r", (b, t, i), total(F[i, d] * X[b, t, d], d))
    m = model.define("m", (b, i), maximum(r[b, t, i], t))
    p = model.define("p", (b,), sigmoid(total(w[i] * m[b, i], i)))
    model.minimize("L", mean((p[b] - y[b]) ** 2, b))
    return model


MODELS: dict[str, Callable[[], Model]] = {
    **{path.stem: example(path.stem) for path in sorted(EXAMPLES.glob("*.py"))},
    "bengio2003_direct": direct_connections,
    "layer_norm": layer_norm,
    "attention": attention,
    "sigmoid_normalizer": sigmoid_normalizer,
    "tied_embedding": tied_embedding,
    "max_pooling": max_pooling,
}

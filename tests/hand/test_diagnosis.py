"""The mistake of a wrong line is named: a table of models, wrong lines, and words that the diagnosis has to contain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, wraps
from pathlib import Path

import pytest
import yaml
from sympy import Float, KroneckerDelta, exp, log, sqrt, tanh

from symgrad import Model, axes, mean, relu, sigmoid, softmax, total, verify
from symgrad.language.surface import size

from .models import CASES, case

FILE = Path(__file__).parents[3] / "shared" / "cases" / "hand_derivations.yaml"


@dataclass(frozen=True)
class Wrong:
    """`said`: words of which each is in the first wrong verdict's mistakes; `sizes` that are tried."""

    build: Callable[[], Model]
    code: str
    said: tuple[str, ...]
    sizes: dict[str, int] | None = None


TABLE: list[Wrong] = []


def wrong(code: str, *said: str, **sizes: int) -> tuple[str, tuple[str, ...], dict[str, int]]:
    return code, said, sizes


def of(*lines: tuple[str, tuple[str, ...], dict[str, int]]) -> Callable:
    """Enter wrong lines about the model that is declared below them."""

    def enter(declare: Callable[[Model], None]) -> Callable[[Model], None]:
        @cache
        @wraps(declare)
        def build() -> Model:
            model = Model(declare.__name__)
            declare(model)
            return model

        TABLE.extend(Wrong(build, code, said, sizes or None) for code, said, sizes in lines)
        return declare

    return enter


b, t, d, i, v = axes("b:B t:N d:D i:H v:V")


@of(
    wrong("do = p - onehot(y, V)", "1/B is lost"),
    wrong("do = (onehot(y, V) - p) / B", "sign is wrong"),
    wrong("do = (p - onehot(y, V)) / B / B", "doubled 1/B", "too many"),
    wrong("db2 = do.mean(0)", "a mean for a sum", "`do.sum(0)`"),
    wrong("db2 = do[-1]", "sum over the batch", "only the last element"),
    wrong("db2 = do.sum(1)", "wrong axis"),
    wrong("dW2 = h.T @ do", "(transposed)", "`# W2: (H, V)`"),
    wrong("dW2 = h.T @ do", "transpose", V=4, D=4, H=4, N=4, B=4),
    wrong("dh = do @ W2.T", "@ (7, 5); with W2", "(V, H), `do @ W2` is right", "`# W2: (H, V)`"),
    wrong("dh = do @ W2.T", "`W2.T` stands where `W2` is right", V=4, D=4, H=4, N=4, B=4),
    wrong("dW2 = do.T @ a", "`a` stands where `h` is right", "preactivation for the activation"),
    wrong("dW2 = do.T @ np.tanh(h)", "tanh is applied twice"),
    wrong("da = dh", "dL/dh, given as dL/da", "(1 - h**2) is missing", "local derivative"),
    wrong("da = (1 - h) * dh", "`1 - h` stands where `1 - h**2` is right"),
    wrong("da = (1 - np.tanh(h)**2) * dh", "applied twice", "at the output"),
    wrong("da = (1 - a**2) * dh", "`a` stands where `h` is right", "preactivation"),
    wrong("da = (1 + h**2) * dh", "sign is wrong"),
    wrong("dh = da", "dL/da, given as dL/dh"),
    wrong("dh = 0 * h", "zero", "term is lost"),
    wrong("dC = np.zeros_like(C)\ndC[x] += ds[:, None, :]", "repeated", "np.add.at"),
    wrong("dC = np.zeros_like(C)\nfor k in range(B):\n    for j in range(N):\n        dC[x[k, j]] = ds[k]", "= for +="),
    wrong("dh = do @ W2 + da", "an extra term"),
    wrong("dW1 = s.T @ dh", "`dh` stands where `da` is right"),
    wrong("g = (1 - h) * dh\ndW1 = s.T @ g", "in line 1", "1 - h**2"),
    wrong("dW2 = np.zeros_like(W2)\nfor k in range(B):\n    dW2 + np.outer(do[k], h[k])", "thrown away"),
    wrong("db2 = np.zeros_like(b2)\nfor k in range(B):\n    db2 + do[k]", "thrown away", "+="),
    wrong("dW2 = np.zeros_like(W2)\nfor k in range(B):\n    dW2 += np.outer(h[k], do[k])", "outer product is reversed"),
    wrong("dW2 = np.einsum('bv,bi->iv', do, h)", "transpose"),
    wrong("db2 = np.ones(V)", "no single mistake explains it; nearest: it differs in"),
)
def classifier(model: Model) -> None:
    C, W1, W2, b2 = model.parameters(C=(v, d), W1=(d, i), W2=(v, i), b2=(v,))
    x, y = model.tokens(x=(b, t), y=(b,), vocabulary=v)
    s = model.define("s", (b, d), total(C[x[b, t], d], t))
    a = model.define("a", (b, i), total(W1[d, i] * s[b, d], d))
    h = model.define("h", (b, i), tanh(a[b, i]))
    o = model.define("o", (b, v), total(W2[v, i] * h[b, i], i) + b2[v])
    p = model.define("p", (b, v), softmax(o[b, v], v))
    model.minimize("L", mean(-log(p[b, y[b]]), b))


@of(
    wrong("dx = dy", "a path is missing"),
    wrong("dx = dz @ W", "missing", "residual"),
    wrong("dx = dy + 2 * (dz @ W)", "counted twice"),
    wrong("dx = dy - dz @ W", "sign"),
    wrong("dx = dy * (dz @ W)", "product for the sum of two paths"),
    wrong("dz = dr", "mask"),
    wrong("dz = dr * z", "`z > 0`", "mask"),
    wrong("dW = dz.T @ x", "regularizer", "lost"),
    wrong("dW = dz.T @ x + lam * W", "2"),
    wrong("db0 = dz.sum(0) + 2 * lam * b0", "regularizer on b0"),
    wrong("db0 = dz[0]", "sum over the batch", "first element"),
    wrong("db0 = dz.sum()", "over the wrong axis"),
    wrong("dr = dy + r", "an extra term"),
    wrong("dr = r", "this is r, given as dL/dr"),
    wrong("dy = y - g", "factor 2 is lost"),
    wrong("dy = 2 * (g - y)", "sign is wrong"),
    wrong("dy = y**2 - g", "no single mistake"),
)
def residual(model: Model) -> None:
    j = axes("j:H")
    x, W, b0 = model.parameters(x=(b, i), W=(j, i), b0=(j,))
    g, lam = model.inputs(g=(b, i), lam=())
    z = model.define("z", (b, j), total(W[j, i] * x[b, i], i) + b0[j])
    r = model.define("r", (b, j), relu(z[b, j]))
    y = model.define("y", (b, i), x[b, i] + r[b, i])
    model.minimize("L", total((y[b, i] - g[b, i]) ** 2, b, i) + lam * total(W[j, i] ** 2, j, i))


@of(
    wrong("dx = rs[:, None] * Q", "mu (the mean)", "var"),
    wrong("dx = rs[:, None] * (Q - Q.mean(1, keepdims=True))", "variance", "constant"),
    wrong("dx = rs[:, None] * (Q - u * (Q * u).mean(1, keepdims=True))", "mean", "constant"),
    wrong("dx = rs[:, None] * (Q - Q.mean(0, keepdims=True) - u * (Q * u).mean(1, keepdims=True))", "wrong axis"),
    wrong("dx = Q - Q.mean(1, keepdims=True) - u * (Q * u).mean(1, keepdims=True)", "factor rs", "missing"),
    wrong("dx = rs[:, None] * (Q - Q.sum(1, keepdims=True) - u * (Q * u).mean(1, keepdims=True))", "sum for a mean"),
    wrong("dx = rs[:, None] * (Q - Q.mean(1, keepdims=True) - x * (Q * u).mean(1, keepdims=True))", "`x` stands"),
    wrong("dx = rs[:, None] * (Q - Q.mean(1, keepdims=True) + u * (Q * u).mean(1, keepdims=True))", "sign is wrong"),
)
def standardized(model: Model) -> None:
    x, Q = model.parameters(x=(b, i)), model.inputs(Q=(b, i))
    mu = model.define("mu", (b,), mean(x[b, i], i))
    var = model.define("var", (b,), mean((x[b, i] - mu[b]) ** 2, i))
    rs = model.define("rs", (b,), 1 / sqrt(var[b]))
    u = model.define("u", (b, i), (x[b, i] - mu[b]) * rs[b])
    model.minimize("L", total(Q[b, i] * u[b, i], b, i))


@of(
    wrong("r = np.sqrt((x**2).sum(1))[:, None]\ndx = Q / r", "the norm is treated as a constant"),
    wrong("r = np.sqrt((x**2).sum(1))[:, None]\ndx = Q / r - (Q * x).sum(1)[:, None] * x / r**2", "exponent"),
)
def normed(model: Model) -> None:
    """The norm has no name in the model."""
    x, Q = model.parameters(x=(b, i)), model.inputs(Q=(b, i))
    k = axes("k:H")
    y = model.define("y", (b, i), x[b, i] / sqrt(total(x[b, k] ** 2, k)))
    model.minimize("L", total(Q[b, i] * y[b, i], b, i))


@of(
    wrong("p = softmax(z)\ndz = -q * (1 - p)", "off-diagonal"),
)
def soft_targets(model: Model) -> None:
    """The softmax has no name in the model; the targets need not add up to 1."""
    z, q = model.parameters(z=(b, v)), model.inputs(q=(b, v))
    model.minimize("L", -total(q[b, v] * log(softmax(z[b, v], v)), b, v))


s = axes("s:T")


@of(
    wrong("dQ = dS @ K", "sqrt(D)", "lost"),
    wrong("dQ = dS @ K / D", "sqrt(D)"),
    wrong("dK = dS @ Q / np.sqrt(D)", "transpose"),
    wrong("dS = A * dA", "normalizer"),
    wrong("dS = A * (1 - A) * dA", "off-diagonal"),
    wrong("dS = A * (dA - (A * dA).sum(0, keepdims=True))", "wrong axis"),
    wrong("dS = A * (dA - (A * dA).sum(1))", "keepdims"),
    wrong("dS = A * (dA - (dA).sum(1, keepdims=True))", "A"),
    wrong("dV = A @ dO", "transpose"),
)
def attention(model: Model) -> None:
    q, e = axes("q:R e:E")
    Q, K, V = model.parameters(Q=(q, d), K=(s, d), V=(s, e))
    G = model.inputs(G=(q, e))
    S = model.define("S", (q, s), total(Q[q, d] * K[s, d], d) / sqrt(size(d)))
    A = model.define("A", (q, s), softmax(S[q, s], s))
    O = model.define("O", (q, e), total(A[q, s] * V[s, e], s))  # noqa: E741
    model.minimize("L", total(G[q, e] * O[q, e], q, e))


LOOP = """dW = np.zeros_like(W)
dn = np.zeros(H)
for t in reversed(range(T)):
    dt = G[t] + dn
    da = (1 - h[t]**2) * dt
    {0}
    dn = {1}
"""
BEFORE = "(h[t - 1] if t > 0 else h0)"


@of(
    wrong(LOOP.format("dW += np.outer(da, h[t])", "W.T @ da"), "off by one"),
    wrong(LOOP.format(f"dW = np.outer(da, {BEFORE})", "W.T @ da"), "+="),
    wrong(LOOP.format(f"dW + np.outer(da, {BEFORE})", "W.T @ da"), "thrown away"),
    wrong(LOOP.format(f"dW += np.outer(da, {BEFORE})", "W @ da"), "`W` stands where `W.T`"),
    wrong(
        "h = []\np = h0\nfor t in range(T):\n    p = np.tanh(x[t] + W.T @ p)\n    h.append(p)", "`W.T` stands where `W`"
    ),
)
def recurrent(model: Model) -> None:
    k = axes("k:H")
    W, h0 = model.parameters(W=(i, k), h0=(i,))
    x, G = model.inputs(x=(s, i), G=(s, i))
    h = model.recurrent("h", (s, i), along=s, start=h0[i])
    model.define("h", (s, i), tanh(x[s, i] + total(W[i, k] * h[s - 1, k], k)))
    model.minimize("L", total(G[s, i] * h[s, i], s, i))


@of(
    wrong("dx = 2 * A @ x", "symmetry assumed"),
    wrong("dx = A @ x", "path", "missing"),
    wrong("dA = np.outer(x, x) / 2", "factor 2"),
)
def quadratic(model: Model) -> None:
    k = axes("k:H")
    x, A = model.parameters(x=(i,)), model.parameters(A=(i, k))
    model.minimize("L", total(x[i] * A[i, k] * x[k], i, k))


@of(
    wrong("dx = np.zeros(K + N)\nfor j in range(N):\n    dx[j:j + K] += w[::-1] * g[j]", "flip"),
    wrong("dx = np.zeros(K + N)\nfor j in range(N):\n    dx[j:j + K] = w * g[j]", "+="),
    wrong("dw = sum(g[j] * x[j:j + K][::-1] for j in range(N))", "reversed"),
    wrong("dw = sum(g[j] * x[j + 1:j + 1 + K] for j in range(N))", "off by one"),
)
def convolution(model: Model) -> None:
    m, r, n = axes("m:N r:K n:K+N")
    x, w, g = model.parameters(x=(n,)), model.parameters(w=(r,)), model.inputs(g=(m,))
    y = model.define("y", (m,), total(x[m + r] * w[r], r))
    model.minimize("L", total(g[m] * y[m], m))


@of(
    wrong("dx = 2 * (x + y) / den", "a path is missing"),
    wrong("dx = np.exp(x) / den", "only the path through", "+= and not ="),
    wrong("dy = np.exp(y)", "no single mistake"),
)
def shared(model: Model) -> None:
    x, y, c = model.parameters(x=(), y=(), c=())
    den = model.define("den", (), c**2 + 1)
    model.minimize("L", (exp(x) + (x + y) ** 2) / den)


@of(
    wrong("dz = q * (h > 0)", "factor m", "missing"),
    wrong("dz = q * m", "mask"),
)
def dropout(model: Model) -> None:
    z, q, m = model.parameters(z=(b, i)), model.inputs(q=(b, i)), model.inputs(m=(b, i))
    h = model.define("h", (b, i), relu(z[b, i]))
    model.minimize("L", total(q[b, i] * m[b, i] * h[b, i], b, i))


@of(
    wrong("dx = g * (u + x * (1 - u**2))", "inner derivative"),
    wrong("dx = g * x * (1 - u**2)", "missing", "+= and not ="),
)
def gated(model: Model) -> None:
    x, g = model.parameters(x=(i,)), model.inputs(g=(i,))
    u = model.define("u", (i,), tanh(x[i] + Float("0.1") * x[i] ** 3))
    model.minimize("L", total(g[i] * x[i] * u[i], i))


@of(
    wrong("dU = np.outer(sigmoid(U @ w) - 1, w)", "sign inside the sigmoid"),
    wrong("dU = np.outer(sigmoid(-U @ w), w)", "sign"),
    wrong("dw = U @ sigmoid(U @ w)", "transpose", H=4, V=4),
    wrong("dU = np.outer(U @ w, w)", "sigmoid is missing"),
)
def negatives(model: Model) -> None:
    U, w = model.parameters(U=(v, i), w=(i,))
    model.minimize("L", -total(log(sigmoid(-total(U[v, i] * w[i], i))), v))


@of(wrong("do = p - y", "wrong target", "`q` is right"))
def smoothed(model: Model) -> None:
    o, e, c = model.parameters(o=(v,)), model.inputs(e=()), model.tokens(c=(), vocabulary=v)
    y = model.define("y", (v,), KroneckerDelta(v, c))
    q = model.define("q", (v,), (1 - e) * y[v] + e / size(v))
    p = model.define("p", (v,), softmax(o[v], v))
    model.minimize("L", -total(q[v] * log(p[v]), v))


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.build.__name__}: {row.code}".replace("\n", "; "))
def test_named(row: Wrong) -> None:
    found = verify(row.build(), row.code, sizes=row.sizes)
    assert found.first_wrong is not None, str(found)
    mistakes = found.first_wrong.mistakes
    assert 1 <= len(mistakes) <= 3
    assert not [word for word in row.said if word not in " | ".join(mistakes)], "\n".join(mistakes)


FORMULAS = (
    (r"dW_2 = do^T a", "preactivation for the activation"),
    (r"da = (1 - h) \odot dh", "1 - h for 1 - h**2"),
    (r"dh = do W_2^T", "`do W_2` is right"),
    (r"da_{bi} = (1 - h_{bi}) dh_{bi}", "`1 - h_{bi}**2` is right"),
    (r"\frac{\partial L}{\partial W_{2,vi}} = \sum_b do_{bv} a_{bi}", "`a_{bi}` stands where `h` is right"),
    (r"do_{bv} = (p_{bv} + \delta_{v y_b})/B", "a sign is wrong"),
    (r"do_{bv} = p_{bv} - \delta_{v y_b}", "1/B is lost"),
    (r"dh_{bi} = da_{bi}", "dL/da, given as dL/dh"),
    (r"da_{bi} = (1 - \tanh(h_{bi})^2) dh_{bi}", "tanh is applied twice"),
)


@pytest.mark.parametrize(("formula", "said"), FORMULAS)
def test_formulas(formula: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "claim.md"
    file.write_text(f"$$ {formula} $$\n")
    model = next(row.build() for row in TABLE if row.build.__name__ == "classifier")
    (verdict,) = verify(model, file).verdicts
    assert said in " | ".join(verdict.mistakes), verdict


# Words that mean what a sample's `mistake_kind` says, for every sample whose wrong form is code of a model.
SAMPLES = {
    "mlp-relu-W": "`U` stands where `U.T` is right",
    "mlp-W-outer-order": "the outer product is reversed",
    "softmax-classifier-b": "a mean for a sum: 1/N is counted twice",
    "nn-from-scratch-W1": "`z2` stands where `z1` is right (a wrong index of the layer",
    "sigmoid-backward-input": "the preactivation for the activation",
    "mse-sign": "the sign is wrong",
    "shared-variable-accumulate": "+= and not =",
    "softmax-ce-logits": "without its off-diagonal terms",
    "softmax-jacobian-from-logits": "`z` stands where `a` is right (in all 3 places) (the preactivation",
    "label-smoothing": "a wrong target",
    "nplm-H-sign": "the sign is wrong",
    "nplm-C-gather-not-scatter": "a gather for a scatter-add",
    "nplm-U-wrong-factor": "tanh is applied twice",
    "position-embedding-batch": "the sum over the batch is missing",
    "w2v-softmax-vc": "a transpose too many; square matrices hide it",
    "sgns-uk": "a sign inside the sigmoid",
    "sgns-repeated-negative": "counts an id that is repeated only once",
    "logreg-sign": "the sign is wrong",
    "least-squares-transposes": "`X` stands where `X.T` is right",
    "poisson-regression": "the linear value for the mean function",
    "cosine-similarity": "na (the norm) is treated as a constant",
    "cookbook-tr-AXB": "`A.T @ B.T` is right",
    "cookbook-logdet": "a transpose is missing",
    "cookbook-sum-of-traces": "the term is lost",
    "rnn-Whh-index": "`t+1` stands where `t` is right (off by one",
    "rnn-bh-not-accumulated": "the accumulation is lost",
    "rnn-mean-over-time": "1/T is lost",
    "lstm-x-gates": "`Wf` stands where `Uf` is right (a wrong variable",
    "gru-update-gate": "a wrong combination",
    "gru-x-duplicate-weight": "`Ur` stands where `Uz` is right (a wrong variable",
    "batchnorm-bessel-dx": "a wrong constant: the factor n/(n - 1) is missing",
    "batchnorm-dgain": "`x` stands where `xh` is right (a wrong variable",
    "layernorm-dx-weight": "the factor w is missing",
    "rmsnorm-dx": "an extra term `dn.mean(1,keepdims=True)`",
    "attn-dQ-scale": "the factor 1/sqrt(dk) is lost",
    "attn-dS-diagonal": "without its off-diagonal terms",
    "gelu-tanh": "the inner derivative",
}


@cache
def items() -> dict[str, dict]:
    return {item["id"]: item for item in yaml.safe_load(FILE.read_text())["items"]}


@pytest.mark.skipif(not FILE.exists(), reason="needs ../shared/cases/hand_derivations.yaml")
def test_every_wrong_sample_has_words() -> None:
    assert SAMPLES.keys() == {name for name in CASES if items()[name]["class"] == "wrong"}


@pytest.mark.skipif(not FILE.exists(), reason="needs ../shared/cases/hand_derivations.yaml")
@pytest.mark.parametrize("identifier", SAMPLES)
def test_samples(identifier: str) -> None:
    hand = case(identifier)
    names = {"G": f"d{hand.wrt}", **hand.names}
    found = verify(hand.build(), items()[identifier]["check"]["wrong_py"], names=names, sizes=dict(hand.sizes))
    assert found.exit_status == 1, str(found)
    assert SAMPLES[identifier] in " | ".join(found.first_wrong.mistakes), str(found)

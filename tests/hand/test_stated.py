"""What a file says of its names beyond their shapes: one-hot arrays, inputs that are 0 or 1, sizes."""

from __future__ import annotations

from functools import cache

import pytest
from sympy import log

from symgrad import Model, axes, mean, sigmoid, softmax, total, verify
from symgrad.hand.verdicts import Status
from symgrad.language.errors import ClaimError

b, w, d, v = axes("b:B w:C d:D v:V")


@cache
def words() -> Model:
    model = Model("words")
    E, U = model.parameters(E=(v, d), U=(v, d))
    ctx, y = model.tokens(ctx=(b, w), y=(b,), vocabulary=v)
    h = model.define("h", (b, d), mean(E[ctx[b, w], d], w))
    s = model.define("s", (b, v), total(U[v, d] * h[b, d], d))
    p = model.define("p", (b, v), softmax(s[b, v], v))
    model.minimize("J", mean(-log(p[b, y[b]]), b))
    return model


@cache
def labels() -> Model:
    model = Model("labels")
    r = model.parameters(r=(d,))
    X, y = model.inputs(X=(b, d), y=(b,))
    p = model.define("p", (b,), sigmoid(total(r[d] * X[b, d], d)))
    model.minimize("L", mean(-y[b] * log(p[b]) - (1 - y[b]) * log(1 - p[b]), b))
    return model


SCATTER = "dE = np.zeros((V, D))\nnp.add.at(dE, ctx.ravel(), {})"
PICKED = "{}dp = np.where(y == 1, -1 / p, 1 / (1 - p)) / B"
# the model, the code, the exit status
CASES = (
    (words, "# Y = one_hot(y)\nds = (p - Y) / B", 0),
    (words, "# Y = np.eye(V)[y]\nds = (p - Y) / B\ndU = ds.T @ h", 0),
    (words, "# Y = one_hot(y, V)\nds = (Y - p) / B", 1),
    (words, "# Y = one_hot(y)\n# Y: (V, B)\nds = (p - Y.T) / B", 0),
    (words, SCATTER.format("np.repeat(dh / C, C, axis=0)"), 0),
    (words, SCATTER.format("(dh / C).repeat(C, 0)"), 0),
    (words, SCATTER.format("np.tile(dh / C, (C, 1))"), 1),
    (words, SCATTER.format("np.tile(dh[:, None] / C, (1, C, 1)).reshape(-1, D)"), 0),
    (words, "dU = np.zeros((V, D))\nfor i, j in zip(*np.nonzero(ds)):\n    dU[j] += ds[i, j] * h[i]", 0),
    (words, "dU = np.zeros((V, D))\nfor i, j in np.argwhere(ds):\n    dU[j] += ds[i, j] * h[j]", 1),
    (words, "ds = (p - np.eye(V)[y]) / B\nnp.multiply(ds, 2, out=ds)", 1),
    (words, "ds = p - np.eye(V)[y]\nnp.divide(ds, B, out=ds)", 0),
    (words, "dh = np.divide(ds, B, out=ds) @ U", 3),
    (labels, PICKED.format(""), 1),
    (labels, PICKED.format("# y in {0, 1}\n"), 0),
    (labels, PICKED.format("# y is 0 or 1\n").replace("== 1", "== 0"), 1),
    (labels, "# y in {0, 1}\ndp = (1 - 2 * y) / (B * (1 - p))", 1),
)


@pytest.mark.parametrize(("model", "code", "status"), CASES)
def test_what_is_said_has_a_meaning(model, code, status):
    found = verify(model(), code)
    assert found.exit_status == status, str(found)


def test_a_repetition_is_proved():
    (verdict,) = verify(words(), SCATTER.format("np.repeat(dh / C, C, axis=0)")).with_status(Status.RIGHT)
    assert verdict.how.startswith("proved")


def test_a_formula_reads_the_one_hot_array(tmp_path):
    path = tmp_path / "mine.tex"
    path.write_text("% Y = one_hot(y)\n\\frac{\\partial J}{\\partial s} = \\frac{1}{B} (p - Y)\n")
    assert verify(words(), path).exit_status == 0


BAD = (
    ("# Y = one_hot(q)\nds = p", {}, "q is no tokens of the model words, whose tokens are: ctx, y"),
    ("# U = one_hot(y)\nds = p", {}, "U is a parameter of the model words"),
    ("# h in {0, 1}\nds = p", {}, "h is said to be 0 or 1, but it is no input"),
    ("ds = p", {"Q": 3}, "size Q is given, but the model's sizes are V, D, B, C"),
    ("# sizes: H=3\nds = p", {}, "size H is given"),
    ("ds = p", {"V": 0}, "size V is 0; it must be at least 1"),
)


@pytest.mark.parametrize(("code", "sizes", "reason"), BAD)
def test_what_cannot_be_so_is_refused(code, sizes, reason):
    with pytest.raises(ClaimError, match=reason):
        verify(words(), code, sizes=sizes)

"""What is proved, what is right and yet not proved, and that nothing wrong ever is."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import pytest
from sympy import Max, cosh, log, sin, sqrt, tanh

from symgrad import Model, axes, mean, relu, sigmoid, softmax, total, verify
from symgrad.hand.binding import Names
from symgrad.hand.judging import Judge, Judged
from symgrad.hand.numpy_reader import read_numpy
from symgrad.hand.proving import Prover
from symgrad.hand.remarks import remarks_in_code
from symgrad.hand.truth import Truth
from symgrad.language.surface import maximum, size

from .models.batch_norm_mlp import BACKWARD, SHAPES, batch_norm_mlp

MUTANTS = 80
MONOMIALS = 400  # enough to compare each side once, and with some names written out


@cache
def character_model() -> Model:
    model = Model("characters")
    b, t, d, i, v = axes("b:B t:N d:D i:H v:V")
    C, W1, b1 = model.parameters(C=(v, d), W1=(i, t, d), b1=(i,))
    W2, b2 = model.parameters(W2=(v, i), b2=(v,))
    x, y = model.tokens(x=(b, t), y=(b,), vocabulary=v)
    a = model.define("a", (b, i), b1[i] + total(W1[i, t, d] * C[x[b, t], d], t, d))
    h = model.define("h", (b, i), tanh(a[b, i]))
    o = model.define("o", (b, v), b2[v] + total(W2[v, i] * h[b, i], i))
    p = model.define("p", (b, v), softmax(o[b, v], v))
    model.minimize("L", mean(-log(p[b, y[b]]), b))
    return model


@cache
def units() -> Model:
    """Every row passes through every elementary function; the loss weighs them."""
    model = Model("units")
    b, i, j = axes("b:B i:H j:D")
    W, X, y, g = model.parameters(W=(i, j)), *model.inputs(X=(b, j), y=(b,), g=(b, i))
    z = model.define("z", (b, i), total(W[i, j] * X[b, j], j))
    s = model.define("s", (b, i), sigmoid(z[b, i]))
    q = model.define("q", (b, i), tanh(s[b, i]) + sin(s[b, i]))
    r = model.define("r", (b, i), relu(q[b, i] - 1))
    k = model.define("k", (b, i), 1 / cosh(r[b, i]) + Max(s[b, i], z[b, i]))
    u = model.define("u", (b,), sqrt(total(k[b, i] ** 2, i)))
    e = model.define("e", (b,), sigmoid(u[b]))
    cross = -y[b] * log(e[b]) - (1 - y[b]) * log(1 - e[b])
    model.minimize("L", mean(cross, b) + total(g[b, i] * s[b, i], b, i))
    return model


@cache
def layer_norm() -> Model:
    model = Model("layer_norm")
    b, i, j = axes("b:B i:D j:D")
    x, gain = model.parameters(x=(b, i), gain=(i,))
    Q = model.inputs(Q=(b, i))
    mu = model.define("mu", (b,), total(x[b, j], j) / size(i))
    var = model.define("var", (b,), total((x[b, j] - mu[b]) ** 2, j) / size(i))
    rs = model.define("rs", (b,), 1 / sqrt(var[b] + 1e-5))
    xh = model.define("xh", (b, i), (x[b, i] - mu[b]) * rs[b])
    model.minimize("L", total(Q[b, i] * gain[i] * xh[b, i], b, i))
    return model


@cache
def largest() -> Model:
    """A maximum, whose gradient goes to the first entry that reaches it."""
    model = Model("largest")
    b, i, j = axes("b:B i:H j:H")
    U, h0 = model.parameters(U=(i, j)), model.inputs(h0=(b, i))
    m = model.define("m", (b,), maximum(total(U[i, j] * h0[b, j], j), i))
    model.minimize("L", total(m[b] ** 2, b))
    return model


@dataclass(frozen=True)
class Case:
    """`lines` with, for each name that is claimed, how it is proved: the words after it, or None where it is not."""

    model: Callable[[], Model]
    lines: str
    how: dict[str, str | None]

    @property
    def id(self) -> str:
        return f"{self.model.__name__}: {self.lines.strip().splitlines()[-1].strip()}"


PROVED = "proved"
DEMB = "demb = np.einsum('bi,itd->btd', da, W1)\ndC = np.zeros_like(C)\n"
LOOP = "for b in range(n):\n    for t in range(N):\n        "
CASES = (
    Case(character_model, "do = (p - onehot(y, V)) / n", {"do": PROVED}),
    Case(character_model, "do = p.copy()\ndo[np.arange(n), y] -= 1\ndo /= n", {"do": PROVED}),
    Case(character_model, "do = (softmax(o) - np.eye(V)[y]) / B", {"do": PROVED}),
    Case(character_model, "dW2 = do.T @ h\ndb2 = do.sum(0)", {"dW2": PROVED, "db2": PROVED}),
    Case(character_model, "dh = np.einsum('bv,vi->bi', do, W2)\nda = dh * (1 - h * h)", {"dh": PROVED, "da": PROVED}),
    Case(character_model, "da = dh / np.cosh(a) ** 2", {"da": PROVED}),
    Case(character_model, "da = dh * (1 - np.tanh(a)) * (1 + np.tanh(a))", {"da": PROVED}),
    Case(character_model, "da = dh * 4 / (np.exp(a) + np.exp(-a)) ** 2", {"da": PROVED}),
    Case(character_model, "# W1: (H, N*D)\nembcat = C[x].reshape(n, -1)\ndW1 = da.T @ embcat", {"dW1": PROVED}),
    Case(character_model, "# W1: (N*D, H)\nembcat = C[x].reshape(n, N * D)\ndW1 = embcat.T @ da", {"dW1": PROVED}),
    Case(character_model, "# W1: (N*D, H)\na = C[x].reshape(n, -1) @ W1 + b1", {"a": PROVED}),
    Case(
        character_model,
        DEMB + "np.add.at(dC, x, demb)",
        {"dC": PROVED},
    ),
    Case(
        character_model,
        DEMB + LOOP + "dC[x[b, t]] += demb[b, t]",
        {"dC": PROVED},
    ),
    Case(character_model, "db1 = np.zeros(H)\nfor k in range(n):\n    g = da[k]\n    db1 += g", {"db1": PROVED}),
    Case(
        character_model, "dC = np.einsum('btv,btd->vd', np.eye(V)[x], np.einsum('bi,itd->btd', da, W1))", {"dC": PROVED}
    ),
    Case(character_model, "p = np.exp(o - o.max(1, keepdims=True))\np = p / p.sum(1, keepdims=True)", {"p": PROVED}),
    Case(character_model, "L = -np.log(p[np.arange(n), y]).mean()", {"L": PROVED}),
    Case(
        character_model, "L = (np.log(np.exp(o).sum(1)) - o[range(n), y]).mean()", {"L": "proved, with p written out"}
    ),
    Case(character_model, "def back(g, w):\n    return g @ w\ndh = back(do, W2)", {"dh": PROVED}),
    Case(units, "s = 1 / (1 + np.exp(-z))\ns = np.exp(z) / (1 + np.exp(z))", {"s": PROVED}),
    Case(units, "dr = -dk * np.tanh(r) / np.cosh(r)", {"dr": PROVED}),
    Case(units, "dq = dr * (q > 1)", {"dq": PROVED}),
    Case(units, "dq = dr.copy()\ndq[q <= 1] = 0", {"dq": PROVED}),
    Case(units, "dq = np.where(q - 1 > 0, dr, 0)", {"dq": PROVED}),
    Case(units, "dq = dr * (r > 0)", {"dq": PROVED}),
    Case(units, "dq = dr * (q >= 1)", {"dq": None}),  # another convention at the kink
    Case(units, "du = (e - y) / B", {"du": PROVED}),
    Case(units, "dk = (du / u)[:, None] * k", {"dk": PROVED}),
    Case(units, "k = 2 * np.exp(r) / (np.exp(2 * r) + 1) + np.maximum(z, s)", {"k": PROVED}),
    Case(units, "dW = dz.T @ X", {"dW": PROVED}),
    Case(units, "dW = sum(np.outer(dz[b], X[b]) for b in range(B))", {"dW": PROVED}),
    Case(
        layer_norm,
        "dn = Q * gain\ndx = rs[:, None] * (dn - dn.mean(1, keepdims=True) - xh * (dn * xh).mean(1, keepdims=True))",
        {"dx": PROVED},
    ),
    Case(layer_norm, "xh = (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-5)", {"xh": PROVED}),
    Case(layer_norm, "dgain = (Q * xh).sum(0)", {"dgain": PROVED}),
    Case(largest, "m = (h0 @ U.T).max(1)\ndm = 2 * m", {"m": PROVED, "dm": PROVED}),
    Case(largest, "dU = np.eye(H)[(h0 @ U.T).argmax(1)].T @ (dm[:, None] * h0)", {"dU": PROVED}),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_what_is_proved(case: Case) -> None:
    found = verify(case.model(), case.lines)
    assert found.exit_status == 0, str(found)
    said = {verdict.target: verdict.how for verdict in found.verdicts}
    for name, how in case.how.items():
        if how is None:
            assert said[name].startswith("agrees at"), str(found)
        else:
            assert said[name].startswith(how), str(found)


def test_a_batch_normalized_network() -> None:
    """All gradients of the lecture, its one-line forms too, and the shares of sums that take two lines."""
    found = verify(batch_norm_mlp(), SHAPES + BACKWARD)
    claims = [verdict for verdict in found.verdicts if verdict.how]
    assert len({verdict.target for verdict in claims}) == 26
    assert all(verdict.how.startswith(PROVED) for verdict in claims), str(found)
    fused = """
dlogits = probs.copy()
dlogits[range(n), Yb] -= 1
dlogits /= n
dhprebn = bngain*bnvar_inv/n * (n*dhpreact - dhpreact.sum(0) - n/(n-1)*bnraw*(dhpreact*bnraw).sum(0))
"""
    found = verify(batch_norm_mlp(), SHAPES + fused)
    assert {v.target for v in found.verdicts if v.how.startswith(PROVED)} == {"dlogits", "dhprebn"}, str(found)


# -- nothing wrong is proved ---------------------------------------------------------------------------------------

CHANGES = (
    (r" \* ", " + "), (r" \+ ", " - "), (r" - ", " + "), (r"@", "*"), (r"\.T\b", ""), (r"\*\*-?\d", "**3"),
    (r"1\.0", "2.0"), (r"n-1", "n"), (r"/n\b", "/(n + 1)"), (r"\(-", "("), (r"sum\(0", "sum(1"), (r"sum\(1", "sum(0"),
    (r"\bbndiff\b", "bnraw"), (r"\bbnraw\b", "bndiff"), (r"\bcounts\b", "probs"), (r"\bprobs\b", "counts"),
    (r"\bh\b", "hpreact"), (r"\bembcat\b", "hprebn"), (r"2\*", "3*"), (r"0\.5", "0.25"),
    (r"\bdh\b", "h"), (r"\bdlogits\b", "logits"), (r"bngain", "bnbias"), (r"\bbnvar\b", "bnvar_inv"),
    (r"ones", "zeros"),    (r"\.copy\(\)", " * 2"), (r"\+= ", "-= "), (r"sum\((\d)", r"mean(\1"), (r"1e-5", "1e-4"),
    (r"demb\[k,j\]", "demb[k,0]"),
)  # fmt: skip


def mutated(chosen: random.Random) -> str:
    """The backward pass with one change in most of its lines."""
    lines = []
    for line in BACKWARD.strip().splitlines():
        left, sign, right = line.partition("= ")
        changes = [c for c in CHANGES if re.search(c[0], right)]
        if sign and changes and "zeros_like" not in line:
            pattern, new = chosen.choice(changes)
            places = list(re.finditer(pattern, right))
            place = chosen.choice(places)
            right = right[: place.start()] + place.expand(new) + right[place.end() :]
        lines.append(left + sign + right)
    return SHAPES + "\n".join(lines)


def judged(model: Model, source: str) -> tuple[Prover, list[Judged]]:
    said = remarks_in_code(source)
    truth = Truth(model.program, said.sizes)
    judge = Judge(truth, Names(model.program, truth.adjoints, said.shapes, said.stated), read_numpy(source))
    judge.run()
    return Prover(judge, MONOMIALS), judge.verdicts()


def test_no_mutant_is_proved() -> None:
    """Lines that differ in numbers, asked for a proof all the same: their formulas must not be found equal."""
    chosen, wrong = random.Random(0), 0
    while wrong < MUTANTS:
        prover, lines = judged(batch_norm_mlp(), mutated(chosen))
        for line in lines:
            if line.record.seen and not all(seen.agrees for seen in line.record.seen):
                wrong += 1
                asked = replace(line, remark="", paths=())
                assert prover.proof(asked) is None, line.record.event


WRONG = (
    (character_model, "do = (p - onehot(y, V))"),
    (character_model, "do = p - onehot(y, V) / n"),
    (character_model, "da = dh * (1 - h)"),
    (character_model, "da = dh * (1 - a ** 2)"),
    (character_model, "da = dh / np.cosh(h) ** 2"),
    (character_model, "db2 = do.mean(0)"),
    (character_model, DEMB + "dC[x] += demb"),
    (character_model, DEMB + LOOP + "dC[x[b, t]] = demb[b, t]"),
    (character_model, "db1 = np.zeros(H)\nfor k in range(1, n):\n    db1 += da[k]"),
    (character_model, "p = np.exp(o) / np.exp(o).sum()"),
    (units, "dq = dr * (q < 1)"),
    (units, "dr = -dk * np.tanh(r)"),
    (units, "du = (e - y)"),
    (units, "s = np.exp(z) / (1 + np.exp(-z))"),
    (layer_norm, "dn = Q * gain\ndx = rs[:, None] * (dn - dn.mean(1, keepdims=True))"),
    (layer_norm, "xh = (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, ddof=1, keepdims=True) + 1e-5)"),
)  # fmt: skip


@pytest.mark.parametrize(("model", "lines"), WRONG)
def test_what_is_wrong_is_not_proved(model: Callable[[], Model], lines: str) -> None:
    prover, found = judged(model(), lines)
    line = found[-1]
    assert not all(seen.agrees for seen in line.record.seen)
    assert prover.proof(replace(line, remark="", paths=())) is None

"""Verdicts on NumPy code: every right form accepted, every wrong one rejected, and what is said of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
import yaml
from sympy import Expr, IndexedBase, KroneckerDelta, Sum, Symbol, exp, log, tanh

from symgrad import Model, axes, mean, relu, softmax, total, verify
from symgrad.hand.verdicts import Status

from .models import CASES, case

FILE = Path(__file__).parents[3] / "shared" / "cases" / "hand_derivations.yaml"
EXAMPLES = Path(__file__).parents[2] / "examples" / "verify"
# Wrong forms are rejected in test_diagnosis; what stands there of an `eq-` sample is another right form.
RIGHT_FORMS = [(name, "correct_py") for name in CASES] + [(name, "wrong_py") for name in CASES if name[:3] == "eq-"]
RIGHT, WRONG, UNREAD, OWN, UNDECIDED = Status.RIGHT, Status.WRONG, Status.UNREAD, Status.OWN, Status.UNDECIDED


@cache
def items() -> dict[str, dict]:
    return {item["id"]: item for item in yaml.safe_load(FILE.read_text())["items"]}


@pytest.mark.skipif(not FILE.exists(), reason="needs ../shared/cases/hand_derivations.yaml")
@pytest.mark.parametrize(("identifier", "form"), RIGHT_FORMS)
def test_every_right_form_of_the_samples(identifier, form):
    item, hand = items()[identifier], case(identifier)
    names = {"G": f"d{hand.wrt}", **hand.names}
    found = verify(hand.build(), item["check"][form], names=names, sizes=dict(hand.sizes))
    assert found.exit_status == 0, str(found)
    assert repr(found) == str(found)


@cache
def network() -> Model:
    """A hidden layer with a residual path and a repeated embedding: every kind of line has its place."""
    model = Model("network")
    b, t, d, i, v = axes("b:B t:N d:D i:H v:V")
    C, W1, W2, b2 = model.parameters(C=(v, d), W1=(d, i), W2=(v, i), b2=(v,))
    x, y = model.tokens(x=(b, t), y=(b,), vocabulary=v)
    s = model.define("s", (b, d), total(C[x[b, t], d], t))
    z = model.define("z", (b, i), total(W1[d, i] * s[b, d], d))
    h = model.define("h", (b, i), tanh(z[b, i]))
    r = model.define("r", (b, i), relu(h[b, i]) + h[b, i])
    o = model.define("o", (b, v), total(W2[v, i] * r[b, i], i) + b2[v])
    p = model.define("p", (b, v), softmax(o[b, v], v))
    model.minimize("L", mean(-log(p[b, y[b]]), b))
    return model


@dataclass(frozen=True)
class Line:
    code: str
    expected: tuple[Status, ...]  # of each line
    said: str = ""  # in the report
    shapes: str = ""


LOOPS = "dC = np.zeros_like(C)\nfor k in range(B):\n    for j in range(N):\n"
LINES = (
    Line("do = (p - one_hot(y, V)) / B", (RIGHT,)),
    Line("do = p.copy()\ndo[np.arange(B), y] -= 1\ndo /= B", (OWN, OWN, RIGHT)),
    Line("do = p - one_hot(y, V)", (WRONG,)),
    Line("do = (p - one_hot(y, V)) / n", (RIGHT,), "n is read as B"),
    Line("dW2 = do.T @ r", (RIGHT,)),
    Line("dW2 = r.T @ do", (WRONG,), "dW2"),
    Line("# W2: (H, V)\ndW2 = r.T @ do", (RIGHT,)),
    Line("# W2: (H, V)\ndr = do @ W2.T", (RIGHT,)),
    Line("dr = do @ W2.T", (WRONG,), "shapes do not fit: (3, 5) @ (7, 5)"),
    Line("grad_W2 = np.einsum('bv,bi->vi', do, r)", (RIGHT,)),
    Line("dL_db2 = do.sum(axis=0)", (RIGHT,)),
    Line("dL_db2 = do.sum(axis=0, keepdims=True)", (RIGHT,)),
    Line("db2 = do.mean(0)", (WRONG,)),
    Line("dh = dr * (1 + (h > 0))", (RIGHT,)),
    Line("dh = dr\ndh = dh + dr * (h > 0)", (RIGHT, RIGHT), "the share through r"),
    Line("dh = dr * (h > 0)", (WRONG,)),
    Line("dz = (1 - h**2) * dh", (RIGHT,)),
    Line("dz = (1 - h) * dh\ndW1 = s.T @ dz", (WRONG, RIGHT), "given line 1 corrected"),
    Line("e2 = np.exp(2 * z)\nt = (e2 - 1) / (e2 + 1)\ndz = (1 - t * t) * dh", (OWN, OWN, RIGHT)),
    Line("def f(a):\n    return 1 / np.cosh(a)**2\ndz = f(z) * dh", (RIGHT,)),
    Line("f = lambda a: 1 / np.cosh(a)**2\ndz = f(z) * dh", (RIGHT,)),
    Line("dC = np.zeros_like(C)\nnp.add.at(dC, x, ds[:, None, :])", (OWN, RIGHT)),
    Line("dC = np.zeros_like(C)\ndC[x] += ds[:, None, :]", (OWN, WRONG)),
    Line(
        "dC = np.zeros_like(C)\nfor k in range(B):\n    for j in range(N):\n        dC[x[k, j]] += ds[k]", (OWN, RIGHT)
    ),
    Line(
        "dC = np.zeros_like(C)\nfor k in range(B):\n    for j in range(N):\n        dC[x[k, j]] = ds[k]", (OWN, WRONG)
    ),
    Line("dC = sum(one_hot(x[:, j], V).T @ ds for j in range(N))", (RIGHT,)),
    Line("dr = do @ W2\ndr[h < 0] = 0", (RIGHT, WRONG), "changes a value that was right"),
    Line("ds = dz @ W1.T\nds = ds @ np.eye(D)", (RIGHT, RIGHT)),
    Line("grads = 0\ngrads_W2 = do.T @ r", (OWN, OWN)),
    Line('grads["W2"] = do.T @ r\ngrads["b2"] = do.sum(1)', (RIGHT, WRONG)),
    Line("a = np.zeros(3)\ndo = p + a", (OWN, UNREAD)),
    Line("q = nonsense + 1\ndb2 = do.sum(0)", (UNREAD, RIGHT), "nonsense is no name of the model"),
    Line("hh = 1\ndW2 = do.T @ rr", (OWN, UNREAD), "nearest: r"),
    Line("db2 + do.sum(0)", (OWN,), "changes nothing"),
    Line("h = np.tanh(z)\np = softmax(o)", (RIGHT, RIGHT)),
    Line("h = np.tanh(s)", (WRONG,)),
    Line("h = []\nfor k in range(B):\n    h.append(np.tanh(z[k]))", (OWN, RIGHT)),
    Line("J = np.outer(z[0], z[0])", (OWN,)),
    Line("do = p.copy()\ndo[np.arange(B), y] -= 1", (OWN, WRONG)),
    Line("dx = 0 * C", (OWN,)),
    # a turn that fails is not made right by the others, nor by what is read in the place of its value
    Line(
        "h = 0 * z\ng = z[0]\nfor k in range(B):\n    h[k] = np.tanh(z[k] + 0 * g)\n    g = h", (OWN, OWN, WRONG, OWN)
    ),
    Line("for k in range(B):\n    dh = dr[k] * (1 + (h[k] > 0)) + 0 * do[k + 1, 0]", (WRONG,), "out of bounds"),
    # it has a value where sizes are equal, and at one other point
    Line("dh = dr * (2 + (h > 0)) * h + 0 * x[N - 1].sum()", (WRONG,), "out of bounds"),
    Line("h = np.maximum(h, h)", (UNDECIDED,), "it reads what it makes"),
    Line("h = np.array(h)\ndz = dh * (1 - h**2)", (OWN, RIGHT)),
    Line("h = np.tanh(h)", (WRONG,)),
    Line("db2 = np.zeros_like(3)\ndb2 += do.sum(0)", (OWN, WRONG), "cannot become one of (5,) in place"),
    Line("db2 = 0\ndb2 += do.sum(0)", (OWN, RIGHT)),
    Line("dW2 = dW2", (UNREAD,), "dW2 is read before the line that makes it"),
    Line("g = dW2\ndW2 = g", (UNREAD, UNREAD)),
    Line("dz = dh\ndz = dh * (1 - h**2)", (WRONG, RIGHT)),
    Line("dz = 0\ndz = dh * (1 - h**2)", (OWN, RIGHT)),
    Line("db2, dW2 = 2 * do.sum(0), do.T @ r", (WRONG, RIGHT), "db2 = 2 * do.sum(0)"),
    Line("do, db2 = (p - one_hot(y, V)) / B, do.sum(0)", (RIGHT, UNREAD)),
    Line("g = do\ng -= 1\ndb2 = do.sum(0)", (OWN, OWN, WRONG)),
    Line("g = do.copy()\ng -= 1\ndb2 = do.sum(0)", (OWN, OWN, RIGHT)),
    Line("g = do.T\ng[0] = 0\ndb2 = do.sum(0)", (OWN, OWN, WRONG)),
    Line("g = do.ravel()\ng *= 2\ndb2 = do.sum(0) / 2", (OWN, OWN, RIGHT)),
    Line("g = do.flatten()\ng *= 2\ndb2 = do.sum(0)", (OWN, OWN, RIGHT)),
    Line("g = do[0]\ng = 2 * g\ndb2 = do.sum(0)", (OWN, OWN, RIGHT)),
    Line("do = p\ndo[np.arange(B), y] -= 1\ndo /= B\ndW2 = do.T @ r", (OWN, OWN, RIGHT, RIGHT)),
    Line("db2 = np.zeros_like(b2)\ndb2 += do", (OWN, WRONG), "cannot become one of (3, 5) in place"),
)


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.code.replace("\n", "; "))
def test_lines(line):
    found = verify(network(), line.code)
    statuses = tuple(verdict.status for verdict in found.verdicts)
    assert statuses == line.expected, str(found)
    assert line.said in str(found)


SCALES = (("2 * do", 2), ("-do", 1), ("do * B", 3), ("do + 1e-6", 4))


@pytest.mark.parametrize(("value", "seed"), SCALES)
def test_a_near_miss_is_wrong(value, seed):
    found = verify(network(), f"do = (p - one_hot(y, V)) / B\ndb2 = ({value}).sum(0)", seed=seed)
    assert [verdict.status for verdict in found.verdicts] == [RIGHT, WRONG]


def test_the_counterexample_is_what_it_says():
    found = verify(network(), "dz = (1 - h) * dh")
    example = found.first_wrong.example
    assert example.sizes["B"] != example.sizes["H"]
    assert example.deviation > 0.01
    assert -1 <= example.cosine <= 1
    assert example.right != example.claimed
    assert "dz" in found.first_wrong.derived


def test_statuses_decide_the_exit_status():
    assert verify(network(), "db2 = do.sum(0)").exit_status == 0
    assert verify(network(), "db2 = do.sum(1)\nq = unknown").exit_status == 1
    assert verify(network(), "db2 = do.sum(0)\nq = unknown").exit_status == 3
    assert verify(network(), "q = 1").exit_status == 3


def test_a_zero_gradient_is_judged_like_any():
    model = Model("shifted")
    v = axes("v:V")
    o, g = model.parameters(o=(v,)), model.inputs(g=(v,))
    m = model.define("m", (), total(o[v], v))
    p = model.define("p", (v,), exp(o[v] - m) / exp(-m))
    model.minimize("L", total(g[v] * p[v], v))
    assert verify(model, "dm = 0").exit_status == 0
    assert verify(model, "dm = -(dp * p).sum()").exit_status == 1


def test_a_file_with_its_own_model():
    found = verify(None, EXAMPLES / "batchnorm_backward.py")
    assert found.exit_status == 0, str(found)
    assert len({verdict.target for verdict in found.with_status(RIGHT)}) == 26


def test_sizes_of_the_file_are_those_that_are_tried():
    code = "ds = (dz @ W1.T).reshape(6, 4)"
    assert verify(network(), code).exit_status != 0
    assert verify(network(), f"# sizes: B=6, D=4\n{code}").exit_status == 0


def sympy_claims(model: Model) -> dict[str, tuple[Expr, bool]]:
    """dL/dX of the network's last layer in SymPy, and whether it is right."""
    b, i, v = axes("b:B i:H v:V")
    p, r, y = (IndexedBase(name) for name in "pry")
    B = Symbol("B")
    do = (p[b, v] - KroneckerDelta(v, y[b])) / B
    return {
        "o": (do, True),
        "b2": (Sum(do, b), True),
        "W2": (Sum(do * r[b, i], b), True),
        "p": (-KroneckerDelta(v, y[b]) / (B * p[b, v]), True),
        "z": (do, False),
        "r": (Sum(do * p[b, v], v), False),
    }


def test_claims_in_sympy():
    claims = sympy_claims(network())
    found = verify(network(), {name: expression for name, (expression, _) in claims.items()})
    expected = [RIGHT if right else WRONG for _, right in claims.values()]
    expected[4] = UNREAD  # v is no index of dz
    assert [verdict.status for verdict in found.verdicts] == expected, str(found)
    assert all(verdict.how.startswith("proved") for verdict in found.with_status(RIGHT)), str(found)


def test_claims_by_name_as_code():
    found = verify(network(), {"b2": "do.sum(0)", "W2": "r.T @ do"})
    assert [verdict.status for verdict in found.verdicts] == [RIGHT, WRONG]


def test_the_sides_behind_an_unread_formula_are_no_other_subject_s(tmp_path):
    claims = tmp_path / "claims.txt"
    claims.write_text("db2[v] = sum_b do[b,v]\ndh[b,i] = dr[b,i] $ 2\n= dr[b,i]*(1 + [h[b,i] > 0])\n")
    found = verify(network(), claims)
    assert [verdict.status for verdict in found.verdicts] == [RIGHT, UNREAD, UNREAD], str(found)
    assert "line 2, whose formula this goes on with" in str(found)

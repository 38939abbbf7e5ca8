"""What is declared, as it prints, and what it means in NumPy: expressions, reshaped axes, bound letters, equations."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import sympy
from sympy import (
    Abs,
    Eq,
    Expr,
    Heaviside,
    Idx,
    IndexedBase,
    KroneckerDelta,
    Min,
    Mod,
    Piecewise,
    Rational,
    Sum,
    Symbol,
    exp,
    floor,
    log,
    pi,
    sin,
    sqrt,
    tanh,
)

from symgrad.checking.interpreter import evaluate
from symgrad.language.model import Model, normal
from symgrad.language.notation import equation_text, text
from symgrad.language.surface import (
    another,
    argmaximum,
    axes,
    concatenated,
    log_softmax,
    maximum,
    mean,
    merged,
    relu,
    sigmoid,
    size,
    softmax,
    split,
    stop_gradient,
    total,
)

b, t, d, e, i, j, v, w = axes("b:B t:N d:D e:D i:H j:H v:V w:V")
SIZES = {"B": 4, "N": 3, "D": 2, "H": 5, "V": 6}


def declared() -> tuple[Model, dict[str, object]]:
    """A model with tensors of every role, and its handles by name."""
    model = Model("m")
    handles: dict[str, object] = {}
    handles["W"], handles["U"], handles["C"], handles["c"] = model.parameters(W=(v, i), U=(i, j), C=(v, d), c=())
    handles["h"], handles["g"], handles["z"] = model.inputs(h=(b, i), g=(b, t, d), z=())
    handles["x"], handles["y"] = model.tokens(x=(b, t), y=(b,), vocabulary=v)
    return model, handles


def values() -> dict[str, np.ndarray]:
    random = np.random.default_rng(5)
    shapes = {"W": (6, 5), "U": (5, 5), "C": (6, 2), "c": (), "h": (4, 5), "g": (4, 3, 2), "z": ()}
    given = {name: random.normal(size=shape) for name, shape in shapes.items()}
    return given | {"x": random.integers(0, 6, (4, 3)), "y": random.integers(0, 6, 4)}


MODEL, H = declared()
W, U, C, c, h, g, z, x, y = (H[name] for name in ["W", "U", "C", "c", "h", "g", "z", "x", "y"])
GIVEN = values()


def defined(axes_: tuple[Idx, ...], expression: Expr) -> tuple[str, np.ndarray]:
    """The equation of `a[axes] = expression` as text, and its value."""
    model, _ = declared()
    model.define("a", axes_, expression)
    equation = model._program.equation("a")
    return equation_text(equation), evaluate(model._program, GIVEN, SIZES)["a"]


def np_softmax(o: np.ndarray, axis: int = -1) -> np.ndarray:
    return np.exp(o) / np.exp(o).sum(axis=axis, keepdims=True)


def n(name: str) -> np.ndarray:
    return GIVEN[name]


# axes, expression, its text, its value
TABLE: dict[str, tuple[tuple[Idx, ...], Expr, str, Callable[[], np.ndarray]]] = {
    "matrix product": (
        (b, v),
        total(W[v, i] * h[b, i], i),
        "a[b,v] = sum_i W[v,i]*h[b,i]",
        lambda: n("h") @ n("W").T,
    ),
    "bias after a sum": (
        (b, v),
        total(W[v, i] * h[b, i], i) + C[v, 0],
        "a[b,v] = C[v,0] + sum_i W[v,i]*h[b,i]",
        lambda: n("h") @ n("W").T + n("C")[:, 0],
    ),
    "gather": ((b, t, d), C[x[b, t], d], "a[b,t,d] = C[x[b,t],d]", lambda: n("C")[n("x")]),
    "gather summed": (
        (b,),
        total(g[b, t, d] * C[x[b, t], d], t, d),
        "a[b] = sum_t,d g[b,t,d]*C[x[b,t],d]",
        lambda: (n("g") * n("C")[n("x")]).sum(axis=(1, 2)),
    ),
    "double gather": ((b, i), W[y[b], i], "a[b,i] = W[y[b],i]", lambda: n("W")[n("y")]),
    "mean": ((b,), mean(h[b, i], i), "a[b] = 1/H * sum_i h[b,i]", lambda: n("h").mean(axis=1)),
    "mean over two axes": ((), mean(h[b, i], b, i), "a = 1/(B*H) * sum_b,i h[b,i]", lambda: n("h").mean()),
    "maximum": ((b,), maximum(h[b, i], i), "a[b] = max_i h[b,i]", lambda: n("h").max(axis=1)),
    "maximum over two axes": (
        (),
        maximum(maximum(h[b, i], i), b),
        "a = max_b,i h[b,i]",
        lambda: n("h").max(),
    ),
    "first maximum": (
        (b, d),
        C[argmaximum(total(W[v, i] * h[b, i], i), v), d],
        "a[b,d] = C[argmax_v (sum_i W[v,i]*h[b,i]),d]",
        lambda: n("C")[(n("h") @ n("W").T).argmax(axis=1)],
    ),
    "factors that do not depend on the index": (
        (b,),
        total(c * z * h[b, i], i),
        "a[b] = c*z * sum_i h[b,i]",
        lambda: n("c") * n("z") * n("h").sum(axis=1),
    ),
    "a sum over nothing": ((b,), total(z, i), "a[b] = z*H", lambda: np.full(4, 5 * n("z"))),
    "a difference keeps its order": ((b, i), z - h[b, i], "a[b,i] = z - h[b,i]", lambda: n("z") - n("h")),
    "a negative term comes last": ((b, i), -h[b, i] + z, "a[b,i] = z - h[b,i]", lambda: n("z") - n("h")),
    "numbers first": ((), 3 * z * c / 4, "a = 3*c*z/4", lambda: 0.75 * n("c") * n("z")),
    "a float": ((), 0.5 * z, "a = 0.5*z", lambda: 0.5 * n("z")),
    "a root": (
        (b,),
        sqrt(total(h[b, i] ** 2, i)),
        "a[b] = sqrt(sum_i h[b,i]**2)",
        lambda: np.linalg.norm(n("h"), axis=1),
    ),
    "reciprocal": ((), 1 / (1 + z**2), "a = 1/(z**2 + 1)", lambda: 1 / (1 + n("z") ** 2)),
    "sigmoid": ((b, i), sigmoid(h[b, i]), "a[b,i] = 1/(exp(-h[b,i]) + 1)", lambda: 1 / (1 + np.exp(-n("h")))),
    "relu": ((b, i), relu(h[b, i]), "a[b,i] = max(0, h[b,i])", lambda: np.maximum(n("h"), 0)),
    "least of two": ((b, i), Min(h[b, i], z), "a[b,i] = min(h[b,i], z)", lambda: np.minimum(n("h"), n("z"))),
    "absolute value": ((b, i), Abs(h[b, i]), "a[b,i] = abs(h[b,i])", lambda: np.abs(n("h"))),
    "pi": ((), pi * z, "a = pi*z", lambda: np.pi * n("z")),
    "e": ((), sympy.E * z, "a = z*exp(1)", lambda: np.e * n("z")),
    "one hot": (
        (b, v),
        KroneckerDelta(v, y[b]),
        "a[b,v] = [v == y[b]]",
        lambda: (np.arange(6) == n("y")[:, None]) * 1.0,
    ),
    "heaviside": ((b, i), Heaviside(h[b, i]), "a[b,i] = [0 < h[b,i]]", lambda: (n("h") > 0) * 1.0),
    "a bracket": ((i, j), Piecewise((1, i <= j), (0, True)), "a[i,j] = [i <= j]", lambda: np.triu(np.ones((5, 5)))),
    "a relation is a bracket": ((b, i), h[b, i] > z, "a[b,i] = [z < h[b,i]]", lambda: (n("h") > n("z")) * 1.0),
    "a case": (
        (b, i),
        Piecewise((h[b, i], i < 2), (z, True)),
        "a[b,i] = h[b,i] if [i < 2] else z",
        lambda: np.where(np.arange(5) < 2, n("h"), n("z")),
    ),
    "three cases": (
        (i,),
        Piecewise((1, i < 2), (2, i < 4), (z, True)),
        "a[i] = 1 if [i < 2] else (2 if [i < 4] else z)",
        lambda: np.array([1, 1, 2, 2, n("z")]),
    ),
    "both of two conditions": (
        (i, j),
        Piecewise((z, (i < j) & (j < 3)), (0, True)),
        "a[i,j] = z if [i < j]*[j < 3] else 0",
        lambda: np.where((np.arange(5)[:, None] < np.arange(5)) & (np.arange(5) < 3), n("z"), 0.0),
    ),
    "the index as a number": ((i,), i * z, "a[i] = z*i", lambda: np.arange(5) * n("z")),
    "a constant to the calculus": ((), stop_gradient(z) * z, "a = z*stop_gradient(z)", lambda: n("z") ** 2),
    "softmax": (
        (b, i),
        softmax(h[b, i], i),
        "a[b,i] = exp(h[b,i])/(sum_i2 exp(h[b,i2]))",
        lambda: np_softmax(n("h")),
    ),
    "log softmax": (
        (b, i),
        log_softmax(h[b, i], i),
        "a[b,i] = h[b,i] - log(sum_i2 exp(h[b,i2]))",
        lambda: np.log(np_softmax(n("h"))),
    ),
    "softmax over two axes": (
        (b, i),
        softmax(h[b, i], b, i),
        "a[b,i] = exp(h[b,i])/(sum_b2,i2 exp(h[b2,i2]))",
        lambda: np_softmax(n("h"), None),
    ),
    "the other end": ((b, i), h[b, size(i) - 1 - i], "a[b,i] = h[b,H - i - 1]", lambda: n("h")[:, ::-1]),
    "diagonal": ((i,), U[i, i], "a[i] = U[i,i]", lambda: np.diag(n("U"))),
    "trace": ((), total(U[i, i], i), "a = sum_i U[i,i]", lambda: np.trace(n("U"))),
    "transpose": ((i, j), U[j, i], "a[i,j] = U[j,i]", lambda: n("U").T),
    "outer product": ((b, i, v), h[b, i] * W[v, i], "a[b,i,v] = W[v,i]*h[b,i]", lambda: n("h")[:, :, None] * n("W").T),
}


@pytest.mark.parametrize(("axes_", "expression", "written", "value"), TABLE.values(), ids=TABLE)
def test_declared(axes_: tuple[Idx, ...], expression: Expr, written: str, value: Callable[[], np.ndarray]) -> None:
    came, result = defined(axes_, expression)
    assert came == written
    np.testing.assert_allclose(result, value(), rtol=1e-13)


# -- reshaping: a statement about indices -----------------------------------------------------------------------------

q, r, p, m3 = axes("q:N*D r:B*N*D p:D+H m:3")


def np_concatenated() -> np.ndarray:
    return np.concatenate([n("C")[:, :], n("W")], axis=1)


RESHAPED: dict[str, tuple[tuple[Idx, ...], Expr, Callable[[], np.ndarray]]] = {
    "split two axes off": ((b, q), g[b, floor(q / size(d)), Mod(q, size(d))], lambda: n("g").reshape(4, 6)),
    "split": ((b, q), g[(b, *split(q, t, d))], lambda: n("g").reshape(4, 6)),
    "split into three": ((r,), g[split(r, b, t, d)], lambda: n("g").reshape(-1)),
    "concatenate": (
        (v, p),
        concatenated(p, (lambda k: C[v, k], d), (lambda k: W[v, k], i)),
        np_concatenated,
    ),
    "concatenate with a constant": (
        (v, axes("k:D+1")),
        concatenated(axes("k:D+1"), (lambda k: C[v, k], d), (lambda k: sympy.Integer(1), 1)),
        lambda: np.concatenate([n("C"), np.ones((6, 1))], axis=1),
    ),
    "split and sum": ((b,), total(g[(b, *split(q, t, d))], q), lambda: n("g").sum(axis=(1, 2))),
    "softmax over merged axes": (
        (b, q),
        softmax(g[(b, *split(q, t, d))], q),
        lambda: np_softmax(n("g").reshape(4, 6)),
    ),
}


@pytest.mark.parametrize(("axes_", "expression", "value"), RESHAPED.values(), ids=RESHAPED)
def test_reshaped(axes_: tuple[Idx, ...], expression: Expr, value: Callable[[], np.ndarray]) -> None:
    np.testing.assert_allclose(defined(axes_, expression)[1], value(), rtol=1e-13)


def chained(*steps: tuple[str, tuple[Idx, ...], Callable[[Callable], Expr]]) -> np.ndarray:
    """The last of several definitions; each is written with `of(name)`, the handle of an earlier one."""
    model, handles = declared()
    for name, axes_, write in steps:
        handles[name] = model.define(name, axes_, write(handles.__getitem__))
    return evaluate(model._program, GIVEN, SIZES)[steps[-1][0]]


def test_merged_undoes_split() -> None:
    flat = ("f", (b, q), lambda of: of("g")[(b, *split(q, t, d))])
    back = ("k", (b, t, d), lambda of: of("f")[b, merged(t, d)])
    np.testing.assert_array_equal(chained(flat, back), n("g"))
    three = ("f", (r,), lambda of: of("g")[split(r, b, t, d)])
    np.testing.assert_array_equal(chained(three, ("k", (b, t, d), lambda of: of("f")[merged(b, t, d)])), n("g"))


def test_a_slice_is_a_shifted_index() -> None:
    joined = ("k", (v, p), lambda of: concatenated(p, (lambda k: C[v, k], d), (lambda k: W[v, k], i)))
    np.testing.assert_array_equal(chained(joined, ("s", (v, d), lambda of: of("k")[v, d])), n("C"))
    np.testing.assert_array_equal(chained(joined, ("s", (v, i), lambda of: of("k")[v, i + size(d)])), n("W"))


def test_splitting_what_was_merged_leaves_the_indices() -> None:
    model, _ = declared()
    model.define("f", (b, t, d), g[(b, *split(merged(t, d), t, d))])
    assert equation_text(model._program.equation("f")) == "f[b,t,d] = g[b,t,d]"


def test_sizes_that_are_numbers() -> None:
    model = Model("numbers")
    k, s = axes("k:3 s:2")
    A = model.parameters(A=(k, s))
    model.define("first", (s,), A[2, s])
    model.define("flat", (axes("q:3*2"),), A[split(axes("q:3*2"), k, s)])
    model.minimize("L", mean(A[k, s] ** 2, k, s))
    value = np.arange(6.0).reshape(3, 2)
    after = evaluate(model.program, {"A": value})
    np.testing.assert_array_equal(after["first"], value[2])
    np.testing.assert_array_equal(after["flat"], value.ravel())
    assert after["L"] == pytest.approx(np.mean(value**2))
    assert text(model.program.equation("L").body) == "1/6 * sum_k,s A[k,s]**2"


# -- letters that are bound -------------------------------------------------------------------------------------------

i4 = Idx("i2", size(i))
CAPTURES: dict[str, tuple[tuple[Idx, ...], Expr, Callable[[], np.ndarray]]] = {
    "softmax of a softmax": ((b, i), softmax(softmax(h[b, i], i), i), lambda: np_softmax(np_softmax(n("h")))),
    "three deep": (
        (b, i),
        softmax(softmax(softmax(h[b, i], i), i), i),
        lambda: np_softmax(np_softmax(np_softmax(n("h")))),
    ),
    "log softmax of a log softmax": (
        (b, i),
        log_softmax(log_softmax(h[b, i], i), i),
        lambda: np.log(np_softmax(np.log(np_softmax(n("h"))))),
    ),
    "softmax over the other axis of a softmax": (
        (i, j),
        softmax(softmax(U[i, j], j), i),
        lambda: np_softmax(np_softmax(n("U"), 1), 0),
    ),
    "softmax by the hidden letter": (
        (b, i4),
        softmax(h[b, i4], i4),
        lambda: np_softmax(n("h")),
    ),
    "softmax where its letter is taken": (
        (i, i4),
        softmax(U[i, i4] * h[0, i], i),
        lambda: np_softmax(n("U") * n("h")[0][:, None], 0),
    ),
    "summed by the letter of the softmax": (
        (b,),
        total(softmax(h[b, i], i) * U[i, j] * h[b, j], i, j),
        lambda: np.einsum("bi,ij,bj->b", np_softmax(n("h")), n("U"), n("h")),
    ),
    "one letter in two sums": (
        (b,),
        total(h[b, i], i) * total(h[b, i] ** 2, i),
        lambda: n("h").sum(axis=1) * (n("h") ** 2).sum(axis=1),
    ),
    "one letter in a sum, a maximum and a function": (
        (b,),
        tanh(total(h[b, i], i)) * maximum(h[b, i], i) + total(sin(h[b, i]), i),
        lambda: np.tanh(n("h").sum(1)) * n("h").max(1) + np.sin(n("h")).sum(1),
    ),
    "a sum squared": ((b,), total(h[b, i], i) ** 2, lambda: n("h").sum(axis=1) ** 2),
    "a sum inside another": (
        (b,),
        total(h[b, i] / total(exp(U[i, j]), j), i),
        lambda: (n("h") / np.exp(n("U")).sum(axis=1)).sum(axis=1),
    ),
    "a centred softmax": (
        (b, i),
        softmax(h[b, i] - mean(h[b, j], j), i),
        lambda: np_softmax(n("h")),
    ),
    "explicit limits": ((b,), Sum(h[b, i], (i, 0, size(i) - 1)), lambda: n("h").sum(axis=1)),
}


@pytest.mark.parametrize(("axes_", "expression", "value"), CAPTURES.values(), ids=CAPTURES)
def test_no_letter_is_captured(axes_: tuple[Idx, ...], expression: Expr, value: Callable[[], np.ndarray]) -> None:
    np.testing.assert_allclose(defined(axes_, expression)[1], value(), rtol=1e-12)


def test_another_index_avoids_the_letters_it_is_shown() -> None:
    assert str(another(i, h[b, i4]).label) == "i3"
    assert another(i, h[b, i]) == i4


# -- whole models -----------------------------------------------------------------------------------------------------


def concat_lm() -> Model:
    model = Model("concat_lm")
    C, W1, W2 = model.parameters(C=(v, d), W1=normal((i, t, d), 0.3), W2=(v, i))
    x, y = model.tokens(x=(b, t), y=(b,), vocabulary=v)
    a = model.define("a", (b, i), total(W1[i, t, d] * C[x[b, t], d], t, d))
    h = model.define("h", (b, i), tanh(a[b, i]))
    o = model.define("o", (b, v), total(W2[v, i] * h[b, i], i))
    p = model.define("p", (b, v), softmax(o[b, v], v))
    model.minimize("L", mean(-log(p[b, y[b]]), b))
    return model


def test_a_model_prints_as_numbered_equations() -> None:
    assert str(concat_lm()) == "\n".join(
        [
            "concat_lm",
            "  parameters  C (V,D)   W1 (H,N,D)   W2 (V,H)",
            "  tokens      x (B,N) < V   y (B) < V",
            "  (F1) a[b,i] = sum_t,d W1[i,t,d]*C[x[b,t],d]",
            "  (F2) h[b,i] = tanh(a[b,i])",
            "  (F3) o[b,v] = sum_i W2[v,i]*h[b,i]",
            "  (F4) p[b,v] = exp(o[b,v])/(sum_v2 exp(o[b,v2]))",
            "  (F5) L = -1/B * sum_b log(p[b,y[b]])",
        ]
    )


def test_a_model_from_equations_is_the_same_program() -> None:
    C, W1, W2, x, y, a, h, o, p = map(IndexedBase, ["C", "W1", "W2", "x", "y", "a", "h", "o", "p"])
    L = Symbol("L")
    other = Model.from_equations(
        "concat_lm",
        [
            Eq(a[b, i], Sum(W1[i, t, d] * C[x[b, t], d], t, d)),
            Eq(h[b, i], tanh(a[b, i])),
            Eq(o[b, v], Sum(W2[v, i] * h[b, i], i)),
            Eq(p[b, v], softmax(o[b, v], v)),
            Eq(L, mean(-log(p[b, y[b]]), b)),
        ],
        parameters={"C": (v, d), "W1": normal((i, t, d), 0.3), "W2": (v, i)},
        tokens={"x": ((b, t), v), "y": ((b,), v)},
    )
    assert vars(other.program) == vars(concat_lm().program)


def test_a_scalar_model_needs_no_axes() -> None:
    model = Model("scalar")
    w1, w2 = model.parameters(w1=(), w2=())
    x, y = model.inputs(x=(), y=())
    hidden = model.define("h", (), tanh(w1 * x))
    out = model.define("o", (), tanh(w2 * hidden))
    model.minimize("L", (y - out) ** 2 / 2)
    written = [equation_text(equation) for equation in model.program.equations()]
    assert written == ["h = tanh(w1*x)", "o = tanh(w2*h)", "L = (y - o)**2/2"]
    names = Symbol("w1"), Symbol("w2"), Symbol("x"), Symbol("y"), Symbol("h"), Symbol("o"), Symbol("L")
    w1, w2, x, y, hidden, out, loss = names
    equations = [Eq(hidden, tanh(w1 * x)), Eq(out, tanh(w2 * hidden)), Eq(loss, (y - out) ** 2 / 2)]
    other = Model.from_equations("scalar", equations, {"w1": (), "w2": ()}, inputs={"x": (), "y": ()})
    assert vars(other.program) == vars(model.program)


def test_the_text_does_not_depend_on_how_a_product_was_written() -> None:
    left = total(h[b, i] * W[v, i] * Rational(1, 2), i)
    right = total(W[v, i] * h[b, i], i) / 2
    assert defined((b, v), left)[0] == defined((b, v), right)[0] == "a[b,v] = 1/2 * sum_i W[v,i]*h[b,i]"

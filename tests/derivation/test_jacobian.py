"""Jacobians and Hessians: as they stand in books, as difference quotients have them, and what is refused."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import sympy
from sympy import Max, Symbol, Trace, exp, log, tanh

from symgrad import MatrixModel, Model, axes, derive, hessian, jacobian, mean, softmax, total
from symgrad.calculus.inlining import cut
from symgrad.calculus.reverse import differentiate
from symgrad.checking.differences import along, stopped
from symgrad.checking.interpreter import Values, evaluate
from symgrad.checking.points import point, size_table
from symgrad.derivation.jacobians import Jacobian
from symgrad.language.errors import DerivativeError, Independent
from symgrad.language.program import Program
from symgrad.language.recurrences import cycles
from symgrad.language.typecheck import typecheck

from ..calculus.programs import PROGRAMS

b, d, i, j, v = axes("b:B d:D i:H j:H v:V")


def classifier() -> Model:
    model = Model("classifier")
    W1, W2 = model.parameters(W1=(i, d), W2=(v, i))
    x, y = model.inputs(x=(b, d)), model.tokens(y=(b,), vocabulary=v)
    a = model.define("a", (b, i), total(W1[i, d] * x[b, d], d))
    h = model.define("h", (b, i), tanh(a[b, i]))
    o = model.define("o", (b, v), total(W2[v, i] * h[b, i], i))
    p = model.define("p", (b, v), softmax(o[b, v], v))
    model.minimize("L", mean(-log(p[b, y[b]]), b))
    return model


def log_sum_exp() -> Model:
    model = Model("log_sum_exp")
    z = model.parameters(z=(v,))
    model.minimize("L", log(total(exp(z[v]), v)))
    return model


def board() -> Model:
    model = Model("board")
    w1, w2 = model.parameters(w1=(), w2=())
    x, y = model.inputs(x=(), y=())
    h = model.define("h", (), tanh(w1 * x))
    o = model.define("o", (), tanh(w2 * h))
    model.minimize("L", (y - o) ** 2 / 2)
    return model


def trace_times_matrix() -> MatrixModel:
    """Reported to SymPy: d(tr(A) A)/dA came out as a matrix, where it has four axes."""
    model = MatrixModel("trace_times_matrix")
    A = model.parameters(A=(i, j))
    T = model.define("T", Trace(A) * A)
    model.minimize("L", Trace(T.T * T))
    return model


def linear() -> MatrixModel:
    model = MatrixModel("linear")
    A, x = model.parameters(A=(v, i), x=(i,))
    o = model.define("o", A * x)
    model.minimize("L", Trace(o * o.T))
    return model


def quadratic() -> MatrixModel:
    model = MatrixModel("quadratic")
    A, x = model.inputs(A=(i, j)), model.parameters(x=(i,))
    model.minimize("L", Trace(x.T * A * x))
    return model


def kinked() -> Model:
    model = Model("kinked")
    w, u = model.parameters(w=(i,), u=(i,))
    model.minimize("L", total(Max(w[i], 0) + u[i] ** 3, i))
    return model


# (model, jacobian(...) or hessian(...)), its formula, its notes, its matrix form
FORMS: list[tuple[Callable[[], Model], Callable[[Model], Jacobian], str, tuple[str, ...], str]] = [
    (classifier, lambda m: jacobian(m, "p", "o"),
     "dp[b,v]/do[b,v2] = p[b,v]*[v == v2] - p[b,v]*p[b,v2]", ("0 where b differs",), "dp/do = diag(p) - p p^T"),
    (classifier, lambda m: jacobian(m, "h", "a"),
     "dh[b,i]/da[b,i] = 1 - h[b,i]**2", ("0 where b or i differs",), "dh/da = 1 - h^2"),
    (classifier, lambda m: jacobian(m, "o", "h"), "do[b,v]/dh[b,i] = W2[v,i]", ("0 where b differs",), "do/dh = W2"),
    (classifier, lambda m: jacobian(m, "p", "h"),
     "dp[b,v]/dh[b,i] = p[b,v]*W2[v,i] - p[b,v] * sum_v2 p[b,v2]*W2[v2,i]", ("0 where b differs",),
     "dp/dh = (diag(p) - p p^T) W2"),
    (classifier, lambda m: jacobian(m, "o", "W2"),
     "do[b,v]/dW2[v,i] = h[b,i]", ("0 where v differs",), "do/dW2 = h"),
    (classifier, lambda m: jacobian(m, "L", "o"), "dL/do[b,v] = (p[b,v] - [v == y[b]])/B", (), "dL/do = (p - Y) / B"),
    (classifier, lambda m: hessian(m, "o"),
     "d2L/(do[b,v] do[b,v2]) = (p[b,v]*[v == v2] - p[b,v]*p[b,v2])/B", ("0 where b differs",),
     "d2L/(do do) = (diag(p) - p p^T) / B"),
    (classifier, lambda m: hessian(m, "h"),
     "d2L/(dh[b,i] dh[b,i2]) = ((sum_v W2[v,i]*p[b,v]*W2[v,i2]) - "
     "(sum_v p[b,v]*W2[v,i]) * sum_v p[b,v]*W2[v,i2])/B", ("0 where b differs",),
     "d2L/(dh dh) = W2^T (diag(p) - p p^T) W2 / B"),
    (log_sum_exp, lambda m: hessian(m, "z"),
     "d2L/(dz[v] dz[v2]) = dz[v]*[v == v2] - dz[v]*dz[v2]", (), "d2L/(dz dz) = diag(dz) - dz dz^T"),
    (board, lambda m: hessian(m, "w2"), "d2L/(dw2 dw2) = (1 - o**2)*((1 - o**2)*h - 2*o*do*h)*h", (), ""),
    (trace_times_matrix, lambda m: jacobian(m, "T", "A"),
     "dT[i,j]/dA[i2,j2] = ([i == i2]*[j == j2] * sum_i3 A[i3,i3]) + A[i,j]*[j2 == i2]", (), ""),
    (linear, lambda m: jacobian(m, "o", "x"), "do[v]/dx[i] = A[v,i]", (), "do/dx = A"),
    (quadratic, lambda m: hessian(m, "x"), "d2L/(dx[i] dx[i2]) = A[i,i2] + A[i2,i]", (), "d2L/(dx dx) = A + A^T"),
    (kinked, lambda m: hessian(m, "u"), "d2L/(du[i] du[i]) = 6*u[i]", ("0 where i differs",), ""),
    (kinked, lambda m: hessian(m, "w"), "d2L/(dw[i] dw[i2]) = 0", ("0 because dL/dw does not depend on w",), ""),
    (kinked, lambda m: hessian(m, "w", "u"), "d2L/(dw[i] du[i2]) = 0", ("0 because dL/dw does not depend on u",), ""),
]  # fmt: skip


@pytest.mark.parametrize(("build", "derived", "formula", "notes", "matrix"), FORMS, ids=[row[2] for row in FORMS])
def test_forms(build, derived, formula: str, notes: tuple[str, ...], matrix: str) -> None:
    result = derived(build())
    assert result.formula == formula
    assert result.notes == notes
    if matrix:
        assert result.matrix.text() == matrix


TEXT = """\
Model classifier

Equations
  (F3) o[b,v] = sum_i W2[v,i]*h[b,i]
  (F4) p[b,v] = exp(o[b,v])/(sum_v2 exp(o[b,v2]))

Local derivatives
  dp[b,v]/do[b,v2] = p[b,v]*([v == v2] - p[b,v2])
                         from F4, which connects every v with every v2: d exp(o)/do = exp(o),
                           and exp(o[b,v])/(sum_v2 exp(o[b,v2])) is p[b,v]
  do[b,v]/dh[b,i]  = W2[v,i]                            from F3

Jacobian
  dp[b,v]/dh[b,i] = p[b,v]*W2[v,i] - p[b,v] * sum_v2 p[b,v2]*W2[v2,i]       0 where b differs

Matrix notation
  dp/dh = (diag(p) - p p^T) W2    for each b"""


def test_the_document() -> None:
    result = jacobian(classifier(), "p", "h")
    assert str(result) == TEXT
    assert result.data()["matrix"] == "dp/dh = (diag(p) - p p^T) W2"
    assert hessian(log_sum_exp(), "z").latex() == (
        r"\frac{\partial^{2} L}{\partial z_{v} \, \partial z_{v_{2}}} = "
        r"\mathrm{d}z_{v} \, \mathbb{1}[v = v_{2}] - \mathrm{d}z_{v} \, \mathrm{d}z_{v_{2}}"
    )


# -- in numbers --------------------------------------------------------------------------------------------------------

NUMERIC = [
    "scalar_shared", "two_layers", "cross_entropy", "embedding", "padded_convolution", "split_axis", "leaky",
    "maximum_over_an_axis", "quadratic_form", "two_slices_backwards",
]  # fmt: skip


def columns(program: Program, of: str, by: str, at: Values, sizes: dict[str, int]) -> np.ndarray:
    """d of/d by by difference quotients of the interpreter."""
    held, values = stopped(program, at, sizes)
    found = []
    for entry in range(values[by].size):
        unit = np.zeros(values[by].shape)
        unit.reshape(-1)[entry] = 1.0
        found.append(along(lambda given: evaluate(held, given, sizes)[of], values, {by: unit}, 1e-4))
    return np.stack(found, axis=-1).reshape((*np.shape(found[0]), *values[by].shape))


def assert_close(found: np.ndarray, expected: np.ndarray, what: str) -> None:
    assert found.shape == expected.shape, what
    error = np.max(np.abs(found - expected), initial=0.0) / max(1e-5, np.max(np.abs(expected), initial=0.0))
    assert error < 1e-6, f"{what}: {error:.1e}"


@pytest.mark.parametrize("name", NUMERIC)
def test_they_are_difference_quotients(name: str) -> None:
    """Every definition by every parameter and definition, and the Hessian by each: the ones proven to be 0 as well."""
    program = PROGRAMS[name]()
    sizes = size_table(program)[min(1, len(size_table(program)) - 1)]
    at = point(program, sizes).values
    made = evaluate(program, at, sizes)
    definitions = [equation.tensor for equation in program.equations()]
    parameters = [parameter.name for parameter in program.parameters]
    compared = 0
    for by in [*parameters, *(x for x in definitions if x not in cycles(program))]:
        given = program if by in parameters else cut(program, by)
        values = {**at, by: made[by]}
        for of in definitions:
            if of == by:
                continue
            expected = columns(given, of, by, values, sizes)
            try:
                result = jacobian(program, of, by)
                typecheck(result.program)
                assert_close(result.at(at, sizes), expected, f"d{of}/d{by}")
                compared += 1
            except Independent:
                assert_close(np.zeros(expected.shape), expected, f"d{of}/d{by}")
        if by != program.outputs[0]:
            second = hessian(program, by)
            typecheck(second.program)
            first = differentiate(given, by)
            found = second.at(at, sizes)
            assert_close(found, columns(first.program, first.adjoints[by], by, values, sizes), f"d2L/d{by}2")
            flat = found.reshape(values[by].size, -1)
            np.testing.assert_allclose(flat, flat.T, rtol=1e-9, atol=1e-10)
    assert compared


def test_every_path_through_a_recurrence_is_counted() -> None:
    """dh[t]/dh[s] is the product of the steps between s and t."""
    t = axes("t:T")
    model = Model("powers")
    w, x = model.parameters(w=()), model.inputs(x=(t,))
    h = model.recurrent("h", (t,), along=t)
    model.define("h", (t,), w * h[t - 1] + x[t])
    model.minimize("L", total(h[t] ** 2, t))
    found = jacobian(model, "h", "h").at({"w": np.array(0.5), "x": np.ones(4)})
    expected = [[0.5 ** (t - s) if s <= t else 0.0 for s in range(4)] for t in range(4)]
    np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize(("by", "other"), [("w2", "w2"), ("w1", "w1"), ("w1", "w2"), ("w2", "w1"), ("x", "w2")])
def test_second_derivatives_of_scalars_are_those_of_sympy(by: str, other: str) -> None:
    """Nothing but scalars: here `sympy.diff` can be trusted, and is."""
    w1, w2, x, y = symbols = [Symbol(name, real=True) for name in ("w1", "w2", "x", "y")]
    loss = (y - tanh(w2 * tanh(w1 * x))) ** 2 / 2
    numbers = dict(zip(symbols, (0.5, -0.3, 3.0, 0.4), strict=True))
    expected = float(sympy.diff(loss, Symbol(by, real=True), Symbol(other, real=True)).subs(numbers))
    values = {symbol.name: np.array(number) for symbol, number in numbers.items()}
    assert float(hessian(board(), by, other).at(values)) == pytest.approx(expected, rel=1e-12)
    again = derive(derive(board(), by), other)
    assert float(again.numbers(values).gradients[other]) == pytest.approx(expected, rel=1e-12)
    several = derive(derive(board(), ["w1", "w2", "x"]), other, of=f"d{by}")
    assert several.loss == f"d{by}"
    assert float(several.numbers(values).gradients[other]) == pytest.approx(expected, rel=1e-12)


# -- what is refused ---------------------------------------------------------------------------------------------------


def recurrent() -> Model:
    t = axes("t:T")
    model = Model("recurrent")
    w = model.parameters(w=())
    h = model.recurrent("h", (t,), along=t, start=1)
    model.define("h", (t,), w * h[t - 1])
    model.minimize("L", total(h[t] ** 2, t))
    return model


REFUSED = [
    (classifier, lambda m: jacobian(m, "q", "o"), "q is no definition of real numbers, so there is nothing to"),
    (classifier, lambda m: jacobian(m, "W1", "o"), "W1 is no definition of real numbers"),
    (classifier, lambda m: jacobian(m, "p", "w1"), "w1 is not declared; there are W1, W2, x, a, h, o, p, L; the near"),
    (classifier, lambda m: jacobian(m, "p", "y"), "y is tokens, no parameter, real input or definition of real number"),
    (classifier, lambda m: jacobian(m, "h", "W2"), "h does not depend on W2"),
    (classifier, lambda m: jacobian(m, "h", "o"), "h does not depend on o"),
    (classifier, lambda m: hessian(m, "W3"), "W3 is not declared; there are W1, W2, x; the nearest to W3 is W"),
    (classifier, lambda m: hessian(m, "W1", "V2"), "V2 is not declared; there are W1, W2, x; the nearest to V2 is W2"),
    (classifier, lambda m: hessian(m, "h", "W1"), "h is a definition; mixed second derivatives are by parameters"),
    (recurrent, lambda m: hessian(m, "h"), "h is made by a recurrence, so its entries depend on each other"),
    (classifier, lambda m: derive(derive(m)), "it has the gradients dW1, dW2; say which one to differentiate: of="),
    (classifier, lambda m: derive(m, "W1", of="p"), "p has axes, so it has no gradient; jacobian(model, 'p', ...)"),
    (classifier, lambda m: derive(m, "W1", of="P"), "P is no definition of real numbers"),
]  # fmt: skip


@pytest.mark.parametrize(("build", "derived", "message"), REFUSED, ids=[row[2] for row in REFUSED])
def test_refused(build, derived, message: str) -> None:
    with pytest.raises(DerivativeError) as raised:
        derived(build())
    assert str(raised.value).startswith(f"{build().name}: {message}")

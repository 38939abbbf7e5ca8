"""Results in matrix notation: as on a board, evaluated as they are printed, and honest where there is no such form."""

from __future__ import annotations

import numpy as np
import pytest
import sympy
from sympy import (
    Determinant,
    HadamardProduct,
    Identity,
    MatrixSymbol,
    Max,
    OneMatrix,
    Piecewise,
    Symbol,
    Trace,
    exp,
    log,
    sqrt,
    symbols,
    tanh,
)

from symgrad import MatrixModel, Model, axes, derive, gradient, maximum, mean, softmax, total
from symgrad.checking.interpreter import evaluate
from symgrad.checking.points import PRIMES, point, size_names
from symgrad.derivation.matrix_form import matrix_form
from symgrad.derivation.matrix_values import matrix_value
from symgrad.language.errors import DeclarationError, DerivativeError

b, d, i, v = axes("b:B d:D i:H v:V")
n, m, k = symbols("n m k")
i0 = sympy.Idx("i", n)
A, B, X = (MatrixSymbol(name, n, n) for name in ("A", "B", "X"))
x, c = MatrixSymbol("x", n, 1), MatrixSymbol("c", n, 1)
P, W = MatrixSymbol("P", n, m), MatrixSymbol("W", m, k)


def classifier() -> MatrixModel:
    model = MatrixModel("classifier")
    x = model.inputs(x=(b, d))
    y = model.tokens(y=(b,), vocabulary=v)
    W1, b1, W2 = model.parameters(W1=(i, d), b1=(i,), W2=(v, i))
    h = model.define("h", (x * W1.T + OneMatrix(x.shape[0], 1) * b1.T).applyfunc(tanh))
    o = model.define("o", h * W2.T)
    p = model.define("p", (b, v), softmax(o[b, v], v))
    model.minimize("L", mean(-log(p[b, y[b]]), b))
    return model


TEXT = """\
Model classifier            input x (B,D), target y (B) < V, parameters W1 (H,D), b1 (H), W2 (V,H)

Notation
  dX                   the adjoint of X; it has X's shape
  A o B, A / B, f(A)   entry by entry
  1_n                  a column of n ones
  diag(u)              the matrix with u on its diagonal
  Y[b,k]               [k == y[b]]

Forward
  (F1) h = tanh(1_B b1^T + x W1^T)
  (F2) o = h W2^T
  (F3) p = diag(1 / (exp(o) 1_V)) exp(o)
  (F4) L = -1_B^T log((Y o p) 1_V) / B

Backward
  do = (p - Y) / B
  dh = do W2

Gradients
  dW1 = ((1 - h o h) o dh)^T x
      = ((1 - h o h) o ((p - Y) W2))^T x / B
  db1 = ((1 - h o h) o dh)^T 1_B
      = ((1 - h o h) o ((p - Y) W2))^T 1_B / B
  dW2 = do^T h
      = (p - Y)^T h / B"""


def test_a_derivation_in_matrix_notation() -> None:
    assert derive(classifier()).matrix_text() == TEXT


def test_one_gradient_of_a_derivation() -> None:
    form = derive(classifier()).matrix["W2"]
    assert form.text() == "dW2 = (p - Y)^T h / B"
    assert form.latex() == r"\mathrm{d}W_{2} = \frac{(p - Y)^{\top} h}{B}"
    assert str(form) == "dW2 = (p - Y)^T h / B    where Y[b,k] = [k == y[b]]"
    assert str(form.sympy) == "1/B*((-Y + p).T*h)"


@pytest.mark.parametrize("order", [1, -1])
def test_every_printed_equation_is_what_the_interpreter_computes(order: int) -> None:
    program = derive(classifier()).program
    names = size_names(program)
    sizes = dict(zip(names, PRIMES[: len(names)][::order], strict=True))
    values = evaluate(program, point(program, sizes).values, sizes)
    for equation in program.equations():
        form = matrix_form(equation, program)
        printed = matrix_value(form.matrix, values, sizes)
        assert np.allclose(printed.reshape(values[equation.tensor].shape), values[equation.tensor], rtol=1e-12)


# Reported to SymPy as silent zeros, wrong results or errors of its matrix derivative: f, the variable, what is right.
SYMPY_FAILURES = {
    "a sum of traces": (Trace(A.T * A) + Trace(B.T * B), A, "dA = 2 A"),
    "the logarithm of a trace": (log(Trace(x.T * x)), x, "dx = 2 x / (x^T x)"),
    "a power under a trace": (Trace(X**2 * B), X, "dX = B^T X^T + X^T B^T"),
    "a trace times a matrix": (Trace(Trace(A) * A), A, "dA = 2 tr(A) I"),
    "a root of a trace": (sqrt(Trace(A.T * A)), A, "dA = A / sqrt(tr(A^T A))"),
    "a trace and a number": (Trace(A) + 1, A, "dA = I"),
    "two norms": (Trace((A - X * B).T * (A - X * B)) / 2 + Trace(X.T * X) / 2, X, "dX = X - (A - X B) B^T"),
    "a function of a product": (c.T * (A * x).applyfunc(exp), x, "dx = A^T (exp(A x) o c)"),
    "a function of a trace": (sympy.sin(Trace(A)), A, "dA = cos(tr(A)) I"),
    "a trace of an elementwise product": (Trace(HadamardProduct(A, X)), X, "dX = diag(diag(A))"),
    "a trace of a negative power": (Trace(B * X**-2), X, "dX = -X^-T (B^T X^-T + X^-T B^T) X^-T"),
    "traces of powers": (Trace(A) + Trace(A**2), A, "dA = I + 2 A^T"),
    "a square of a shifted trace": (Trace(Identity(n) - A) ** 2, A, "dA = -2 (1_n^T (1 - diag(A))) I"),
    "a trace of a product and a number": (Trace(x.T * c) + Symbol("b"), c, "dc = x"),
    "a determinant times a trace": (Determinant(A) * Trace(A), A, "dA = det(A) (tr(A) A^-T + I)"),
    "a quotient of traces": (
        Trace(A.T * B) / Trace(A.T * A),
        A,
        "dA = (B - 2 tr(A^T B) A / tr(A^T A)) / tr(A^T A)",
    ),
    "a sum over entries": (sympy.Sum(x[i0, 0] ** 2, i0), x, "dx = 2 x"),
    "a reciprocal of a square": (1 / (x.T * x)[0, 0], x, "dx = -2 x / (x^T x)^2"),
    "one entry": (x[0, 0], x, "dx[i] = [i == 0]    (index form: i has no matrix form)"),
    "by a number under a trace": (
        Trace((x - Symbol("t") * OneMatrix(n, 1)).T * (x - Symbol("t") * OneMatrix(n, 1))),
        Symbol("t"),
        "dt = -2 (1_n^T (x - t))",
    ),
    "two layers": (
        c.T * (A * (B * x).applyfunc(tanh)).applyfunc(tanh),
        B,
        "dB = ((1 - tanh(B x) o tanh(B x)) o (A^T ((1 - tanh(A tanh(B x)) o tanh(A tanh(B x))) o c))) x^T",
    ),
}


@pytest.mark.parametrize(("f", "variable", "expected"), SYMPY_FAILURES.values(), ids=SYMPY_FAILURES)
def test_what_sympy_gets_wrong(f, variable: MatrixSymbol, expected: str) -> None:
    assert gradient(f, variable).text() == expected


FORMS = [
    (Trace(A * X), X, "dX = A^T"),
    (x.T * A * x, x, "dx = (A + A^T) x"),
    (x.T * A * x, A, "dA = x x^T"),
    (Trace(A * X.I), X, "dX = -X^-T A^T X^-T"),
    (log(Determinant(X * A)), X, "dX = X^-T"),
    (Trace(A) ** 3, A, "dA = 3 tr(A)^2 I"),
    (Trace((X - A.T - B.T).T * (X - A.T - B.T)), A, "dA = -2 (X^T - A - B)"),
    (Trace(OneMatrix(n, n) * X), X, "dX = 1_n 1_n^T"),
    (Trace(X) * 2 - 2 * Trace(X.T) + Trace(A * X), X, "dX = A^T"),
    (c.T * X.applyfunc(sympy.Abs) * x, X, "dX = diag(c) sign(X) diag(x)"),
    (c.T * X.applyfunc(lambda z: Max(z, 0)) * x, X, "dX = [0 < X] o (c x^T)"),
    (Trace(B.T * X.applyfunc(lambda z: Piecewise((z**2, z < 1), (0, True)))), X, "dX = 2 [X < 1] o X o B"),
    (Trace(A * X.I * A), X, "dX = -X^-T A^T A^T X^-T"),
]


@pytest.mark.parametrize(("f", "variable", "expected"), FORMS)
def test_forms(f, variable: MatrixSymbol, expected: str) -> None:
    assert gradient(f, variable).text() == expected


def test_conditions_stand_with_the_result() -> None:
    assert str(gradient(log(Determinant(X)), X)) == "dX = X^-T    where X is invertible"
    assert gradient(Trace((X + A).I), X).conditions == ("X + A is invertible",)


def test_no_matrix_form_is_said() -> None:
    """A sum that connects three indices, and a tensor of three axes."""
    model = Model("triple")
    A, E, C, u = model.parameters(A=(b, d), E=(b, i), C=(b, v), u=(b, d, i))
    model.minimize("L", total(A[b, d] * E[b, i] * C[b, v] * u[b, d, i], b, d, i, v))
    forms = derive(model).matrix
    assert forms["u"].matrix is None
    assert "(index form: du[b,d,i] has 3 axes)" in forms["u"].text()
    assert forms["A"].matrix is None
    assert forms["A"].text().startswith("dA[b,d] = ")
    assert forms["A"].sympy is None


def test_a_maximum_of_each_row() -> None:
    model = MatrixModel("largest")
    X = model.parameters(X=(b, v))
    m = model.define("m", (b,), maximum(X[b, v], v))
    model.minimize("L", Trace(m * m.T) + Trace(X.T * X))
    assert "m = rowmax(X)" in derive(model).matrix_text()


def test_what_is_refused() -> None:
    with pytest.raises(DerivativeError, match="does not depend on B"):
        gradient(Trace(A), B)
    with pytest.raises(DeclarationError, match="where a number is needed"):
        gradient(A * X, X)
    with pytest.raises(DeclarationError, match=r"P\.T is m x n, W\.T is k x m"):
        gradient(Trace(HadamardProduct(P, W).T * P), P)

"""Matrix notation lowered entry by entry, with shapes that fit; in either notation a model is the same program."""

from __future__ import annotations

import pytest
import sympy
from sympy import (
    Determinant,
    DiagMatrix,
    HadamardPower,
    HadamardProduct,
    Identity,
    MatrixExpr,
    MatrixSymbol,
    OneMatrix,
    Trace,
    exp,
    log,
    tanh,
)

from symgrad import MatrixModel, Model, axes, mean, softmax, total
from symgrad.calculus.reverse import differentiate
from symgrad.calculus.simplify import simplify
from symgrad.language.errors import DeclarationError
from symgrad.language.notation import text
from symgrad.language.program import Program
from symgrad.language.rewriting import canonical

b, d, i, v = axes("b:B d:D i:H v:V")


def model() -> tuple[MatrixModel, dict[str, MatrixSymbol]]:
    made = MatrixModel("matrices")
    symbols = made.inputs(X=(b, d), Y=(b, d), S=(b, axes("c:B")), u=(b,), w=(d,), s=())
    return made, dict(zip(("X", "Y", "S", "u", "w", "s"), symbols, strict=True))


def defined(expression) -> str:
    """The body that an expression is lowered to; `expression` takes the symbols of `model`."""
    made, symbols = model()
    made.define("Q", expression(**symbols))
    return text(made._program.equation("Q").body)


LOWERED = [
    (lambda X, Y, **_: X + 2 * Y, "X[b,d] + 2*Y[b,d]"),
    (lambda X, w, **_: X * w, "sum_d X[b,d]*w[d]"),
    (lambda X, Y, **_: X * Y.T, "sum_d X[b,d]*Y[b2,d]"),
    (lambda X, u, **_: X.T * u, "sum_b X[b,d]*u[b]"),
    (lambda u, w, **_: u * w.T, "u[b]*w[d]"),
    (lambda u, **_: u.T * u, "sum_b u[b]**2"),
    (lambda X, Y, **_: HadamardProduct(X, Y), "X[b,d]*Y[b,d]"),
    (lambda X, **_: HadamardPower(X, 3), "X[b,d]**3"),
    (lambda X, **_: X.applyfunc(tanh), "tanh(X[b,d])"),
    (lambda X, **_: tanh(X), "tanh(X[b,d])"),
    (lambda X, s, **_: X.applyfunc(lambda x: s * x**2), "X[b,d]**2*s"),
    (lambda u, X, **_: DiagMatrix(u) * X, "X[b,d]*u[b]"),
    (lambda u, X, w, **_: X * DiagMatrix(w), "X[b,d]*w[d]"),
    (lambda X, **_: X * OneMatrix(X.shape[1], 1), "sum_d X[b,d]"),
    (lambda S, **_: S + Identity(S.shape[0]), "S[b,c] + [b == c]"),
    (lambda S, **_: S**2, "sum_c2 S[b,c2]*S[c2,c]"),
    (lambda S, **_: S.I, "inverse_b2,c2(S[b2,c2])[b,c]"),
    (lambda S, **_: Trace(S), "sum_b S[b,b]"),
    (lambda S, **_: Determinant(S), "det_b,c S[b,c]"),
    (lambda S, **_: log(Determinant(S)), "logdet_b,c S[b,c]"),
    (lambda X, S, u, **_: X / Trace(S), "X[b,d]/(sum_b2 S[b2,b2])"),
    (lambda X, u, **_: (u.T * u)[0, 0] * X, "X[b,d] * sum_b2 u[b2]**2"),
    (lambda u, **_: sympy.sqrt(u.T * u), "sqrt(sum_b u[b]**2)"),
]


@pytest.mark.parametrize(("expression", "expected"), LOWERED)
def test_entry_by_entry(expression, expected: str) -> None:
    assert defined(expression) == expected


REFUSED = [
    (lambda X, Y, **_: X * Y, ("X is B x D", "Y is B x D", "columns")),
    (lambda X, Y, **_: X + Y.T, ("X is B x D", "Y.T is D x B")),
    (lambda X, u, **_: HadamardProduct(X, u), ("X is B x D", "u is B x 1")),
    (lambda X, **_: X.I, ("X is B x D", "inverse", "square")),
    (lambda X, **_: X**3, ("X is B x D", "power", "square")),
    (lambda X, **_: Trace(X), ("X is B x D", "trace", "square")),
    (lambda X, **_: Determinant(X), ("X is B x D", "determinant", "square")),
    (lambda X, **_: log(Determinant(X)), ("X is B x D", "determinant", "square")),
    (lambda X, **_: DiagMatrix(X), ("B x D", "column vector")),
    (lambda u, X, **_: (u.T * u) * X, ("u is B x 1", "X is B x D", "Trace(x.T*x)")),
    (lambda X, **_: 1 + exp(X), ("exp(X)", "B x D", "applyfunc")),
    (lambda S, **_: S ** sympy.Rational(1, 2), ("whole powers", "HadamardPower")),
    (lambda X, **_: X * MatrixSymbol("Z", X.shape[1], 2), ("Z is not declared",)),
    (lambda X, **_: MatrixSymbol("X", 2, 2) * 2, ("2 x 2", "declared as B x D")),
    (lambda X, **_: sympy.KroneckerProduct(X, X), ("KroneckerProduct", "not known in matrix notation")),
]


@pytest.mark.parametrize(("expression", "words"), REFUSED)
def test_what_does_not_fit_is_refused_with_both_shapes(expression, words: tuple[str, ...]) -> None:
    with pytest.raises(DeclarationError) as refused:
        defined(expression)
    for word in ("matrices: in Q", *words):
        assert word in str(refused.value)


def test_a_loss_is_a_number() -> None:
    made, symbols = model()
    with pytest.raises(DeclarationError, match="X is a matrix, B x D, where a number is needed"):
        made.minimize("L", symbols["X"])


def in_matrices() -> Program:
    made = MatrixModel("mlp")
    X = made.inputs(X=(b, d))
    y = made.tokens(y=(b,), vocabulary=v)
    W1, c1, W2, c2 = made.parameters(W1=(i, d), c1=(i,), W2=(v, i), c2=(v,))
    rows = OneMatrix(X.shape[0], 1)
    h = made.define("h", (X * W1.T + rows * c1.T).applyfunc(tanh))
    o = made.define("o", h * W2.T + rows * c2.T)
    p = made.define("p", (b, v), softmax(o[b, v], v))
    made.minimize("L", mean(-log(p[b, y[b]]), b))
    return made.program


def in_indices() -> Program:
    made = Model("mlp")
    X = made.inputs(X=(b, d))
    y = made.tokens(y=(b,), vocabulary=v)
    W1, c1, W2, c2 = made.parameters(W1=(i, d), c1=(i,), W2=(v, i), c2=(v,))
    h = made.define("h", (b, i), tanh(c1[i] + total(W1[i, d] * X[b, d], d)))
    o = made.define("o", (b, v), c2[v] + total(W2[v, i] * h[b, i], i))
    p = made.define("p", (b, v), softmax(o[b, v], v))
    made.minimize("L", mean(-log(p[b, y[b]]), b))
    return made.program


def test_either_notation_is_the_same_derived_program() -> None:
    one, other = (simplify(differentiate(program)).program for program in (in_matrices(), in_indices()))
    assert list(one.tensors.values()) == list(other.tensors.values())
    for left, right in zip(one.equations(), other.equations(), strict=True):
        assert left.left == right.left
        assert canonical(left.body) == canonical(right.body)


def test_what_comes_back_can_be_written_on_with() -> None:
    made, symbols = model()
    made.define("Q", symbols["X"] * symbols["w"])
    again = made.define("R", symbols["X"] - symbols["Y"])
    assert isinstance(again, MatrixExpr)
    assert again.shape == symbols["X"].shape

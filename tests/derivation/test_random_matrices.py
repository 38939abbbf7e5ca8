"""Random matrix expressions: the derived gradient and its printed matrix form, against difference quotients."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from sympy import (
    DiagMatrix,
    DiagonalOf,
    Expr,
    HadamardProduct,
    Identity,
    MatrixExpr,
    MatrixSymbol,
    OneMatrix,
    Trace,
    sin,
    symbols,
    tanh,
)

from symgrad.checking.differences import gradient_error, interpreted_loss
from symgrad.checking.interpreter import evaluate
from symgrad.checking.points import point, size_names
from symgrad.derivation.matrix_form import expression_program, gradient
from symgrad.derivation.matrix_values import matrix_value

n, m, k = SIZES = symbols("n m k")
LENGTHS = {"n": 3, "m": 2, "k": 4}
FUNCTIONS = (tanh, sin, lambda x: x**2, lambda x: 1 / (1 + x**2))


def leaf(rows: Expr, columns: Expr, random: Random) -> MatrixExpr:
    """One symbol for each shape, so that it occurs often, at times transposed; or ones, or the unit matrix."""
    choice = random.random()
    if choice < 0.1 and rows == columns:
        return Identity(rows)
    if choice < 0.2:
        return OneMatrix(rows, columns)
    if choice < 0.5 or (columns == 1) > (rows == 1):
        return MatrixSymbol(f"M{rows}{columns}", rows, columns)
    return MatrixSymbol(f"M{columns}{rows}", columns, rows).T


def matrix(rows: Expr, columns: Expr, depth: int, random: Random) -> MatrixExpr:
    """A matrix expression of this shape."""

    def some(rows: Expr, columns: Expr) -> MatrixExpr:
        return matrix(rows, columns, depth - 1, random)

    choice = random.random()
    if depth == 0 or choice < 0.1:
        return leaf(rows, columns, random)
    if choice < 0.4:
        inner = random.choice((*SIZES, *SIZES, 1))
        return some(rows, inner) * some(inner, columns)
    if choice < 0.55:
        return some(rows, columns) + some(rows, columns)
    if choice < 0.65:
        return HadamardProduct(some(rows, columns), some(rows, columns))
    if choice < 0.75:
        return some(rows, columns).applyfunc(random.choice(FUNCTIONS))
    if choice < 0.82:
        return some(columns, rows).T
    if choice < 0.88 and rows != 1:
        return DiagMatrix(OneMatrix(rows, 1) + MatrixSymbol(f"M{rows}1", rows, 1)) * some(rows, columns)
    if choice < 0.93 and rows != 1:
        return (leaf(rows, rows, random) + 5 * Identity(rows)).I * some(rows, columns)
    if columns == 1 and rows != 1:
        return DiagonalOf(some(rows, rows))
    return some(rows, columns) * Trace(matrix(n, n, 1, random))


@pytest.mark.parametrize("seed", range(60))
def test_a_random_trace(seed: int) -> None:
    random = Random(seed)
    rows = random.choice(SIZES)
    f = Trace(matrix(rows, rows, 3, random) + MatrixSymbol(f"M{rows}{rows}", rows, rows))
    variable = random.choice(sorted(f.atoms(MatrixSymbol), key=str))
    form = gradient(f, variable)
    program = expression_program(f, variable)
    sizes = {name: LENGTHS[name] for name in size_names(program)}
    given = point(program, sizes, seed).values
    values = evaluate(form.program, given, sizes)
    name = form.equation.tensor
    assert gradient_error(interpreted_loss(program, given, sizes), variable.name, values[name], 1e-6) < 1e-4
    assert form.matrix is not None, form.reason
    printed = matrix_value(form.matrix, values, sizes)
    expected = values[name].reshape(-1, 1) if values[name].ndim < 2 else values[name]
    assert np.allclose(printed, expected, rtol=1e-9, atol=1e-9 * np.abs(expected).max()), str(form)

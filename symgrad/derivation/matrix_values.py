"""Matrix notation evaluated: with NumPy, at given values, and as a SymPy matrix expression, to go on with.

Nothing here knows where a formula came from: it is what is printed that is evaluated.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce

import numpy as np
import sympy
from sympy.matrices.expressions import MatrixExpr

from ..checking.interpreter import COMPARE, Evaluation, extent_value
from ..language.functions import ELEMENTARY, STOP_GRADIENT
from ..language.lifting import RELATIONS, Lifting, call, lift_size
from ..language.program import Program
from ..language.terms import Term
from . import matrix_algebra as ma
from . import matrix_terms as mt
from .matrix_terms import SCALAR, Matrix

Sizes = Mapping[str, int]


def matrix_value(matrix: Matrix, values: Mapping[str, np.ndarray], sizes: Sizes) -> np.ndarray:
    """The matrix as an array of two dimensions; `values` as `interpreter.evaluate` gives them, a vector as a column."""

    def value(part: Matrix) -> np.ndarray:
        return matrix_value(part, values, sizes)

    def length(extent: Term) -> int:
        return extent_value(extent, sizes)

    match matrix:
        case mt.Number(term):
            return np.asarray(Evaluation(values, sizes, {}).value(term, ()), dtype=np.float64).reshape(1, 1)
        case mt.Named(name, shape):
            return np.asarray(values[name], dtype=np.float64).reshape(tuple(map(length, shape)))
        case mt.OneHot(tokens, (_, columns)):
            return np.eye(length(columns))[values[tokens]]
        case mt.Ones(rows):
            return np.ones((length(rows), 1))
        case mt.Identity(rows):
            return np.eye(length(rows))
        case mt.Sum(terms):
            return sum(map(value, terms))
        case mt.Product(factors):
            return reduce(np.matmul, map(value, factors))
        case mt.Hadamard(factors):
            return reduce(np.multiply, map(value, factors))
        case mt.Scaled(factor, body):
            return value(factor) * value(body)
        case mt.Power(base, exponent):
            return np.power(value(base), value(exponent))
        case mt.Apply(function, arguments) if function == STOP_GRADIENT:
            return value(*arguments)
        case mt.Apply(function, arguments):
            return ELEMENTARY[function].numpy(*map(value, arguments))
        case mt.Bracket(relation, left, right):
            return COMPARE[relation](value(left), value(right)).astype(np.float64)
        case mt.Choice(condition, then, other):
            with np.errstate(all="ignore"):
                return np.where(value(condition) != 0, value(then), value(other))
        case mt.Transpose(body):
            return value(body).T
        case mt.Inverted(body):
            return np.linalg.inv(value(body))
        case mt.Diagonal(body):
            return np.diag(value(body)[:, 0])
        case mt.DiagonalOf(body):
            return np.diag(value(body))[:, None]
        case mt.Trace(body):
            return np.trace(value(body)).reshape(1, 1)
        case mt.Determinant(op, body):
            whole = np.linalg.det(value(body)).reshape(1, 1)
            return whole if op == "det" else np.log(whole)
        case mt.RowMaximum(body):
            return value(body).max(axis=1, keepdims=True)
    raise TypeError(f"no meaning for {type(matrix).__name__}")


def matrix_sympy(matrix: Matrix, program: Program, hot: Mapping[str, str]) -> MatrixExpr | sympy.Expr | None:
    """The matrix as a SymPy expression over `MatrixSymbol`s; None where SymPy has no such form.

    What SymPy writes entry by entry only for one argument, such as a bracket of two matrices, has none.
    """
    try:
        return ToSympy(program, hot).expression(matrix)
    except NotImplementedError:
        return None


class ToSympy:
    """One matrix on its way to SymPy; a one-hot matrix is a symbol of the name that `hot` gives it."""

    def __init__(self, program: Program, hot: Mapping[str, str]) -> None:
        self.numbers, self.hot = Lifting(program), hot

    def expression(self, matrix: Matrix) -> MatrixExpr | sympy.Expr:
        match matrix:
            case mt.Number(term):
                return self.numbers.expression(term)
            case mt.Named(name, shape):
                return sympy.MatrixSymbol(name, *map(lift_size, shape))
            case mt.OneHot(tokens, shape):
                return sympy.MatrixSymbol(self.hot[tokens], *map(lift_size, shape))
            case mt.Ones(rows):
                return sympy.OneMatrix(lift_size(rows), 1)
            case mt.Identity(rows):
                return sympy.Identity(lift_size(rows))
            case mt.Sum(terms) if matrix.shape == SCALAR:
                return sympy.Add(*map(self.number, terms))
            case mt.Sum(terms):
                return sympy.MatAdd(*(self.expression(ma.full(term, matrix.shape)) for term in terms))
            case mt.Product(factors):
                return sympy.MatMul(*map(self.expression, factors))
            case mt.Hadamard(factors) if matrix.shape == SCALAR:
                return sympy.Mul(*map(self.number, factors))
            case mt.Hadamard(factors):
                return sympy.HadamardProduct(*map(self.expression, factors))
            case mt.Scaled(factor, body):
                return sympy.MatMul(self.number(factor), self.expression(body))
            case mt.Power(base, exponent) if base.shape == SCALAR == exponent.shape:
                return self.number(base) ** self.number(exponent)
            case mt.Power(base, exponent) if base.shape != SCALAR:
                power = self.number(exponent) if exponent.shape == SCALAR else self.expression(exponent)
                return sympy.HadamardPower(self.expression(base), power)
            case mt.Apply(function, arguments) if matrix.shape == SCALAR:
                return call(function, tuple(map(self.number, arguments)))
            case mt.Apply() | mt.Bracket():
                return self.entrywise(matrix)
            case mt.Transpose(body):
                return sympy.Transpose(self.expression(body))
            case mt.Inverted(body):
                return sympy.Inverse(self.expression(body))
            case mt.Diagonal(body):
                return sympy.DiagMatrix(self.expression(body))
            case mt.DiagonalOf(body):
                return sympy.DiagonalOf(self.expression(body))
            case mt.Trace(body):
                return sympy.Trace(self.expression(body))
            case mt.Determinant(op, body):
                whole = sympy.Determinant(self.expression(body))
                return whole if op == "det" else sympy.log(whole)
        raise NotImplementedError(f"SymPy has no {type(matrix).__name__}")

    def number(self, matrix: Matrix) -> sympy.Expr:
        """A 1 x 1 matrix as a number."""
        expression = self.expression(matrix)
        return sympy.Trace(expression) if isinstance(expression, MatrixExpr) else expression

    def entrywise(self, matrix: mt.Apply | mt.Bracket) -> MatrixExpr:
        """A function of one matrix and of numbers, by `applyfunc`."""
        matrices = [child for child in matrix.children if child.shape != SCALAR]
        if len(matrices) != 1:
            raise NotImplementedError("SymPy's applyfunc has one argument")
        entry = sympy.Dummy("x", real=True)
        places = tuple(entry if child.shape != SCALAR else self.number(child) for child in matrix.children)
        if isinstance(matrix, mt.Apply):
            body = call(matrix.function, places)
        else:
            body = sympy.Piecewise((1, RELATIONS[matrix.relation](*places)), (0, True))
        return self.expression(matrices[0]).applyfunc(sympy.Lambda(entry, body))

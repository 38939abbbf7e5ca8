"""The shapes of SymPy matrix expressions, checked by us: SymPy lets symbolic sizes pass that do not fit.

A vector is an n x 1 matrix and has one axis as a tensor; a 1 x 1 matrix is a number.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import sympy
from sympy import Expr, Idx
from sympy.matrices.expressions import (
    Adjoint,
    DiagMatrix,
    DiagonalMatrix,
    DiagonalOf,
    HadamardPower,
    HadamardProduct,
    Identity,
    Inverse,
    MatAdd,
    MatMul,
    MatPow,
    MatrixExpr,
    MatrixSymbol,
    OneMatrix,
    Transpose,
    ZeroMatrix,
)
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction

from .errors import DeclarationError
from .surface import TensorBase, size

Shape = tuple[Expr, Expr]
Hints = tuple[Idx | None, Idx | None]
FIRST = sympy.Integer(0)  # the place along an axis of size 1, which a tensor does not have


def has_matrices(expression: object) -> bool:
    """Whether an expression is written in matrix notation, in part or as a whole."""
    return isinstance(expression, sympy.Basic) and expression.has(MatrixExpr)


def is_matrix(expression: object) -> bool:
    """Whether it stands for a matrix: a matrix expression, or a function of one, entry by entry."""
    if isinstance(expression, sympy.Function):
        return any(map(is_matrix, expression.args))
    return isinstance(expression, MatrixExpr)


def symbol_of(name: str, axes: tuple[Idx, ...]) -> MatrixSymbol | sympy.Symbol | TensorBase:
    """What stands for a tensor in matrix notation: a matrix, a column vector, a number; with more axes indexed."""
    if not axes:
        return sympy.Symbol(name, real=True)
    if len(axes) > 2:
        return TensorBase(name, shape=tuple(map(size, axes)), real=True)
    rows, columns = (*map(size, axes), sympy.Integer(1))[:2]
    return MatrixSymbol(name, rows, columns)


def written(shape: Shape) -> str:
    return f"{shape[0]} x {shape[1]}"


def same_size(left: Expr, right: Expr) -> bool:
    return left == right or sympy.expand(left - right) == 0


def with_sizes(expression: Expr | MatrixExpr) -> Expr | MatrixExpr:
    """The expression with every symbol in a shape a positive integer, as sizes are here: `n` for symbols("n")."""
    whole = {size: sympy.Symbol(size.name, integer=True, positive=True) for size in size_symbols(expression)}
    return expression.xreplace(whole)


def size_symbols(expression: Expr | MatrixExpr) -> set[sympy.Symbol]:
    """The symbols in the shapes of its matrices."""
    matrices = expression.atoms(MatrixSymbol, Identity, OneMatrix, ZeroMatrix)
    return {symbol for matrix in matrices for extent in matrix.shape for symbol in extent.free_symbols}


class MatrixShapes:
    """Shapes and indices over declared tensors; `axes` gives each tensor's, `place` names the equation in errors."""

    def __init__(self, axes: Mapping[str, tuple[Idx, ...]], place: str) -> None:
        self.axes, self.place = axes, place
        declared = [index for each in axes.values() for index in each]
        self.by_size = {size(index): index for index in reversed(declared)}
        sizes = {str(symbol) for extent in self.by_size for symbol in extent.free_symbols}
        self.names = frozenset(axes) | sizes

    # -- shapes ----------------------------------------------------------------------------------------------------

    def fail(self, message: str) -> DeclarationError:
        return DeclarationError(f"{self.place}: {message}")

    def shape(self, node: Expr) -> Shape:
        """(rows, columns), after every shape below has been checked."""
        match node:
            case MatrixSymbol():
                return self.symbol_shape(node)
            case Transpose() | Adjoint():
                return self.shape(node.arg)[::-1]
            case MatMul():
                return self.product_shape(node)
            case MatAdd() | HadamardProduct() | HadamardPower():
                return self.common_shape([part for part in node.args if is_matrix(part)], node)
            case MatPow() if self.shape(node.base) == (1, 1):
                return self.shape(node.base)
            case MatPow():
                return self.square(node.base, "an inverse" if isinstance(node, Inverse) else "a power")
            case DiagMatrix():
                rows, columns = self.shape(node.args[0])
                if columns != 1:
                    raise self.fail(f"{node} needs a column vector, {node.args[0]} is {written((rows, columns))}")
                return rows, rows
            case DiagonalMatrix():
                return self.square(node.args[0], "a diagonal")
            case DiagonalOf():
                return self.square(node.args[0], "a diagonal")[0], sympy.Integer(1)
            case ElementwiseApplyFunction():
                return self.shape(node.expr)
            case Identity() | OneMatrix() | ZeroMatrix():
                return node.shape
            case sympy.Function() if is_matrix(node):
                return self.common_shape([part for part in node.args if is_matrix(part)], node)
        raise self.fail(
            f"{node} is a {type(node).__name__}, which is not known in matrix notation; write it in index notation, "
            "or declare a matrix of numbers as an input"
        )

    def symbol_shape(self, node: MatrixSymbol) -> Shape:
        if node.name not in self.axes:
            raise self.fail(f"{node.name} is not declared; declare it as a parameter or an input, or define it first")
        declared = symbol_of(node.name, self.axes[node.name])
        if not isinstance(declared, MatrixSymbol) or {*map(sympy.sympify, declared.shape)} != {*node.shape}:
            has = written(declared.shape) if isinstance(declared, MatrixSymbol) else "no matrix"
            raise self.fail(f"{node.name} is {written(node.shape)} here and was declared as {has}")
        return node.shape

    def product_shape(self, node: MatMul) -> Shape:
        factors = [part for part in node.args if is_matrix(part)]
        shapes = [self.shape(factor) for factor in factors]
        for (left, (rows, inner)), (right, (other, columns)) in pairwise(zip(factors, shapes, strict=True)):
            if not same_size(inner, other):
                hint = "; a number is (x.T*x)[0, 0] or Trace(x.T*x)" if 1 in (inner, other) else ""
                raise self.fail(
                    f"{node} does not fit: {left} is {written((rows, inner))}, {right} is "
                    f"{written((other, columns))}; the columns of the one must be the rows of the other{hint}"
                )
        return shapes[0][0], shapes[-1][1]

    def common_shape(self, parts: list[Expr], node: Expr) -> Shape:
        first, *others = parts
        shape = self.shape(first)
        for other in others:
            found = self.shape(other)
            if not all(map(same_size, shape, found)):
                raise self.fail(
                    f"{node} does not fit: {first} is {written(shape)}, {other} is {written(found)}; an elementwise "
                    "operation needs equal shapes"
                )
        return shape

    def square(self, node: Expr, what: str) -> Shape:
        shape = self.shape(node)
        if not same_size(*shape):
            raise self.fail(f"{node} is {written(shape)}; {what} needs a square matrix")
        return shape

    # -- indices ---------------------------------------------------------------------------------------------------

    def hints(self, node: Expr) -> Hints:
        """The declared indices along which the rows and the columns run, where they are known."""
        match node:
            case MatrixSymbol():
                own = list(self.axes[node.name])
                return tuple(own.pop(0) if extent != 1 else None for extent in node.shape)
            case Transpose() | Adjoint():
                return self.hints(node.arg)[::-1]
            case MatMul():
                factors = [part for part in node.args if is_matrix(part)]
                return self.hints(factors[0])[0], self.hints(factors[-1])[1]
            case DiagMatrix():
                return (self.hints(node.args[0])[0],) * 2
            case DiagonalOf():
                return self.hints(node.args[0])[0], None
            case Identity() | OneMatrix() | ZeroMatrix():
                return None, None
        found = [self.hints(part) for part in node.args if is_matrix(part)]
        return next(((row, column) for row, column in found if row or column), (None, None))

    def fresh(self, extent: Expr, hint: Idx | None, scope: frozenset[str]) -> Idx:
        """An index of this size that is not in scope, named after the hint."""
        if hint is None or not same_size(size(hint), extent):
            hint = self.by_size.get(extent)
        stem = str(hint.label).rstrip("0123456789") if hint is not None else "i"
        number, name = 1, str(hint.label) if hint is not None else stem
        while name in scope or name in self.names:
            number += 1
            name = f"{stem}{number}"
        return Idx(name, extent)

    def axes_of(self, node: Expr) -> tuple[Expr, Expr]:
        """Fresh indices for the rows and the columns of a matrix; `FIRST` where there is one only."""
        rows, columns = self.shape(node)
        hints = self.hints(node)
        row = FIRST if rows == 1 else self.fresh(rows, hints[0], frozenset())
        column = FIRST if columns == 1 else self.fresh(columns, hints[1], frozenset((str(row),)))
        return row, column

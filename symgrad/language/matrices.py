"""SymPy matrix expressions -> index notation, entry by entry: `(A*B.T)[i,j]` is `sum_k A[i,k]*B[j,k]`.

Vectors are n x 1 matrices and have one axis as tensors; a 1 x 1 matrix is a number.  A SymPy function of a matrix acts
on each entry, as `applyfunc` does.  Every shape is checked here: SymPy lets symbolic sizes pass that do not fit.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import sympy
from sympy import Expr, Idx
from sympy.matrices.expressions import (
    Adjoint,
    Determinant,
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
    Trace,
    Transpose,
    ZeroMatrix,
)
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.matexpr import MatrixElement

from .errors import DeclarationError
from .lifting import tensor_axes
from .lowering import lower
from .program import Tensor
from .surface import TensorBase, determinant, inverse, log_determinant, size
from .terms import Term

Shape = tuple[Expr, Expr]
Hints = tuple[Idx | None, Idx | None]
ELEMENTWISE = (MatAdd, HadamardProduct, HadamardPower)
DIAGONAL = (Identity, DiagMatrix, DiagonalMatrix)
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
    shapes = [extent for matrix in expression.atoms(MatrixSymbol) for extent in matrix.shape]
    sizes = {symbol for extent in shapes for symbol in extent.free_symbols}
    return expression.xreplace({symbol: sympy.Symbol(symbol.name, integer=True, positive=True) for symbol in sizes})


class MatrixReader:
    """Matrix expressions over declared tensors; `axes` gives each tensor's, `place` names the equation in errors."""

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

    # -- entries ---------------------------------------------------------------------------------------------------

    def number(self, node: Expr, scope: frozenset[str] = frozenset()) -> Expr:
        """A number in index notation: the matrices that it is made of give way to sums."""
        if not has_matrices(node):
            return node
        if is_matrix(node):
            shape = self.shape(node)
            if shape != (1, 1):
                raise self.fail(f"{node} is a matrix, {written(shape)}, where a number is needed")
            return self.entry(node, FIRST, FIRST, scope)
        scope |= {str(index.label) for index in node.atoms(Idx)}
        match node:
            case Trace():
                rows, _ = self.square(node.arg, "a trace")
                if rows == 1:
                    return self.entry(node.arg, FIRST, FIRST, scope)
                index = self.fresh(rows, self.hints(node.arg)[0], scope)
                return sympy.Sum(self.entry(node.arg, index, index, scope | {str(index)}), index)
            case Determinant():
                return self.whole(node.arg, determinant, scope)
            case sympy.log(args=(Determinant() as inner,)):
                return self.whole(inner.arg, log_determinant, scope)
            case sympy.Sum() if any(isinstance(limit[0], sympy.Dummy) for limit in node.limits):
                return self.summed(node, scope)
            case MatrixElement():
                self.shape(node.parent)
                return self.entry(node.parent, node.i, node.j, scope)
            case sympy.Mul() | sympy.Pow() | sympy.Add() if any(map(is_matrix, node.args)):
                matrix = next(part for part in node.args if is_matrix(part))
                raise self.fail(
                    f"{matrix} is a matrix, {written(self.shape(matrix))}, inside the number {node}; write functions "
                    "of each entry with applyfunc, products with hadamard_product"
                )
        return node.func(*(self.number(part, scope) for part in node.args))

    def summed(self, node: sympy.Sum, scope: frozenset[str]) -> Expr:
        """SymPy writes (x.T*A*x)[0, 0] as a sum over symbols of its own; they become indices."""
        body, bound = node.function, []
        for symbol, low, high in node.limits:
            if isinstance(symbol, sympy.Dummy) and low == 0:
                bound.append(self.fresh(high + 1, None, scope))
                scope |= {str(bound[-1])}
                body = body.xreplace({symbol: bound[-1]})
        return sympy.Sum(self.number(body, scope), *bound)

    def whole(self, matrix: Expr, make: type[determinant], scope: frozenset[str], *at: tuple[Expr, Expr]) -> Expr:
        """A function of all entries of a square matrix."""
        rows, _ = self.square(matrix, "an inverse" if make is inverse else "a determinant")
        if rows == 1:
            value = self.entry(matrix, FIRST, FIRST, scope)
            return {determinant: value, log_determinant: sympy.log(value), inverse: 1 / value}[make]
        hints = self.hints(matrix)
        row = self.fresh(rows, hints[0], scope)
        column = self.fresh(rows, hints[1], scope | {str(row)})
        return make(self.entry(matrix, row, column, scope | {str(row), str(column)}), row, column, *at)

    def entry(self, node: Expr, row: Expr, column: Expr, scope: frozenset[str]) -> Expr:
        """node[row, column] in index notation; `scope` holds the indices that must not be bound again."""
        scope |= {str(index.label) for place in (row, column) for index in place.atoms(Idx)}

        def here(part: Expr) -> Expr:
            return self.entry(part, row, column, scope) if is_matrix(part) else self.number(part, scope)

        match node:
            case MatrixSymbol():
                places = [p for p, extent in zip((row, column), node.shape, strict=True) if extent != 1]
                axes = self.axes[node.name]
                base = TensorBase(node.name, shape=tuple(map(size, axes)), real=True) if axes else None
                return base[tuple(places)] if axes else sympy.Symbol(node.name, real=True)
            case Transpose() | Adjoint():
                return self.entry(node.arg, column, row, scope)
            case MatAdd():
                return sympy.Add(*map(here, node.args))
            case HadamardProduct():
                return sympy.Mul(*map(here, node.args))
            case HadamardPower():
                return sympy.Pow(*map(here, node.args))
            case ElementwiseApplyFunction():
                return node.function(here(node.expr))
            case MatMul():
                scalars = [self.number(part, scope) for part in node.args if not is_matrix(part)]
                return sympy.Mul(*scalars, self.product([p for p in node.args if is_matrix(p)], row, column, scope))
            case Inverse():
                return self.whole(node.arg, inverse, scope, *(((row, column),) if self.shape(node.arg)[0] != 1 else ()))
            case MatPow():
                return self.power(node, row, column, scope)
            case DiagMatrix():
                return sympy.KroneckerDelta(row, column) * self.entry(node.args[0], row, FIRST, scope)
            case DiagonalMatrix():
                return sympy.KroneckerDelta(row, column) * self.entry(node.args[0], row, row, scope)
            case DiagonalOf():
                return self.entry(node.args[0], row, row, scope)
            case Identity():
                return sympy.KroneckerDelta(row, column)
            case OneMatrix():
                return sympy.Integer(1)
            case ZeroMatrix():
                return sympy.Integer(0)
        return node.func(*map(here, node.args))  # a function of each entry: `shape` has refused everything else

    def product(self, factors: list[Expr], row: Expr, column: Expr, scope: frozenset[str]) -> Expr:
        """sum over inner indices of the factors' entries; across a diagonal matrix the index stays the same."""
        places, bound = [row], []
        for position, (left, right) in enumerate(pairwise(factors)):
            if all(isinstance(factor, DIAGONAL) for factor in factors[position + 1 :]):
                places.append(column)
            elif isinstance(left, DIAGONAL):
                places.append(places[-1])
            elif self.shape(left)[1] == 1:
                places.append(FIRST)
            else:
                hint = self.hints(left)[1] or self.hints(right)[0]
                bound.append(self.fresh(self.shape(left)[1], hint, scope))
                scope |= {str(bound[-1])}
                places.append(bound[-1])
        places.append(column)
        entries = [self.entry(f, *ends, scope) for f, ends in zip(factors, pairwise(places), strict=True)]
        return sympy.Sum(sympy.Mul(*entries), *bound) if bound else sympy.Mul(*entries)

    def power(self, node: MatPow, row: Expr, column: Expr, scope: frozenset[str]) -> Expr:
        if self.shape(node.base) == (1, 1):
            return self.entry(node.base, FIRST, FIRST, scope) ** self.number(node.exp, scope)
        if not node.exp.is_Integer:
            raise self.fail(f"{node}: only whole powers of a matrix are known; HadamardPower acts on each entry")
        base = node.base if node.exp > 0 else Inverse(node.base)
        return self.product([base] * abs(int(node.exp)), row, column, scope)


def lower_entry(
    expression: Expr | MatrixExpr, indices: tuple[Idx, ...], tensors: dict[str, Tensor], place: str
) -> Term:
    """expression[indices] as a term: of a matrix its general entry, of a column the entry at one index, of a number it.

    Raises DeclarationError where the expression has another shape.
    """
    reader = MatrixReader({name: tensor_axes(tensor) for name, tensor in tensors.items()}, place)
    expression = with_sizes(sympy.sympify(expression))
    if not indices:
        return lower(reader.number(expression), tensors, place)
    shape, wanted = reader.shape(expression), (*map(size, indices), sympy.Integer(1))[:2]
    if not all(map(same_size, shape, wanted)):
        raise reader.fail(f"{expression} is {written(shape)}, expected {written(wanted)}")
    row, column = (*indices, FIRST)[:2]
    return lower(reader.entry(expression, row, column, frozenset()), tensors, place)

"""SymPy matrix expressions -> index notation, entry by entry: `(A*B.T)[i,j]` is `sum_k A[i,k]*B[j,k]`.

Vectors are n x 1 matrices and have one axis as tensors; a 1 x 1 matrix is a number.  A SymPy function of a matrix acts
on each entry, as `applyfunc` does.
"""

from __future__ import annotations

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

from .lifting import tensor_axes
from .lowering import lower
from .matrix_shapes import FIRST, MatrixShapes, has_matrices, is_matrix, same_size, with_sizes, written
from .program import Tensor
from .surface import TensorBase, determinant, inverse, log_determinant, size
from .terms import Term

DIAGONAL = (Identity, DiagMatrix, DiagonalMatrix)


class MatrixReader(MatrixShapes):
    """Matrix expressions over declared tensors, entry by entry."""

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

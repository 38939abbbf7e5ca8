"""A sum of products as a graph: indices are nodes, factors edges; eliminating the summed nodes is matrix algebra.

no neighbour      sum_k u[k]*v[k]                      u^T v
one neighbour     sum_k A[i,k]*u[k]                    A u
two neighbours    sum_k A[i,k]*u[k]*B[k,j]             A diag(u) B
closed pair       sum_i,k A[i,k]*B[i,k]                tr(A^T B)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ..language.terms import Const, Index
from . import matrix_algebra as ma
from . import matrix_terms as mt
from .matrix_algebra import hadamard, product, scaled, transposed
from .matrix_terms import Matrix, Number

Axis = Index | None


@dataclass
class Network:
    """What stands under a sum, by the indices that it depends on: numbers, vectors at one, matrices between two."""

    numbers: list[Matrix] = field(default_factory=list)
    vectors: dict[Index, list[Matrix]] = field(default_factory=dict)
    matrices: dict[tuple[Index, Index], list[Matrix]] = field(default_factory=dict)

    def put(self, matrix: Matrix, row: Axis, column: Axis) -> None:
        if isinstance(matrix, mt.Scaled) and row is not None:
            self.numbers.append(matrix.factor)
            matrix = matrix.body
        if row is None:
            self.numbers.append(matrix)
        elif column is None:
            self.vectors.setdefault(row, []).append(matrix)
        elif (column, row) in self.matrices:
            self.matrices[column, row].append(transposed(matrix))
        else:
            self.matrices.setdefault((row, column), []).append(matrix)

    def neighbours(self, index: Index) -> list[Index]:
        return [b if a == index else a for a, b in self.matrices if index in (a, b)]

    def vector(self, index: Index) -> list[Matrix]:
        return self.vectors.pop(index, [])

    def between(self, row: Index, column: Index) -> list[Matrix]:
        """The matrices with these rows and columns; they leave the network."""
        if (row, column) in self.matrices:
            return self.matrices.pop((row, column))
        return [transposed(matrix) for matrix in self.matrices.pop((column, row), [])]

    def eliminate(self, index: Index) -> None:
        """Carry out the sum over an index with at most two neighbours."""
        others = self.neighbours(index)
        if not others:
            self.numbers.append(inner_product(self.vector(index), index))
        elif len(others) == 1:
            (other,) = others
            matrices, vector = self.between(other, index), self.vector(index)
            self.put(product(hadamard(*matrices), hadamard(*vector) if vector else mt.Ones(index.extent)), other, None)
        else:
            left, right = others
            middle = [mt.Diagonal(hadamard(*vector)) for vector in [self.vector(index)] if vector]
            before, after = hadamard(*self.between(left, index)), hadamard(*self.between(index, right))
            self.put(product(before, *middle, after), left, right)

    def closed_pair(self, bound: Sequence[Index]) -> tuple[Index, Index] | None:
        """Two summed indices that are connected to nothing else, with two matrices between them: a trace."""
        for (row, column), matrices in self.matrices.items():
            alone = len(self.neighbours(row)) == len(self.neighbours(column)) == 1
            plain = row not in self.vectors and column not in self.vectors
            if alone and plain and {row, column} <= set(bound) and len(pieces(matrices)) == 2:
                return row, column
        return None


def pieces(matrices: Iterable[Matrix]) -> list[Matrix]:
    """The factors of an elementwise product, a square as two."""
    result = []
    for matrix in matrices:
        if isinstance(matrix, mt.Transpose):
            result += map(transposed, pieces((matrix.body,)))
            continue
        for part in matrix.factors if isinstance(matrix, mt.Hadamard) else (matrix,):
            square = isinstance(part, mt.Power) and part.exponent == Number(Const(2))
            result += [part.base] * 2 if square else [part]
    return result


def inner_product(vectors: list[Matrix], index: Index) -> Matrix:
    """sum over an index of the product of vectors: u^T v, or 1^T u; the sum of a diagonal is a trace."""
    whole = hadamard(*vectors)
    if isinstance(whole, mt.Scaled):
        return ma.times(whole.factor, inner_product([whole.body], index))
    parts = pieces([whole])
    if len(parts) == 1 and isinstance(whole, mt.DiagonalOf):
        return mt.Trace(whole.body)
    if len(parts) == 1:
        return product(transposed(mt.Ones(index.extent)), whole)
    return product(transposed(parts[0]), hadamard(*parts[1:]))


def diagonal(vector: Matrix, row: Index) -> Matrix:
    """diag(vector), a number times the unit matrix where all its entries are equal."""
    if isinstance(vector, mt.Ones):
        return mt.Identity(row.extent)
    if isinstance(vector, mt.Scaled):
        return scaled(vector.factor, diagonal(vector.body, row))
    return mt.Diagonal(vector)


def assembled(network: Network, row: Axis, column: Axis) -> Matrix:
    """What is left between the row and the column once no summed index is."""
    number = ma.times(*network.numbers)
    if row is None:
        return number
    if column is None:
        vector = network.vector(row)
        return scaled(number, hadamard(*vector)) if vector else number
    left, right = network.vector(row), network.vector(column)
    matrices = network.between(row, column)
    if not matrices:
        above = hadamard(*left) if left else mt.Ones(row.extent)
        below = hadamard(*right) if right else mt.Ones(column.extent)
        return scaled(number, product(above, transposed(below))) if left or right else number
    sides = [[diagonal(hadamard(*side), axis)] if side else [] for side, axis in ((left, row), (right, column))]
    return scaled(number, product(*sides[0], hadamard(*matrices), *sides[1]))

"""Index notation -> matrix notation: `sum_k A[k,i]*B[k,j]` as `A^T B`, where there is such a form.

Factors are the edges of a graph whose nodes are the indices; a summed index with one neighbour is a matrix times a
vector, one with two a matrix product, one with none an inner product.  What is left between the row and the column is
an elementwise product, between a row and itself a diagonal.  An index with three neighbours has no matrix form.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..language.algebra import factors_of, mul, summed, tidy
from ..language.notation import text
from ..language.program import Equation, Role, Tensor
from ..language.rewriting import fresh_index, rebuild, substitute, unique_bound
from ..language.terms import (
    ONE,
    ZERO,
    Add,
    Call,
    Compare,
    Const,
    Index,
    Inverse,
    Mul,
    Pow,
    Read,
    Reduce,
    Size,
    Term,
    Where,
)
from . import matrix_algebra as ma
from . import matrix_terms as mt
from .matrix_algebra import full, hadamard, product, total, transposed
from .matrix_network import Axis, Network, assembled, diagonal, pieces
from .matrix_terms import Matrix, Number


class NoMatrixForm(Exception):
    """A formula that matrix notation cannot say; the message names the part."""


def lift(equation: Equation, tensors: Mapping[str, Tensor]) -> Matrix:
    """The right side of an equation with at most two axes, in the shape of its left side.

    Raises NoMatrixForm.
    """
    if len(equation.indices) > 2:
        raise NoMatrixForm(f"{text(equation.left)} has {len(equation.indices)} axes")
    row, column = (*equation.indices, None, None)[:2]
    lifting = Lifting(tensors)
    body = unique_bound(lifting.with_one_hots(equation.body), {index.name for index in equation.indices})
    return lifting.whole(tidy(body), row, column)


def shape_of(row: Axis, column: Axis) -> mt.Shape:
    return (ONE if row is None else row.extent), (ONE if column is None else column.extent)


@dataclass(frozen=True)
class Lifting:
    tensors: Mapping[str, Tensor]

    # -- one-hot rows ----------------------------------------------------------------------------------------------

    def with_one_hots(self, term: Term) -> Term:
        """o[b,y[b]] as sum_v [v == y[b]]*o[b,v]: a gather is a product with a one-hot matrix."""
        node = rebuild(term, self.with_one_hots)
        if not isinstance(node, Read):
            return node
        taken = {index.name for inner in node.walk() for index in inner.free}
        places, brackets = [], []
        for place, own in zip(node.indices, self.tensors[node.tensor].indices, strict=True):
            if isinstance(place, Read):
                index = fresh_index(own, taken)
                taken.add(index.name)
                brackets.append(Compare("==", index, place))
                place = index
            places.append(place)
        if not brackets:
            return node
        bound = tuple(bracket.left for bracket in brackets)
        return Reduce("sum", bound, Mul((*brackets, Read(node.tensor, tuple(places)))))

    def one_hot(self, bracket: Compare, row: Axis, column: Axis) -> Matrix | None:
        """[v == y[b]] between the rows b and the columns v, or the other way round."""
        for value, tokens in ((bracket.left, bracket.right), (bracket.right, bracket.left)):
            if isinstance(value, Index) and isinstance(tokens, Read) and len(tokens.indices) == 1:
                (place,) = tokens.indices
                matrix = mt.OneHot(tokens.tensor, (self.tensors[tokens.tensor].shape[0], value.extent))
                if (place, value) == (row, column):
                    return matrix
                if (value, place) == (row, column):
                    return transposed(matrix)
        return None

    # -- terms -----------------------------------------------------------------------------------------------------

    def matrix(self, term: Term, row: Axis, column: Axis) -> Matrix:
        """The matrix with this entry at (row, column); a number where the term depends on neither."""
        free = term.free
        if row not in free and column not in free:
            row = column = None
        if row is None and column is not None:
            return transposed(self.matrix(term, column, None))
        if free - {row, column}:
            raise NoMatrixForm(f"{text(term)} depends on three indices")
        match term:
            case Const() | Size() | Read(_, ()) | Call(_, ()):
                return Number(term)
            case Read(name, indices):
                return self.read(name, indices, row, column)
            case Add(terms):
                return self.sum(terms, row, column)
            case Mul(factors):
                return self.product(factors, row, column)
            case Pow(base, exponent):
                return self.entrywise(mt.Power, (base, exponent), row, column)
            case Call(function, arguments) if function not in ("floordiv", "mod"):
                return self.entrywise(lambda *a: mt.Apply(function, a), arguments, row, column)
            case Where(condition, then, other):
                return self.entrywise(choice, (condition, then, other), row, column)
            case Compare():
                return self.bracket(term, row, column)
            case Reduce("sum", indices, body):
                return self.contraction(indices, body, row, column)
            case Reduce("max", (index,), body) if column is None and row is not None:
                return mt.RowMaximum(self.whole(body, row, index))
            case Reduce("det" | "logdet" as op, indices, body) if row is None:
                return mt.Determinant(op, self.whole(body, *indices))
            case Inverse():
                return self.inverse(term, row, column)
        raise NoMatrixForm(f"{text(term)} has no matrix form")

    def whole(self, term: Term, row: Axis, column: Axis) -> Matrix:
        """The matrix in its full shape, where a number or a vector would stand for a constant one."""
        shape = shape_of(row, column)
        missing = [axis for axis in (row, column) if axis is not None and axis not in term.free]
        if not missing or len(missing) == sum(axis is not None for axis in (row, column)):
            return full(self.matrix(term, row, column), shape)
        return self.product((term,), row, column)

    def entrywise(self, make, parts: Iterable[Term], row: Axis, column: Axis) -> Matrix:
        numbers = [part for part in parts if not part.free & {row, column}]
        return ma.upright(
            make(*(self.matrix(p, None, None) if p in numbers else self.whole(p, row, column) for p in parts))
        )

    def read(self, name: str, indices: tuple[Term, ...], row: Axis, column: Axis) -> Matrix:
        tensor = self.tensors[name]
        if tensor.role is Role.TOKENS or len(indices) > 2 or not all(isinstance(index, Index) for index in indices):
            raise NoMatrixForm(f"{text(Read(name, indices))} is no entry of a matrix at plain indices")
        matrix = mt.Named(name, (*tensor.shape, ONE)[:2])
        if len(indices) == 2 and indices[0] == indices[1]:
            return mt.DiagonalOf(matrix)
        return transposed(matrix) if len(indices) == 2 and indices == (column, row) else matrix

    def sum(self, terms: tuple[Term, ...], row: Axis, column: Axis) -> Matrix:
        parts = [self.matrix(t, None, None) if not t.free else self.whole(t, row, column) for t in terms]
        return total(*parts)

    def bracket(self, term: Compare, row: Axis, column: Axis) -> Matrix:
        if column is not None:
            if is_delta(term, row, column):
                return mt.Identity(row.extent)
            hot = self.one_hot(term, row, column)
            if hot is not None and term.relation == "==":
                return hot
        return self.entrywise(lambda *sides: mt.Bracket(term.relation, *sides), (term.left, term.right), row, column)

    def inverse(self, term: Inverse, row: Axis, column: Axis) -> Matrix:
        if not all(isinstance(place, Index) for place in term.at):
            raise NoMatrixForm(f"{text(term)} is no entry of a matrix at plain indices")
        inverted = ma.inverted(self.whole(term.body, *term.indices))
        if term.at[0] == term.at[1]:
            return mt.DiagonalOf(inverted)
        return transposed(inverted) if term.at == (column, row) else inverted

    # -- products and sums -----------------------------------------------------------------------------------------

    def product(self, factors: Iterable[Term], row: Axis, column: Axis) -> Matrix:
        """Factors of rows, of columns and of both: diag(u) (M o N) diag(v), or u v^T."""
        factors = list(factors)
        same = [f for f in factors if column is not None and is_delta(f, row, column)]
        if same:
            others = mul(*(substitute(f, {column: row}) for f in factors if f not in same))
            return diagonal(full(self.matrix(others, row, None), shape_of(row, None)), row)
        network = Network()
        for factor in factors:
            self.place(factor, (row, column), network)
        return assembled(network, row, column)

    def place(self, factor: Term, axes: Iterable[Axis], network: Network) -> None:
        """Put a factor where its indices are."""
        own = [axis for axis in axes if axis is not None and axis in factor.free]
        if len(own) > 2:
            raise NoMatrixForm(f"{text(factor)} depends on three indices")
        row, column = (*own, None, None)[:2]
        network.put(self.matrix(factor, row, column), row, column)

    def contraction(self, bound: tuple[Index, ...], body: Term, row: Axis, column: Axis) -> Matrix:
        """sum over `bound` of a product, by eliminating one index after the other."""
        axes = [axis for axis in (row, column) if axis is not None] + list(bound)
        bound, factors = opened(bound, factors_of(body))
        axes = list(dict.fromkeys([*axes, *bound]))
        for position, factor in enumerate(factors):
            if len([axis for axis in axes if axis in factor.free]) > 2 and isinstance(factor, Add):
                others = factors[:position] + factors[position + 1 :]
                return self.sum(tuple(summed(bound, mul(*others, term)) for term in factor.terms), row, column)
        network, waiting = Network(), list(bound)
        for factor in factors:
            self.place(factor, axes, network)
        while waiting:
            pair = network.closed_pair(bound)
            if pair is not None:
                left, right = pieces(network.between(*pair))
                network.numbers.append(mt.Trace(product(transposed(left), right)))
                waiting = [index for index in waiting if index not in pair]
                continue
            index = min(waiting, key=lambda index: len(network.neighbours(index)))
            if len(network.neighbours(index)) > 2:
                raise NoMatrixForm(f"the sum over {index.name} connects three indices")
            network.eliminate(index)
            waiting.remove(index)
        return assembled(network, row, column)


def is_delta(term: Term, row: Index, column: Index) -> bool:
    return isinstance(term, Compare) and term.relation == "==" and {term.left, term.right} == {row, column}


def opened(bound: tuple[Index, ...], factors: tuple[Term, ...]) -> tuple[tuple[Index, ...], tuple[Term, ...]]:
    """Sums among the factors of a sum are part of it."""
    result: list[Term] = []
    for factor in factors:
        if isinstance(factor, Reduce) and factor.op == "sum" and factor.free:
            bound = bound + factor.indices
            result += factors_of(factor.body)
        else:
            result.append(factor)
    return bound, tuple(result)


def choice(condition: Matrix, then: Matrix, other: Matrix) -> Matrix:
    """`then` where the condition holds; [condition] o then where the rest is 0 and `then` is finite everywhere."""
    if other == Number(ZERO) and isinstance(condition, mt.Bracket) and is_polynomial(then):
        return hadamard(condition, then)
    return mt.Choice(condition, then, other)


def is_polynomial(matrix: Matrix) -> bool:
    return not isinstance(matrix, mt.Power | mt.Apply | mt.Inverted) and all(map(is_polynomial, matrix.children))

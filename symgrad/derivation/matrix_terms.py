"""Matrix notation as data: what a formula in index notation is lifted to.

    Matrix = Number(term)                      a number, without indices: 2, B, a scalar tensor
           | Named(name, shape)                a tensor; a vector is a column
           | OneHot(tokens, shape)             Y[b,v] = [v == y[b]]
           | Ones(rows) | Identity(rows)       a column of ones; the unit matrix
           | Sum(terms) | Product(factors) | Hadamard(factors)
           | Scaled(factor, body)              a number times a matrix
           | Power(base, exponent) | Apply(function, arguments) | Bracket(relation, left, right)
           | Choice(condition, then, other)    each of these four entry by entry; a number stands for a constant matrix
           | Transpose(body) | Inverted(body) | Diagonal(vector) | DiagonalOf(body)
           | Trace(body) | Determinant(op, body) | RowMaximum(body)

Shapes are pairs of terms, (rows, columns).  `matrix_algebra` has the constructors that keep formulas tidy.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..language.terms import ONE, Term

Shape = tuple[Term, Term]
SCALAR: Shape = (ONE, ONE)


class Matrix:
    """A node; `shape` is (rows, columns)."""

    shape: Shape

    @property
    def children(self) -> tuple[Matrix, ...]:
        return ()


class Whole(Matrix):
    """A number that is made of all entries of `body`."""

    body: Matrix
    shape = SCALAR

    @property
    def children(self) -> tuple[Matrix, ...]:
        return (self.body,)


class Entrywise(Matrix):
    """A node whose entries are made of the entries of its children at the same place."""

    @property
    def shape(self) -> Shape:
        return next((child.shape for child in self.children if child.shape != SCALAR), SCALAR)


@dataclass(frozen=True)
class Number(Matrix):
    term: Term
    shape = SCALAR


@dataclass(frozen=True)
class Named(Matrix):
    name: str
    shape: Shape


@dataclass(frozen=True)
class OneHot(Matrix):
    tokens: str
    shape: Shape


@dataclass(frozen=True)
class Ones(Matrix):
    rows: Term

    @property
    def shape(self) -> Shape:
        return self.rows, ONE


@dataclass(frozen=True)
class Identity(Matrix):
    rows: Term

    @property
    def shape(self) -> Shape:
        return self.rows, self.rows


@dataclass(frozen=True)
class Sum(Entrywise):
    terms: tuple[Matrix, ...]

    @property
    def children(self) -> tuple[Matrix, ...]:
        return self.terms


@dataclass(frozen=True)
class Hadamard(Entrywise):
    factors: tuple[Matrix, ...]

    @property
    def children(self) -> tuple[Matrix, ...]:
        return self.factors


@dataclass(frozen=True)
class Product(Matrix):
    factors: tuple[Matrix, ...]

    @property
    def shape(self) -> Shape:
        return self.factors[0].shape[0], self.factors[-1].shape[1]

    @property
    def children(self) -> tuple[Matrix, ...]:
        return self.factors


@dataclass(frozen=True)
class Scaled(Entrywise):
    factor: Matrix
    body: Matrix

    @property
    def children(self) -> tuple[Matrix, ...]:
        return self.factor, self.body


@dataclass(frozen=True)
class Power(Entrywise):
    base: Matrix
    exponent: Matrix

    @property
    def children(self) -> tuple[Matrix, ...]:
        return self.base, self.exponent


@dataclass(frozen=True)
class Apply(Entrywise):
    function: str
    arguments: tuple[Matrix, ...]

    @property
    def children(self) -> tuple[Matrix, ...]:
        return self.arguments


@dataclass(frozen=True)
class Bracket(Entrywise):
    relation: str
    left: Matrix
    right: Matrix

    @property
    def children(self) -> tuple[Matrix, ...]:
        return self.left, self.right


@dataclass(frozen=True)
class Choice(Entrywise):
    condition: Matrix
    then: Matrix
    other: Matrix

    @property
    def children(self) -> tuple[Matrix, ...]:
        return self.condition, self.then, self.other


@dataclass(frozen=True)
class Transpose(Whole):
    body: Matrix

    @property
    def shape(self) -> Shape:
        return self.body.shape[::-1]


@dataclass(frozen=True)
class Inverted(Whole):
    body: Matrix

    @property
    def shape(self) -> Shape:
        return self.body.shape


@dataclass(frozen=True)
class Diagonal(Whole):
    """The diagonal matrix of a column vector."""

    body: Matrix

    @property
    def shape(self) -> Shape:
        return self.body.shape[0], self.body.shape[0]


@dataclass(frozen=True)
class DiagonalOf(Whole):
    """The diagonal of a square matrix, as a column."""

    body: Matrix

    @property
    def shape(self) -> Shape:
        return self.body.shape[0], ONE


@dataclass(frozen=True)
class Trace(Whole):
    body: Matrix


@dataclass(frozen=True)
class Determinant(Whole):
    op: str
    body: Matrix


@dataclass(frozen=True)
class RowMaximum(Whole):
    """The largest entry of each row, as a column."""

    body: Matrix

    @property
    def shape(self) -> Shape:
        return self.body.shape[0], ONE

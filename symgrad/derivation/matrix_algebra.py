"""Constructors that keep matrix notation as it is on a board: products flat, numbers in front, few transposition signs.

product(A, product(B, C)) = A B C                transposed(A B) = B^T A^T        inverted(A B) = B^-1 A^-1
product(A, inverted(A), B) = B                   transposed(p - Y) = (p - Y)^T    transposed(A^T - B^T) = A - B
total(B X, B^T X) = (B + B^T) X                  hadamard(A^T, B^T) = (A o B)^T
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..language.algebra import add, is_negative, mul, negated
from ..language.ranges import same_extent
from ..language.terms import ONE, ZERO, Read, Term
from .matrix_terms import (
    SCALAR,
    Apply,
    Bracket,
    Choice,
    Determinant,
    Diagonal,
    DiagonalOf,
    Hadamard,
    Identity,
    Inverted,
    Matrix,
    Named,
    Number,
    Ones,
    Power,
    Product,
    RowMaximum,
    Scaled,
    Shape,
    Sum,
    Trace,
    Transpose,
)

UNIT = Number(ONE)
SYMMETRIC = (Identity, Diagonal)


def scaled(factor: Matrix, body: Matrix) -> Matrix:
    """factor * body, numbers multiplied."""
    if isinstance(body, Scaled):
        return scaled(times(factor, body.factor), body.body)
    if factor == UNIT:
        return body
    if body.shape == SCALAR:
        return times(factor, body)
    return Scaled(factor, body)


def times(*numbers: Matrix) -> Matrix:
    """The product of 1 x 1 matrices: what is plain in one term, the rest behind it."""
    plain, rest = [], []
    for number in numbers:
        parts = number.factors if isinstance(number, Hadamard) else (number,)
        for part in parts:
            (plain if isinstance(part, Number) else rest).append(part)
    front = Number(mul(*(number.term for number in plain)))
    kept = [front, *rest] if front != UNIT else rest
    if not kept or front == Number(ZERO):
        return front
    return kept[0] if len(kept) == 1 else Hadamard(tuple(kept))


def product(*factors: Matrix) -> Matrix:
    """The matrix product: flat, numbers in front, without unit matrices and without M^-1 M."""
    numbers: list[Matrix] = []
    kept: list[Matrix] = []
    unit: Matrix | None = None
    for factor in flat(factors):
        if isinstance(factor, Identity):
            unit = factor
        else:
            kept.append(factor)
    for position, factor in enumerate(kept):
        if isinstance(factor, Scaled):
            numbers.append(factor.factor)
            kept[position] = factor.body
    left: list[Matrix] = []
    for factor in flat(kept):
        if left and inverted(left[-1]) == factor:
            unit = Identity(factor.shape[1])
            left.pop()
        else:
            left.append(factor)
    if not left:
        return scaled(times(*numbers), unit)
    return scaled(times(*numbers), left[0] if len(left) == 1 else Product(tuple(left)))


def flat(factors: Iterable[Matrix]) -> list[Matrix]:
    result: list[Matrix] = []
    for factor in factors:
        result.extend(factor.factors if isinstance(factor, Product) else (factor,))
    return result


def hadamard(*factors: Matrix) -> Matrix:
    """The elementwise product, numbers in front."""
    numbers, kept = [], []
    for factor in factors:
        if isinstance(factor, Scaled):
            numbers.append(factor.factor)
            factor = factor.body
        parts = factor.factors if isinstance(factor, Hadamard) else (factor,)
        for part in parts:
            (numbers if part.shape == SCALAR else kept).append(part)
    if not kept:
        return times(*numbers)
    return scaled(times(*numbers), kept[0] if len(kept) == 1 else upright(Hadamard(tuple(kept))))


def transposed(matrix: Matrix) -> Matrix:
    """The transpose, on the letters or around the whole, whichever takes fewer signs; a symmetric matrix is its own."""
    if matrix.shape == SCALAR or isinstance(matrix, SYMMETRIC):
        return matrix
    if isinstance(matrix, Transpose):
        return matrix.body
    inside = carried(matrix)
    if alike(inside, matrix):
        return matrix
    outside = Transpose(matrix)
    keeps_shape = isinstance(matrix, Product | Scaled)
    return inside if keeps_shape or transposes(inside) < transposes(outside) else outside


def carried(matrix: Matrix) -> Matrix:
    """The transpose with its sign on the letters."""
    match matrix:
        case _ if matrix.shape == SCALAR or isinstance(matrix, SYMMETRIC):
            return matrix
        case Transpose(body):
            return body
        case Product(factors):
            return Product(tuple(transposed(factor) for factor in reversed(factors)))
        case Scaled(factor, body):
            return Scaled(factor, transposed(body))
        case Sum(terms):
            return Sum(tuple(map(transposed, terms)))
        case Hadamard(factors):
            return Hadamard(tuple(map(transposed, factors)))
        case Power(base, exponent):
            return Power(transposed(base), transposed(exponent))
        case Apply(function, arguments):
            return Apply(function, tuple(map(transposed, arguments)))
        case Bracket(relation, left, right):
            return Bracket(relation, transposed(left), transposed(right))
        case Choice():
            return Choice(*map(transposed, matrix.children))
        case Inverted(body) if alike(carried(body), body):
            return matrix
    return Transpose(matrix)


def alike(left: Matrix, right: Matrix) -> bool:
    """Equal up to the order of the terms of a sum."""
    if isinstance(left, Sum) and isinstance(right, Sum):
        return set(left.terms) == set(right.terms) and len(left.terms) == len(right.terms)
    return left == right


def transposes(matrix: Matrix) -> int:
    """How many transposition signs are written."""
    return isinstance(matrix, Transpose) + sum(map(transposes, matrix.children))


def upright(matrix: Matrix) -> Matrix:
    """The same matrix, with one transposition sign around it where that saves some inside: (A o B)^T for A^T o B^T."""
    if matrix.shape == SCALAR or alike(carried(matrix), matrix):
        return matrix
    outside = Transpose(carried(matrix))
    return outside if transposes(outside) < transposes(matrix) else matrix


def inverted(matrix: Matrix) -> Matrix:
    """The inverse, carried through products of square matrices: where A B has one, A and B have."""
    match matrix:
        case Inverted(body):
            return body
        case Transpose(body):
            return transposed(inverted(body))
        case Product(factors) if all(same_extent(*factor.shape) for factor in factors):
            return Product(tuple(inverted(factor) for factor in reversed(factors)))
    return Inverted(matrix)


def ones(shape: Shape) -> Matrix:
    """The matrix of ones, 1 1^T."""
    rows, columns = shape
    if shape == SCALAR:
        return UNIT
    if columns == ONE:
        return Ones(rows)
    return Transpose(Ones(columns)) if rows == ONE else Product((Ones(rows), Transpose(Ones(columns))))


def full(matrix: Matrix, shape: Shape) -> Matrix:
    """The matrix itself; a number becomes the constant matrix of this shape."""
    return scaled(matrix, ones(shape)) if matrix.shape == SCALAR and shape != SCALAR else matrix


def total(*terms: Matrix) -> Matrix:
    """The sum, with what all products share at an end taken out: (B + B^T) X."""
    terms = [part for term in terms for part in (term.terms if isinstance(term, Sum) else (term,))]
    terms = like_terms(terms)
    if len(terms) < 2:
        return terms[0] if terms else Number(ZERO)
    numbers = [term.factor if isinstance(term, Scaled) else UNIT for term in terms]
    products = [flat((term.body if isinstance(term, Scaled) else term,)) for term in terms]
    for end in (-1, 0):
        shared = products[0][end]
        if shared.shape != SCALAR and all(len(p) > 1 and p[end] == shared for p in products):
            rest = [p[:-1] if end else p[1:] for p in products]
            inner = total(*(scaled(n, product(*r)) for n, r in zip(numbers, rest, strict=True)))
            return product(inner, shared) if end else product(shared, inner)
    whole = Sum(tuple(terms))
    if whole.shape == SCALAR or any(isinstance(term, Product | Scaled) for term in terms):
        return whole
    if not alike(carried(whole), whole):
        return upright(whole)
    return Sum(tuple(sorted(terms, key=transposes)))  # symmetric: B + B^T


def like_terms(terms: Iterable[Matrix]) -> list[Matrix]:
    """The terms with equal matrices counted: 2 A for A + A, nothing for A - A."""
    counts: dict[Matrix, Term] = {}
    for term in terms:
        number, body = (term.factor, term.body) if isinstance(term, Scaled) else (UNIT, term)
        if isinstance(body, Number) or not isinstance(number, Number):
            number, body = UNIT, term
        counts[body] = add(counts.get(body, ZERO), number.term)
    return [scaled(Number(number), body) for body, number in counts.items() if number != ZERO]


def minus(matrix: Matrix) -> Matrix | None:
    """The matrix without its minus sign; None where it has none."""
    match matrix:
        case Number(term) if is_negative(term):
            return Number(negated(term))
        case Scaled(factor, body) if (positive := minus(factor)) is not None:
            return scaled(positive, body)
        case Hadamard(factors) if (positive := minus(factors[0])) is not None:
            return times(positive, *factors[1:])
    return None


def replaced(matrix: Matrix, names: Mapping[str, Matrix]) -> Matrix:
    """The matrix with tensors written out."""

    def visit(part: Matrix) -> Matrix:
        return replaced(part, names)

    match matrix:
        case Named(name):
            return names.get(name, matrix)
        case Number(Read(name, ())):
            return names.get(name, matrix)
        case Sum(terms):
            return total(*map(visit, terms))
        case Product(factors):
            return product(*map(visit, factors))
        case Hadamard(factors):
            return hadamard(*map(visit, factors))
        case Scaled(factor, body):
            return scaled(visit(factor), visit(body))
        case Transpose(body):
            return transposed(visit(body))
        case Inverted(body):
            return inverted(visit(body))
        case Apply(function, arguments):
            return Apply(function, tuple(map(visit, arguments)))
        case Bracket(relation, left, right):
            return Bracket(relation, visit(left), visit(right))
        case Determinant(op, body):
            return Determinant(op, visit(body))
        case Power() | Choice() | Diagonal() | DiagonalOf() | Trace() | RowMaximum():
            return type(matrix)(*map(visit, matrix.children))
    return matrix

"""A formula in matrix notation as the array code that computes it, so that it is proved and diagnosed like code.

    (p - y) h^T    ->    (p[:, None] - one_hot(y, V)[:, None]) @ h[:, None].T

Where factors stand side by side, the shapes at a point say whether matrices are multiplied or a number is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace

from ..language.terms import Read, Size, Term
from .binding import Bound, Meaning
from .interpretation import Value
from .matrix_formulas import MatrixReading, ones_side
from .number_values import real
from .statements import (
    Apply,
    Binary,
    Choice,
    Comparison,
    Comprehension,
    Derivative,
    Expression,
    Item,
    Name,
    Number,
    Span,
    Total,
)

OF_VECTORS = ("diag", "softmax", "log_softmax")


class NoCode(Exception):
    """The formula holds what no array code computes: a Jacobian."""


class FormulaCode:
    """`indices` are those that stand around the formula, each with a value that it can have."""

    def __init__(self, reading: MatrixReading, indices: Mapping[str, int] | None = None, entries: bool = False) -> None:
        self.reading = reading
        self.indices = dict(indices or {})
        self.entries = entries  # whether every array carries its indices: tokens are ids, products those of numbers

    def code(self, node: Expression) -> Expression:
        match node:
            case Name(name) if name in self.indices:
                return node
            case Name():
                return self.name(node)
            case Item(Name(name), places):
                return self.slice(node, name, places)
            case Total():
                return self.total(node)
            case Derivative(_, Item(Name() as by, places)):
                return self.slice(node, self.adjoint_of(node.of, by), places)
            case Derivative(_, by):
                return self.adjoint(node, by)
            case Binary("beside" | "@", left, right) if (side := ones_side(left, right)) is not None:
                other, along, sums = side
                kept = (("keepdims", Number(1, span=node.span)),)
                whole = self.code(other)
                return Apply("sum", (whole, Number(along)), kept, span=node.span) if sums else whole
            case Binary("beside", left, right):
                return Binary(self.product(left, right), self.code(left), self.code(right), span=node.span)
            case Apply(_, (_, Name(index))) if index in self.indices:  # softmax(o[v], v)
                raise NoCode
            case Apply(function, (argument,)) if function in OF_VECTORS and self.is_vector(argument):
                return self.of_vector(node, argument)
        return self.rebuilt(node)

    def rebuilt(self, node: Expression) -> Expression:
        def visit(value: object) -> object:
            if isinstance(value, Expression):
                return self.code(value)
            return tuple(map(visit, value)) if isinstance(value, tuple) else value

        changed = {part.name: visit(getattr(node, part.name)) for part in fields(node) if part.name != "span"}
        return replace(node, **changed)

    def name(self, node: Name) -> Expression:
        bound = self.reading.names.meaning(node.name)
        own = self.reading.scope.own.get(node.name)
        if bound is None and own is not None and own.by_entries and not self.entries:
            return self.vector(node, len(own.tensor.indices), gradient=False)
        if bound is None or bound.meaning is Meaning.SIZE:
            return node
        whole, axes = self.whole(node, bound)
        return self.vector(whole, axes, bound.meaning is Meaning.ADJOINT)

    def whole(self, node: Name, bound: Bound) -> tuple[Expression, int]:
        """The array, tokens as one-hot vectors, and its number of axes."""
        tensor = self.reading.at.truth.model.tensors[bound.tensor]
        if bound.meaning is Meaning.VALUE and tensor.vocabulary is not None and not self.entries:
            if not isinstance(tensor.vocabulary, Size):
                raise NoCode
            classes = Name(tensor.vocabulary.name, span=node.span)
            return Apply("one_hot", (node, classes), span=node.span), len(tensor.shape) + 1
        return node, len(bound.layout.groups) if bound.layout else 0

    def slice(self, node: Expression, name: str, places: Sequence[Expression | None]) -> Expression:
        """x[t], as a vector where it is one; behind the start of a recurrence the choice between the two."""
        bound = self.reading.names.meaning(name)
        if any(not isinstance(one, Name | Number | Binary | Item) for one in places):
            raise NoCode
        at = tuple(self.code(one) for one in places if one is not None)
        array = Name(name, span=node.span)
        if bound is None:
            own = self.reading.scope.own.get(name)
            if own is None or (len(own.letters) != len(at) and not self.entries):
                raise NoCode
            return Item(array, at, span=node.span)
        whole, axes = self.whole(array, bound)
        sliced: Expression = Item(whole, at, span=node.span)
        start = self.reading.scope.start(name)
        if start is not None and len(at) > start.axis and isinstance(places[start.axis], Binary):
            match start.value:
                case Read(initial, indices) if indices == start.indices and len(at) == 1:
                    begins = Comparison("<=", Number(0, span=node.span), at[0], span=node.span)
                    sliced = Choice(begins, sliced, Name(initial, span=node.span), span=node.span)
                case _:
                    raise NoCode
        return self.vector(sliced, axes - len(at), bound.meaning is Meaning.ADJOINT)

    def total(self, node: Total) -> Expression:
        """sum(body for t in range(T))"""
        before = dict(self.indices)
        self.indices |= dict.fromkeys(node.indices, 0)
        extents = [self.reading.extent(node, k) for k in range(len(node.indices))]
        body = self.code(node.body)
        self.indices = before
        for name, extent in reversed(list(zip(node.indices, extents, strict=True))):
            turns = Comprehension(body, (name,), self.range(extent, node.span), span=node.span)
            body = Apply("sum_items", (turns,), span=node.span)
        return body

    def range(self, extent: Term, span: Span) -> Expression:
        if not isinstance(extent, Size):
            raise NoCode
        return Apply("range", (Name(extent.name, span=span),), span=span)

    def vector(self, node: Expression, axes: int, gradient: bool) -> Expression:
        """A column, or a row, of one axis."""
        if axes != 1:
            return node
        convention = self.reading.convention
        axis = Number(0 if convention.is_row(gradient) else 1, span=node.span)
        return Apply("expand_dims", (node, axis), span=node.span)

    def adjoint(self, node: Derivative, by: Expression) -> Expression:
        return self.name(Name(self.adjoint_of(node.of, by), span=node.span))

    def adjoint_of(self, of: Expression, by: Expression) -> str:
        """The name of dL/dby in code."""
        bound = self.reading.tensor_of(by)
        if self.reading.tensor_of(of).tensor != self.reading.at.truth.loss:
            raise NoCode
        name = f"d{bound.tensor}"
        meaning = self.reading.names.meaning(name)
        if meaning is None or meaning.meaning is not Meaning.ADJOINT or meaning.tensor != bound.tensor:
            raise NoCode
        return name

    def product(self, left: Expression, right: Expression) -> str:
        if self.entries:
            return "*"
        shapes = self.shape(left), self.shape(right)
        number = any(not shape or set(shape) == {1} for shape in shapes)
        fits = len(shapes[0]) == len(shapes[1]) == 2 and shapes[0][1] == shapes[1][0]
        return "*" if number and not fits else "@"

    def of_vector(self, node: Apply, argument: Expression) -> Expression:
        flat = Apply("reshape", (self.code(argument), Number(-1, span=argument.span)), span=argument.span)
        applied = replace(node, arguments=(flat,))
        if node.function == "diag":
            return applied
        axis = 0 if self.shape(argument)[0] == 1 else 1
        return Apply("expand_dims", (applied, Number(axis, span=node.span)), span=node.span)

    def is_vector(self, node: Expression) -> bool:
        return not self.entries and 1 in self.shape(node)

    def shape(self, node: Expression) -> tuple[int, ...]:
        value: Value = self.reading.value(node, self.indices)
        return real(value).shape

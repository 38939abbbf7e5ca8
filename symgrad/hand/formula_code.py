"""A formula in matrix notation as the array code that computes it, so that it is proved and diagnosed like code.

    (p - y) h^T    ->    (p[:, None] - one_hot(y, V)[:, None]) @ h[:, None].T

Where factors stand side by side, the shapes at a point say whether matrices are multiplied or a number is.
"""

from __future__ import annotations

from dataclasses import fields, replace

from ..language.terms import Size
from .binding import Meaning
from .interpretation import Value
from .matrix_formulas import Convention, MatrixReading
from .number_values import real
from .statements import Apply, Assign, Binary, Derivative, Expression, Name, Number

OF_VECTORS = ("diag", "softmax", "log_softmax")


class NoCode(Exception):
    """The formula holds what no array code computes: a Jacobian."""


def as_code(name: str, expression: Expression, reading: MatrixReading) -> Assign:
    """`name = expression`, in the formula's own place.  Raises NoCode, and ClaimError as `reading` does."""
    return Assign(Name(name, span=expression.span), "", FormulaCode(reading).code(expression), span=expression.span)


class FormulaCode:
    def __init__(self, reading: MatrixReading) -> None:
        self.reading = reading

    def code(self, node: Expression) -> Expression:
        match node:
            case Name():
                return self.name(node)
            case Derivative(_, by):
                return self.adjoint(node, by)
            case Binary("beside", left, right):
                return Binary(self.product(left, right), self.code(left), self.code(right), span=node.span)
            case Apply(function, (argument,)) if function in OF_VECTORS and 1 in self.shape(argument):
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
        if bound is None or bound.meaning is Meaning.SIZE:
            return node
        tensor = self.reading.at.truth.model.tensors[bound.tensor]
        if bound.meaning is Meaning.VALUE and tensor.vocabulary is not None:
            if not isinstance(tensor.vocabulary, Size):
                raise NoCode
            one_hot = Apply("one_hot", (node, Name(tensor.vocabulary.name, span=node.span)), span=node.span)
            return self.vector(one_hot, len(tensor.shape) + 1, gradient=False)
        return self.vector(node, len(bound.layout.groups) if bound.layout else 0, bound.meaning is Meaning.ADJOINT)

    def vector(self, node: Expression, axes: int, gradient: bool) -> Expression:
        """A column, or a row, of one axis."""
        if axes != 1:
            return node
        convention = self.reading.convention
        row = convention is Convention.ROWS or (gradient and convention is Convention.NUMERATOR)
        return Apply("expand_dims", (node, Number(0 if row else 1, span=node.span)), span=node.span)

    def adjoint(self, node: Derivative, by: Expression) -> Expression:
        bound = self.reading.tensor_of(by)
        if self.reading.tensor_of(node.of).tensor != self.reading.at.truth.loss:
            raise NoCode
        name = f"d{bound.tensor}"
        meaning = self.reading.names.meaning(name)
        if meaning is None or meaning.meaning is not Meaning.ADJOINT or meaning.tensor != bound.tensor:
            raise NoCode
        return self.name(Name(name, span=node.span))

    def product(self, left: Expression, right: Expression) -> str:
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

    def shape(self, node: Expression) -> tuple[int, ...]:
        value: Value = self.reading.value(node)
        return real(value).shape

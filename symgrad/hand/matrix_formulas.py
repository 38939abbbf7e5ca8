"""The value of a formula in matrix notation, at a point.

A vector is a column, or a row where the formulas of a file fit only so; tokens are one-hot vectors, for no formula
adds a number to a word.  Factors side by side are a product of matrices, or by a number; an exponent of a matrix is
refused, for it could mean two things.  The Jacobian dy/dx is laid out as the convention says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

import numpy as np

from ..checking.interpreter import extent_value
from ..language.errors import ClaimError
from .binding import Bound, Meaning, Names
from .interpretation import Interpreter, Passive, Value
from .number_values import ShapeError, real, written
from .numbers import Numbers
from .statements import Derivative, Expression, Name
from .truth import At


class Convention(Enum):
    """How vectors and derivatives stand; the value is what it is called."""

    COLUMNS = "denominator layout"  # vectors and gradients are columns, dy/dx has a column for each entry of y
    NUMERATOR = "numerator layout"  # vectors are columns, a gradient is a row, dy/dx has a row for each entry of y
    ROWS = "row vectors"  # vectors and gradients are rows, dy/dx has a column for each entry of y


class MatrixNumbers(Numbers):
    """The operations of matrix notation: adding broadcasts numbers only, or a vector along the rows of a matrix."""

    def binary(self, operator: str, left: Value, right: Value) -> Value:
        shapes = np.shape(real(left)), np.shape(real(right))
        if operator == "**" and len(shapes[0]) == 2 and 1 not in shapes[0]:
            raise ClaimError(
                f"the power of a matrix {written(shapes[0])} can mean two things: write W W for the product of "
                "matrices, W \\odot W for that of entries"
            )
        if operator in ("+", "-") and shapes[0] != shapes[1] and shapes[0] == shapes[1][::-1]:
            raise ShapeError(f"shapes do not fit: {written(shapes[0])} {operator} {written(shapes[1])}")
        return super().binary(operator, left, right)

    def apply(self, word: str, arguments: Sequence[Value], keywords: Mapping[str, Value]) -> Value:
        if word in ("diag", "softmax", "log_softmax") and len(arguments) == 1 and 1 in np.shape(real(arguments[0])):
            vector = real(arguments[0])  # of a column as of a row
            value = super().apply(word, (vector.ravel(),), keywords)
            return value if word == "diag" else value.reshape(vector.shape)
        return super().apply(word, arguments, keywords)


@dataclass
class MatrixReading(Passive):
    """Evaluates formulas at one point; `notes` collects how names were read."""

    names: Names
    at: At
    convention: Convention = Convention.COLUMNS
    notes: set[str] = field(default_factory=set)

    def value(self, expression: Expression) -> np.ndarray:
        """An array of two axes, or a number.  Raises ClaimError for what has no value here."""
        return np.asarray(real(Interpreter(MatrixNumbers(), self).value(expression)), dtype=np.float64)

    def unknown(self, name: str) -> Value:
        bound = self.names.meaning(name)
        if bound is None:
            raise ClaimError(f"{name} {self.names.unknown(name)}")
        if bound.meaning is Meaning.SIZE:
            return bound.at(self.at)
        gradient = bound.meaning is Meaning.ADJOINT
        return self.vector(self.one_hot(name, bound), gradient)

    def one_hot(self, name: str, bound: Bound) -> np.ndarray:
        value = np.asarray(bound.at(self.at))
        vocabulary = self.at.truth.model.tensors[bound.tensor].vocabulary
        if bound.meaning is not Meaning.VALUE or vocabulary is None:
            return value
        self.notes.add(f"{name} is read as the one-hot vectors of its tokens")
        return np.eye(extent_value(vocabulary, self.at.sizes))[value]

    def vector(self, value: np.ndarray, gradient: bool = False) -> np.ndarray:
        """One axis becomes two."""
        if value.ndim != 1:
            return value
        row = self.convention is Convention.ROWS or (gradient and self.convention is Convention.NUMERATOR)
        return value[None, :] if row else value[:, None]

    def derivative(self, node: Derivative) -> Value:
        of, by = (self.tensor_of(part) for part in (node.of, node.by))
        if of.tensor == self.at.truth.loss:
            return self.vector(Bound(Meaning.ADJOINT, by.tensor, by.layout).at(self.at), gradient=True)
        value = self.at.jacobian(of.tensor, by.tensor)
        axes = len(self.at.truth.model.tensors[of.tensor].shape), value.ndim
        if axes[0] > 1 or axes[1] - axes[0] > 1:
            raise ClaimError(
                "a derivative by or of a matrix has more than two axes; write it with indices, "
                f"d{of.tensor}_i/d{by.tensor}_jk"
            )
        if axes == (1, 2):
            return value if self.convention is Convention.NUMERATOR else value.T
        return self.vector(value, gradient=axes[0] == 0)

    def tensor_of(self, part: Expression) -> Bound:
        if not isinstance(part, Name):
            raise ClaimError("a derivative among matrices is of and by whole arrays; give every array its indices")
        bound = self.names.meaning(part.name)
        if bound is None or bound.meaning is not Meaning.VALUE:
            raise ClaimError(f"{part.name} {self.names.unknown(part.name)}")
        return bound

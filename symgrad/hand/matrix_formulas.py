"""The value of a formula in matrix notation, at a point.

A vector is a column, or a row where the formulas of a file fit only so; tokens are one-hot vectors, for no formula
adds a number to a word.  Factors side by side are a product of matrices, or by a number; an exponent of a matrix is
refused, for it could mean two things.  The Jacobian dy/dx is laid out as the convention says.

Some first indices may be written out: x_t is the t-th row of x, as a vector, sum_t adds what stands for each t, and a
formula about dL/dh_t is about every t.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product

import numpy as np

from ..checking.interpreter import Evaluation, extent_value
from ..language.errors import ClaimError
from ..language.terms import ONE, Index, Term
from .binding import Bound, Meaning, Names
from .formula_grammar import Source
from .formula_scope import FormulaScope
from .index_sizes import IndexSizes
from .index_terms import Lowering
from .interpretation import Interpreter, Passive, Value
from .matrix_conventions import Convention
from .number_values import ShapeError, place, real, written
from .numbers import Numbers
from .operations import ELEMENTWISE
from .records import fitted
from .statements import Apply, Binary, Derivative, Expression, Item, Name, Node, Number, Total, Unary, names_in
from .truth import At


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


class MatrixInterpreter(Interpreter):
    """Reads entries and sums over indices too; the values of indices are in the environment."""

    watcher: MatrixReading

    def computed(self, node: Expression) -> Value:
        match node:
            case Item(Name(name), places) if name not in self.environment:
                return self.watcher.slice(name, [self.place(one) for one in places])
            case Derivative(Name() as of, Item(Name() as by, places)):
                return self.watcher.slice_of_derivative(of, by, [self.place(one) for one in places])
            case Binary("**", Apply(function) as applied, exponent) if function in ELEMENTWISE:
                return Numbers().binary("**", self.value(applied), self.value(exponent))  # tanh^2 is of every entry
            case Binary("beside" | "@", left, right) if (side := ones_side(left, right)) is not None:
                return self.with_ones(*side)
            case Total(indices, body):
                sizes = (self.watcher.extent(node, k) for k in range(len(indices)))
                extents = [extent_value(size, self.watcher.at.sizes) for size in sizes]
                before, parts = dict(self.environment), []
                for at in product(*map(range, extents)):
                    self.environment |= dict(zip(indices, at, strict=True))
                    parts.append(self.value(body))
                self.environment = before
                total = parts[0] if parts else 0
                for part in parts[1:]:
                    total = self.operations.binary("+", total, part)
                return total
        return super().computed(node)

    def with_ones(self, other: Expression, along: int, sums: bool) -> Value:
        """A 1 and 1^T A sum; a column beside 1^T, or 1 beside a row, is repeated, which adding does by itself."""
        value = real(self.value(other))
        if value.ndim != 2 or sums == (value.shape[along] == 1):  # x 1 sums nothing where x is a column
            raise ClaimError("how many ones? beside a vector of ones there has to be a matrix, or a fitting vector")
        return value.sum(axis=along, keepdims=True) if sums else value


def ones_side(left: Expression, right: Expression) -> tuple[Expression, int, bool] | None:
    """(the other factor, the axis, whether it is summed) where one factor is a vector of ones without a length."""
    ones = Apply("ones")
    row = Apply("transpose", (ones,))
    match left, right:
        case _, Apply("ones", ()):
            return left, 1, True
        case _, Apply() if right == row:
            return left, 1, False
        case Apply("ones", ()), _:
            return right, 0, False
        case Apply(), _ if left == row:
            return right, 0, True
    return None


@dataclass
class MatrixReading(Passive):
    """Evaluates formulas at one point; `notes` collects how names were read."""

    scope: FormulaScope
    at: At
    convention: Convention = Convention.COLUMNS
    notes: set[str] = field(default_factory=set)

    @property
    def names(self) -> Names:
        return self.scope.names

    def value(self, expression: Expression, indices: Mapping[str, int] | None = None) -> np.ndarray:
        """An array of two axes, or a number.  Raises ClaimError for what has no value here."""
        interpreter = MatrixInterpreter(MatrixNumbers(), self, dict(indices or {}))
        return np.asarray(real(interpreter.value(expression)), dtype=np.float64)

    def stacked(self, expression: Expression, letters: Sequence[str], right: np.ndarray) -> np.ndarray:
        """The value for each of the letters, which are the first axes of `right`; each in the shape of its slice."""
        if is_number(expression):
            return np.broadcast_to(self.value(expression), right.shape)  # dL/dA = 0 is of every entry
        if not letters:
            return fitted(self.value(expression), right)
        parts = []
        for at in np.ndindex(*right.shape[: len(letters)]):
            part = fitted(self.value(expression, dict(zip(letters, at, strict=True))), right[at])
            if part.shape != right[at].shape:
                return part
            parts.append(part)
        return np.reshape(np.stack(parts), right.shape)

    def unknown(self, name: str) -> Value:
        bound = self.names.meaning(name)
        if bound is None:
            if name not in self.scope.own:
                raise self.scope.unknown(name)
            own = self.scope.own[name]
            if own.letters:
                raise ClaimError(f"{name} stands without its indices; write {name}_{{{','.join(own.letters)}}}")
            return own.value(self.at, self.convention)
        if bound.meaning is Meaning.SIZE:
            return bound.at(self.at)
        return self.convention.vector(self.one_hot(name, bound), bound.meaning is Meaning.ADJOINT)

    def one_hot(self, name: str, bound: Bound) -> np.ndarray:
        value = np.asarray(bound.at(self.at))
        vocabulary = self.at.truth.model.tensors[bound.tensor].vocabulary
        if bound.meaning is not Meaning.VALUE or vocabulary is None:
            return value
        self.notes.add(f"{name} is read as the one-hot vectors of its tokens")
        return np.eye(extent_value(vocabulary, self.at.sizes))[value]

    # -- written out indices ---------------------------------------------------------------------------------------

    def slice(self, name: str, places: Sequence[Value]) -> Value:
        """x_t: the entry of the first axes; h_{t-1} before the first t is what the recurrence starts from."""
        bound = self.names.meaning(name)
        places = [place(one) for one in places]
        if bound is None:
            if name not in self.scope.own:
                raise self.scope.unknown(name)
            own = self.scope.own[name]
            whole = len(places) == len(own.letters)
            value = own.value(self.at, self.convention) if whole else own.entries(self.at)
            return self.convention.vector(self.at_places(name, value, places))
        if bound.meaning is Meaning.SIZE:
            raise ClaimError(f"{name} is a size, and has no entries")
        start = self.scope.start(name)
        if start is not None and len(places) > start.axis and isinstance(k := places[start.axis], int) and k == -1:
            others = Evaluation(self.at.values, self.at.sizes, {}).value(start.value, start.indices)
            shape = [extent_value(index.extent, self.at.sizes) for index in start.indices]
            places = [one for axis, one in enumerate(places) if axis != start.axis]
            return self.convention.vector(self.at_places(name, np.broadcast_to(others, shape), places))
        value = self.at_places(name, self.one_hot(name, bound), places)
        return self.convention.vector(value, bound.meaning is Meaning.ADJOINT)

    def at_places(self, name: str, value: np.ndarray, places: Sequence[Value]) -> np.ndarray:
        if len(places) > value.ndim:
            raise ClaimError(f"{name} has {value.ndim} axes, got {len(places)} indices")
        for one, size in zip(places, value.shape, strict=False):
            if isinstance(one, int) and not 0 <= one < size:
                raise ClaimError(
                    f"an index of {name} leaves its axis: {one} is not among 0 to {size - 1}; guard it with a "
                    "condition, or let the sum begin later"
                )
        return value[tuple(places)]

    def slice_of_derivative(self, of: Name, by: Name, places: Sequence[Value]) -> Value:
        whole, part = self.tensor_of(of), self.tensor_of(by)
        if whole.tensor != self.at.truth.loss:
            raise ClaimError("an entry of a derivative of an array needs all indices of both")
        value = Bound(Meaning.ADJOINT, part.tensor, part.layout).at(self.at)
        return self.convention.vector(self.at_places(by.name, value, [place(one) for one in places]), gradient=True)

    def extent(self, node: Total, k: int) -> Term:
        """The size of the k-th index of a sum, whose limits have to be those of its axis."""
        tensors = self.scope.tensors(names_in(node))
        size = IndexSizes(tensors, self.scope.letters, raised).of(node.indices[k], node.body, {}, None, node)
        if node.high is not None:
            index = Index(node.indices[k], size)
            lowering = Lowering(tensors, Source(""), None, self.scope.letters, frozenset(self.names.sizes))
            if lowering.limits(node, index, {index.name: index}) != ONE:
                raise raised("among matrices a sum is read over whole axes only; give every array its indices", node)
        return size

    # -- derivatives -----------------------------------------------------------------------------------------------

    def derivative(self, node: Derivative) -> Value:
        of, by = (self.tensor_of(part) for part in (node.of, node.by))
        if of.tensor == self.at.truth.loss:
            return self.convention.vector(Bound(Meaning.ADJOINT, by.tensor, by.layout).at(self.at), gradient=True)
        value = self.at.jacobian(of.tensor, by.tensor)
        axes = len(self.at.truth.model.tensors[of.tensor].shape), value.ndim
        if axes[0] > 1 or axes[1] - axes[0] > 1:
            raise ClaimError(
                "a derivative by or of a matrix has more than two axes; write it with indices, "
                f"d{of.tensor}_i/d{by.tensor}_jk"
            )
        if axes == (1, 2):
            return value if self.convention is Convention.NUMERATOR else value.T
        return self.convention.vector(value, gradient=axes[0] == 0)

    def tensor_of(self, part: Expression) -> Bound:
        if not isinstance(part, Name):
            raise ClaimError("a derivative among matrices is of and by whole arrays; give every array its indices")
        bound = self.names.meaning(part.name)
        if bound is None or bound.meaning is not Meaning.VALUE:
            raise ClaimError(f"{part.name} {self.names.unknown(part.name)}")
        return bound


def is_number(expression: Expression) -> bool:
    """Whether it is a number that is written out."""
    return isinstance(expression.operand if isinstance(expression, Unary) else expression, Number)


def raised(message: str, node: Node) -> ClaimError:
    error = ClaimError(message)
    error.span = node.span
    return error

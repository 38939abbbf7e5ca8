"""Names that formulas define: `\\delta_2 = p - y` among matrices, `\\delta_i = p_i - y_i` with its indices.

Every definition keeps the scope in which it stands, so that a name defined anew later changes nothing before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from ..checking.interpreter import Evaluation, extent_value
from ..language.errors import ClaimError
from ..language.program import Role, Tensor
from ..language.rewriting import substitute
from ..language.terms import Index, Size, Term
from .formula_code import FormulaCode
from .formula_scope import FormulaScope, Own
from .index_sizes import IndexSizes
from .matrix_conventions import Convention
from .matrix_formulas import MatrixReading, is_number, raised
from .statements import Apply, Assign, Comprehension, Expression, Name, names_in
from .truth import At


@dataclass
class OwnMatrix(Own):
    """A definition among matrices; its axes are told by its values."""

    name: str
    letters: tuple[str, ...]
    expression: Expression
    scope: FormulaScope
    memo: dict[tuple[int, Convention], np.ndarray] = field(default_factory=dict)
    found: Tensor | None = None
    by_entries: bool = False

    def value(self, at: At, convention: Convention) -> np.ndarray:
        key = (id(at), convention)
        if key not in self.memo:
            reading = MatrixReading(self.scope, at, convention)
            try:
                self.memo[key] = valued(self.expression, self.letters, reading)
            except ClaimError as error:
                raise type(error)(f"{self.name} has no value: {error}") from None
        return self.memo[key]

    def entries(self, at: At) -> np.ndarray:
        value = self.value(at, Convention.COLUMNS)
        return np.reshape(value, [n for k, n in enumerate(value.shape) if n != 1 or k < len(self.letters)])

    @property
    def tensor(self) -> Tensor:
        if self.found is None:
            points = self.scope.truth.points
            shapes = [self.entries(at).shape for at in points]
            indices = []
            for k in range(len(shapes[0])):
                lengths = [shape[k] if k < len(shape) else 0 for shape in shapes]
                names = self.scope.names.sizes
                fit = [n for n in names if all(at.sizes[n] == m for at, m in zip(points, lengths, strict=True))]
                if not fit:
                    raise ClaimError(f"the size of axis {k} of {self.name} is none of the model's; give it its indices")
                indices.append(Index(f"axis{k}", Size(fit[0])))
            self.found = Tensor(self.name, tuple(indices), Role.DEFINITION)
        return self.found

    def entry(self, indices: tuple[Term, ...]) -> Term | None:
        return None

    def code(self, at: At, convention: Convention) -> tuple[Assign, ...]:
        reading = MatrixReading(self.scope, at, convention)
        return lines_of(self.name, self.expression, self.letters, reading)


@dataclass
class OwnEntries(Own):
    """A definition that carries its indices; `lowered` gives its term."""

    name: str
    indices: tuple[Index, ...]
    body: Term
    expression: Expression
    scope: FormulaScope
    values: Callable[[Term, At], dict[str, np.ndarray]]
    memo: dict[int, np.ndarray] = field(default_factory=dict)
    letters: tuple[str, ...] = ()  # among matrices it is a whole array
    by_entries: bool = True

    def value(self, at: At, convention: Convention) -> np.ndarray:
        return convention.vector(self.entries(at))

    def entries(self, at: At) -> np.ndarray:
        if id(at) not in self.memo:
            made = Evaluation(self.values(self.body, at), at.sizes, {}).value(self.body, self.indices)
            shape = [extent_value(index.extent, at.sizes) for index in self.indices]
            self.memo[id(at)] = np.broadcast_to(np.asarray(made, dtype=np.float64), shape)
        return self.memo[id(at)]

    @property
    def tensor(self) -> Tensor:
        return Tensor(self.name, self.indices, Role.DEFINITION)

    def entry(self, indices: tuple[Term, ...]) -> Term | None:
        return substitute(self.body, dict(zip(self.indices, indices, strict=True)))

    def code(self, at: At, convention: Convention) -> tuple[Assign, ...]:
        return entry_lines(self.name, self.expression, self.indices, MatrixReading(self.scope, at, convention))


@dataclass
class Unreadable(Own):
    """A definition that could not be read."""

    name: str
    error: ClaimError
    letters: tuple[str, ...] = ()
    by_entries: bool = False

    def refused(self) -> ClaimError:
        return type(self.error)(f"{self.name} is not known, because its formula could not be read: {self.error}")

    def value(self, at: At, convention: Convention) -> np.ndarray:
        raise self.refused()

    def entries(self, at: At) -> np.ndarray:
        raise self.refused()

    @property
    def tensor(self) -> Tensor:
        raise self.refused()

    def entry(self, indices: tuple[Term, ...]) -> Term | None:
        raise self.refused()

    def code(self, at: At, convention: Convention) -> tuple[Assign, ...]:
        raise self.refused()


def extents_of(expression: Expression, letters: tuple[str, ...], scope: FormulaScope) -> tuple[Index, ...]:
    """The letters on the left with their sizes, read off the axes on which they stand on the right."""
    sizes = IndexSizes(scope.tensors(names_in(expression)), scope.letters, raised)
    return tuple(Index(letter, sizes.of(letter, expression, {}, None, expression)) for letter in letters)


def valued(expression: Expression, letters: tuple[str, ...], reading: MatrixReading) -> np.ndarray:
    """The value for every one of the letters, stacked."""
    if not letters:
        return reading.value(expression)
    indices = extents_of(expression, letters, reading.scope)
    shape = tuple(extent_value(index.extent, reading.at.sizes) for index in indices)
    parts = [reading.value(expression, dict(zip(letters, at, strict=True))) for at in np.ndindex(*shape)]
    if len({part.shape for part in parts}) != 1:
        raise ClaimError("it has another shape for every one of its indices")
    return np.reshape(np.stack(parts), (*shape, *parts[0].shape))


def lines_of(
    name: str, expression: Expression, letters: tuple[str, ...], reading: MatrixReading, like: str | None = None
) -> tuple[Assign, ...]:
    """The line of code that computes a formula, behind those of the names that it reads; a number is one in every
    entry of an array like `like`.

    Raises NoCode, and ClaimError as `reading` does.
    """
    coded = FormulaCode(reading, dict.fromkeys(letters, 0))
    value = coded.code(expression)
    if like is not None and is_number(expression):
        value = Apply("full_like", (Name(like, span=expression.span), value), span=expression.span)
    if letters:
        value = stacked(value, extents_of(expression, letters, reading.scope), coded)
    own = Assign(Name(name, span=expression.span), "", value, span=expression.span)
    return (*lines_before(expression, letters, reading), own)


def entry_lines(
    name: str, expression: Expression, indices: tuple[Index, ...], reading: MatrixReading
) -> tuple[Assign, ...]:
    """The same of a formula that carries its indices: `np.array([[... for i in range(I)] for j in range(J)])`."""
    letters = tuple(index.name for index in indices)
    coded = FormulaCode(reading, dict.fromkeys(letters, 0), entries=True)
    value = coded.code(expression)
    if indices:
        value = stacked(value, indices, coded)
    own = Assign(Name(name, span=expression.span), "", value, span=expression.span)
    return (*lines_before(expression, letters, reading), own)


def stacked(value: Expression, indices: tuple[Index, ...], coded: FormulaCode) -> Expression:
    for index in reversed(indices):
        value = Comprehension(value, (index.name,), coded.range(index.extent, value.span), span=value.span)
    return Apply("array", (value,), span=value.span)


def lines_before(expression: Expression, letters: tuple[str, ...], reading: MatrixReading) -> tuple[Assign, ...]:
    lines: dict[int, Assign] = {}
    for read in sorted(names_in(expression)):
        if reading.names.meaning(read) is None and read in reading.scope.own and read not in letters:
            lines |= {line.span[0]: line for line in reading.scope.own[read].code(reading.at, reading.convention)}
    return tuple(lines[start] for start in sorted(lines))

"""Formulas on paper, `dL/dW_2 = A = B`: every side of a chain is compared with what its subject is.

A side is right when it has the subject's value at every point, whatever the sides before it are.  An indexed formula is
a term of index notation (`index_terms.py`), any other is read in matrix notation (`matrix_formulas.py`), in the
convention in which the shapes of most formulas of the file fit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from ..language.errors import ClaimError
from .binding import Bound, Meaning, Names
from .claim_files import Formula
from .counterexamples import example_of
from .derived import derived_text
from .index_reader import read_index
from .judging import Seen, fitted
from .latex_reader import read_latex
from .matrix_formulas import Convention, MatrixReading
from .numbers import ShapeError
from .statements import Chain, Derivative, Expression, Item, Name, target_name
from .truth import At, Truth
from .verdicts import Status, Verdict


@dataclass(frozen=True)
class Subject:
    """What a chain is about: a value, an adjoint, or d `of`/d the tensor."""

    written: str
    bound: Bound
    of: str = ""

    def right(self, at: At, convention: Convention) -> np.ndarray:
        if not self.of:
            return np.asarray(self.bound.at(at), dtype=np.float64)
        value = at.jacobian(self.of, self.bound.tensor)
        return value.T if value.ndim == 2 and convention is not Convention.NUMERATOR else value


@dataclass
class Side:
    """One equality of a chain: what it was compared with, and what kept it from being read."""

    chain: Chain
    subject: Subject
    expression: Expression
    seen: list[Seen] = field(default_factory=list)
    error: ClaimError | None = None
    remark: str = ""

    @property
    def agrees(self) -> bool:
        return bool(self.seen) and self.error is None and all(seen.agrees for seen in self.seen)


class FormulaVerification:
    """The verdicts on the formulas of a file; `source` is the file, in which they keep their places."""

    def __init__(self, truth: Truth, names: Names, source: str, formulas: Iterable[Formula]) -> None:
        self.truth, self.names, self.source = truth, names, source
        self.formulas = tuple(formulas)
        self.notes: set[str] = set()
        self.unread: list[tuple[int, Verdict]] = []
        self.known = {name: self.axes_of(name) for name in names.all()} | {
            name: self.axes_of(name) for name in names.stated
        }

    def axes_of(self, name: str) -> int:
        bound = self.names.meaning(name)
        return len(bound.layout.groups) if bound is not None and bound.layout is not None else 0

    def verdicts(self) -> list[tuple[int, Verdict]]:
        """(place in the file, verdict) of every side."""
        chains = list(self.chains())
        matrix = [chain for chain in chains if not chain.indexed]
        convention = self.convention(matrix)
        found = list(self.unread)
        for chain in chains:
            found += self.judged(chain, convention)
        return found

    def chains(self) -> Iterator[Chain]:
        for formula in self.formulas:
            # blanks before it keep every span, and the lines of errors, those of the file
            blank = "".join("\n" if letter == "\n" else " " for letter in self.source[: formula.start])
            read = read_latex if formula.notation == "latex" else read_index
            try:
                yield from read(blank + formula.source, self.known)
            except ClaimError as error:
                verdict = Verdict(error.line or 1, formula.source.strip(), "", Status.UNREAD, error=str(error))
                self.unread.append((formula.start, replace(verdict, column=error.column)))

    def convention(self, chains: list[Chain]) -> Convention:
        """The one in which most sides have the shape of their subject."""

        def fits(convention: Convention) -> int:
            return sum(
                side.error is None and one_shape(side) for chain in chains for side in self.sides(chain, convention)
            )

        return max(Convention, key=fits) if chains else Convention.COLUMNS

    # -- one chain -------------------------------------------------------------------------------------------------

    def judged(self, chain: Chain, convention: Convention) -> list[tuple[int, Verdict]]:
        try:
            sides = self.sides(chain, convention)
        except ClaimError as error:
            return [(chain.span[0], self.failed(self.verdict(chain, chain.sides[0], ""), error))]
        found = []
        for side in sides:
            if not chain.indexed and not side.agrees:
                side = self.otherwise(side, convention)
            found.append((side.expression.span[0], self.said(side)))
        return found

    def otherwise(self, side: Side, convention: Convention) -> Side:
        """The side in another convention, where it is right in that one: a mixture that is pointed out."""
        for other in Convention:
            again = self.side(side.chain, side.subject, side.expression, other) if other is not convention else side
            if again.agrees and again is not side:
                again.remark = f"in {other.value}, while other lines are in {convention.value}"
                return again
        return side

    def readable_sides(self, chain: Chain, convention: Convention) -> list[Side]:
        try:
            return self.sides(chain, convention)
        except ClaimError:
            return []

    def sides(self, chain: Chain, convention: Convention) -> list[Side]:
        subject = self.subject(chain)
        return [self.side(chain, subject, expression, convention) for expression in chain.sides]

    def side(self, chain: Chain, subject: Subject, expression: Expression, convention: Convention) -> Side:
        side = Side(chain, subject, expression)
        value = self.indexed(chain, subject, expression) if chain.indexed else None
        for at in self.truth.points:
            try:
                if value is not None:
                    claimed, right = value(at)
                else:
                    reading = MatrixReading(self.names, at, convention, self.notes)
                    claimed, right = reading.value(expression), subject.right(at, convention)
                side.seen.append(Seen(at, fitted(claimed, right), right))
            except ClaimError as error:
                side.error = error
                break
        return side

    def indexed(self, chain: Chain, subject: Subject, expression: Expression) -> Callable:
        raise ClaimError("formulas with indices are not read yet")

    def subject(self, chain: Chain) -> Subject:
        node = chain.subject
        of = ""
        if isinstance(node, Derivative):
            whole = self.meaning(node.of)
            if whole.meaning is not Meaning.VALUE:
                raise placed(ClaimError("only a tensor of the model can be differentiated here"), node)
            of = whole.tensor if whole.tensor != self.truth.loss else ""
            bound = self.meaning(node.by)
            if not of:
                bound = Bound(Meaning.ADJOINT, bound.tensor, bound.layout)
        else:
            bound = self.meaning(node)
        return Subject(self.source[slice(*node.span)], bound, of)

    def meaning(self, node: Name | Item) -> Bound:
        name = target_name(node)
        bound = self.names.meaning(name)
        if bound is None or bound.meaning is Meaning.SIZE:
            raise placed(ClaimError(f"{name} {self.names.unknown(name)}"), node)
        return bound

    # -- what is said ----------------------------------------------------------------------------------------------

    def said(self, side: Side) -> Verdict:
        verdict = self.verdict(side.chain, side.expression, side.remark)
        if side.error is not None and not isinstance(side.error, ShapeError):
            return self.failed(verdict, side.error)
        if side.agrees:
            return replace(verdict, status=Status.RIGHT, how=f"agrees at {len(side.seen)} random points")
        derived = derived_text(self.truth, side.subject.bound) if not side.subject.of else ""
        verdict = replace(verdict, status=Status.WRONG, derived=derived)
        if side.error is not None:
            return replace(verdict, error=str(side.error))
        wrong = [seen for seen in side.seen if not seen.agrees]
        if not wrong:
            return replace(verdict, status=Status.UNDECIDED)
        return replace(verdict, example=example_of(wrong[0]))

    def verdict(self, chain: Chain, expression: Expression, remark: str) -> Verdict:
        first = expression is chain.sides[0]
        start = chain.subject.span[0] if first else expression.span[0]
        quoted = self.source[start : expression.span[1]]
        target = self.source[slice(*chain.subject.span)]
        return Verdict(
            self.source.count("\n", 0, expression.span[0]) + 1,
            quoted if first else f"= {quoted}",
            target,
            Status.OWN,
            remark=remark,
        )

    def failed(self, verdict: Verdict, error: ClaimError) -> Verdict:
        column = error.column
        if column is None and error.span is not None:
            column = error.span[0] - (self.source.rfind("\n", 0, error.span[0]) + 1) + 1
        return replace(verdict, status=Status.UNREAD, error=str(error), column=column)


def one_shape(side: Side) -> bool:
    return all(seen.claimed.shape == seen.right.shape for seen in side.seen)


def placed(error: ClaimError, node: Expression) -> ClaimError:
    error.span = node.span
    return error

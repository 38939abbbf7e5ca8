"""Formulas on paper, `dL/dW_2 = A = B`: every side of a chain is compared with what its subject is.

A side is right when it has the subject's value at every point, whatever the sides before it are.  An indexed formula is
a term of index notation (`index_terms.py`), any other is read in matrix notation (`matrix_formulas.py`), in the
convention in which the shapes of most formulas of the file fit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from ..language.errors import ClaimError
from .binding import Names
from .claim_files import Formula, blank
from .code_claims import CodeVerification
from .counterexamples import example_of
from .diagnosis import Diagnosis
from .formula_code import NoCode, as_code
from .index_reader import read_index
from .indexed_claims import IndexedClaims
from .judging import Seen, fitted
from .latex_reader import read_latex
from .matrix_formulas import Convention, MatrixReading
from .number_values import ShapeError
from .statements import Chain, Expression
from .subjects import Subject, Subjects
from .truth import Truth
from .verdicts import Status, Verdict


@dataclass
class Side:
    """One equality of a chain: what it was compared with, and what kept it from being read."""

    chain: Chain
    subject: Subject
    expression: Expression
    seen: list[Seen] = field(default_factory=list)
    error: ClaimError | None = None

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
        self.subjects = Subjects(truth, names, source)
        self.diagnosis = Diagnosis(truth, names, (), source)
        self.indexed = IndexedClaims(truth, names, source, self.subjects, self.diagnosis)
        self.known = {name: self.axes_of(name) for name in (*names.all(), *names.stated)}

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
            text = blank(self.source[: formula.start]) + formula.source
            while text.strip():
                try:
                    read = read_latex if formula.notation == "latex" else read_index
                    yield from read(text, self.known)
                    break
                except ClaimError as error:
                    text = self.without_line(text, error, formula)

    def without_line(self, text: str, error: ClaimError, formula: Formula) -> str:
        """The text without the line that cannot be read, which gets its verdict; the others still can."""
        lines = text.splitlines(keepends=True)
        line = error.line if error.line is not None and lines[error.line - 1].strip() else len(lines)
        start = sum(map(len, lines[: line - 1]))
        quoted = lines[line - 1].strip()
        verdict = Verdict(line, quoted, "", Status.UNREAD, error=str(error), column=error.column)
        self.unread.append((start, verdict))
        lines[line - 1] = blank(lines[line - 1])
        return "".join(lines)

    def convention(self, chains: list[Chain]) -> Convention:
        """The one in which most sides have the shape of their subject."""

        def fits(convention: Convention) -> int:
            sides = [side for chain in chains for side in self.readable_sides(chain, convention)]
            return sum(side.error is None and one_shape(side) for side in sides)

        return max(Convention, key=fits) if chains else Convention.COLUMNS

    # -- one chain -------------------------------------------------------------------------------------------------

    def judged(self, chain: Chain, convention: Convention) -> list[tuple[int, Verdict]]:
        try:
            subject = self.subjects.subject(chain)
            if chain.indexed:
                claims = [self.indexed.verdict(chain, subject, side) for side in chain.sides]
            else:
                claims = [self.in_matrices(chain, subject, side, convention) for side in chain.sides]
        except ClaimError as error:
            claims = [self.failed(Verdict(1, "", "", Status.UNREAD), error)]
        found = []
        for side, verdict in zip(chain.sides, claims, strict=False):
            found.append((side.span[0], self.placed(chain, side, verdict)))
        return found

    def in_matrices(self, chain: Chain, subject: Subject, expression: Expression, convention: Convention) -> Verdict:
        """In the file's convention; in another where it is right in that one: a mixture, which is pointed out."""
        side = self.side(chain, subject, expression, convention)
        if not side.agrees:
            for other in Convention:
                again = self.side(chain, subject, expression, other)
                if again.agrees:
                    verdict = self.said(again, other)
                    return replace(verdict, remark=f"in {other.value}, while other lines are in {convention.value}")
        return self.said(side, convention)

    def readable_sides(self, chain: Chain, convention: Convention) -> list[Side]:
        try:
            subject = self.subjects.subject(chain)
        except ClaimError:
            return []
        return [self.side(chain, subject, expression, convention) for expression in chain.sides]

    def side(self, chain: Chain, subject: Subject, expression: Expression, convention: Convention) -> Side:
        side = Side(chain, subject, expression)
        for at in self.truth.points:
            try:
                claimed = MatrixReading(self.names, at, convention, self.notes).value(expression)
                right = subject.right(at, convention is Convention.NUMERATOR)
                side.seen.append(Seen(at, fitted(claimed, right), right))
            except ClaimError as error:
                side.error = error
                break
        return side

    # -- what is said ----------------------------------------------------------------------------------------------

    def said(self, side: Side, convention: Convention) -> Verdict:
        """As code where there is code for it, which is proved or diagnosed; else by its values."""
        if not side.subject.of and (side.error is None or isinstance(side.error, ShapeError)):
            try:
                reading = MatrixReading(self.names, self.truth.points[0], convention)
                line = as_code(side.subject.name, side.expression, reading)
                ((_, verdict),) = CodeVerification(self.truth, self.names, self.source, (line,)).verdicts()
                return verdict
            except (NoCode, ClaimError):
                pass
        return self.by_values(side)

    def by_values(self, side: Side) -> Verdict:
        verdict = Verdict(1, "", "", Status.OWN)
        if side.error is not None and not isinstance(side.error, ShapeError):
            return self.failed(verdict, side.error)
        if side.agrees:
            return replace(verdict, status=Status.RIGHT, how=f"agrees at {len(side.seen)} random points")
        verdict = replace(verdict, status=Status.WRONG, derived=self.subjects.derived(side.subject))
        if side.error is not None:
            return replace(verdict, error=str(side.error))
        wrong = next(seen for seen in side.seen if not seen.agrees)
        mistakes = () if side.subject.of else self.diagnosis.of_claim(side.seen, side.subject.bound)
        return replace(verdict, example=example_of(wrong), mistakes=mistakes)

    def placed(self, chain: Chain, expression: Expression, verdict: Verdict) -> Verdict:
        """The verdict with the line, the text and the subject of its claim."""
        first = expression is chain.sides[0]
        start = chain.subject.span[0] if first else expression.span[0]
        quoted = self.source[start : expression.span[1]]
        line = self.source.count("\n", 0, start) + 1
        target = self.source[slice(*chain.subject.span)]
        return replace(verdict, line=line, source=quoted if first else f"= {quoted}", target=target)

    def failed(self, verdict: Verdict, error: ClaimError) -> Verdict:
        column = error.column
        if column is None and error.span is not None:
            column = error.span[0] - (self.source.rfind("\n", 0, error.span[0]) + 1) + 1
        return replace(verdict, status=Status.UNREAD, error=str(error), column=column)


def one_shape(side: Side) -> bool:
    return all(seen.claimed.shape == seen.right.shape for seen in side.seen)

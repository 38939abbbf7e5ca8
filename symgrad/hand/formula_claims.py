"""Formulas on paper, `dL/dW_2 = A = B`: every side of a chain is compared with what its subject is.

A side is right when it has the subject's value at every point, whatever the sides before it are.  An indexed formula is
a term of index notation (`index_terms.py`), any other is read in matrix notation (`matrix_formulas.py`), in the
convention in which the shapes of most formulas of the file fit.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from ..language.errors import ClaimError
from .binding import Meaning, Names
from .claim_files import Formula, blank
from .code_claims import CodeVerification
from .counterexamples import example_of
from .diagnosis import NO_SINGLE, Diagnosis
from .formula_code import NoCode
from .formula_repairs import repaired
from .formula_scope import FormulaScope, Own
from .formula_sides import Scoped, Side, letters_of
from .index_reader import read_index
from .indexed_claims import IndexedClaims
from .latex_reader import read_latex
from .matrix_conventions import Convention
from .matrix_formulas import MatrixReading
from .number_values import ShapeError
from .own_formulas import OwnMatrix, Unreadable, lines_of
from .records import Seen, fitted
from .statements import Chain, Derivative, Expression, Item, Name, names_in, target_name
from .subjects import Subject, Subjects
from .truth import Truth
from .verdicts import Status, Verdict

CONTINUED = re.compile(r"\s*(?:&|\\quad|\\qquad|\\,|\s)*=")  # a line that is another side of the formula before it


class FormulaVerification:
    """The verdicts on the formulas of a file; `source` is the file, in which they keep their places."""

    def __init__(self, truth: Truth, names: Names, source: str, formulas: Iterable[Formula]) -> None:
        self.truth, self.names, self.source = truth, names, source
        self.formulas = tuple(formulas)
        self.notes: set[str] = set()
        self.unread: list[tuple[int, Verdict]] = []
        self.left_out: set[int] = set()  # the lines of these
        self.subjects = Subjects(truth, names, source)
        self.diagnosis = Diagnosis(truth, names, (), source)
        self.indexed = IndexedClaims(truth, names, source, self.subjects, self.diagnosis)
        self.known = {name: self.axes_of(name) for name in (*names.all(), *names.stated)}
        self.met: dict[str, int] = {}  # names that formulas define, with their axes
        self.in_full = True

    def axes_of(self, name: str) -> int:
        bound = self.names.meaning(name)
        return len(bound.layout.groups) if bound is not None and bound.layout is not None else 0

    def verdicts(self) -> list[tuple[int, Verdict]]:
        """(place in the file, verdict) of every side.

        Many write delta_o for dL/do, many for the derivative before o's own function: where it is not the one, and
        all that reads it is right with what the file says it is, it is a name of the file's own.
        """
        chains = list(self.chains())
        if not any(map(self.error_name, chains)):
            return self.verdicts_on(chains)
        found = self.verdicts_on(chains, in_full=False)
        doubtful = {name: chain for chain in chains if (name := self.error_name(chain)) and self.is_wrong(chain, found)}
        if not doubtful:
            return self.verdicts_on(chains)
        self.names.release(doubtful)
        again = self.verdicts_on(chains)
        readers = [c for c in chains if any(names_in(side) & doubtful.keys() for side in c.sides)]
        now = [verdict for chain in readers for _, verdict in self.within(chain, again)]
        right = any(verdict.status is Status.RIGHT for verdict in now)
        failed = [verdict for verdict in now if verdict.status in (Status.WRONG, Status.UNREAD)]
        if (right and not failed) or (failed and all(map(is_explained, failed)) and self.fail_too(failed, found)):
            return again
        for name in doubtful:
            self.names.memo.pop(name)
        return self.verdicts_on(chains)

    def fail_too(self, failed: list[Verdict], found: list[tuple[int, Verdict]]) -> bool:
        """Whether the lines that fail did so before: the other reading does not save them."""
        wrong = {(v.line, v.source) for _, v in found if v.status is Status.WRONG}
        return all((verdict.line, verdict.source) in wrong for verdict in failed)

    def error_name(self, chain: Chain) -> str | None:
        name = "" if isinstance(chain.subject, Derivative) else target_name(chain.subject)
        return name if name.startswith("delta_") else None

    def is_wrong(self, chain: Chain, found: list[tuple[int, Verdict]]) -> bool:
        return any(verdict.status is Status.WRONG for _, verdict in self.within(chain, found))

    def within(self, chain: Chain, found: list[tuple[int, Verdict]]) -> list[tuple[int, Verdict]]:
        starts = {side.span[0] for side in chain.sides}
        return [one for one in found if one[0] in starts]

    def verdicts_on(self, chains_: list[Chain], in_full: bool = True) -> list[tuple[int, Verdict]]:
        """Where not `in_full`, whether a side is right is all that is asked."""
        self.in_full = in_full
        chains = self.scoped(chains_)
        convention = self.convention([one for one in chains if not one.chain.indexed])
        found = list(self.unread)
        for one in chains:
            found += self.judged(one, convention)
        return found

    def scoped(self, chains: list[Chain]) -> list[Scoped]:
        """Every chain with what the formulas before it have defined."""
        found, scope = [], self.indexed.scope
        for chain in chains:
            own = self.own_name(chain, scope)
            found.append(Scoped(chain, scope, own is not None))
            if own is not None:
                scope = scope.defining(own, self.defined(own, chain, scope))
        return found

    def own_name(self, chain: Chain, scope: FormulaScope) -> str | None:
        """The name that the chain defines; a usual name of the loss or of the batch that is none is the file's own."""
        if isinstance(chain.subject, Derivative):
            return None
        name = target_name(chain.subject)
        bound = self.names.meaning(name)
        if bound is not None and bound.meaning is Meaning.SIZE and bound.note:
            self.names.release([name])
        elif bound is not None and bound.tensor == self.truth.loss != name and bound.meaning is Meaning.VALUE:
            try:
                value = MatrixReading(scope, self.truth.points[0]).value(chain.sides[0])
            except ClaimError:
                value = np.zeros(())
            if isinstance(chain.subject, Item) or value.size != 1:
                self.names.release([name])
        return name if self.names.meaning(name) is None else None

    def defined(self, name: str, chain: Chain, scope: FormulaScope) -> Own:
        side = next((side for side in chain.sides if self.is_known(side)), chain.sides[0])
        try:
            if chain.indexed:
                return self.indexed.within(scope).defined(chain, side)
            return OwnMatrix(name, letters_of(chain.subject), side, scope)
        except ClaimError as error:
            return Unreadable(name, error)

    def is_known(self, side: Expression) -> bool:
        """Whether the side is a name of the model, or a derivative, and nothing more: what the others have to be."""
        if isinstance(side, Derivative):
            return True
        if isinstance(side, Name) or (isinstance(side, Item) and isinstance(side.array, Name)):
            bound = self.names.meaning(target_name(side))
            return bound is not None and bound.meaning is not Meaning.SIZE
        return False

    def chains(self) -> Iterator[Chain]:
        for formula in self.formulas:
            # blanks before it keep every span, and the lines of errors, those of the file
            text = blank(self.source[: formula.start]) + formula.source
            while text.strip():
                try:
                    read = read_latex if formula.notation == "latex" else read_index
                    yield from read(text, self.known, self.met)
                    break
                except ClaimError as error:
                    text = self.without_line(text, error, formula)
                except RecursionError:
                    deep = ClaimError("it is nested too deeply to be read; split it", len(text.splitlines()))
                    text = self.without_line(text, deep, formula)

    def without_line(self, text: str, error: ClaimError, formula: Formula) -> str:
        """The text without the line that cannot be read, which gets its verdict; the others still can.

        What goes on with its formula would be read as a claim about another subject, so it goes too."""
        lines = text.splitlines(keepends=True)
        line = error.line if error.line is not None and lines[error.line - 1].strip() else len(lines)
        self.leave_out(lines, line, str(error), error.column)
        if not CONTINUED.match(lines[line - 1]):
            for later in range(line + 1, len(lines) + 1):
                if not CONTINUED.match(lines[later - 1]):
                    break
                self.leave_out(lines, later, f"line {line}, whose formula this goes on with, cannot be read")
        return "".join(blank(text) if k in self.left_out else text for k, text in enumerate(lines, 1))

    def leave_out(self, lines: Sequence[str], line: int, error: str, column: int | None = None) -> None:
        start = sum(map(len, lines[: line - 1]))
        verdict = Verdict(line, lines[line - 1].strip(), "", Status.UNREAD, error=error, column=column)
        self.unread.append((start, verdict))
        self.left_out.add(line)

    def convention(self, chains: list[Scoped]) -> Convention:
        """The one in which most sides have the shape of their subject; of several, that in which what does not fit
        comes latest."""

        def fits(convention: Convention) -> tuple[int, int]:
            sides = [side for one in chains for side in self.readable_sides(one, convention)]
            return sum(side.one_shape for side in sides), sum(side.reached for side in sides)

        return max(Convention, key=fits) if chains else Convention.COLUMNS

    # -- one chain -------------------------------------------------------------------------------------------------

    def judged(self, one: Scoped, convention: Convention) -> list[tuple[int, Verdict]]:
        chain = one.chain
        try:
            claims = self.own_verdicts(one, convention) if one.own else self.claimed(one, convention)
        except ClaimError as error:
            claims = {id(chain.sides[0]): self.failed(Verdict(1, "", "", Status.UNREAD), error)}
        sides = [side for side in chain.sides if id(side) in claims]
        return [(side.span[0], self.placed(chain, side, claims[id(side)])) for side in sides]

    def claimed(self, one: Scoped, convention: Convention) -> dict[int, Verdict]:
        """The verdicts on the sides of a chain about the model, by the identity of the side."""
        chain, subject = one.chain, self.subjects.subject(one.chain)
        if chain.indexed:
            indexed = self.indexed.within(one.scope)
            asked = partial(indexed.verdict, chain, subject, in_full=self.in_full)
            return {id(side): self.or_unread(partial(asked, side)) for side in chain.sides}
        return {id(side): self.in_matrices(one, subject, side, convention) for side in chain.sides}

    def or_unread(self, verdict: Callable[[], Verdict]) -> Verdict:
        try:
            return verdict()
        except ClaimError as error:
            return self.failed(Verdict(1, "", "", Status.UNREAD), error)

    def own_verdicts(self, one: Scoped, convention: Convention) -> dict[int, Verdict]:
        """Of a chain that defines a name: the definition is no claim, what it is said to equal is.

        delta = dL/dz = p - y is about dL/dz; in delta = A = B the claim is that B is A.
        """
        chain = one.chain
        known = next((side for side in chain.sides if self.is_known(side)), None)
        if known is not None:
            assert isinstance(known, Name | Item | Derivative)
            others = tuple(side for side in chain.sides if side is not known)
            found = {id(known): Verdict(1, "", "", Status.OWN)}
            about = Scoped(replace(chain, subject=known, sides=others), one.scope, own=False)
            return found | (self.claimed(about, convention) if others else {})
        made = [self.made(one, side, convention) for side in chain.sides]
        found = {id(chain.sides[0]): Verdict(1, "", "", Status.OWN)}
        for side, values in zip(chain.sides[1:], made[1:], strict=True):
            seen = [Seen(at, fitted(b, a), a) for at, a, b in zip(self.truth.points, made[0], values, strict=True)]
            verdict = Verdict(1, "", "", Status.RIGHT, how=f"agrees at {len(seen)} random points")
            wrong = next((each for each in seen if not each.agrees), None)
            if wrong is not None:
                verdict = Verdict(1, "", "", Status.WRONG, example=example_of(wrong))
            found[id(side)] = verdict
        return found

    def made(self, one: Scoped, side: Expression, convention: Convention) -> list[np.ndarray]:
        """What a definition makes at every point."""
        if one.chain.indexed:
            own: Own = self.indexed.within(one.scope).defined(one.chain, side)
        else:
            own = OwnMatrix(target_name(one.chain.subject), letters_of(one.chain.subject), side, one.scope)
        return [own.value(at, convention) for at in self.truth.points]

    def in_matrices(self, one: Scoped, subject: Subject, expression: Expression, convention: Convention) -> Verdict:
        """In the file's convention; in another where it is right in that one: a mixture, which is pointed out."""
        side = self.side(one, subject, expression, convention)
        if not side.agrees:
            for other in Convention:
                again = self.side(one, subject, expression, other)
                if again.agrees:
                    verdict = self.said(again, other)
                    return replace(verdict, remark=f"in {other.value}, while other lines are in {convention.value}")
        verdict = self.said(side, convention)
        if self.in_full and verdict.status is Status.WRONG and not is_explained(verdict):
            told = repaired(expression, lambda e: self.side(one, subject, e, convention).agrees, self.source)
            return replace(verdict, mistakes=(told,)) if told is not None else verdict
        return verdict

    def readable_sides(self, one: Scoped, convention: Convention) -> list[Side]:
        if one.own:
            return []
        try:
            subject = self.subjects.subject(one.chain)
            return [self.side(one, subject, expression, convention) for expression in one.chain.sides]
        except ClaimError:
            return []

    def side(self, one: Scoped, subject: Subject, expression: Expression, convention: Convention) -> Side:
        letters = letters_of(one.chain.subject)
        side = Side(one.scope, subject, letters, expression)
        for at in self.truth.points:
            try:
                right = subject.right(at, convention is Convention.NUMERATOR)
                if len(letters) > right.ndim:
                    raise ClaimError(f"{subject.bound.tensor} has {right.ndim} axes, got {len(letters)} indices")
                claimed = MatrixReading(one.scope, at, convention, self.notes).stacked(expression, letters, right)
                side.seen.append(Seen(at, claimed, right))
            except ClaimError as error:
                side.error = error
                break
        return side

    # -- what is said ----------------------------------------------------------------------------------------------

    def said(self, side: Side, convention: Convention) -> Verdict:
        """As code where there is code for it, which is proved or diagnosed; else by its values."""
        if not side.subject.of and (side.error is None or isinstance(side.error, ShapeError)):
            for at in self.truth.points:  # where shapes fit at equal sizes only, at such ones
                try:
                    reading = MatrixReading(side.scope, at, convention)
                    lines = lines_of(side.subject.name, side.expression, side.letters, reading, self.like(side))
                    code = CodeVerification(self.truth, self.names, self.source, lines, self.in_full)
                    placed = code.verdicts()
                    return next(verdict for start, verdict in placed if start == side.expression.span[0])
                except ClaimError:
                    continue
                except NoCode:
                    break
        return self.by_values(side)

    def like(self, side: Side) -> str | None:
        """The tensor of whose shape a claim = 0 is meant to be."""
        tensor = side.subject.bound.tensor
        bound = self.names.meaning(tensor)
        return tensor if bound is not None and bound.tensor == tensor and bound.meaning is Meaning.VALUE else None

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
        asked = self.in_full and not side.subject.of
        mistakes = self.diagnosis.of_claim(side.seen, side.subject.bound) if asked else ()
        return replace(verdict, example=example_of(wrong), mistakes=mistakes)

    def placed(self, chain: Chain, expression: Expression, verdict: Verdict) -> Verdict:
        """The verdict with the line, the text and the subject of its claim."""
        first = expression is chain.sides[0]
        start = chain.subject.span[0] if first else expression.span[0]
        quoted = self.source[start : expression.span[1]]
        line = self.source.count("\n", 0, start) + 1
        target = self.source[slice(*chain.subject.span)]
        mistakes = tuple(map(in_latex, verdict.mistakes)) if "\\" in quoted else verdict.mistakes
        quoted = quoted if first else f"= {quoted}"
        return replace(verdict, line=line, source=quoted, target=target, mistakes=mistakes)

    def failed(self, verdict: Verdict, error: ClaimError) -> Verdict:
        column = error.column
        if column is None and error.span is not None:
            column = error.span[0] - (self.source.rfind("\n", 0, error.span[0]) + 1) + 1
        return replace(verdict, status=Status.UNREAD, error=str(error), column=column)


def in_latex(sentence: str) -> str:
    """What is quoted, with the signs of code in it as LaTeX has them."""

    def signs(quoted: re.Match) -> str:
        text = re.sub(r"\.T\b", r"^\\top", quoted[0]).replace(" @ ", " ")
        return text.replace(" * ", r" \odot ")

    return re.sub(r"`[^`]*`", signs, sentence)


def is_explained(verdict: Verdict) -> bool:
    return verdict.status is Status.WRONG and any(not told.startswith(NO_SINGLE) for told in verdict.mistakes)

"""The verdicts on lines of code: judged at points, proved or diagnosed, and said with their places."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ..language.errors import ClaimError
from .binding import Names
from .counterexamples import counterexample
from .derived import derived_text
from .diagnosis import Diagnosis
from .function_claims import unfolded
from .judging import Judge
from .number_values import ShapeError
from .numpy_reader import read_numpy
from .proving import Prover
from .records import Judged
from .statements import Assign, Bare, Define, Loop, Number, Statement, assignments, is_temporary, names_in
from .truth import Truth
from .verdicts import Counterexample, Status, Verdict


class CodeVerification:
    """`statements` are those of `source` unless they are given: a formula that was read into code.

    Where not `in_full`, right lines are not proved and wrong ones not diagnosed.
    """

    def __init__(
        self,
        truth: Truth,
        names: Names,
        source: str,
        statements: Sequence[Statement] | None = None,
        in_full: bool = True,
    ) -> None:
        self.truth, self.names, self.source, self.in_full = truth, names, source, in_full
        self.statements = unfolded(read_numpy(source), names) if statements is None else tuple(statements)
        self.judge = Judge(truth, names, self.statements)
        self.prover = Prover(self.judge)
        self.diagnosis = Diagnosis(truth, names, self.statements, source)

    def verdicts(self) -> list[tuple[int, Verdict]]:
        """(place in the source, verdict) of every line."""
        self.judge.run()
        # by the line itself: `a, b = x, y` are two lines at one place
        placed = {id(line): (line, verdict) for line, verdict in self.own_lines()}
        for one in self.judge.verdicts():
            line = one.record.event.line
            placed[id(line)] = line, self.verdict(one)
        ordered = sorted(placed.values(), key=lambda pair: pair[0].span)
        verdicts = self.with_given([verdict for _, verdict in ordered])
        return [(line.span[0], verdict) for (line, _), verdict in zip(ordered, verdicts, strict=True)]

    # -- one claim -------------------------------------------------------------------------------------------------

    def verdict(self, judged: Judged) -> Verdict:
        record, line = judged.record, judged.record.event.line
        base = Verdict(self.line_of(line), self.quoted(line), record.event.name, Status.RIGHT, remark=judged.remark)
        if record.errors:
            return self.failed(base, judged)
        if not judged.judged:
            return replace(base, status=Status.OWN)
        if judged.right is None:
            return replace(base, status=Status.UNDECIDED)
        if judged.right:
            return replace(base, how=self.agreement(judged))
        return self.wrong(base, judged, counterexample(judged))

    def wrong(self, base: Verdict, judged: Judged, example: Counterexample | None) -> Verdict:
        base = replace(base, status=Status.WRONG, example=example)
        if not self.in_full:
            return base
        derived = derived_text(self.truth, judged.record.bound)
        return replace(base, derived=derived, mistakes=self.diagnosis.of_line(judged, self.judge))

    def agreement(self, judged: Judged) -> str:
        proof = self.prover.proof(judged) if self.in_full else None
        return proof or f"agrees at {len(judged.compared or judged.record.seen)} random points"

    def failed(self, base: Verdict, judged: Judged) -> Verdict:
        """A line that has no value at some point: shapes that fit only where sizes are equal are wrong.

        Where all sizes differ and it has a value that is right, it is; a filter longer than its input has none.
        """
        at, error = judged.record.errors[0]
        failing = {id(point) for point, _ in judged.record.errors}
        seen = [one for one in judged.record.seen if id(one.at) not in failing]
        if all(one.agrees for one in judged.record.seen) and any(one.at.all_different for one in seen):
            remark = f"no value at {at.written()}: {error}"
            return replace(base, how=f"agrees at {len(seen)} random points", remark=remark)
        base = replace(base, error=str(error), column=self.column(error))
        if isinstance(error, ShapeError) and (judged.compared or not self.literal(judged)):
            found = counterexample(judged) or Counterexample(at.sizes, at.seed, (), 0.0, None, None, None, str(error))
            return self.wrong(base, judged, found)
        return replace(base, status=Status.UNREAD)

    def literal(self, judged: Judged) -> bool:
        """Whether the line, or one of the file's own that it reads, holds whole numbers above 1: perhaps sizes."""
        waiting, seen = [judged.record.event.line], set()
        while waiting:
            line = waiting.pop()
            if any(isinstance(node, Number) and isinstance(node.value, int) and node.value > 1 for node in line.walk()):
                return True
            seen |= {line.name}
            own = {name for name in names_in(line.value) - seen if self.names.meaning(name) is None}
            waiting += [other for other in assignments(self.statements) if other.name in own]
        return False

    # -- lines that make no claim ----------------------------------------------------------------------------------

    def own_lines(self) -> Iterator[tuple[Statement, Verdict]]:
        """Lines of the file's own; one that could not be run is said so, for what follows hangs on it."""
        for statement in self.statements:
            lines = inner_lines(statement)
            if statement not in lines and id(statement) in self.judge.failures:
                lines = [statement, *lines]
            for line in lines:
                if is_temporary(target_of(line)):
                    continue
                verdict = Verdict(self.line_of(line), self.quoted(line), target_of(line), Status.OWN)
                failures = self.judge.failures.get(id(line))
                if failures:
                    _, _, error = failures[0]
                    verdict = replace(verdict, status=Status.UNREAD, error=str(error), column=self.column(error))
                elif isinstance(line, Bare):
                    verdict = replace(verdict, remark="this line changes nothing")
                yield line, verdict

    def notes(self) -> tuple[str, ...]:
        used = {name for statement in self.statements for name in names_in(statement)}
        found = [bound.note for name in sorted(used) if (bound := self.names.meaning(name)) is not None and bound.note]
        return tuple(found)

    def with_given(self, verdicts: Sequence[Verdict]) -> list[Verdict]:
        """The wrong lines that a line reads, directly or through lines of the file's own."""
        wrong: dict[str, int] = {}
        through: dict[str, set[int]] = {}
        result = []
        by_line = {id(line): line for statement in self.statements for line in inner_lines(statement)}
        lines = {(self.line_of(line), target_of(line)): line for line in by_line.values()}
        for verdict in verdicts:
            line = lines.get((verdict.line, verdict.target))
            value = line.value if isinstance(line, Assign | Bare) else None
            read = names_in(value) if value is not None else set()
            given = {wrong[name] for name in read if name in wrong}.union(*(through.get(name, set()) for name in read))
            if verdict.status is Status.WRONG:
                wrong[verdict.target] = verdict.line
            elif verdict.status is Status.OWN:
                through[verdict.target] = given
            elif verdict.status is Status.RIGHT and given:
                verdict = replace(verdict, given=tuple(sorted(given - {verdict.line})))
            result.append(verdict)
        return result

    # -- places ----------------------------------------------------------------------------------------------------

    def line_of(self, statement: Statement) -> int:
        return self.source.count("\n", 0, statement.span[0]) + 1

    def quoted(self, statement: Statement) -> str:
        """The statement's text; of a loop its first line, of one of several assignments in a line its own part."""
        text = self.source[slice(*statement.span)]
        if isinstance(statement, Assign) and not statement.repeated and not statement.operator:
            target, value = statement.target.span, statement.value.span
            if self.source[target[1] : value[0]].lstrip()[:1] == ",":  # a, b = c, d
                return f"{self.source[slice(*target)]} = {self.source[slice(*value)]}"
        return text.split("\n")[0] if isinstance(statement, Loop) else text

    def column(self, error: ClaimError) -> int | None:
        if error.column is not None:
            return error.column
        if error.span is None:
            return None
        return error.span[0] - (self.source.rfind("\n", 0, error.span[0]) + 1) + 1


def inner_lines(statement: Statement) -> list[Statement]:
    if isinstance(statement, Loop):
        return [inner for one in statement.body for inner in inner_lines(one)]
    if isinstance(statement, Define):
        return []
    return list(assignments((statement,))) or [statement]


def target_of(statement: Statement) -> str:
    return statement.name if isinstance(statement, Assign) else ""

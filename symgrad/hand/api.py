"""`verify(model, claims)`: a person's derivation, line by line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from ..language.errors import ClaimError
from ..language.program import Program
from .binding import Names
from .counterexamples import counterexample
from .derived import derived_text
from .judging import Judge, Judged
from .numbers import ShapeError
from .numpy_reader import read_numpy
from .proving import Prover
from .remarks import remarks_in_code
from .statements import Assign, Bare, Define, Loop, Span, Statement, assignments, names_in
from .truth import Truth
from .verdicts import Counterexample, Status, Verdict, Verification


def verify_code(
    program: Program,
    source: str,
    names: Mapping[str, str] | None = None,
    sizes: Mapping[str, int] | None = None,
    seed: int = 0,
) -> Verification:
    """Every line of NumPy code judged against the program's derivation.

    `names` maps names of the code to names of the model (`{"G": "dW"}`), `sizes` fixes sizes that are tried.
    Raises ClaimError where the code as a whole cannot be read, DerivativeError where the model has no derivative.
    """
    said = remarks_in_code(source)
    truth = Truth(program, {**said.sizes, **(sizes or {})}, seed)
    bound = Names(program, truth.adjoints, said.shapes, {**said.stated, **(names or {})})
    return CodeVerification(truth, bound, source).result()


class CodeVerification:
    def __init__(self, truth: Truth, names: Names, source: str) -> None:
        self.truth, self.names, self.source = truth, names, source
        self.statements = read_numpy(source)
        self.judge = Judge(truth, names, self.statements)
        self.prover = Prover(self.judge)

    def result(self) -> Verification:
        self.judge.run()
        judged = self.judge.verdicts()
        placed = {one.record.event.line.span: self.verdict(one) for one in judged}
        placed = {**dict(self.own_lines()), **placed}
        verdicts = [placed[span] for span in sorted(placed)]
        return Verification(self.truth.model.name, tuple(self.with_given(verdicts)), self.notes())

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
        return replace(
            base, status=Status.WRONG, derived=derived_text(self.truth, record.bound), example=counterexample(judged)
        )

    def agreement(self, judged: Judged) -> str:
        proof = self.prover.proof(judged)
        if proof is not None:
            return proof
        seen = judged.compared or judged.record.seen
        sizes = "; ".join(dict.fromkeys(one.at.written() for one in seen))
        return f"agrees at {len(seen)} random points{f' ({sizes})' if sizes else ''}"

    def failed(self, base: Verdict, judged: Judged) -> Verdict:
        """A line that has no value at some point: shapes that fit only where sizes are equal are wrong."""
        at, error = judged.record.errors[0]
        base = replace(base, error=str(error), column=self.column(error))
        if isinstance(error, ShapeError) and (judged.compared or not self.literal(judged)):
            found = counterexample(judged) or Counterexample(at.sizes, at.seed, (), 0.0, None, None, None, str(error))
            return replace(
                base, status=Status.WRONG, derived=derived_text(self.truth, judged.record.bound), example=found
            )
        return replace(base, status=Status.UNREAD)

    def literal(self, judged: Judged) -> bool:
        """Whether the line holds whole numbers above 1, which may be sizes that only the file knows."""
        return any(
            type(node).__name__ == "Number" and isinstance(node.value, int) and node.value > 1
            for node in judged.record.event.line.walk()
        )

    # -- lines that make no claim ----------------------------------------------------------------------------------

    def own_lines(self) -> Iterator[tuple[Span, Verdict]]:
        """Lines of the file's own; one that could not be run is said so, for what follows hangs on it."""
        for statement in self.statements:
            for line in inner_lines(statement):
                verdict = Verdict(self.line_of(line), self.quoted(line), target_of(line), Status.OWN)
                failures = self.judge.failures.get(id(line))
                if failures:
                    _, _, error = failures[0]
                    verdict = replace(verdict, status=Status.UNREAD, error=str(error), column=self.column(error))
                elif isinstance(line, Bare):
                    verdict = replace(verdict, remark="this line changes nothing")
                yield line.span, verdict

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
        return self.source[slice(*statement.span)]

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

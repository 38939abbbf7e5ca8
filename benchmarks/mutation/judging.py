"""Mutants drawn from right derivations, and the verifier's verdict on each beside what NumPy decides."""

from __future__ import annotations

import ast
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from symgrad import verify
from symgrad.hand.claim_files import ClaimFile, read_claim_file
from symgrad.hand.numpy_reader import read_numpy
from symgrad.hand.statements import Assign, Loop, Name, Statement
from symgrad.hand.verdicts import Status, Verification
from symgrad.hand.verification import program_of
from symgrad.language.program import Program

from .changes import KINDS, Change, Line
from .deciding import OTHER, SAME, Runs, docstring
from .outcomes import Outcome, added, said

FOLDER = Path(__file__).parent / "derivations"
BATCHNORM = Path(__file__).parents[2] / "examples" / "verify" / "batchnorm_backward.py"
# The forward pass that the file of the example takes as given.
BATCHNORM_FORWARD = """
emb = C[X]
embcat = emb.reshape(n, -1)
hprebn = embcat @ W1 + b1
bngain, bnbias = bngain[None], bnbias[None]
bnmeani = hprebn.mean(0, keepdims=True)
bndiff = hprebn - bnmeani
bndiff2 = bndiff**2
bnvar = bndiff2.sum(0, keepdims=True) / (n - 1)
bnvar_inv = (bnvar + 1e-5) ** -0.5
bnraw = bndiff * bnvar_inv
hpreact = bngain * bnraw + bnbias
h = np.tanh(hpreact)
logits = h @ W2 + b2
logit_maxes = logits.max(1, keepdims=True)
norm_logits = logits - logit_maxes
counts = np.exp(norm_logits)
counts_sum = counts.sum(1, keepdims=True)
counts_sum_inv = 1 / counts_sum
probs = counts * counts_sum_inv
logprobs = np.log(probs)
"""
CODE = ("embedding", "lstm", "attention", "layernorm", "logistic", "skipgram", "residual", "convolution", "recurrent")


class Derivation:
    """A right derivation in NumPy code, with the model that it is of."""

    def __init__(self, path: Path, given: str = "") -> None:
        self.name = path.stem
        self.file: ClaimFile = read_claim_file(path)
        self.program: Program = program_of(None, self.file)
        self.source = self.file.code
        self.runs = Runs(self.program, self.source, given)

    @cached_property
    def twice(self) -> list[tuple[Verification, float]]:
        return [self.verified(self.source) for _ in range(2)]

    @property
    def right(self) -> Verification:
        return self.twice[0][0]

    @property
    def seconds(self) -> float:
        return min(seconds for _, seconds in self.twice)

    def verified(self, source: str) -> tuple[Verification, float]:
        """The verdicts, and the seconds of the processor."""
        began = time.process_time()
        found = verify(self.program, source)
        return found, time.process_time() - began

    # -- its lines -------------------------------------------------------------------------------------------------

    @cached_property
    def starts(self) -> list[int]:
        """The line on which each statement begins."""
        return [node.lineno for node in ast.parse(self.source).body if not docstring(node)]

    def statement_at(self, line: int) -> int:
        return sum(start <= line for start in self.starts) - 1

    @cached_property
    def claims(self) -> dict[int, set[str]]:
        """The names that each statement makes a claim about."""
        found: dict[int, set[str]] = {}
        for verdict in self.right.with_status(Status.RIGHT):
            found.setdefault(self.statement_at(verdict.line), set()).add(verdict.target)
        return found

    @cached_property
    def lines(self) -> list[tuple[int, Line]]:
        """Every assignment, with the number of the statement that it stands in."""
        found = []
        for statement in read_numpy(self.source):
            for line, loops in assigned(statement):
                at = self.statement_at(self.source.count("\n", 0, line.span[0]) + 1)
                after = self.runs.after[0][at + bool(loops)]
                found.append((at, Line(line, self.source, after, loops)))
        return found

    @cached_property
    def changes(self) -> dict[str, list[tuple[int, list[Change]]]]:
        """Per kind of change the lines that have one."""
        table: dict[str, list[tuple[int, list[Change]]]] = {}
        for kind, changes in KINDS.items():
            for at, line in self.lines:
                if made := list(changes(line)):
                    table.setdefault(kind, []).append((at, made))
        return table

    # -- one mutant ------------------------------------------------------------------------------------------------

    def judged(self, change: Change, at: int) -> Outcome:
        mutant = change.made(self.source)
        found, seconds = self.verified(mutant)
        difference = self.runs.difference(mutant, at, self.claims)
        told = "different" if difference.size > OTHER else "equal" if difference.size <= SAME else "near"
        start = mutant.rfind("\n", 0, change.start) + 1
        line = mutant[start:].split("\n")[0].strip()
        complaint = self.complaint(found, told, said(found), at, difference.statement)
        return Outcome(
            self.name, change.kind, line, told, said(found), complaint, seconds, added(found, seconds - self.seconds)
        )

    def complaint(self, found: Verification, told: str, verdict: str, at: int, where: int) -> str:
        if told == "different" and verdict == "right":
            return "it is different, and accepted"
        if told == "equal" and verdict == "wrong":
            return f"it is equal, and rejected: {found.first_wrong}"
        if told != "different" or verdict != "wrong":
            return ""
        wrong = {(self.statement_at(v.line), v.target) for v in found.with_status(Status.WRONG)}
        unread = {(self.statement_at(v.line), v.target) for v in found.with_status(Status.UNREAD, Status.UNDECIDED)}
        own = self.claims.get(where, set())
        if not own:  # it has no value there; what it makes is claimed later
            return ""
        if not any(statement == where or target in own for statement, target in wrong | unread):
            return f"the difference is in statement {where}; rejected is {wrong}"
        if at == where and self.assigns(at) <= own:
            blamed = {one for one in wrong if one[0] != where and one[1] not in own}
        else:
            blamed = {one for one in wrong if one[0] < where and one[1] not in own}
        return f"right lines are rejected too: {blamed}" if blamed else ""

    def assigns(self, at: int) -> set[str]:
        return {line.statement.name for k, line in self.lines if k == at}


def assigned(statement: Statement, loops: tuple[str, ...] = ()) -> Iterator[tuple[Assign, tuple[str, ...]]]:
    """Every assignment that stands in the text as it is, with the variables of the loops around it."""
    match statement:
        case Assign(Name() as target, _, Name(temporary)) if " " in target.name or " " in temporary:
            return  # the two halves of `a, b = b, a`
        case Assign():
            yield statement, loops
        case Loop(names, _, body):
            for inner in body:
                yield from assigned(inner, (*loops, *names))


def derivations() -> list[Derivation]:
    files = [Derivation(FOLDER / f"{name}.md") for name in CODE]
    return [*files, Derivation(BATCHNORM, BATCHNORM_FORWARD)]


@dataclass
class Draw:
    """Mutants at random: each kind and each derivation equally often, no mutant twice."""

    derivations: Sequence[Derivation]
    random: random.Random
    seen: set[tuple[str, str]] = field(default_factory=set)

    def mutants(self, count: int) -> Iterator[tuple[Derivation, Change, int]]:
        turn = 0
        while count > 0:
            kind = list(KINDS)[turn % len(KINDS)]
            derivation = self.derivations[self.random.randrange(len(self.derivations))]
            turn += 1
            if kind not in derivation.changes:
                continue
            at, changes = self.random.choice(derivation.changes[kind])
            change = self.random.choice(changes)
            mutant = change.made(derivation.source)
            if mutant == derivation.source or (derivation.name, mutant) in self.seen:
                continue
            self.seen.add((derivation.name, mutant))
            count -= 1
            yield derivation, change, at

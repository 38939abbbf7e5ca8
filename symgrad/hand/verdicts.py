"""What is said of a line, and of a whole derivation."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import Enum


class Status(Enum):
    """The value is the word that is printed."""

    RIGHT = "right"
    WRONG = "WRONG"
    UNREAD = "cannot read"
    UNDECIDED = "undecided"
    OWN = "not judged"  # a line of the file's own, which the model has no name for


@dataclass(frozen=True)
class Counterexample:
    """One entry at one point where the claim differs; `deviation` is relative to the largest right entry.

    `claimed` is None where the claim has no value of the right shape there; `remark` says what it has instead.
    """

    sizes: dict[str, int]
    seed: int
    entry: tuple[int, ...]
    right: float
    claimed: float | None
    deviation: float | None
    cosine: float | None
    remark: str = ""


@dataclass(frozen=True)
class Verdict:
    """On one line.  `how`: `proved`, or `agrees at 4 random points`; `given`: the wrong lines before it
    that were taken as corrected; `mistakes`: what is wrong, in sentences, simplest first."""

    line: int
    source: str
    target: str
    status: Status
    how: str = ""
    remark: str = ""
    given: tuple[int, ...] = ()
    derived: str = ""
    mistakes: tuple[str, ...] = ()
    example: Counterexample | None = None
    error: str = ""
    column: int | None = None


@dataclass(frozen=True)
class Verification:
    """All verdicts, in the order of the lines; `notes` are readings of names that the person should know, `points` the
    sizes of the random points."""

    model: str
    verdicts: tuple[Verdict, ...]
    notes: tuple[str, ...] = ()
    points: tuple[str, ...] = ()

    def with_status(self, *statuses: Status) -> list[Verdict]:
        return [verdict for verdict in self.verdicts if verdict.status in statuses]

    @property
    def right(self) -> bool:
        """Whether every line was read, decided and found right."""
        return self.exit_status == 0

    @property
    def first_wrong(self) -> Verdict | None:
        return next(iter(self.with_status(Status.WRONG)), None)

    @property
    def exit_status(self) -> int:
        """0: every claim is right; 1: one is wrong; 3: none is, but one is unread or undecided, or there is none."""
        if self.with_status(Status.WRONG):
            return 1
        if self.with_status(Status.UNREAD, Status.UNDECIDED) or not self.with_status(Status.RIGHT):
            return 3
        return 0

    def __str__(self) -> str:
        from .report import text

        return text(self)

    __repr__ = __str__

    def as_json(self) -> dict:
        """Plain data: every field of every verdict, the statuses as words."""
        verdicts = [{**asdict(verdict), "status": verdict.status.value} for verdict in self.verdicts]
        return {
            "model": self.model,
            "exit_status": self.exit_status,
            "first_wrong_line": self.first_wrong.line if self.first_wrong else None,
            "verdicts": verdicts,
            "notes": list(self.notes),
            "points": list(self.points),
        }

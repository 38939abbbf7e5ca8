"""What was found of mutants, and the table of it."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from rich.box import SIMPLE
from rich.table import Table

from symgrad.hand.verdicts import Status, Verification


@dataclass(frozen=True)
class Outcome:
    """`told`: what NumPy says of the mutant: different, equal, or near where rounding hides it; `said`: what the
    verifier says: right, wrong or unread; `complaint` is empty where they agree.  `seconds` are those of the processor
    for the file, `added` those of them that the change brought, for each line that is not right: the diagnosis."""

    derivation: str
    kind: str
    line: str
    told: str
    said: str
    complaint: str
    seconds: float
    added: float


def said(found: Verification) -> str:
    return {0: "right", 1: "wrong", 3: "unread"}[found.exit_status]


def added(found: Verification, seconds: float) -> float:
    """Of the seconds more than for the right file, those for each line that is not right."""
    return seconds / max(1, len(found.with_status(Status.WRONG, Status.UNREAD, Status.UNDECIDED)))


COLUMNS = {
    "differ:\nWRONG": ("different", "wrong"),
    "differ:\nunread": ("different", "unread"),
    "equal:\nright": ("equal", "right"),
    "equal:\nunread": ("equal", "unread"),
}


@dataclass(frozen=True)
class Times:
    """The seconds of the processor for a right file of so many lines."""

    lines: int
    seconds: float


def table(outcomes: Sequence[Outcome], right: Times) -> Table:
    """A row a kind, and how long a verdict takes."""
    kinds = sorted({one.kind for one in outcomes}, key=lambda kind: (kind.endswith("formula"), kind))
    made = Table(title="mutants", caption=timing(outcomes, right), show_footer=True, box=SIMPLE, pad_edge=False)
    made.add_column("kind", footer="all", no_wrap=True)
    counted: dict[str, list[list[Outcome]]] = {}
    rows = [[one for one in outcomes if one.kind == kind] for kind in kinds]
    counted["judged"] = rows
    for name, pair in COLUMNS.items():
        counted[name] = [[one for one in row if (one.told, one.said) == pair and not one.complaint] for row in rows]
    counted["near"] = [[one for one in row if one.told == "near"] for row in rows]
    counted["false\nverdict"] = [[one for one in row if one.complaint] for row in rows]
    for name, cells in counted.items():
        made.add_column(name, justify="right", footer=str(sum(map(len, cells))))
    for k, kind in enumerate(kinds):
        made.add_row(kind, *(str(len(cells[k])) for cells in counted.values()))
    return made


def timing(outcomes: Sequence[Outcome], right: Times) -> str:
    added, file = ([getattr(one, name) for one in outcomes] for name in ("added", "seconds"))
    return (
        f"seconds of the processor, median and most: a line that is not right {statistics.median(added):.2f}, "
        f"{max(added):.2f}; a file with it {statistics.median(file):.2f}, {max(file):.2f}; "
        f"the right file of {right.lines} lines {right.seconds:.2f}"
    )

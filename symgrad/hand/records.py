"""What was seen of the lines of a derivation, and the verdicts on them before they are proved or diagnosed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..language.errors import ClaimError
from .binding import Bound
from .statements import Apply, Assign, Expression, Item, Name, Statement, assignments
from .truth import At, agree

VIEWS = frozenset(("transpose", "reshape", "swapaxes", "squeeze", "expand_dims", "flatten", "ravel", "asarray"))


@dataclass(frozen=True)
class Seen:
    """What a line made at one point, and what would have been right."""

    at: At
    claimed: np.ndarray
    right: np.ndarray

    @property
    def agrees(self) -> bool:
        return agree(self.claimed, self.right)


@dataclass(frozen=True)
class Event:
    """The part of a derivation that assigns a name once: a top-level assignment, or a whole loop or branch."""

    statement: Statement  # at the top level
    line: Assign  # the last assignment to the name in it
    name: str


@dataclass
class Record:
    """All that was seen of an event: at most one `Seen` and one error a point; `slices` within a loop."""

    event: Event
    bound: Bound
    seen: list[Seen] = field(default_factory=list)
    before: list[np.ndarray | None] = field(default_factory=list)
    errors: list[tuple[At, ClaimError]] = field(default_factory=list)


@dataclass
class Judged:
    """An event's verdict before it is proved or diagnosed."""

    record: Record
    right: bool | None  # None: not decided
    remark: str = ""
    compared: list[Seen] = field(default_factory=list)  # the claim, or its part, against what is right
    judged: bool = True  # False for a line that only begins an accumulation
    paths: tuple[str, ...] = ()  # the definitions through which the part of a sum comes


def events(statements: Sequence[Statement]) -> Iterator[Event]:
    """Also of a name whose memory another one shares, where that is changed in place: row = dP[k], then row += ..."""
    views: dict[str, str] = {}
    made: set[str] = set()
    for statement in statements:
        last: dict[str, Assign] = {}
        for line in assignments((statement,)):
            last[line.name] = line
            base = viewed(line.value)
            if line.operator or isinstance(line.target, Item):
                last.update({base: line for base in bases(line.name, views) if base in made})
            elif base is not None and base != line.name:
                views[line.name] = base
            else:
                views.pop(line.name, None)
        for name, line in last.items():
            made.add(name)
            yield Event(statement, line, name)


def viewed(value: Expression) -> str | None:
    """The name whose memory the value lies in: that of b[k], b.T, b.reshape(...) and b itself."""
    while True:
        match value:
            case Name(name):
                return name
            case Item(array, _):
                value = array
            case Apply(function, (array, *_)) if function in VIEWS:
                value = array
            case _:
                return None


def bases(name: str, views: Mapping[str, str]) -> list[str]:
    found: list[str] = []
    while name in views and views[name] not in found:
        name = views[name]
        found.append(name)
    return found


def fitted(claimed: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The claim in the right shape, where it only has axes of one entry more or less, or neighbours merged or split.

    The order of the entries stays, so a transposed array does not become a right one.
    """
    if claimed.shape == right.shape or claimed.size != right.size:
        return claimed
    plain = [n for n in claimed.shape if n != 1], [n for n in right.shape if n != 1]
    return claimed.reshape(right.shape) if plain[0] == plain[1] or refines(*plain) or refines(*plain[::-1]) else claimed


def refines(fine: list[int], coarse: list[int]) -> bool:
    """Whether each axis of `coarse` is a product of neighbouring axes of `fine`."""
    left = list(fine)
    for size in coarse:
        product = 1
        while left and product < size:
            product *= left.pop(0)
        if product != size:
            return False
    return not left

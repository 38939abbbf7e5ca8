"""A verdict a line: every line is compared with what is right, with the lines before it taken as right.

At each point the statements are run on numbers.  What a line assigns to a name of the model is compared with the right
value, and the right value is what the lines after it read, so one mistake does not colour the rest.  Where several
lines make one adjoint (`dX = ...`, then `dX += ...`), the parts are compared with the shares of the paths.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import permutations

import numpy as np

from ..language.errors import ClaimError
from .binding import Bound, Meaning, Names
from .interpretation import Interpreter, Passive, Value
from .number_values import real
from .numbers import Numbers
from .statements import Assign, Branch, Loop, Name, Statement, assignments, is_temporary, names_in
from .truth import At, Share, Truth, agree, subsets


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


class Judge:
    """Runs a file's statements at every point of `truth`; `names` says what they mean."""

    def __init__(self, truth: Truth, names: Names, statements: Sequence[Statement]) -> None:
        self.truth, self.names, self.statements = truth, names, tuple(statements)
        self.events = list(events(self.statements))
        self.begin()

    def begin(self) -> None:
        self.records: dict[int, Record] = {}
        self.slices: dict[int, Record] = {}
        for event in self.events:
            bound = self.names.meaning(event.name)
            if bound is not None and bound.meaning is not Meaning.SIZE and not bound.given:
                self.records[id(event)] = Record(event, bound)
        self.failures: dict[int, list[tuple[At, Statement, ClaimError]]] = {}

    def run(self) -> None:
        for at in self.truth.points:
            Turned(self, at).run()
        taken = {record.event.name for record in self.records.values() if self.no_loss(record)}
        if taken:
            self.names.release(taken)
            self.begin()
            self.run()

    def no_loss(self, record: Record) -> bool:
        """Whether a usual name of the loss, J or E, holds an array: a Jacobian, which is the file's own."""
        another = record.bound.tensor == self.truth.loss and record.bound.meaning is Meaning.VALUE
        return another and record.event.name != self.truth.loss and any(seen.claimed.size != 1 for seen in record.seen)

    def by_name(self) -> Iterator[list[Record]]:
        """The records of each name, in order."""
        groups: dict[str, list[Record]] = {}
        for event in self.events:
            if id(event) in self.records:
                groups.setdefault(event.name, []).append(self.records[id(event)])
        yield from groups.values()

    def verdicts(self) -> list[Judged]:
        found = [judged for group in self.by_name() for judged in judged_group(group)]
        found += [Judged(r, all(s.agrees for s in r.seen), compared=r.seen) for r in self.slices.values() if r.seen]
        return sorted(found, key=lambda judged: judged.record.event.line.span)


class Turned(Passive):
    """One run at one point: the watcher of its interpreter."""

    def __init__(self, judge: Judge, at: At) -> None:
        self.judge, self.at = judge, at
        self.interpreter = Interpreter(Numbers(), self)
        self.event_of = {id(event.line): event for event in judge.events}
        self.last = {event.name: event for event in judge.events}
        self.current: Statement | None = None
        self.lost: dict[str, str] = {}  # names whose line could not be run

    def run(self) -> None:
        for statement in self.judge.statements:
            self.current = statement
            self.interpreter.run((statement,))

    # -- what the interpreter tells --------------------------------------------------------------------------------

    def unknown(self, name: str) -> Value:
        bound = self.judge.names.meaning(name)
        if bound is not None:
            if bound.meaning is Meaning.ADJOINT and name not in self.lost and name in self.last:
                raise ClaimError(f"{name} is read before the line that makes it, so that it has no value there")
            value = bound.at(self.at)
            return np.array(value) if isinstance(value, np.ndarray) else value  # its memory is its own
        if is_temporary(name):
            raise ClaimError(self.lost[name])
        if name in self.lost:
            raise ClaimError(f"{name} is not known, because its line could not be read: {self.lost[name]}")
        raise ClaimError(f"{name} {self.judge.names.unknown(name)}")

    def assigned(self, statement: Assign, name: str, old: Value | None, new: Value) -> Value:
        self.lost.pop(name, None)
        if self.interpreter.loops:
            return self.in_loop(statement, name, new)
        event = self.event_of.get(id(statement))
        return self.compared(event, old, new) if event is not None else new

    def compared(self, event: Event, old: Value | None, new: Value) -> Value:
        """Record what the event made; what later lines read is right where this was its last one."""
        record = self.judge.records.get(id(event))
        if record is None or (isinstance(new, list | tuple) and not new):
            return new  # an empty list is the beginning of one
        right = np.asarray(record.bound.at(self.at), dtype=np.float64)
        made = np.asarray(real(new), dtype=np.float64)
        claimed = fitted(made, right)
        record.seen.append(Seen(self.at, claimed, right))
        record.before.append(None if old is None or isinstance(old, list | tuple) else np.asarray(real(old)))
        if isinstance(new, list | tuple) or event is not self.last[event.name]:
            return new
        if agree(claimed, right) or self.other_adjoint(record.bound, claimed):
            return new  # in the shape that the file gives it
        return right

    def other_adjoint(self, bound: Bound, claimed: np.ndarray) -> str | None:
        """The tensor, other than the name's own, whose adjoint the value is; the name has been used again."""
        if bound.meaning is not Meaning.ADJOINT or not len(self.history(bound)) or not np.abs(claimed).max(initial=0):
            return None
        for tensor in self.at.truth.adjoints:
            if tensor != bound.tensor and agree(claimed, self.at.adjoint(tensor)):
                return tensor
        return None

    def history(self, bound: Bound) -> list[Record]:
        """The earlier records of the same name in which it was right."""
        return [
            record
            for record in self.judge.records.values()
            if record.bound == bound and record.seen and record.seen[-1].at is self.at and record.seen[-1].agrees
        ]

    def in_loop(self, statement: Assign, name: str, new: Value) -> Value:
        """Within a loop the value may be one slice of what the name means; a whole array is compared at its end."""
        bound = self.judge.names.meaning(name)
        if bound is None or bound.meaning is Meaning.SIZE or isinstance(new, list | tuple):
            return new  # a list is compared once the loop is done
        right = np.asarray(bound.at(self.at), dtype=np.float64)
        claimed = np.asarray(real(new), dtype=np.float64)
        if claimed.shape == right.shape or bound.given:
            return new
        part = self.slice_of(right, claimed.shape)
        if part is None or not self.last_in_turn(statement):
            return new
        event = Event(self.current or statement, statement, name)
        record = self.judge.slices.setdefault(id(statement), Record(event, bound))
        record.seen.append(Seen(self.at, claimed, part))
        return part

    def slice_of(self, right: np.ndarray, shape: tuple[int, ...]) -> np.ndarray | None:
        """The slice of `right` at the loops' present turn that has this shape; None where there is none."""
        counters = [
            (int(value), turn.length)
            for turn in self.interpreter.loops
            for value in turn.variables.values()
            if np.ndim(value) == 0 and isinstance(value, int | np.integer)
        ]
        missing = right.ndim - len(shape)
        if missing < 1 or missing > len(counters):
            return None
        for chosen in permutations(counters, missing):
            for axes in permutations(range(right.ndim), missing):
                if all(right.shape[axis] == length for axis, (_, length) in zip(axes, chosen, strict=True)):
                    place: list[int | slice] = [slice(None)] * right.ndim
                    for axis, (value, _) in zip(axes, chosen, strict=True):
                        place[axis] = value
                    part = right[tuple(place)]
                    if part.shape == shape:
                        return part
        return None

    def last_in_turn(self, statement: Assign) -> bool:
        """Whether no later line of the same loop assigns the name again."""
        own = [line for line in assignments((self.current,)) if line.name == statement.name] if self.current else []
        return bool(own) and own[-1] is statement

    def failed(self, statement: Statement, error: ClaimError) -> None:
        self.judge.failures.setdefault(id(statement), []).append((self.at, statement, error))
        for line in assignments((statement,)):
            self.interpreter.environment.pop(line.name, None)
            self.lost[line.name] = str(error)
            event = self.event_of.get(id(line))
            record = self.judge.records.get(id(event)) if event is not None else None
            if record is not None:
                record.errors.append((self.at, error))

    def entered(self, loop: Loop, environment: dict[str, Value]) -> None:
        if loop is self.current:
            self.snapshot = dict(environment)

    def left(self, loop: Loop, environment: dict[str, Value]) -> None:
        if loop is not self.current:
            return
        for event in self.judge.events:
            if event.statement is loop and event.name in environment and id(event) in self.judge.records:
                value = environment[event.name]
                whole = np.shape(self.judge.records[id(event)].bound.at(self.at))
                if np.shape(value) != whole:
                    continue  # a slice, which was compared in every turn
                environment[event.name] = self.compared(event, self.snapshot.get(event.name), value)


def events(statements: Sequence[Statement]) -> Iterator[Event]:
    for statement in statements:
        if isinstance(statement, Assign):
            yield Event(statement, statement, statement.name)
        elif isinstance(statement, Loop | Branch):
            last = {line.name: line for line in assignments((statement,))}
            for name, line in last.items():
                yield Event(statement, line, name)


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


# -- several lines for one name ------------------------------------------------------------------------------------


def judged_group(group: list[Record]) -> list[Judged]:
    """The verdicts on all lines that make one name: a line that begins anew makes a claim of its own, one that made
    nothing has none."""
    group = [record for record in group if record.seen or record.errors]
    if not group:
        return []
    starts = [k for k, record in enumerate(group) if k and begins_anew(record)]
    parts = [group[i:j] for i, j in zip([0, *starts], [*starts, len(group)], strict=True)]
    zero = [part is not parts[-1] and len(part) == 1 and all_zero(part[0]) for part in parts]
    judged = [begun(part[0]) if none else judged_sum(part) for part, none in zip(parts, zero, strict=True)]
    return [one for found in judged for one in found]


def all_zero(record: Record) -> bool:
    return not record.errors and not any(np.any(seen.claimed) for seen in record.seen)


def begun(record: Record) -> list[Judged]:
    return [Judged(record, None, judged=False, remark="begins a sum")]


def judged_sum(group: list[Record]) -> list[Judged]:
    """The verdicts on the lines of one sum."""
    if any(record.errors or not record.seen for record in group):
        return [failed_record(record, group[-1]) for record in group]
    if len(group) == 1:
        return [Judged(group[0], agree_everywhere(group[0]), compared=group[0].seen)]
    if group[0].bound.meaning is not Meaning.ADJOINT:
        return [Judged(r, None, judged=False) for r in group[:-1]] + [
            Judged(group[-1], agree_everywhere(group[-1]), compared=group[-1].seen)
        ]
    whole = next((k for k, record in enumerate(group) if agree_everywhere(record)), None)
    if whole is not None:
        return accumulated(group[: whole + 1], complete=True) + [reused(record) for record in group[whole + 1 :]]
    return accumulated(group, complete=False)


def failed_record(record: Record, last: Record) -> Judged:
    """A line that could not be run somewhere; where it could, a difference is still a difference."""
    if last is not record and record.seen and not any(np.any(seen.claimed) for seen in record.seen):
        return Judged(record, None, judged=False, remark="begins a sum")
    wrong = any(not seen.agrees for seen in record.seen)
    return Judged(record, False if wrong else None, compared=record.seen)


def agree_everywhere(record: Record) -> bool:
    return all(seen.agrees for seen in record.seen)


def accumulated(group: list[Record], complete: bool) -> list[Judged]:
    """The parts of a sum, each against the paths' shares; together they are right where `complete`."""
    if len(group) == 1:
        return [Judged(group[0], complete, compared=group[0].seen)]
    parts = [[increment(record, k) for k in range(len(record.seen))] for record in group]
    names = [path_names(record, part) for record, part in zip(group, parts, strict=True)]
    if not complete and not any(names):  # no line is a part by itself: the value that they make is wrong
        *first, last = group
        return [Judged(record, None, judged=False, remark="on the way") for record in first] + [
            Judged(last, False, compared=last.seen)
        ]
    verdicts = []
    for k, (record, part, paths) in enumerate(zip(group, parts, names, strict=True)):
        if all(not np.any(piece) for piece in part):
            verdicts += begun(record)
        elif complete and record is group[-1]:
            verdicts.append(Judged(record, True, compared=record.seen))
        elif paths:
            verdicts.append(Judged(record, True, f"the share through {', '.join(paths)}", paths=paths))
        elif complete:
            verdicts.append(Judged(record, None, judged=False, remark="on the way"))
        else:
            others = [sum(p[n] for j, p in enumerate(parts) if j != k) for n in range(len(part))]
            compared = [
                Seen(seen.at, piece, seen.right - other)
                for seen, piece, other in zip(record.seen, part, others, strict=True)
            ]
            alone = sum(not named and any(map(np.any, p)) for named, p in zip(names, parts, strict=True)) == 1
            verdicts.append(Judged(record, False, "", compared if alone else record.seen))
    if not complete and all(verdict.right is not False for verdict in verdicts):
        last = group[-1]
        verdicts[-1] = Judged(last, False, "the sum lacks a path", last.seen)
    return verdicts


def increment(record: Record, k: int) -> np.ndarray:
    """What the event added at its k-th point; a plain assignment begins anew."""
    claimed, before = record.seen[k].claimed, record.before[k]
    if begins_anew(record):
        return claimed
    return claimed - before if before is not None and before.shape == claimed.shape else claimed


def begins_anew(record: Record) -> bool:
    """Whether the event is a plain assignment that does not read what the name held."""
    line = record.event.line
    anew = isinstance(line.target, Name) and not line.operator and record.event.name not in names_in(line.value)
    return anew and record.event.statement is line


def path_names(record: Record, part: list[np.ndarray]) -> tuple[str, ...]:
    """The definitions whose paths' shares add up to the part at every point; none where there are none."""
    candidates: list[tuple[Share, ...]] | None = None
    for seen, piece in zip(record.seen, part, strict=True):
        shares = [(share, record.bound.spread(value, seen.at)) for share, value in seen.at.shares(record.bound.tensor)]
        fits = [chosen for chosen, value in subsets(shares) if agree(piece, np.broadcast_to(value, seen.right.shape))]
        found = [tuple(dict.fromkeys(share.through for share in chosen)) for chosen in fits]
        candidates = found if candidates is None else [c for c in candidates if c in found]
    return candidates[0] if candidates else ()


def reused(record: Record) -> Judged:
    """A line that changes a name after it was right: it may now hold another adjoint."""
    for tensor in record.seen[0].at.truth.adjoints:
        if all(agree(seen.claimed, seen.at.adjoint(tensor)) for seen in record.seen):
            if tensor == record.bound.tensor:
                return Judged(record, True, compared=record.seen)
            return Judged(record, True, f"{record.event.name} now holds dL/d{tensor}")
    return Judged(record, False, "it changes a value that was right", record.seen)

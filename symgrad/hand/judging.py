"""A verdict a line: every line is compared with what is right, with the lines before it taken as right.

At each point the statements are run on numbers.  What a line assigns to a name of the model is compared with the right
value, and the right value is what the lines after it read, so one mistake does not colour the rest.  Where several
lines make one adjoint (`dX = ...`, then `dX += ...`), the parts are compared with the shares of the paths.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import permutations

import numpy as np

from ..language.errors import ClaimError
from .accumulation import judged_group
from .binding import Bound, Meaning, Names
from .interpretation import Interpreter, Passive, Value
from .number_values import real
from .numbers import Numbers
from .records import Event, Judged, Record, Seen, events, fitted
from .statements import Assign, Loop, Statement, Unread, assignments, is_temporary
from .truth import At, Truth, agree


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

    @cached_property
    def hidden(self) -> set[str]:
        """The names that a line which cannot be read may change: what else is done to them decides nothing."""
        return {name for one in self.statements if isinstance(one, Unread) for name in one.changed}

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
        found = []
        for group in self.by_name():
            if group[0].event.name in self.hidden:
                found += [Judged(one, None, "a line that changes it cannot be read", judged=False) for one in group]
            else:
                found += judged_group(group)
        for line, record in self.slices.items():  # what failed in a turn is not right for its other turns
            record.errors = [(at, error) for at, _, error in self.failures.get(line, ())]
        found += [Judged(r, all(s.agrees for s in r.seen), compared=r.seen) for r in self.slices.values() if r.seen]
        return sorted(found, key=lambda judged: judged.record.event.line.span)


class Turned(Passive):
    """One run at one point: the watcher of its interpreter."""

    def __init__(self, judge: Judge, at: At) -> None:
        self.judge, self.at = judge, at
        self.interpreter = Interpreter(Numbers(), self)
        self.event_of = {id(event.line): event for event in judge.events if event.line.name == event.name}
        self.shared = [event for event in judge.events if event.line.name != event.name]
        self.last = {event.name: event for event in judge.events}
        self.current: Statement | None = None
        self.lost: dict[str, str] = {}  # names whose line could not be run

    def run(self) -> None:
        for statement in self.judge.statements:
            self.current = statement
            before = dict(self.interpreter.environment)
            self.interpreter.run((statement,))
            self.check_aliases(statement, before)
            for event in self.shared:
                if event.statement is statement and event.name in before:
                    made = self.interpreter.environment[event.name]
                    self.interpreter.environment[event.name] = self.compared(event, before[event.name], made)

    def check_aliases(self, statement: Statement, before: Mapping[str, Value]) -> None:
        """A claim that a statement changes through another name is not what it was judged to be."""
        made = {event.name for event in self.judge.events if event.statement is statement}
        after = self.interpreter.environment
        for name, old in before.items():
            new = after.get(name)
            if name in made or new is old or name in self.lost or np.array_equal(np.asarray(new), np.asarray(old)):
                continue
            last = self.last.get(name)
            if last is not None and id(last) in self.judge.records:
                said = f"{name} is changed later through another name; write {name} itself there"
                self.judge.records[id(last)].errors.append((self.at, ClaimError(said)))

    # -- what the interpreter tells --------------------------------------------------------------------------------

    def unknown(self, name: str) -> Value:
        bound = self.judge.names.meaning(name)
        if bound is not None:
            if bound.meaning is Meaning.ADJOINT and name not in self.lost and name in self.last:
                raise ClaimError(f"{name} is read before the line that makes it, so that it has no value there")
            value = bound.at(self.at)
            return np.array(value)[()] if isinstance(value, np.ndarray) else value  # its memory is its own
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
        right = np.array(record.bound.at(self.at), dtype=np.float64)  # its memory is its own
        if any(at is self.at for at, _ in record.errors):
            return right  # a turn of the loop failed, and what the others made is not what it says
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
        right = np.array(bound.at(self.at), dtype=np.float64)
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
            for event in self.judge.events:
                if event.name == line.name and event.statement is self.current and id(event) in self.judge.records:
                    self.judge.records[id(event)].errors.append((self.at, error))

    def entered(self, loop: Loop, environment: dict[str, Value]) -> None:
        if loop is self.current:
            self.snapshot = dict(environment)

    def left(self, loop: Loop, environment: dict[str, Value]) -> None:
        if loop is not self.current:
            return
        for event in self.judge.events:
            own = event.statement is loop and event not in self.shared
            if own and event.name in environment and id(event) in self.judge.records:
                value = environment[event.name]
                whole = np.shape(self.judge.records[id(event)].bound.at(self.at))
                if np.shape(value) != whole:
                    continue  # a slice, which was compared in every turn
                environment[event.name] = self.compared(event, self.snapshot.get(event.name), value)

"""Running a file again with a line changed, from the state in which the line was met.

The lines before it are not run again.  What the lines after it read is right wherever the model has a name for it, as
when the file was judged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ...language.errors import ClaimError
from ..binding import Names
from ..interpretation import Interpreter, Value
from ..judging import Judge, Turned
from ..numbers import Numbers
from ..records import Judged, Record, Seen
from ..statements import Assign, Define, Expression, Statement, names_in
from ..truth import At, Truth


@dataclass(frozen=True)
class State:
    """What holds before a statement."""

    environment: dict[str, Value]
    defined: dict[str, Define]
    lost: dict[str, str]


@dataclass
class Recording(Interpreter):
    """Keeps the last value of every node."""

    values: dict[int, Value] = field(default_factory=dict)

    def value(self, node: Expression) -> Value:
        found = super().value(node)
        self.values[id(node)] = found
        return found


@dataclass
class Reusing(Interpreter):
    """Does not compute again what is `known`: the values of nodes, which hold outside of loops until a name is new."""

    known: Mapping[int, Value] = field(default_factory=dict)
    turning: int = 0  # comprehensions around

    def value(self, node: Expression) -> Value:
        if id(node) in self.known and not self.turning and not self.loops:
            return self.known[id(node)]
        return super().value(node)

    def comprehension(self, body: Expression, variables: Sequence[str], over: Expression) -> list[Value]:
        self.turning += 1
        try:
            return super().comprehension(body, variables, over)
        finally:
            self.turning -= 1


@dataclass(frozen=True)
class Target:
    """The claim that a change has to make right: the `name` that statement `index` makes, up to statement `last`."""

    index: int
    last: int
    name: str
    slices: bool = False  # the claim is one slice in every turn of a loop
    own_only: bool = False  # a later line makes the name right again


class Replayed(Turned):
    """A run in which a change cannot bring in the right answer under the claim's own name."""

    def __init__(self, judge: Judge, at: At, claimed: str, reads_itself: bool) -> None:
        super().__init__(judge, at)
        self.interpreter: Reusing = Reusing(Numbers(), self)
        self.claimed, self.reads_itself = claimed, reads_itself

    def assigned(self, statement: Assign, name: str, old: Value | None, new: Value) -> Value:
        self.interpreter.known = {}
        return super().assigned(statement, name, old, new)

    def unknown(self, name: str) -> Value:
        if name == self.claimed and not self.reads_itself:
            raise ClaimError(f"{name} is what the line claims")
        return super().unknown(name)


class Replay:
    def __init__(self, truth: Truth, names: Names, statements: Sequence[Statement]) -> None:
        self.truth, self.names, self.statements = truth, names, tuple(statements)
        self.states: dict[int, list[State]] = {}
        self.nodes: dict[int, dict[int, Value]] = {}
        self.operations = 0  # done in all, which limits a search

    def prepare(self, at: At) -> None:
        """Run the file as it is, keeping the state before each statement and the value of each node."""
        if id(at) in self.states:
            return
        judge = Judge(self.truth, self.names, self.statements)
        turned = Turned(judge, at)
        recording = Recording(Numbers(), turned)
        turned.interpreter = recording
        states = []
        for statement in self.statements:
            states.append(State(dict(recording.environment), dict(recording.defined), dict(turned.lost)))
            turned.current = statement
            recording.run((statement,))
        self.states[id(at)], self.nodes[id(at)] = states, recording.values

    def target(self, judged: Judged, judge: Judge) -> Target:
        event = judged.record.event
        index = next(k for k, statement in enumerate(self.statements) if statement is event.statement)
        slices = all(record is not judged.record for record in judge.records.values())
        records = [record for record in judge.records.values() if record.event.name == event.name]
        last = max((self.index(record) for record in records), default=index)
        later = records[records.index(judged.record) + 1 :] if not slices else []
        own_only = any(record.seen and all(seen.agrees for seen in record.seen) for record in later)
        return Target(index, index if slices or own_only else max(last, index), event.name, slices, own_only)

    def index(self, record: Record) -> int:
        return next(k for k, statement in enumerate(self.statements) if statement is record.event.statement)

    def seen(self, changed: Mapping[int, Statement], target: Target, at: At) -> list[Seen]:
        """What the target is at a point with these statements changed; empty where it has no value."""
        self.prepare(at)
        first = min((target.index, *changed))
        last = max(target.last, *changed) if changed else target.last
        statements = [changed.get(k, self.statements[k]) for k in range(first, last + 1)]
        judge = Judge(self.truth, self.names, statements)
        turned = Replayed(judge, at, target.name, self.reads_itself(target, at))
        state = self.states[id(at)][first]
        turned.interpreter.environment = dict(state.environment)
        turned.interpreter.defined = dict(state.defined)
        turned.interpreter.known = self.nodes[id(at)]
        turned.lost = dict(state.lost)
        turned.run()
        self.operations += turned.interpreter.done + 5
        return self.of_target(judge, target, statements, first)

    def of_target(self, judge: Judge, target: Target, statements: Sequence[Statement], first: int) -> list[Seen]:
        own = statements[target.index - first]
        if target.slices:
            records = [r for r in judge.slices.values() if r.event.name == target.name and r.event.statement is own]
            return [seen for record in records for seen in record.seen]
        records = [record for record in judge.records.values() if record.event.name == target.name]
        if target.own_only:
            records = [record for record in records if record.event.statement is own]
        if any(record.errors for record in records):
            return []
        return records[-1].seen[-1:] if records and records[-1].seen else []

    def reads_itself(self, target: Target, at: At) -> bool:
        """Whether the line as it is reads its own name before any line has made it."""
        return target.name not in self.states[id(at)][target.index].environment and any(
            isinstance(line, Assign)
            and line.name == target.name
            and (line.operator or target.name in names_in(line.value))
            for line in lines(self.statements[target.index])
        )

    def right(self, changed: Mapping[int, Statement], target: Target, at: At) -> bool:
        seen = self.seen(changed, target, at)
        return bool(seen) and all(one.agrees for one in seen)

    def names_at(self, at: At, index: int) -> dict[str, np.ndarray]:
        """The arrays of the file that exist before a statement, by name."""
        self.prepare(at)
        found = {}
        for name, value in self.states[id(at)][index].environment.items():
            if isinstance(value, np.ndarray) and value.dtype.kind in "fi":
                found[name] = value
        return found


def lines(statement: Statement) -> list[Statement]:
    """The statement, or those within a loop or a branch, in order."""
    inner = [child for child in statement.children if isinstance(child, Statement)]
    if isinstance(statement, Define) or not inner:
        return [statement]
    return [line for child in inner for line in lines(child)]


def assigned(statement: Statement) -> set[str]:
    return {line.name for line in lines(statement) if isinstance(line, Assign)}

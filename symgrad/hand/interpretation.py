"""Running statements: expressions are evaluated by `operations`, names are kept here, nothing else happens.

Whoever watches is asked at every assignment which value to keep: so a wrong line is replaced by what is right before
the next one reads it.  The number of evaluated operations is limited, so that no loop is endless.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ..language.errors import ClaimError
from .operations import FUNCTIONS
from .statements import (
    Apply,
    Assign,
    Bare,
    Binary,
    Branch,
    Chain,
    Choice,
    Comparison,
    Comprehension,
    Define,
    Derivative,
    Expression,
    Item,
    Loop,
    Name,
    Number,
    Return,
    Slice,
    Statement,
    Text,
    Unary,
    Unread,
    target_name,
)
from .statements import (
    Sequence as Listed,
)

MOST_OPERATIONS = 300_000
DEEPEST_CALL = 20
CONSTANTS = {"np.pi": math.pi, "np.e": math.e, "np.inf": math.inf}
Value = Any


class Exhausted(ClaimError):
    """More work than a derivation can need."""


class Operations(Protocol):
    """The meaning of operations on values of some kind: see `numbers.Numbers`."""

    def unary(self, operator: str, value: Value) -> Value: ...
    def binary(self, operator: str, left: Value, right: Value) -> Value: ...
    def compare(self, operator: str, left: Value, right: Value) -> Value: ...
    def apply(self, word: str, arguments: Sequence[Value], keywords: Mapping[str, Value]) -> Value: ...
    def choose(self, condition: Value, then: Callable[[], Value], other: Callable[[], Value]) -> Value: ...
    def truth(self, value: Value) -> bool: ...
    def item(self, array: Value, places: Sequence[Value]) -> Value: ...
    def stored(
        self, array: Value, places: Sequence[Value], operator: str, value: Value, repeated: bool = False
    ) -> Value: ...
    def items(self, value: Value) -> Sequence[Value]: ...
    def in_place(self, name: str, new: Value, values: Mapping[str, Value]) -> dict[str, Value]: ...
    def is_shared(self, array: Value, values: Mapping[str, Value]) -> bool: ...
    def named(self, items: Sequence[Value], places: Sequence[Value], values: Mapping[str, Value]) -> bool: ...


class Watcher(Protocol):
    """Is told of what happens, and decides what an assigned name holds."""

    def assigned(self, statement: Assign, name: str, old: Value | None, new: Value) -> Value: ...
    def failed(self, statement: Statement, error: ClaimError) -> None: ...
    def unknown(self, name: str) -> Value: ...
    def derivative(self, node: Derivative) -> Value: ...
    def entered(self, loop: Loop, environment: dict[str, Value]) -> None: ...
    def left(self, loop: Loop, environment: dict[str, Value]) -> None: ...


@dataclass
class Turn:
    """The turn `number` (from 0) of a loop of `length` turns, and the values of its variables."""

    length: int
    number: int = -1
    variables: dict[str, Value] = field(default_factory=dict)


@dataclass
class Interpreter:
    """Runs statements over `environment`; a name that is not in it is asked from the watcher."""

    operations: Operations
    watcher: Watcher
    environment: dict[str, Value] = field(default_factory=dict)
    defined: dict[str, Define] = field(default_factory=dict)
    loops: list[Turn] = field(default_factory=list)  # those around the statement that runs, outermost first
    done: int = 0
    depth: int = 0
    rewritten: list[Value] = field(default_factory=list)  # arrays that a function has changed in place

    def run(self, statements: Sequence[Statement]) -> None:
        """Every statement in turn; one that fails is reported to the watcher, and the next is run."""
        for statement in statements:
            try:
                self.step(statement)
            except ClaimError as error:
                if isinstance(error, Exhausted) and self.loops:
                    raise  # the loop ends, not only this turn's statement
                self.watcher.failed(statement, error)

    def step(self, statement: Statement) -> None:
        self.count()
        match statement:
            case Assign():
                self.assign(statement)
            case Loop():
                self.loop(statement)
            case Branch(condition, then, other):
                self.run(then if self.operations.truth(self.value(condition)) else other)
            case Define(name):
                self.defined[name] = statement
            case Bare(value):
                self.value(value)
            case Unread(reason, column):
                raise ClaimError(reason, column=column)
            case Return() | Chain():
                raise ClaimError(f"a {type(statement).__name__.lower()} cannot stand here")

    def assign(self, statement: Assign) -> None:
        name = statement.name
        old = self.environment.get(name)
        value = self.value(statement.value)
        if isinstance(statement.target, Item) and name == target_name(statement.target) and "." not in name:
            new = self.stored(statement.target, statement.operator, value, statement.repeated)
            old = self.environment.get(name, old)
            new = self.in_place(name, new)
        elif statement.operator:
            old = self.read(name)
            new = self.in_place(name, self.operations.binary(statement.operator, old, value))
        else:
            new = value
        self.environment[name] = self.watcher.assigned(statement, name, old, new)

    def in_place(self, name: str, new: Value) -> Value:
        """The new value where the old one was; other names that share its memory have it too."""
        if self.depth:
            self.rewritten.append(self.environment[name])
        self.environment |= self.operations.in_place(name, new, self.environment)
        return self.environment[name]

    def stored(self, target: Expression, operator: str, value: Value, repeated: bool) -> Value:
        """The whole array once the entries of the target are assigned; a[i][j] is stored inside out."""
        assert isinstance(target, Item)
        array = self.value(target.array)
        if isinstance(target.array, Name):
            self.environment.setdefault(target.array.name, array)
        places = [self.place(place) for place in target.places]
        if operator and isinstance(array, list | tuple) and self.operations.named(array, places, self.environment):
            raise ClaimError("an entry of a list is changed in place, and with it the array of a name; use the name")
        new = self.operations.stored(array, places, operator, value, repeated)
        return self.stored(target.array, "", new, False) if isinstance(target.array, Item) else new

    def loop(self, statement: Loop) -> None:
        items = self.operations.items(self.value(statement.over))
        self.watcher.entered(statement, self.environment)
        self.loops.append(Turn(len(items)))
        kept = f"items of loop {len(self.loops)}"  # no one can write it; what a turn changes in place is changed in it
        self.environment[kept] = items
        try:
            for number in range(len(items)):
                self.loops[-1].number = number
                self.loops[-1].variables.update(self.bind(statement.variables, self.environment[kept][number]))
                self.run(statement.body)
        finally:
            self.loops.pop()
            self.environment.pop(kept, None)
        self.watcher.left(statement, self.environment)

    def bind(self, variables: Sequence[str], item: Value) -> dict[str, Value]:
        parts = [item] if len(variables) == 1 else list(self.operations.items(item))
        if len(parts) != len(variables):
            raise ClaimError(f"the loop has {len(variables)} names for {len(parts)} values")
        bound = dict(zip(variables, parts, strict=True))
        self.environment.update(bound)
        return bound

    def read(self, name: str) -> Value:
        if name in self.environment:
            return self.environment[name]
        if name in CONSTANTS:
            return CONSTANTS[name]
        if name.startswith("np."):
            return name  # a dtype
        self.environment[name] = self.watcher.unknown(name)
        return self.environment[name]

    # -- expressions -----------------------------------------------------------------------------------------------

    def value(self, node: Expression) -> Value:
        self.count()
        try:
            return self.computed(node)
        except ClaimError as error:
            if error.span is None:
                error.span = node.span  # the innermost node that failed
            raise

    def computed(self, node: Expression) -> Value:
        match node:
            case Number(value) | Text(value):
                return value
            case Name(name):
                return self.read(name)
            case Unary(operator, operand):
                return self.operations.unary(operator, self.value(operand))
            case Binary(operator, left, right):
                return self.operations.binary(operator, self.value(left), self.value(right))
            case Comparison(operator, left, right):
                return self.operations.compare(operator, self.value(left), self.value(right))
            case Apply(function, arguments, keywords):
                return self.call(function, [self.value(a) for a in arguments], {k: self.value(v) for k, v in keywords})
            case Item(Name(), (Text(),)):
                return self.read(target_name(node))
            case Item(array, places):
                return self.operations.item(self.value(array), [self.place(place) for place in places])
            case Listed(items):
                return [self.value(item) for item in items]
            case Choice(condition, then, other):
                return self.operations.choose(
                    self.value(condition), lambda: self.value(then), lambda: self.value(other)
                )
            case Comprehension(body, variables, over):
                return self.comprehension(body, variables, over)
            case Slice():
                return self.place(node)
            case Derivative():
                return self.watcher.derivative(node)
        raise ClaimError(f"a {type(node).__name__.lower()} over indices has no value among whole arrays")

    def comprehension(self, body: Expression, variables: Sequence[str], over: Expression) -> list[Value]:
        before = dict(self.environment)
        values = []
        for item in self.operations.items(self.value(over)):
            self.bind(variables, item)
            values.append(self.value(body))
        for name in variables:  # they are its own
            self.environment.pop(name, None)
            if name in before:
                self.environment[name] = before[name]
        return values

    def place(self, node: Expression | None) -> Value:
        if node is None:
            return None
        if isinstance(node, Slice):
            if node.rest:
                return Ellipsis
            return slice(*(None if part is None else self.value(part) for part in (node.start, node.stop, node.step)))
        return self.value(node)

    def call(self, function: str, arguments: Sequence[Value], keywords: Mapping[str, Value]) -> Value:
        if function in self.defined:
            return self.called(self.defined[function], arguments, keywords)
        if function not in FUNCTIONS:
            raise ClaimError(f"{function} is no function that is known here; define it in the file")
        return self.operations.apply(function, arguments, keywords)

    def called(self, function: Define, arguments: Sequence[Value], keywords: Mapping[str, Value]) -> Value:
        """The value of a function of the file: its body over its own names and those of the file."""
        names = function.parameters
        optional = names[len(names) - len(function.defaults) :]
        bound = dict(zip(optional, (self.value(default) for default in function.defaults), strict=True))
        bound |= dict(zip(names, arguments, strict=False)) | dict(keywords)
        if len(arguments) > len(names) or set(bound) != set(names):
            raise ClaimError(f"{function.name} takes ({', '.join(names)}), got {len(arguments) + len(keywords)}")
        if self.depth >= DEEPEST_CALL:
            raise ClaimError(f"{function.name} calls itself too often")
        *body, result = function.body
        inner = type(self)(self.operations, Silent(self), {**self.environment, **bound}, dict(self.defined))
        inner.done, inner.depth = self.done, self.depth + 1
        for statement in body:
            inner.step(statement)
        assert isinstance(result, Return)
        value = inner.value(result.value)
        self.done = inner.done
        if any(self.operations.is_shared(old, self.environment) for old in inner.rewritten):
            raise ClaimError(f"{function.name} changes an array that has a name outside of it; let it return a new one")
        return value

    def count(self) -> None:
        self.done += 1
        if self.done > MOST_OPERATIONS:
            raise Exhausted(f"more than {MOST_OPERATIONS:,} operations: a loop is too long to try")


class Passive:
    """Watches and changes nothing; a failure is the caller's."""

    def assigned(self, statement: Assign, name: str, old: Value | None, new: Value) -> Value:
        return new

    def failed(self, statement: Statement, error: ClaimError) -> None:
        raise error

    def unknown(self, name: str) -> Value:
        raise ClaimError(f"{name} is not known")

    def derivative(self, node: Derivative) -> Value:
        raise ClaimError("a derivative has no place in code")

    def entered(self, loop: Loop, environment: dict[str, Value]) -> None:
        pass

    def left(self, loop: Loop, environment: dict[str, Value]) -> None:
        pass


@dataclass(frozen=True)
class Silent(Passive):
    """Watches the inside of a function: its names are its own."""

    outer: Interpreter

    def unknown(self, name: str) -> Value:
        return self.outer.read(name)

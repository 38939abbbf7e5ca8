"""What every line of a derivation makes, as a formula, with the lines before it taken as right.

It runs the statements once, as `judging.Turned` does at a point: a name of the model stands for the entry of its tensor
or adjoint, and once its last line is read, it stands for that again.  A name of the file's own is its formula.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from ..language.algebra import mul
from ..language.errors import ClaimError
from ..language.program import Equation
from ..language.rewriting import substitute
from ..language.terms import Read, Size, Term
from .binding import Bound, Meaning, Names
from .entries import Array, Kind, Unprovable, fitted, made, renamed, reshaped, scalar
from .formula_values import array
from .formulas import Formulas
from .interpretation import Value
from .layout import Layout
from .loops import LoopFree
from .records import Event, events
from .statements import Assign, Loop, Statement, assignments
from .truth import Truth

MOST_NODES = 4000  # of one formula


@dataclass(frozen=True)
class Reading:
    """The formula of what an event made, and of what the name held before."""

    old: Array | None
    new: Array


class SymbolicReading:
    """The watcher of one symbolic run; `readings` has what was read, by the identity of the event's line."""

    def __init__(self, truth: Truth, names: Names, statements: Sequence[Statement]) -> None:
        self.truth, self.names = truth, names
        vocabularies = {t.name: t.vocabulary for t in truth.model.tensors.values() if t.vocabulary is not None}
        self.interpreter = LoopFree(Formulas(vocabularies), self)
        self.events = {id(event.line): event for event in events(statements)}
        self.last = {event.name: event for event in self.events.values()}
        self.readings: dict[int, Reading] = {}
        self.lost: set[str] = set()
        self.before: dict[str, Value] = {}
        self.current: Statement | None = None
        for statement in statements:
            self.current = statement
            self.before = dict(self.interpreter.environment)
            self.interpreter.run((statement,))

    # -- what the interpreter tells --------------------------------------------------------------------------------

    def unknown(self, name: str) -> Value:
        bound = self.names.meaning(name)
        if bound is None or name in self.lost:
            raise Unprovable(f"{name} has no formula")
        return self.opaque(bound)

    def assigned(self, statement: Assign, name: str, old: Value | None, new: Value) -> Value:
        event = self.events.get(id(statement))
        if self.in_loop or event is None:
            return new
        return self.read(event, self.before.get(name) if event.statement is not statement else old, new)

    @property
    def in_loop(self) -> bool:
        return bool(self.interpreter.loops or self.interpreter.turns)

    def read(self, event: Event, old: Value | None, new: Value) -> Value:
        """Keep the formula; the name then stands for what is right, in the shape that the file gives it."""
        bound = self.names.meaning(event.name)
        formula = array(new) if bound is not None or not isinstance(new, list | tuple) else None
        if formula is not None and too_long(formula.body):
            raise Unprovable("a formula that is too long")
        self.lost.discard(event.name)
        if bound is None or bound.meaning is Meaning.SIZE or bound.given or formula is None:
            return new
        self.readings[id(event.line)] = Reading(None if old is None else array(old), formula)
        if event is not self.last[event.name]:
            return new
        right = self.opaque(bound)
        try:
            return fitted(right, formula.shape)
        except Unprovable:
            return right

    def failed(self, statement: Statement, error: ClaimError) -> None:
        if self.in_loop and statement is not self.current:
            raise error  # a loop of which one line has no formula has none
        self.interpreter.loops, self.interpreter.turns = [], []
        for line in assignments((statement,)):
            event = self.events.get(id(line))
            self.interpreter.environment.pop(line.name, None)
            last = event is not None and event is self.last.get(line.name)
            if last and self.names.meaning(line.name) is not None:
                self.lost.discard(line.name)  # whatever it was, it is right from here on
            else:
                self.lost.add(line.name)

    def entered(self, loop: Loop, environment: dict[str, Value]) -> None:
        pass

    def left(self, loop: Loop, environment: dict[str, Value]) -> None:
        if loop is not self.current:
            return
        for event in self.events.values():
            if event.statement is loop and event.name in environment:
                environment[event.name] = self.read(event, self.before.get(event.name), environment[event.name])

    # -- names of the model ----------------------------------------------------------------------------------------

    def opaque(self, bound: Bound) -> Array:
        """The entry of the tensor, or of its adjoint, in the file's layout; a size as the number it is."""
        if bound.meaning is Meaning.SIZE:
            return scalar(Size(bound.tensor), Kind.INTEGER)
        tensor = self.truth.model.tensors[bound.tensor]
        name = bound.tensor if bound.meaning is Meaning.VALUE else self.truth.adjoints.get(bound.tensor)
        if name is None:
            raise Unprovable("an adjoint that is zero")
        ids = bound.meaning is Meaning.VALUE and tensor.vocabulary is not None
        kind = Kind.INTEGER if ids else Kind.REAL
        return laid_out(made(tensor.shape, lambda *at: Read(name, at), kind), bound.layout)

    def formula(self, bound: Bound, equation: Equation) -> Array:
        """The right side of an equation of the tensor, or of its adjoint, in the file's layout."""
        return self.entries(bound, equation.body, equation.indices)

    def entries(self, bound: Bound, body: Term, indices: Sequence[Term]) -> Array:
        shape = self.truth.model.tensors[bound.tensor].shape
        found = made(shape, lambda *at: substitute(body, dict(zip(indices, at, strict=True))))
        return laid_out(found, bound.layout)


def laid_out(a: Array, layout: Layout | None) -> Array:
    """`Layout.to_claim` on a formula."""
    if layout is None or layout.plain:
        return a
    split = reshaped(a, layout.atoms)
    order = [k for group in layout.groups for k in group]
    moved = renamed(split, [split.indices[k] for k in order], [layout.atoms[k] for k in order])
    lengths = iter(moved.shape)
    return reshaped(moved, [mul(*(next(lengths) for _ in group)) for group in layout.groups])


def too_long(term: Term, most: int = MOST_NODES) -> bool:
    """Whether the term has more nodes than can be worked with; shared ones count each time."""
    return sum(1 for _ in islice(term.walk(), most + 1)) > most

"""Which equations form a recurrence: read off their dependencies, never declared twice.

    h[b,t,i] = tanh(... h[b,t-1,j] ...)            h reads its own earlier slice: a recurrence up along t
    dh[b,t,i] = ... + (... da[b,t+1,j] ...)        later slices: a recurrence down along t

Equations that reach each other through shifted reads are one `Recurrence`; those that only follow from it stay outside.
A cycle without a shift along one common axis is no recurrence and is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from .algebra import mul, subtract, where
from .errors import DeclarationError
from .program import Equation, Item, Program, Recurrence, equations_of
from .ranges import at_least, bounds
from .rewriting import rebuild, substitute
from .terms import ONE, ZERO, Compare, Const, Index, Read, Term, reads

Graph = Mapping[str, set[str]]


def grouped(equations: Iterable[Equation], name: str = "") -> tuple[Item, ...]:
    """The equations with every cycle among them as one `Recurrence`, in an order in which all can be evaluated.

    Raises DeclarationError for a circular definition that is no recurrence, naming its tensors.
    """
    equations = list(equations)
    if in_order_of_use(equations):
        return tuple(equations)
    by_name = {equation.tensor: equation for equation in equations}
    graph = {e.tensor: {read.tensor for read in reads(e.body)} & by_name.keys() for e in equations}
    readers: dict[str, set[str]] = {name: set() for name in graph}
    for reader, used in graph.items():
        for other in used:
            readers[other].add(reader)
    items: list[Item] = []
    placed: set[str] = set()
    for equation in equations:
        if equation.tensor in placed:
            continue
        cycle = reach(equation.tensor, graph) & reach(equation.tensor, readers)
        members = [e for e in equations if e.tensor in cycle]
        if not members:
            items.append(equation)
            placed.add(equation.tensor)
            continue
        # what the cycle needs from outside may be written between its members
        needed = reach(equation.tensor, graph) - cycle - placed
        for other in equations:
            if other.tensor in needed:
                items.append(other)
                placed.add(other.tensor)
        items.append(recurrence(members, name))
        placed |= cycle
    return tuple(items)


def in_order_of_use(equations: list[Equation]) -> bool:
    """Whether each equation reads only what stands before it: then there is no cycle."""
    later = {equation.tensor for equation in equations}
    for equation in equations:
        if any(read.tensor in later for read in reads(equation.body)):
            return False
        later.discard(equation.tensor)
    return True


def with_equations(program: Program, equations: Iterable[Equation]) -> Program:
    """The program over other equations, its recurrences found anew."""
    return replace(program, items=grouped(equations, program.name))


def cycles(program: Program) -> dict[str, set[str]]:
    """Each tensor of a recurrence -> all tensors of that recurrence."""
    result: dict[str, set[str]] = {}
    for item in program.items:
        if isinstance(item, Recurrence):
            names = {equation.tensor for equation in equations_of((item,))}
            result |= dict.fromkeys(names, names)
    return result


def reach(start: str, graph: Graph) -> set[str]:
    """Everything that can be reached from `start` in one or more steps."""
    seen: set[str] = set()
    waiting = list(graph[start])
    while waiting:
        current = waiting.pop()
        if current not in seen:
            seen.add(current)
            waiting += graph[current]
    return seen


def recurrence(members: list[Equation], name: str) -> Recurrence:
    """The members along the one index at which they read each other shifted, in the order of one slice."""
    names = {equation.tensor for equation in members}
    shifts: dict[tuple[str, str], set[int]] = {}
    along: Index | None = None
    for equation in members:
        for read in reads(equation.body):
            if read.tensor in names:
                for index, offset in shifts_of(read, equation):
                    shifts.setdefault((equation.tensor, read.tensor), set()).add(offset)
                    along = index if offset or along is None else along
    listed = ", ".join(sorted(names))
    offsets = {offset for found in shifts.values() for offset in found if offset}
    if not offsets:
        circle = "is defined by itself" if len(names) == 1 else "are defined by each other"
        raise DeclarationError(f"{name}: {listed} {circle}; a recurrence reads an earlier slice, such as h[b, t-1, j]")
    for equation in members:
        if along not in equation.indices:
            raise DeclarationError(
                f"{name}: {equation.tensor} belongs to the recurrence of {listed} along {along.name} and lacks that "
                f"index; give it the axis {along.name}"
            )
    if min(offsets) < 0 < max(offsets):
        raise DeclarationError(
            f"{name}: {listed}: both earlier and later slices are read; split it into a recurrence for each direction"
        )
    return Recurrence(along, tuple(in_slice_order(members, shifts, name)), reverse=max(offsets) > 0)


def shifts_of(read: Read, equation: Equation) -> list[tuple[Index, int]]:
    """(index, offset) for the places at which the read is shifted against the left side; (index, 0) where none is."""
    found = []
    for place in read.indices:
        for index in equation.indices:
            if index in place.free:
                offset = subtract(place, index)
                if isinstance(offset, Const) and isinstance(offset.value, int):
                    found.append((index, offset.value))
    shifted = [(index, offset) for index, offset in found if offset]
    return shifted or found[:1]


def in_slice_order(members: list[Equation], shifts: dict, name: str) -> list[Equation]:
    """The members so that each comes after those whose same slice it reads."""
    waiting, order = list(members), []
    while waiting:
        ready = [
            equation
            for equation in waiting
            if not any(0 in shifts.get((equation.tensor, other.tensor), ()) for other in waiting)
        ]
        if not ready:
            listed = ", ".join(sorted(equation.tensor for equation in waiting))
            raise DeclarationError(f"{name}: {listed} need each other's value of the same slice; break the circle")
        order.append(ready[0])
        waiting.remove(ready[0])
    return order


@dataclass(frozen=True)
class Start:
    """Before its first slice along `indices[axis]` (behind its last) a tensor has the value `body`, in its indices."""

    indices: tuple[Index, ...]
    axis: int
    body: Term


def with_starts(term: Term, starts: Mapping[str, Start]) -> Term:
    """`h[b,t-1,j]` as `h[b,t-1,j] if 0 <= t - 1 else start`, for every shifted read of a tensor that has a start."""
    node = rebuild(term, lambda child: with_starts(child, starts))
    if not isinstance(node, Read) or node.tensor not in starts:
        return node
    start = starts[node.tensor]
    place = node.indices[start.axis]
    if isinstance(place, Index):
        return node
    low, high = bounds(place, {}, {}) or (None, None)
    extent = start.indices[start.axis].extent
    conditions = []
    if low is None or not at_least(low, ZERO):
        conditions.append(Compare("<=", ZERO, place))
    if high is None or not at_least(subtract(extent, ONE), high):
        conditions.append(Compare("<", place, extent))
    others = {i: e for k, (i, e) in enumerate(zip(start.indices, node.indices, strict=True)) if k != start.axis}
    return where(mul(*conditions), node, substitute(start.body, others)) if conditions else node

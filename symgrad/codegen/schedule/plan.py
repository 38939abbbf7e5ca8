"""A stable Program -> a `Nest`: the passes in their order, then statements, storage and fusion.

plan(program)                     the schedule
plan(program, fuse=False)         plain: one nest an equation, for reading and as a second oracle
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

from ...language.errors import DeclarationError
from ...language.notation import equation_text, text
from ...language.program import Equation, Item, Program, Recurrence, equations_of
from ...language.terms import DETERMINANTS, Inverse, Reduce, reads
from ...language.typecheck import typecheck
from ..nests import Comment, Loop, Node, StopIfNotFinite, Sweep, Within, Zero, accesses
from .by_tile import shift_by_tile
from .contractions import materialize_operands
from .forms import PASSES, fold_into_updates, hoist_reductions
from .fusion import place
from .row_factors import move_row_factors
from .statements import nodes_of, statements
from .storage import PERSISTENT, Storage, assign_storage, local_numbers, without_copies
from .sweeps import (
    NotByTile,
    Work,
    held_tensors,
    in_sweeps,
    of_one_sweep,
    starts_first,
    tiles_of,
    with_rows_in_tiles,
    works_of,
)
from .tables import single_entries, turn_operands, turn_tables

Quotes = Mapping[str, tuple[str, ...]]
Pass = Callable[[Program], Program]
TILE = 512  # entries of the axis of a table: with a batch of 256, half a megabyte


@dataclass(frozen=True)
class Nest:
    """`nodes` compute `program`; `numbers` are local scalars, `arrays` the definitions that need an array."""

    program: Program
    nodes: list[Node]
    storage: Storage
    numbers: frozenset[str]
    arrays: tuple[str, ...]

    @property
    def workspace(self) -> tuple[str, ...]:
        """The definitions that have an array of their own, without outputs and what is kept a tile at a time."""
        held = {name for sweep in self.sweeps for name in (*sweep.held, *sweep.local)}
        own = (n for n in self.arrays if self.storage.home[n] == n and n not in self.program.outputs)
        return tuple(name for name in own if name not in held)

    @property
    def sweeps(self) -> tuple[Sweep, ...]:
        return tuple(node for node in self.nodes if isinstance(node, Sweep))


def scheduled_equations(program: Program, tile: int | None = TILE) -> Program:
    """The program after every rewriting pass, typechecked after each; `tile=None` leaves tables as they are."""
    for rewrite in (*PASSES, materialize_operands, *(tiling(tile) if tile is not None else ()), fold_into_updates):
        program = typecheck(rewrite(program))
    return program


def tiling(tile: int) -> tuple[Pass, ...]:
    """The passes that make tables ready to be worked on a tile at a time."""
    by_tile = partial(shift_by_tile, size=tile)
    before = (turn_tables, single_entries, turn_operands, move_row_factors)
    return (*before, by_tile, hoist_reductions, materialize_operands)


def refuse_whole_matrices(program: Program) -> None:
    """Raises DeclarationError for inverses and determinants: they are derived and interpreted, and not emitted."""
    for equation in program.equations():
        for node in equation.body.walk():
            if isinstance(node, Inverse) or (isinstance(node, Reduce) and node.op in DETERMINANTS):
                raise DeclarationError(
                    f"{program.name}: {equation.tensor} holds {text(node)}; inverses and determinants can be derived, "
                    "printed and checked, but no training code is emitted for them"
                )


def plan(program: Program, quotes: Quotes | None = None, fuse: bool = True, tile: int = TILE) -> Nest:
    """The loop nests of a program.  `quotes`: lines that stand above an equation's own in its comment."""
    refuse_whole_matrices(program)
    try:
        return planned(scheduled_equations(program, tile if fuse else None), quotes or {}, fuse)
    except NotByTile:
        return planned(scheduled_equations(program, None), quotes or {}, fuse)


def planned(program: Program, quotes: Quotes, fuse: bool) -> Nest:
    storage = assign_storage(program)
    nodes = Planner(program, storage, quotes, fuse).run()
    definitions = [e.tensor for e in program.equations()]
    candidates = {
        name
        for name in definitions
        if name not in (*program.outputs, *program.updates.values())
        and program.tensors[name].indices
        and list(storage.home.values()).count(storage.home[name]) == 1
    }
    numbers = local_numbers(nodes, candidates)
    nodes = without_copies(nodes, numbers)
    arrays = tuple(n for n in definitions if program.tensors[n].indices and n not in numbers)
    return Nest(program, nodes, storage, frozenset(numbers), arrays)


class Planner:
    """Places every statement; recurrences get a loop of their own, whose slices hold their equations' statements."""

    def __init__(self, program: Program, storage: Storage, quotes: Quotes, fuse: bool) -> None:
        self.program, self.storage, self.quotes, self.fuse = program, storage, quotes, fuse
        self.kept = tuple(t.name for t in program.tensors.values() if t.role in PERSISTENT)
        self.tiles = tiles_of(program)
        self.held = held_tensors(program, self.tiles) if self.tiles else ()

    def run(self) -> list[Node]:
        works = self.guarded(list(self.works()))
        nodes: list[Node] = []
        if self.tiles is None:
            for work in works:
                self.place(work, nodes)
            return nodes
        ordered = list(in_sweeps(with_rows_in_tiles(works, self.tiles, self.home), self.home, self.held))
        for item in ordered:
            if isinstance(item, Work):
                self.place(item, nodes)
            else:
                others = [
                    w for other in ordered if other is not item for w in ([other] if isinstance(other, Work) else other)
                ]
                nodes.append(self.sweep(item, of_one_sweep(item, others, self.program, self.home)))
        return nodes

    def home(self, tensor: str) -> str:
        return self.storage.home.get(tensor, tensor)

    def works(self) -> Iterator[Work]:
        for item in in_order_of_effect(self.program, self.storage):
            if isinstance(item, Recurrence):
                yield from self.recurrence(item)
            elif self.tiles is None:
                lines = self.lines(item)
                for statement in statements(item, self.in_place(item)):
                    yield Work(statement, nodes_of(statement), lines)
                    lines = ()
            else:
                yield from works_of(item, self.in_place(item), self.lines(item), self.tiles, self.held)

    def recurrence(self, item: Recurrence) -> Iterator[Work]:
        """Zeros first, for all slices at once, then the loop."""
        body: list[Node] = []
        for equation in equations_of(item.items):
            lines = self.lines(equation)
            for statement in statements(equation, self.in_place(equation), item.index):
                if statement.inside and isinstance(statement.inside[0], Zero):
                    yield Work(None, statement.inside, ())
                    continue
                place(body, statement, Comment(lines) if lines else None, self.storage.home, self.fuse)
                lines = ()
        yield Work(None, (Loop(item.index, body, "down" if item.reverse else "up"),), ())

    def in_place(self, equation: Equation) -> bool:
        return self.storage.home[equation.tensor] != equation.tensor

    def lines(self, equation: Equation) -> tuple[str, ...]:
        return (*self.quotes.get(equation.tensor, ()), comment_line(equation))

    def guarded(self, works: list[Work]) -> list[Work]:
        """With a stop for a loss that is not finite before the first that changes what outlives the step."""
        if not self.program.updates:
            return works
        first = next((k for k, work in enumerate(works) if writes(work.nodes, self.storage, self.kept)), len(works))
        stop = Work(None, (StopIfNotFinite(self.program.outputs[0], self.kept),), ())
        return [*works[:first], stop, *works[first:]]

    def place(self, work: Work, body: list[Node]) -> None:
        if work.statement is None:
            body += work.nodes
        else:
            comment = Comment(work.lines) if work.lines else None
            place(body, work.statement, comment, self.storage.home, self.fuse)

    def sweep(self, works: list[Work], local: tuple[str, ...]) -> Sweep:
        body: list[Node] = []
        for work in starts_first(works, self.home):
            self.place(work, body)
        touched = [touch for work in works for touch in work.touched]
        sums = dict.fromkeys(t.tensor for t in touched if t.writes and t.where is None)
        held = tuple(name for name in self.held if any(t.tensor == name for t in touched))
        return Sweep(self.tiles.axis, self.tiles.tile, self.tiles.size, self.by_tile(body), held, tuple(sums), local)

    def by_tile(self, body: list[Node]) -> list[Node]:
        """Loops over the axis run over the tile; whether a row lies in it is asked once a row."""
        made: list[Node] = []
        for node in body:
            if isinstance(node, Loop):
                inner = self.by_tile(node.body)
                node = Loop(node.index, inner, "tile" if self.tiles.is_axis(node.index) else node.order)
                if len(inner) == 1 and isinstance(inner[0], Within) and node.index not in inner[0].place.free:
                    node = Within(inner[0].place, (replace(node, body=list(inner[0].body)),))
            made.append(node)
        return made


def in_order_of_effect(program: Program, storage: Storage) -> list[Item]:
    """The items in order, those that change parameters or states last: everything else reads the old values."""
    lasting = {t.name for t in program.tensors.values() if t.role in PERSISTENT}
    equations = list(program.equations())
    late = [e for e in equations if storage.home[e.tensor] in lasting]
    tensors = {e.tensor for e in late}
    # what reads an updated value comes after it: states before the parameters that use them
    changed = True
    while changed:
        changed = False
        for equation in equations:
            used = {read.tensor for read in reads(equation.body)}
            if equation.tensor not in tensors and used & tensors:
                tensors.add(equation.tensor)
                changed = True

    def late_item(item: Item) -> bool:
        return any(equation.tensor in tensors for equation in equations_of((item,)))

    return sorted(program.items, key=late_item)


def writes(nodes: tuple[Node, ...], storage: Storage, kept: tuple[str, ...]) -> bool:
    return any(a.writes and storage.home.get(a.tensor, a.tensor) in kept for node in nodes for a in accesses(node))


def comment_line(equation: Equation) -> str:
    """`(F2) h[b,i] = tanh(a[b,i])`; scheduled equations without a number stand as they are."""
    label = f"({equation.label}) " if equation.label else ""
    return label + equation_text(equation)

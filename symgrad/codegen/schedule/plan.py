"""A stable Program -> a `Nest`: the passes in their order, then statements, storage and fusion.

plain    one nest an equation and no BLAS, for reading and as a second oracle
whole    loops over the same axes are one, products are BLAS'
tiles    whole, and a table, such as the scores of all words, is worked on a tile of an axis at a time
rows     whole, and each thread takes its rows of the batch through all that goes row by row
auto     rows where there is a recurrence, elsewhere tiles of tables over a vocabulary, which is known to be long
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

from ...language.errors import DeclarationError
from ...language.notation import equation_text, text
from ...language.program import Equation, Item, Program, Recurrence, Tensor, equations_of
from ...language.terms import DETERMINANTS, Const, Index, Inverse, Reduce, Size, Term
from ...language.typecheck import typecheck
from ..nests import Assign, Comment, Loop, Node, StopIfNotFinite, Sweep, Within, Zero, accesses
from .by_tile import shift_by_tile, totals_by_tile
from .contractions import materialize_operands
from .factored_sums import factor_sums
from .forms import PASSES, fold_into_updates, hoist_reductions
from .fusion import place
from .row_factors import move_row_factors
from .rows import by_row, loss_by_row, rows_of, turn_recurrent_operands
from .statements import Statement, nodes_of, statements
from .storage import PERSISTENT, Storage, assign_storage, local_numbers, made_of, with_arrays_used_again, without_copies
from .sweeps import (
    NotByTile,
    Swept,
    Work,
    held_tensors,
    in_sweeps,
    is_square,
    of_one_sweep,
    starts_first,
    tiles_of,
    with_rows_in_tiles,
    works_of,
)
from .tables import single_entries, turn_operands, turn_tables
from .turns import with_arrays_of_a_turn

Quotes = Mapping[str, tuple[str, ...]]
Pass = Callable[[Program], Program]
BY_TILE = ("auto", "tiles")  # those of a vocabulary; those of any axis
SCHEDULES = ("auto", "plain", "whole", "tiles", "rows")
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

    def stored(self, name: str) -> Tensor:
        """The tensor with the axes that its array has."""
        tensor = self.program.tensors[name]
        return replace(tensor, indices=tuple(self.storage.kept(name, tensor.indices)))

    @property
    def sweeps(self) -> tuple[Sweep, ...]:
        return tuple(node for node in self.nodes if isinstance(node, Sweep))


def passes(schedule: str, tile: int = TILE) -> tuple[Pass, ...]:
    """The rewriting passes of a schedule in their order."""
    if schedule == "plain":
        return PASSES
    own: tuple[Pass, ...] = (fold_into_updates,)
    if schedule in BY_TILE:
        own = (*tiling(tile, every=schedule == "tiles"), fold_into_updates)
    elif schedule == "rows":  # a part's share of a gradient is no update yet
        own = (turn_recurrent_operands, loss_by_row)
    return (*PASSES, factor_sums, materialize_operands, *own)


def scheduled_equations(
    program: Program, schedule: str = "auto", tile: int = TILE, without: Collection[str] = ()
) -> Program:
    """The program after every rewriting pass of the schedule but those left out, typechecked after each."""
    for rewrite in passes(schedule, tile):
        if name_of(rewrite) not in without:
            program = typecheck(rewrite(program))
    return program


def name_of(rewrite: Pass) -> str:
    return rewrite.func.__name__ if isinstance(rewrite, partial) else rewrite.__name__


def tiling(tile: int, every: bool) -> tuple[Pass, ...]:
    """The passes that make tables ready to be worked on a tile at a time."""
    before = (partial(of, every=every) for of in (turn_tables, single_entries, turn_operands, move_row_factors))
    by_tile = (partial(of, size=tile, every=every) for of in (totals_by_tile, shift_by_tile))
    return (*before, *by_tile, hoist_reductions, materialize_operands)


# Every pass but the one without which a sum inside an expression would have no loop.
OPTIONAL = tuple(
    name
    for name in dict.fromkeys(name_of(rewrite) for schedule in SCHEDULES for rewrite in passes(schedule))
    if name != hoist_reductions.__name__
)


def refuse_whole_matrices(program: Program) -> None:
    """Raises DeclarationError for inverses and determinants: they are derived and interpreted, and not emitted."""
    for equation in program.equations():
        for node in equation.body.walk():
            if isinstance(node, Inverse) or (isinstance(node, Reduce) and node.op in DETERMINANTS):
                raise DeclarationError(
                    f"{program.name}: {equation.tensor} holds {text(node)}; inverses and determinants can be derived, "
                    "printed and checked, but no training code is emitted for them"
                )


def plan(
    program: Program,
    quotes: Quotes | None = None,
    schedule: str = "auto",
    tile: int = TILE,
    without: Collection[str] = (),
) -> Nest:
    """The loop nests of a program.  `quotes`: lines that stand above an equation's own in its comment.

    Rows are only divided where parameters change.  `without` are names of passes that are left out; the result is the
    same.  Raises DeclarationError for a schedule or a pass that there is none of, and for what no code is emitted for.
    """
    refuse_whole_matrices(program)
    schedule = chosen_schedule(program, schedule)
    if tile < 1:
        raise DeclarationError(f"tile is {tile}, expected 1 or more entries of an axis")
    for name in without:
        if name not in OPTIONAL:
            raise DeclarationError(f"there is no pass {name!r} to leave out; there are {', '.join(OPTIONAL)}")
    try:
        return planned(scheduled_equations(program, schedule, tile, without), quotes or {}, schedule)
    except NotByTile:
        return planned(scheduled_equations(program, "whole", tile, without), quotes or {}, "whole")


def chosen_schedule(program: Program, schedule: str) -> str:
    """For "auto" rows where there is a recurrence; "whole" where there are no rows that a step could divide."""
    if schedule not in SCHEDULES:
        raise DeclarationError(f"there is no schedule {schedule!r}; there are {', '.join(SCHEDULES)}")
    divisible = bool(program.updates) and rows_of(program) is not None
    recurs = any(isinstance(item, Recurrence) for item in program.items)
    if schedule == "rows" or (schedule == "auto" and recurs):
        return "rows" if divisible else "whole"
    return schedule


def planned(program: Program, quotes: Quotes, schedule: str) -> Nest:
    storage = assign_storage(program)
    nodes = Planner(program, storage, quotes, schedule).run()
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
    if schedule == "plain":
        return Nest(program, nodes, storage, frozenset(numbers), arrays)
    lasting = {*program.outputs, *program.updates, *program.updates.values()}
    storage, nodes = with_arrays_of_a_turn(storage, nodes, {name for name in arrays if name not in lasting})
    nest = Nest(program, nodes, storage, frozenset(numbers), arrays)
    real = [name for name in nest.workspace if program.tensors[name].vocabulary is None]
    shapes = {name: nest.stored(name).shape for name in real}
    return replace(nest, storage=with_arrays_used_again(storage, nodes, real, shapes))


class Planner:
    """Places every statement; recurrences get a loop of their own, whose slices hold their equations' statements."""

    def __init__(self, program: Program, storage: Storage, quotes: Quotes, schedule: str) -> None:
        self.program, self.storage, self.quotes, self.fuse = program, storage, quotes, schedule != "plain"
        self.kept = tuple(t.name for t in program.tensors.values() if t.role in PERSISTENT)
        self.tiles = tiles_of(program) if schedule in BY_TILE else None
        if self.tiles is not None and is_square(program, self.tiles):
            raise NotByTile
        self.rows = rows_of(program) if schedule == "rows" else None
        self.held = held_tensors(program, self.tiles) if self.tiles else ()

    def run(self) -> list[Node]:
        works = self.guarded(list(self.works()))
        nodes: list[Node] = []
        if self.tiles is not None:
            works = with_rows_in_tiles(works, self.tiles, self.home)
        if self.rows is not None:
            works = list(by_row(works, self.rows, self.home))
        if not any(work.tiles for work in works):
            for work in works:
                self.place(work, nodes)
            return nodes
        ordered = list(in_sweeps(works, self.home, self.held))
        for item in ordered:
            if isinstance(item, Work):
                self.place(item, nodes)
            else:
                others = [
                    w for other in ordered if other is not item for w in ([other] if isinstance(other, Work) else other)
                ]
                nodes.append(self.sweep(item, others))
        return nodes

    def home(self, tensor: str) -> str:
        return self.storage.home.get(tensor, tensor)

    def works(self) -> Iterator[Work]:
        for item in in_order_of_effect(self.program, self.storage):
            if isinstance(item, Recurrence):
                yield from self.recurrence(item)
            elif self.tiles is None:
                lines = self.lines(item)
                for statement in statements(item, self.in_place(item), None, self.fuse):
                    yield Work(statement, nodes_of(statement), lines)
                    lines = ()
            else:
                yield from works_of(item, self.in_place(item), self.lines(item), self.tiles, self.held)

    def recurrence(self, item: Recurrence) -> Iterator[Work]:
        """Zeros first, for all slices at once where they are kept, then the loop."""
        body: list[Node] = []
        for equation in equations_of(item.items):
            lines = self.lines(equation)
            for statement in statements(equation, self.in_place(equation), item.index, self.fuse):
                if statement.inside and isinstance(statement.inside[0], Zero):
                    if equation.tensor not in self.storage.sliced:
                        yield Work(None, statement.inside, ())
                        continue
                    loops = tuple(index for index in equation.indices if index != item.index)
                    statement = Statement(equation, loops, (Assign(equation.left, "=", Const(0)),))
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

    def sweep(self, works: list[Work], others: list[Work]) -> Sweep:
        body: list[Node] = []
        for work in starts_first(works, self.home):
            self.place(work, body)
        touched = [touch for work in works for touch in work.touched]
        sums = tuple(dict.fromkeys(t.tensor for t in touched if t.writes and t.where is None))
        if self.rows is not None:
            return Sweep(self.rows.axis, None, 0, self.by_tile(body, self.rows), (), sums)
        held = tuple(name for name in self.held if any(t.tensor == name for t in touched))
        local = of_one_sweep(works, others, self.program, self.home)
        tiles = self.tiles
        return Sweep(tiles.axis, tiles.tile, tiles.size, self.by_tile(body, tiles), held, sums, local)

    def by_tile(self, body: list[Node], swept: Swept) -> list[Node]:
        """Loops over the axis run over the tile, or the part's rows; whether a row lies in it is asked once a row."""
        made: list[Node] = []
        for node in body:
            if isinstance(node, Loop):
                inner = self.by_tile(node.body, swept)
                node = Loop(node.index, inner, "tile" if swept.is_axis(node.index) else node.order)
                if len(inner) == 1 and isinstance(inner[0], Within) and node.index not in inner[0].place.free:
                    node = Within(inner[0].place, (replace(node, body=list(inner[0].body)),))
            made.append(node)
        return made


def in_order_of_effect(program: Program, storage: Storage) -> list[Item]:
    """The items in order, those that change parameters or states last: everything else reads the old values."""
    lasting = {t.name for t in program.tensors.values() if t.role in PERSISTENT}
    # what reads an updated value comes after it: states before the parameters that use them
    late = made_of(program, {e.tensor for e in program.equations() if storage.home[e.tensor] in lasting})

    def late_item(item: Item) -> bool:
        return any(equation.tensor in late for equation in equations_of((item,)))

    return sorted(program.items, key=late_item)


def writes(nodes: tuple[Node, ...], storage: Storage, kept: tuple[str, ...]) -> bool:
    return any(a.writes and storage.home.get(a.tensor, a.tensor) in kept for node in nodes for a in accesses(node))


def comment_line(equation: Equation) -> str:
    """`(F2) h[b,i] = tanh(a[b,i])`; scheduled equations without a number stand as they are."""
    label = f"({equation.label}) " if equation.label else ""
    return label + equation_text(equation)


def sizes_in(nest: Nest) -> set[str]:
    """Every size that the nest's loops, arrays and formulas name."""
    terms = [extent for name in nest.arrays for extent in nest.program.tensors[name].shape]
    for equation in nest.program.equations():
        indices = [node for node in equation.body.walk() if isinstance(node, Index)]
        indices += [index for node in equation.body.walk() if isinstance(node, Reduce) for index in node.indices]
        terms += [equation.body, *(index.extent for index in (*equation.indices, *indices))]
    return set().union(*map(sizes_named, terms))


def sizes_named(term: Term) -> set[str]:
    return {node.name for node in term.walk() if isinstance(node, Size)}

"""Which statements run a tile of an axis at a time, together, while the tile is in cache.

    first sweep over v     o, its maxima, the exponentials and their sums
    then                   what needs all tiles: the loss
    second sweep over v    dh_sum += ..., W2 -= ...

A statement can be swept where it has a loop over the axis, or a product with it.  Of two that touch the same array, one
of them writing, both may stand in one sweep if each touches only the tile at hand; a sum over the axis is complete
after its sweep.  Statements are taken in the order that this allows: what is in no sweep as soon as it can be, so that
each sweep holds as much as it can.  Nothing of it depends on what the statements mean.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

from ...language.algebra import construct, factors_of, mul
from ...language.program import Equation, Program, Role
from ...language.rewriting import rebuild, substitute
from ...language.terms import Call, Compare, Const, Index, Reduce, Term, Where, reads
from ..nests import Access, Assign, MatrixProduct, Node, Within, Zero, accesses
from .by_tile import is_tile_extent, tile_of
from .forms import places
from .statements import Statement, nodes_of, statements

Place = Callable[[str], str]


class NotByTile(Exception):
    """An equation that is written by tiles has a statement that cannot run on one tile."""


@dataclass(frozen=True)
class Tiles:
    """The axis that is swept, as its extent, and the one index that all tiles get."""

    axis: Term
    tile: Index
    size: int

    def is_tile(self, index: Term) -> bool:
        return isinstance(index, Index) and index.extent == self.tile.extent

    def is_axis(self, index: Term) -> bool:
        return isinstance(index, Index) and index.extent == self.axis

    def touched(self, work: Work) -> Iterator[Touch]:
        for node in work.nodes:
            yield from touches(node, self)


def tiles_of(program: Program) -> Tiles | None:
    """The tiled axis of the program: that of which a definition has the tiles for an axis of its own."""
    for equation in program.equations():
        for index in equation.indices:
            if is_tile_extent(index.extent):
                size = index.extent.arguments[1].value
                for node in equation.body.walk():
                    if isinstance(node, Call) and node.arguments and node == tile_of(node.arguments[0], size):
                        return Tiles(node.arguments[0].extent, Index("tile", index.extent), size)
    return None


def is_square(program: Program, tiles: Tiles) -> bool:
    """Whether an equation runs over the axis twice, as K[v,w] with v, w < V does: then no tile holds what it needs."""
    return any(
        sum(map(tiles.is_axis, around)) > 1
        for equation in program.equations()
        for _, around in places(equation.body, equation.indices)
    )


class Swept(Protocol):
    """How an axis is swept: what a work touches of it at a time."""

    axis: Term

    def is_axis(self, index: Term) -> bool: ...

    def touched(self, work: Work) -> Iterator[Touch]: ...


@dataclass(frozen=True)
class Work:
    """A statement, or a recurrence with all that is in it, with the lines that explain it."""

    statement: Statement | None
    nodes: tuple[Node, ...]
    lines: tuple[str, ...]
    tiles: Swept | None = None  # where it is swept

    @cached_property
    def touched(self) -> tuple[Touch, ...]:
        whole = (Touch(a.tensor, None, a.writes) for node in self.nodes for a in accesses(node))
        touched = whole if self.tiles is None else self.tiles.touched(self)
        return tuple(touch for touch in touched if "." not in touch.tensor)  # no number of the statement's own


@dataclass(frozen=True)
class Touch:
    """One use of a tensor; `where` says of which axis only the tile is touched, and is None where all of it is."""

    tensor: str
    where: tuple[str, int] | None
    writes: bool
    adds: bool = False


def touches(node: Node, tiles: Tiles) -> Iterator[Touch]:
    match node:
        case MatrixProduct(p, _):
            yield Touch(p.target.tensor, aligned(p.target.indices, tiles), True, True)
            for read in (p.left, p.right):
                yield Touch(read.tensor, aligned(read.indices, tiles), False)
            yield from (Touch(read.tensor, aligned(read.indices, tiles), False) for read in reads(p.alpha))
        case Within(place, (Assign() as row,)):
            positions = [k for k, index in enumerate(row.target.indices) if index == place]
            yield Touch(row.target.tensor, ("axis", positions[0]), True, True)
            for term in (*row.target.indices, row.value):
                yield from (Touch(read.tensor, aligned(read.indices, tiles), False) for read in reads(term))
        case Assign(target, op):
            adds = op == "+=" and bool(target.indices)  # a part has arrays of its own, no numbers
            yield Touch(target.tensor, aligned(target.indices, tiles), True, adds)
            yield from (
                from_access(a, tiles)
                for a in accesses(node)
                if not (a.tensor == target.tensor and a.indices == target.indices)
            )
        case Zero(tensor):
            raise AssertionError(f"{tensor}: zeros are swept as an assignment")
        case _:
            for inner in accesses(node):
                yield from_access(inner, tiles)


def from_access(access: Access, tiles: Tiles) -> Touch:
    return Touch(access.tensor, aligned(access.indices or (), tiles), access.writes)


def aligned(indices: tuple[Term, ...], tiles: Tiles) -> tuple[str, int] | None:
    for position, index in enumerate(indices):
        if tiles.is_axis(index):
            return "axis", position
        if tiles.is_tile(index):
            return "tile", position
    return None


def at_one_tile(equation: Equation, tiles: Tiles) -> Equation:
    """The equation as it stands within a tile: v//T is the tile, and sums over v in tile k are sums over v."""

    def visit(node: Term) -> Term:
        if isinstance(node, Call) and node.arguments and node == tile_of(node.arguments[0], tiles.size):
            return tiles.tile if tiles.is_axis(node.arguments[0]) else node
        if isinstance(node, Reduce):
            node = restricted(node, tiles)
        node = construct(rebuild(node, visit))
        named = {i: tiles.tile for i in getattr(node, "indices", ()) if isinstance(node, Reduce) and tiles.is_tile(i)}
        return (
            replace(node, indices=tuple(named.get(i, i) for i in node.indices), body=substitute(node.body, named))
            if named
            else node
        )

    own = {index: tiles.tile for index in equation.indices if tiles.is_tile(index)}
    body = visit(substitute(equation.body, own))
    return replace(equation, indices=tuple(own.get(index, index) for index in equation.indices), body=body)


def restricted(node: Reduce, tiles: Tiles) -> Reduce:
    """The reduction without its condition that v lies in the tile."""
    v = node.indices[0]
    if not tiles.is_axis(v):
        return node

    def says_tile(term: Term) -> bool:
        return isinstance(term, Compare) and term.left == tile_of(v, tiles.size) and tiles.is_tile(term.right)

    if isinstance(node.body, Where) and says_tile(node.body.condition):
        return replace(node, body=node.body.then)
    return replace(node, body=mul(*(factor for factor in factors_of(node.body) if not says_tile(factor))))


def held_tensors(program: Program, tiles: Tiles) -> tuple[str, ...]:
    """Definitions with an axis of tiles that only tile by tile products make or read: one tile at a time is kept."""
    by_tile = {e.tensor for e in program.equations() if any(map(tiles.is_tile, e.indices))}
    held = set()
    for equation in program.equations():
        here = at_one_tile(equation, tiles)
        for statement in statements(here, False, tiles.tile):
            for node in statement.inside:
                if isinstance(node, MatrixProduct):
                    held |= {r.tensor for r in (node.product.target, node.product.left, node.product.right)} & by_tile
    return tuple(e.tensor for e in program.equations() if e.tensor in held)


def is_swept(statement: Statement, tiles: Tiles, held: tuple[str, ...]) -> bool:
    """Whether the statement runs tile by tile: over the axis, or over the tiles of what is kept one at a time."""
    for node in nodes_of(statement):
        if isinstance(node, MatrixProduct):
            p = node.product
            if any(tuple(map(tiles.is_axis, group)) == (True,) for group in (p.rows, p.columns, p.inner)):
                return True
        elif any(a.tensor in held for a in accesses(node)):
            return True
    return sum(map(tiles.is_axis, statement.loops)) == 1


def conflict(first: Work, second: Work, place: Place) -> str | None:
    """How the second depends on the first: not at all, tile by tile, or on all of it."""
    found = None
    for a in first.touched:
        for b in second.touched:
            if place(a.tensor) != place(b.tensor) or not (a.writes or b.writes):
                continue
            swept = first.tiles is not None and second.tiles is not None
            if swept and a.where == b.where and (a.where is not None or (a.adds and b.adds)):
                found = "tile"
            else:
                return "all"
    return found


def works_of(
    equation: Equation, in_place: bool, lines: tuple[str, ...], tiles: Tiles, held: tuple[str, ...]
) -> Iterator[Work]:
    """The statements of an equation, those that can be as work on one tile."""
    here = at_one_tile(equation, tiles)
    found = list(statements(here, in_place, tiles.tile))
    swept = [is_swept(statement, tiles, held) for statement in found]
    if not any(swept):
        found = list(statements(equation, in_place))
    elif tiles.tile in here.indices:
        swept = [True] * len(found)  # an entry of a tile starts in its tile
    for statement, by_tile in zip(found, swept, strict=False):
        for part in complete(statement, tiles) if by_tile else (statement,):
            work = Work(part, nodes_of(part), lines, tiles if by_tile and not is_zero(part) else None)
            if work.tiles is not None and not can_be_swept(work):
                if here != equation:
                    raise NotByTile
                work = replace(work, tiles=None)
            yield work
            lines = ()


def is_zero(statement: Statement) -> bool:
    return bool(statement.inside) and isinstance(statement.inside[0], Zero)


def complete(statement: Statement, tiles: Tiles) -> Iterator[Statement]:
    """A product that sums over the axis adds to what other tiles gave, and so starts from 0; zeros are a tile's."""
    equation = statement.equation
    match statement.inside:
        case (MatrixProduct(product, False),) if aligned(product.target.indices, tiles) is None:
            yield Statement(equation, (), (Zero(product.target.tensor),))
            yield replace(statement, inside=(MatrixProduct(product, True),))
        case (Zero(),) if tiles.tile in equation.indices:
            loops = tuple(index for index in equation.indices if index != tiles.tile)
            yield Statement(equation, loops, (Assign(equation.left, "=", Const(0)),))
        case _:
            yield statement


def with_rows_in_tiles(works: list[Work], tiles: Tiles, place: Place) -> list[Work]:
    """Zeros and scattered rows of what is otherwise swept are done tile by tile too: those that lie in the tile."""
    swept = {
        place(t.tensor) for w in works if w.tiles for t in w.touched if t.where is not None and t.where[0] == "axis"
    }

    def moved(work: Work) -> Work:
        statement = work.statement
        if work.tiles is not None or statement is None or len(statement.inside) != 1 or statement.depth:
            return work
        equation, node = statement.equation, statement.inside[0]
        positions = [k for k, index in enumerate(equation.indices) if tiles.is_axis(index)]
        if len(positions) != 1 or place(equation.tensor) not in swept:
            return work
        if isinstance(node, Zero):
            statement = Statement(equation, equation.indices, (Assign(equation.left, "=", Const(0)),))
        elif isinstance(node, Assign) and node.target.tensor == equation.tensor and node.op == "+=":
            statement = replace(statement, inside=(Within(node.target.indices[positions[0]], (node,)),))
        else:
            return work
        return replace(work, statement=statement, nodes=statement.inside, tiles=tiles)

    return list(map(moved, works))


def can_be_swept(work: Work) -> bool:
    """Whether all that it writes is of the tile, or added to a sum over all tiles."""
    return all(touch.where is not None or touch.adds for touch in work.touched if touch.writes)


def in_sweeps(works: list[Work], place: Place, held: tuple[str, ...]) -> Iterator[Work | list[Work]]:
    """The works in an order that keeps every dependence; those of one sweep as a list."""
    waiting = list(range(len(works)))
    before: dict[int, dict[int, str]] = {
        j: {i: found for i in range(j) if (found := conflict(works[i], works[j], place)) is not None} for j in waiting
    }
    done: set[int] = set()
    while waiting:
        single = next((j for j in waiting if works[j].tiles is None and before[j].keys() <= done), None)
        if single is not None:
            waiting.remove(single)
            done.add(single)
            yield works[single]
            continue
        together = sweepable(works, waiting, done, before, held)
        waiting = [j for j in waiting if j not in together]
        done |= set(together)
        yield [works[j] for j in together]


def sweepable(
    works: list[Work], waiting: list[int], done: set[int], before: dict[int, dict[int, str]], held: tuple[str, ...]
) -> list[int]:
    """The works that can make the next sweep; all that touch what is kept one tile at a time, or none of them."""
    left_out: set[int] = set()
    while True:
        together: list[int] = []
        for j in waiting:
            ready = all(i in done or (i in together and how == "tile") for i, how in before[j].items())
            if works[j].tiles is not None and ready and j not in left_out:
                together.append(j)
        split = {name for j in waiting if j not in together for name in kept(works[j], held)}
        alone = {j for j in together if kept(works[j], held) & split}
        needed = {touch.tensor for j in together if not is_start(works[j]) for touch in works[j].touched}
        early = {j for j in together if is_start(works[j]) and works[j].touched[0].tensor not in needed}
        alone |= early if len(early) < len(together) else set()
        if not alone:
            if not together:
                raise NotByTile
            return together
        left_out |= alone


def is_start(work: Work) -> bool:
    """Whether it sets an array of a tile to a number."""
    return all(isinstance(node, Assign) and node.op == "=" and not reads(node.value) for node in work.nodes)


def starts_first(works: list[Work], place: Place) -> list[Work]:
    """Where an array of a tile is set to a number, before all else: it parts no loops then that could be one.

    It stays where it is if the array's memory is used before.
    """
    first, rest, used = [], [], set()
    for work in works:
        places = {place(touch.tensor) for touch in work.touched}
        (first if is_start(work) and not places & used else rest).append(work)
        used |= places
    return [*first, *rest]


def kept(work: Work, held: tuple[str, ...]) -> set[str]:
    return {touch.tensor for touch in work.touched} & set(held)


def of_one_sweep(sweep: list[Work], others: list[Work], program: Program, place: Place) -> tuple[str, ...]:
    """Definitions along the axis that nobody touches outside of the sweep: they need no more than a tile's memory."""
    lasting = {*program.outputs, *program.updates.values()}
    fixed = {place(t.tensor) for work in others for t in work.touched}
    fixed |= {place(t.tensor) for work in sweep for t in work.touched if t.where != ("axis", 0)}
    fixed |= {place(name) for name, tensor in program.tensors.items() if tensor.role is not Role.DEFINITION}
    fixed |= {place(name) for name in lasting}
    names = dict.fromkeys(t.tensor for work in sweep for t in work.touched if t.tensor in program.tensors)
    return tuple(name for name in names if place(name) not in fixed and program.tensors[name].vocabulary is None)

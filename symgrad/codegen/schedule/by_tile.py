"""A maximum that is taken out of exponentials, tile by tile: each tile has its own, so none waits for the last.

    m[b] = max_v o[v,b]            m_tile[k,b] = max over v in tile k of o[v,b],   m[b] = max_k m_tile[k,b]
    E[v,b] = exp(o[v,b] - m[b])    E_tile[v,b] = exp(o[v,b] - m_tile[v//T,b]),  shift[k,b] = exp(m_tile[k,b] - m[b])
    every E[v,b]                   E_tile[v,b]*shift[v//T,b], the second factor at most 1
    sum_v f[v,b]                   sum_k (sum over v in tile k of f[v,b])
    sum_v E[v,b]*f[v]              sum_k shift[k,b] * (sum over v in tile k of E_tile[v,b]*f[v])
    sum_b E[v,b]*h[b,i]            sum_b E_tile[v,b]*h_tile[v//T,b,i],  h_tile[k,b,i] = shift[k,b]*h[b,i]
    sum_v,i C[v,i]**2              sum_k (sum over v in tile k, and i, of C[v,i]**2)

These are identities for whatever tile size T.  A sum over the tile k is written sum_v [v//T == k]*f[v].  A tile of
nothing but -inf gets the least number for its maximum, so that its exponentials are 0 and not NaN.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ...language.algebra import add, construct, factors_of, mul, subtract, summed, terms_of
from ...language.program import Equation, Program
from ...language.rewriting import fresh_index, rebuild, substitute
from ...language.terms import Call, Compare, Const, Index, Read, Reduce, Term, Where, reads
from .builder import Builder, in_order
from .tables import Table, is_whole, tables

LEAST = Call("least")


def tile_of(index: Term, size: int) -> Term:
    return Call("floordiv", (index, Const(size)))


def tile_index(axis: Index, size: int, taken: set[str]) -> Index:
    """The number of a tile of the axis: k < (V + T - 1)//T."""
    extent = Call("floordiv", (add(axis.extent, Const(size - 1)), Const(size)))
    return fresh_index(Index("tile", extent), taken)


def is_tile_extent(extent: Term) -> bool:
    return isinstance(extent, Call) and extent.function == "floordiv"


def shift_by_tile(program: Program, size: int, every: bool = False) -> Program:
    """Every maximum over a table's axis that is only subtracted in exponentials over it, tile by tile."""
    for table in tables(program, every):
        if table.position == 0:
            program = Shifts(program, table, size).rewritten()
    return program


def totals_by_tile(program: Program, size: int, every: bool = False) -> Program:
    """A number that sums a whole array of a table's axis, sum_v,i f[v,i], is summed tile by tile, with the tables."""
    axes = {program.equation(t.members[0]).indices[0].extent for t in tables(program, every) if t.position == 0}
    builder = Builder(program)
    for equation in program.equations():
        body = equation.body
        if not equation.indices and isinstance(body, Reduce) and body.op == "sum" and len(body.indices) > 1:
            along = [index for index in body.indices if index.extent in axes]
            if len(along) == 1:
                v, others = along[0], tuple(index for index in body.indices if index != along[0])
                k = tile_index(v, size, {index.name for node in body.walk() for index in (*node.free, *body.indices)})
                inside = summed((v, *others), mul(body.body, Compare("==", tile_of(v, size), k)))
                body = summed((k,), builder.define(f"{equation.tensor}_tile", (k,), inside))
        builder.add(replace(equation, body=body))
    return builder.program


@dataclass(frozen=True)
class Maximum:
    """m[rows] = max over `axis` of f, and the tensors that stand for it tile by tile."""

    equation: Equation
    of_tile: str
    shift: str

    @property
    def axis(self) -> Index:
        return self.equation.body.indices[0]

    def exponent(self, rows: tuple[Term, ...], v: Term, tile: Term | None = None) -> Term:
        """f - m at these rows, with the maximum of the tile in its place where one is given."""
        f = substitute(self.equation.body.body, dict(zip((*self.equation.indices, self.axis), (*rows, v), strict=True)))
        return subtract(f, Read(self.equation.tensor, rows) if tile is None else Read(self.of_tile, (tile, *rows)))

    def found_in(self, node: Term) -> tuple[tuple[Term, ...], Index] | None:
        """(rows, v) where the node is exp(f[rows,v] - m[rows])."""
        if not (isinstance(node, Call) and node.function == "exp"):
            return None
        for read in reads(node):
            if read.tensor == self.equation.tensor:
                for v in sorted(node.free, key=lambda index: index.name):
                    if v.extent == self.axis.extent and node.arguments == (self.exponent(read.indices, v),):
                        return read.indices, v
        return None


class Shifts:
    def __init__(self, program: Program, table: Table, size: int) -> None:
        self.program, self.table, self.size = program, table, size
        self.builder = Builder(program)
        self.maxima: list[Maximum] = []
        self.made: dict[str, tuple[str, str]] = {}  # E -> (E_tile, shift)

    def rewritten(self) -> Program:
        for equation in self.program.equations():
            if self.is_shift(equation):
                self.define(equation)
            elif not self.becomes_tiled(equation):
                self.builder.add(replace(equation, body=self.by_tile(self.read_shifted(equation), equation)))
        return self.builder.program

    def is_shift(self, equation: Equation) -> bool:
        """Whether it is m = max_v f over the table, and is taken out of exponentials of f."""
        body = equation.body
        if not (isinstance(body, Reduce) and body.op == "max" and len(body.indices) == 1):
            return False
        source = self.program.equation(self.table.members[0])
        if body.indices[0].extent != source.indices[0].extent or len(equation.indices) != len(source.indices) - 1:
            return False
        if not any(read.tensor in self.table.members for read in reads(body)):
            return False
        maximum = Maximum(equation, "", "")
        return any(maximum.found_in(node) for e in self.program.equations() for node in e.body.walk())

    def define(self, equation: Equation) -> None:
        """The tiles' maxima, the maximum of those, and the shift between them."""
        builder, v, f = self.builder, equation.body.indices[0], equation.body.body
        k = tile_index(v, self.size, {index.name for node in equation.body.walk() for index in node.free} | {v.name})
        in_tile = Where(Compare("==", tile_of(v, self.size), k), f, LEAST)
        of_tile = builder.define(f"{equation.tensor}_tile", (k, *equation.indices), Reduce("max", (v,), in_tile))
        builder.add(replace(equation, body=Reduce("max", (k,), of_tile)))
        below = Call("exp", (subtract(of_tile, equation.left),))
        shift = builder.define(f"{equation.tensor}_shift", of_tile.indices, below)
        self.maxima.append(Maximum(equation, of_tile.tensor, shift.tensor))

    def becomes_tiled(self, equation: Equation) -> bool:
        """Defines E_tile in the place of a member E = exp(f - m)."""
        for maximum in self.maxima:
            found = maximum.found_in(equation.body) if equation.tensor in self.table.members else None
            if found is not None:
                rows, v = found
                body = Call("exp", (maximum.exponent(rows, v, tile_of(v, self.size)),))
                made = self.builder.define(f"{equation.tensor}_tile", equation.indices, body)
                self.made[equation.tensor] = made.tensor, maximum.shift
                return True
        return False

    def read_shifted(self, equation: Equation) -> Term:
        """The right side with every exponential as that of its tile times the tile's shift."""

        def visit(node: Term) -> Term:
            if isinstance(node, Read) and node.tensor in self.made:
                exponential, shift = self.made[node.tensor]
                there = (tile_of(node.indices[0], self.size), *node.indices[1:])
                return mul(Read(exponential, node.indices), Read(shift, there))
            for maximum in self.maxima:
                found = maximum.found_in(node)
                if found is not None:
                    rows, v = found
                    tile = tile_of(v, self.size)
                    return mul(Call("exp", (maximum.exponent(rows, v, tile),)), Read(maximum.shift, (tile, *rows)))
            return construct(rebuild(node, visit))

        return visit(equation.body) if self.maxima else equation.body

    def by_tile(self, body: Term, equation: Equation) -> Term:
        """Factors that depend on the axis by the number of the tile alone are taken out of sums."""

        def visit(node: Term, around: tuple[Index, ...]) -> Term:
            sums = isinstance(node, Reduce) and node.op == "sum" and len(node.indices) == 1
            if sums and not self.is_of_tile(node) and (self.tiles_in(node) or self.is_row_sum(node)):
                parts = (self.sum_by_tile(node.indices[0], part, around, equation) for part in terms_of(node.body))
                return add(*parts)
            inner = around + node.indices if isinstance(node, Reduce) else around
            return construct(rebuild(node, lambda child: visit(child, inner)))

        return visit(body, equation.indices)

    def is_of_tile(self, node: Reduce) -> bool:
        """Whether it is the sum of one tile already: of another table over the same axis."""
        brackets = (factor for factor in factors_of(node.body) if isinstance(factor, Compare))
        return any(bracket.left == tile_of(node.indices[0], self.size) for bracket in brackets)

    def is_row_sum(self, node: Reduce) -> bool:
        """Whether it sums the table's entries, one number a row: exact to the last bits only tile by tile."""
        source = self.program.equation(self.table.members[0])
        entries = [
            read
            for read in reads(node.body)
            if read.tensor in {*self.table.members, *(e for e, _ in self.made.values())}
        ]
        return node.indices[0].extent == source.indices[0].extent and any(
            is_whole(read) and node.free == set(read.indices[1:]) and read.indices[0] == node.indices[0]
            for read in entries
        )

    def tiles_in(self, term: Term) -> set[Term]:
        """The numbers of tiles, v//T, that occur."""
        return {
            n for n in term.walk() if isinstance(n, Call) and n.arguments and n == tile_of(n.arguments[0], self.size)
        }

    def sum_by_tile(self, index: Index, body: Term, around: tuple[Index, ...], equation: Equation) -> Term:
        """A sum over the axis itself, tile by tile; in one over rows the factor goes to the other operand."""
        tiles = self.tiles_in(body) or {tile_of(index, self.size)}
        if len(tiles) != 1:
            return summed((index,), body)
        tile = tiles.pop()
        v = tile.arguments[0]
        k = tile_index(v, self.size, {i.name for node in body.walk() for i in node.free} | {i.name for i in around})
        by_tile, own = [], []
        for factor in factors_of(body):
            moved = substitute(factor, {tile: k})
            (by_tile if v in factor.free and v not in moved.free else own).append((factor, moved))
        factor = mul(*(moved for _, moved in by_tile))
        if v == index:
            inside = summed((v,), mul(*(f for f, _ in own), Compare("==", tile, k)))
            indices = (k, *in_order(inside.free - {k}, around))
            return summed((k,), mul(factor, self.builder.define(f"{equation.tensor}_tile", indices, inside)))
        rows = [f for f, _ in own if v not in f.free]
        entries = [f for f, _ in own if v in f.free]
        if len(entries) != 1:
            return summed((index,), body)
        scaled = mul(factor, *rows)
        name = rows[0].tensor if len(rows) == 1 and isinstance(rows[0], Read) else f"{equation.tensor}_rows"
        orders = [factor.indices for factor in rows if isinstance(factor, Read)]
        indices = in_order(scaled.free - {k}, *orders, (*around, index))
        made = self.builder.define(f"{name}_tile", (k, *indices), scaled)
        there = Read(made.tensor, (tile, *made.indices[1:]))
        return summed((index,), mul(*entries, there))

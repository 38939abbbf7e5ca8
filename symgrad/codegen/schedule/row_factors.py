"""Factors of rows go to the smaller operand, and what touches one entry a row becomes rows.

    do[v,b] = E[v,b]*c[b] - [v == y[b]]/B
    sum_v W2[v,i]*do[v,b]       c[b] * (sum_v W2[v,i]*E[v,b]) - W2_y[b,i]/B
    sum_b do[v,b]*h[b,i]        sum_b E[v,b]*h_do[b,i] - sum_b [v == y[b]]*h[b,i]/B,   h_do[b,i] = c[b]*h[b,i]

The table `do` is then never made.  This is done where all readers are such sums, and where the definition has a single
dense term: with two, each product would be computed twice.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ...language.algebra import add, factors_of, mul, summed, terms_of
from ...language.dependence import without_dead
from ...language.program import Equation, Program
from ...language.rewriting import substitute
from ...language.terms import ONE, Read, Reduce, Term, reads
from .builder import Builder, in_order
from .forms import scatter_of
from .tables import gathered_rows, is_whole, tables


@dataclass(frozen=True)
class Opened:
    """A definition read apart: `factor` times the entry `entry` of another table, and terms of one entry a row."""

    equation: Equation
    factor: Term
    entry: Read
    sparse: tuple[Term, ...]


def move_row_factors(program: Program, every: bool = False) -> Program:
    members = {name for table in tables(program, every) if table.position == 0 for name in table.members}
    while True:
        opened = next(
            (o for e in program.equations() if e.tensor in members and (o := opened_of(program, e, members))), None
        )
        if opened is None:
            return program
        members.discard(opened.equation.tensor)
        program = without_dead(Opening(program, opened).rewritten())


def opened_of(program: Program, equation: Equation, members: set[str]) -> Opened | None:
    axis = equation.indices[0]
    dense, sparse = [], []
    for term in terms_of(equation.body):
        found = scatter_of(term, equation.indices)
        (sparse if found is not None and found[1] == axis else dense).append(term)
    if len(dense) != 1:
        return None
    entries = [f for f in factors_of(dense[0]) if isinstance(f, Read) and f.indices == equation.indices]
    if len(entries) != 1 or entries[0].tensor not in members:
        return None
    factor = mul(*(f for f in factors_of(dense[0]) if f is not entries[0]))
    if axis in factor.free or (factor == ONE and not sparse):
        return None
    readers = [e for e in program.equations() if any(r.tensor == equation.tensor for r in reads(e.body))]
    if readers and all(is_product_reader(e, equation.tensor) for e in readers):
        return Opened(equation, factor, entries[0], tuple(sparse))
    return None


def is_product_reader(equation: Equation, name: str) -> bool:
    """Whether every read of `name` is a factor under a sum, alone or with one array beside it."""
    for term in terms_of(equation.body):
        mine = [read for read in reads(term) if read.tensor == name]
        if not mine:
            continue
        reduction = next((f for f in factors_of(term) if isinstance(f, Reduce) and f.op == "sum"), None)
        if len(mine) != 1 or reduction is None or not is_whole(mine[0]):
            return False
        others = [factor for factor in factors_of(reduction.body) if factor != mine[0]]
        if len(others) + 1 != len(factors_of(reduction.body)) or len(others) > 1:
            return False
        if others and not (isinstance(others[0], Read) and is_whole(others[0])):
            return False
    return True


class Opening:
    def __init__(self, program: Program, opened: Opened) -> None:
        self.program, self.opened, self.builder = program, opened, Builder(program)
        self.builder.made += [e for e in program.equations() if isinstance(e.body, Read)]  # rows gathered before

    def rewritten(self) -> Program:
        name = self.opened.equation.tensor
        for equation in self.program.equations():
            if equation.tensor == name:
                continue
            parts = []
            for term in terms_of(equation.body):
                touched = any(read.tensor == name for read in reads(term))
                parts += self.parts(term, equation) if touched else [term]
            self.builder.add(replace(equation, body=add(*parts)))
        return self.builder.program

    def parts(self, term: Term, equation: Equation) -> list[Term]:
        """The dense product first, then the rows."""
        opened, builder = self.opened, self.builder
        reduction = next(f for f in factors_of(term) if isinstance(f, Reduce))
        outside = [f for f in factors_of(term) if f is not reduction]
        read = next(r for r in factors_of(reduction.body) if isinstance(r, Read) and r.tensor == opened.equation.tensor)
        other = mul(*(f for f in factors_of(reduction.body) if f is not read))
        here: dict[Term, Term] = dict(zip(opened.equation.indices, read.indices, strict=True))
        axis = read.indices[0]
        factor, entry = substitute(opened.factor, here), substitute(opened.entry, here)
        sparse = [substitute(part, here) for part in opened.sparse]
        if axis not in reduction.indices:  # a sum over rows: the factor goes to the other operand
            scaled = self.scaled(other, factor)
            dense = summed(reduction.indices, mul(entry, scaled))
            return [
                mul(*outside, dense),
                *(mul(*outside, summed(reduction.indices, mul(part, other))) for part in sparse),
            ]
        core = summed(reduction.indices, mul(other, entry))
        if factor.free & set(reduction.indices):
            dense = summed(reduction.indices, mul(factor, other, entry))
        else:
            dense = mul(factor, builder.define(f"{equation.tensor}_sum", in_order(core.free, equation.indices), core))
        rows = []
        for part in sparse:
            bracket, _, value = scatter_of(part, (axis,))
            row = mul(*(f for f in factors_of(part) if f != bracket), other)
            row = gathered_rows(substitute(row, {axis: value}), equation.indices, builder)
            rows.append(mul(*outside, summed(tuple(i for i in reduction.indices if i != axis), row)))
        return [mul(*outside, dense), *rows]

    def scaled(self, other: Term, factor: Term) -> Term:
        """`other` times the factor, as an array of its own where there is one to scale."""
        if not isinstance(other, Read) or not factor.free:
            return mul(factor, other)
        name = f"{other.tensor}_{self.opened.equation.tensor}"
        scaled = mul(factor, other)
        return self.builder.define(name, in_order(scaled.free, other.indices), scaled)

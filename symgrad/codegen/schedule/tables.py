"""Tables: arrays that one product makes, and that sums over one of their axes normalize.

    o[b,v] = sum_i W2[v,i]*h[b,i]        the source
    p_exp[b,v] = exp(o[b,v] - o_max[b])  a member: elementwise, over the same axes
    p_sum[b] = sum_v p_exp[b,v]          v is the axis that is normalized, b the rows

Nothing here says softmax; a sigmoid's normalizer or a sum of squares over v makes a table as well, and so does
attention over the positions of another sequence.  An axis is known to be long where it is one of a parameter, W2, and
tokens index it: a vocabulary.  Then the table is the largest array of a step, and is worked on a tile of its axis at a
time.  For that its axis stands first (a tile is then one piece of memory, and a loop over the rows vector code), and
single entries of it, o[b,y[b]], are made from rows of the operands: W2_y[b,i] = W2[y[b],i].
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from ...calculus.inlining import inline
from ...language.algebra import add, construct, terms_of
from ...language.dependence import reachable
from ...language.program import Equation, Program, Role
from ...language.recurrences import cycles, with_equations
from ...language.rewriting import rebuild
from ...language.terms import Index, Read, Reduce, Term, reads
from .builder import Builder, in_order
from .contractions import as_product, with_right_turned


@dataclass(frozen=True)
class Table:
    """`members`, the source first, have the same axes; the one at `position` is normalized."""

    members: tuple[str, ...]
    position: int


def tables(program: Program, every: bool = False) -> list[Table]:
    """The tables over an axis that is known to be long, in order; an array belongs to the first that it fits.

    `every`: where there is none, those over any other axis.
    """
    vocabularies = {extent for tensor in program.parameters for extent in tensor.shape}
    vocabularies &= {tensor.vocabulary for tensor in program.with_role(Role.TOKENS)}
    found = tables_over(program, vocabularies.__contains__)
    return found if found or not every else tables_over(program, lambda extent: True)


def tables_over(program: Program, fits: Callable[[Term], bool]) -> list[Table]:
    """Those whose axis has a fitting extent; of several axes the first table's."""
    found: list[Table] = []
    axis: Term | None = None
    recurring, taken = cycles(program), set(program.outputs) | set(program.updates.values())
    forward = reachable(program, program.outputs[0]) - taken - recurring.keys()
    for equation in program.equations():
        if equation.tensor not in forward or equation.tensor in taken or not is_plain_product(equation):
            continue
        if len({index.extent for index in equation.indices}) < len(equation.indices):
            continue  # which of two equal axes a loop runs over is told by their extents
        members = closure(program, equation, taken)
        # a bias' gradient is a sum over the rows too, which neither the loss nor the table reads again
        back = reachable(program, program.outputs[0], *members)
        sums = [found for name in members for found in normalized(program, name)]
        positions = {
            position for tensor, position in sums if tensor in back and fits(equation.indices[position].extent)
        }
        positions = {position for position in positions if axis in (None, equation.indices[position].extent)}
        if len(positions) == 1:
            axis = equation.indices[next(iter(positions))].extent  # one axis is swept: that of the first table
            found.append(Table(members, positions.pop()))
            taken |= set(members)
    return found


def is_plain_product(equation: Equation) -> bool:
    """Whether one of the terms is a matrix product, and none another sum."""
    if len(equation.indices) < 2:
        return False
    products = [as_product(term, equation.left) for term in terms_of(equation.body)]
    sums = [term for term in terms_of(equation.body) if any(isinstance(node, Reduce) for node in term.walk())]
    return len(sums) == 1 == sum(product is not None for product in products)


def closure(program: Program, source: Equation, taken: set[str]) -> tuple[str, ...]:
    """The source and all that is made of it entry by entry."""
    members = [source.tensor]
    for equation in program.equations():
        if equation.tensor in members or equation.tensor in taken or program.tensors[equation.tensor].vocabulary:
            continue
        own = any(r.tensor in members and r.indices == equation.indices for r in reads(equation.body))
        if own and not any(isinstance(node, Reduce) for node in equation.body.walk()):
            members.append(equation.tensor)
    return tuple(members)


def normalized(program: Program, name: str) -> Iterator[tuple[str, int]]:
    """(where it goes, the position of the axis) for sums and maxima of nothing but what has the table's axes."""
    for equation in program.equations():
        for node in equation.body.walk():
            if not (isinstance(node, Reduce) and node.op in ("sum", "max") and len(node.indices) == 1):
                continue
            for read in reads(node.body):
                own = read.tensor == name and is_whole(read) and node.indices[0] in read.indices
                if own and node.free == set(read.indices) - set(node.indices):
                    yield equation.tensor, read.indices.index(node.indices[0])


def is_whole(read: Read) -> bool:
    return all(isinstance(index, Index) for index in read.indices) and len(set(read.indices)) == len(read.indices)


def turn_tables(program: Program, every: bool = False) -> Program:
    """The normalized axis of each table first."""
    for table in tables(program, every):
        if table.position == 0:
            continue
        turned = set(table.members)

        def order(indices: tuple, position: int = table.position) -> tuple:
            return (indices[position], *indices[:position], *indices[position + 1 :])

        def visit(node: Term, turned: set[str] = turned, order=order) -> Term:
            node = rebuild(node, visit)
            return Read(node.tensor, order(node.indices)) if isinstance(node, Read) and node.tensor in turned else node

        tensors = {
            name: replace(tensor, indices=order(tensor.indices)) if name in turned else tensor
            for name, tensor in program.tensors.items()
        }
        equations = [
            replace(e, indices=order(e.indices) if e.tensor in turned else e.indices, body=visit(e.body))
            for e in program.equations()
        ]
        program = with_equations(replace(program, tensors=tensors), equations)
    return program


def single_entries(program: Program, every: bool = False) -> Program:
    """o_y[b] = o[y[b],b] from the operands' rows: sum_i W2_y[b,i]*h[b,i], so that it waits for no table."""
    sources = {table.members[0] for table in tables(program, every)}
    if not sources:
        return program
    builder = Builder(program)
    for equation in program.equations():
        body = equation.body
        if isinstance(body, Read) and body.tensor in sources and not is_whole(body):
            body = gathered_rows(inline(body, program.equation(body.tensor)), equation.indices, builder)
        builder.add(replace(equation, body=body))
    return builder.program


def turn_operands(program: Program, every: bool = False) -> Program:
    """h_turned[i,b] for h in o[v,b] = sum_i W2[v,i]*h[b,i]: read by every tile, and BLAS is faster along its rows."""
    sources = {table.members[0] for table in tables(program, every) if table.position == 0}
    builder = Builder(program)
    for equation in program.equations():
        parts = [
            with_turned_operand(term, equation, builder) if equation.tensor in sources else term
            for term in terms_of(equation.body)
        ]
        builder.add(replace(equation, body=add(*parts)))
    return builder.program


def with_turned_operand(term: Term, equation: Equation, builder: Builder) -> Term:
    product = as_product(term, equation.left)
    if (
        product is None
        or not product.transposed_right
        or builder.tensors[product.right.tensor].role is not Role.DEFINITION
    ):
        return term
    return with_right_turned(product, builder)


def gathered_rows(term: Term, around: tuple[Index, ...], builder: Builder) -> Term:
    """Reads at data, W2[y[b],i], as definitions of their own, W2_y[b,i]; what they read may change later."""
    inner = around + term.indices if isinstance(term, Reduce) else around
    if isinstance(term, Read):
        data = [node for index in term.indices for node in reads(index)]
        return builder.define(f"{term.tensor}_{data[0].tensor}", in_order(term.free, around), term) if data else term
    return construct(rebuild(term, lambda child: gathered_rows(child, inner, builder)))

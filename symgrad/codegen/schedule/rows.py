"""Which statements run on some rows of the batch only: each thread takes its rows through all of them.

    the rows of a part     h, o, p and each row's share of the loss, then do, dh, and dW_part = sum_b over those rows
    then                   dW is the sum of the parts', and the parameters change

A statement can be divided where its loop over the batch axis, or the product that has it, touches only its own rows of
whatever it writes, or adds to a sum over the batch.  A recurrence along another axis is divided as a whole: backwards
through time too each row goes by itself.  Nothing of it depends on what the statements mean.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ...language.algebra import add, factors_of, mul, summed, terms_of
from ...language.batch import batch_axis
from ...language.program import Equation, Program, Recurrence, equations_of
from ...language.recurrences import cycles
from ...language.terms import Index, Read, Reduce, Size, Term, reads
from ..nests import Assign, Comment, Loop, MatrixProduct, Node, Zero
from .builder import Builder
from .contractions import Product, as_product, runs, with_right_turned
from .statements import Statement
from .sweeps import Place, Touch, Work, can_be_swept


class NotByRow(Exception):
    """A statement that runs over two batch axes, or reads rows that do not lie together."""


@dataclass(frozen=True)
class Rows:
    """The batch axis, as its extent."""

    axis: Term

    def is_axis(self, index: Term) -> bool:
        return isinstance(index, Index) and index.extent == self.axis

    def touched(self, work: Work) -> Iterator[Touch]:
        statement = work.statement
        if statement is None:
            for node in work.nodes:
                yield from self.touches(node, None)
            return
        inside, frame = self.row_of(statement.loops), self.row_of(statement.loops[: statement.depth])
        for node in (*statement.before, *statement.after):
            yield from self.touches(node, frame)
        for node in statement.inside:
            yield from self.touches(node, inside)

    def row_of(self, indices: tuple[Index, ...]) -> Index | None:
        """The one that counts the rows.  Raises NotByRow where there are two."""
        found = [index for index in indices if self.is_axis(index)]
        if len(found) > 1:
            raise NotByRow
        return found[0] if found else None

    def touches(self, node: Node, row: Index | None) -> Iterator[Touch]:
        """`row`: the index of the loop over the batch around."""
        match node:
            case Loop(index, body):
                if row is not None and self.is_axis(index):
                    raise NotByRow
                for inner in body:
                    yield from self.touches(inner, index if self.is_axis(index) else row)
            case MatrixProduct(product, accumulate):
                yield from self.product_touches(product, accumulate, row)
            case Assign(target, op, value):
                data = any(isinstance(inner, Read) for index in target.indices for inner in index.walk())
                adds = op == "+=" and bool(target.indices) and row is not None and not data
                yield Touch(target.tensor, where(target, row), True, adds)
                for term in (*target.indices, value):
                    yield from (Touch(read.tensor, where(read, row), False) for read in reads(term))
            case Comment():
                return
            case _:  # zeros of a whole tensor, the stop at a loss that is not finite
                raise NotByRow

    def product_touches(self, product: Product, accumulate: bool, row: Index | None) -> Iterator[Touch]:
        own = self.row_of((*product.rows, *product.columns, *product.inner))
        if row is not None and own is not None:
            raise NotByRow
        index = own if row is None else row
        for read, first in product.sides():
            for group in runs(read, first, product.fixed):
                if own in group[1:]:
                    raise NotByRow  # the rows of a part are no one piece
        place = where(product.target, index)
        if place is None and index is not None and not accumulate:
            raise NotByRow
        yield Touch(product.target.tensor, place, True, index is not None)
        for read in (product.left, product.right):
            yield Touch(read.tensor, where(read, index), False)
        yield from (Touch(read.tensor, where(read, index), False) for read in reads(product.alpha))


def where(read: Read, row: Index | None) -> tuple[str, int] | None:
    """The axis at which the entry lies in the row, if there is one."""
    return next((("axis", k) for k, index in enumerate(read.indices) if row is not None and index == row), None)


def rows_of(program: Program) -> Rows | None:
    axis = batch_axis(program)
    return Rows(Size(axis)) if axis is not None else None


def by_row(works: list[Work], rows: Rows, place: Place) -> Iterator[Work]:
    """The works, those that can be as work on the rows of a part; what explains zeros stands at the sum."""
    lines: tuple[str, ...] = ()
    for work in works:
        lines += work.lines
        if all(isinstance(node, Zero) for node in work.nodes):
            yield replace(work, lines=())
            continue
        for part in started_from_zero(work, rows):
            divided = replace(part, lines=lines, tiles=rows)
            try:
                possible = can_be_swept(divided) and not reads_own_sum(divided, place)
                divided = divided if possible else replace(divided, tiles=None)
            except NotByRow:
                divided = replace(divided, tiles=None)
            is_zero = all(isinstance(node, Zero) for node in part.nodes)
            yield replace(part, lines=()) if is_zero else divided
        lines = ()


def reads_own_sum(work: Work, place: Place) -> bool:
    """Whether a sum over the batch is read where it is made: a recurrence that normalizes by it in each of its turns.

    A part has the sum over its own rows only, until all parts have ended.
    """
    sums = {place(touch.tensor) for touch in work.touched if touch.writes and touch.where is None}
    return any(not touch.writes and place(touch.tensor) in sums for touch in work.touched)


def started_from_zero(work: Work, rows: Rows) -> Iterator[Work]:
    """A product that sums over the rows adds to what other parts gave."""
    match work.nodes:
        case (MatrixProduct(product, False),) if any(map(rows.is_axis, product.inner)) and work.statement is not None:
            equation, sums = work.statement.equation, (MatrixProduct(product, True),)
            if not work.statement.loops or not any(map(rows.is_axis, product.target.indices)):
                zero = Statement(equation, (), (Zero(product.target.tensor),))
                yield Work(zero, zero.inside, ())
                yield replace(work, statement=replace(work.statement, inside=sums), nodes=sums)
                return
    yield work


def loss_by_row(program: Program) -> Program:
    """L = 1/B sum_b,t f  ->  L_rows[b] = sum_t f,  L = 1/B sum_b L_rows[b]: a number of the batch is a sum of rows'."""
    rows = rows_of(program)
    builder = Builder(program)
    for equation in program.equations():
        reduction = next((f for f in factors_of(equation.body) if isinstance(f, Reduce) and f.op == "sum"), None)
        if rows is not None and not equation.indices and reduction is not None:
            over = [index for index in reduction.indices if rows.is_axis(index)]
            others = tuple(index for index in reduction.indices if not rows.is_axis(index))
            if len(over) == 1:
                rest = [factor for factor in factors_of(equation.body) if factor is not reduction]
                share = builder.define(f"{equation.tensor}_rows", over, summed(others, reduction.body))
                equation = replace(equation, body=mul(*rest, summed(tuple(over), share)))
        builder.add(equation)
    return builder.program


def turn_recurrent_operands(program: Program) -> Program:
    """What a recurrence multiplies by in each of its turns, stored the other way round, is turned once before.

    sum_j h[b,t-1,j]*R[i,j] with R_turned[j,i]: BLAS reads both operands as they are, and needs no copy of R each time.
    """
    along = {
        equation.tensor: item.index
        for item in program.items
        if isinstance(item, Recurrence)
        for equation in equations_of((item,))
    }
    recurring = cycles(program)
    builder = Builder(program)

    def turned(term: Term, equation: Equation) -> Term:
        product = as_product(term, equation.left, along[equation.tensor])
        if product is None or not product.transposed_right or product.right.tensor in recurring[equation.tensor]:
            return term
        return with_right_turned(product, builder)

    for equation in program.equations():
        if equation.tensor in along:
            equation = replace(equation, body=add(*(turned(term, equation) for term in terms_of(equation.body))))
        builder.add(equation)
    return builder.program

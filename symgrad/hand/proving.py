"""A line that agrees with the truth at random points, proved symbolically where that is possible.

The formula of the line and the derived one are compared by `calculus.normal_form`; where they do not meet, adjoints and
definitions that one of them reads and the other does not are written out, latest first, until they do or the budget
is spent.  Before "proved" is said, the formula is evaluated at one of the judge's points and compared with what the
line's numbers are there: the two readings of the line share no code.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..calculus.inlining import inline
from ..calculus.normal_form import Budget, Exhausted, equal
from ..checking.interpreter import Evaluation, extent_value
from ..language.algebra import add
from ..language.errors import SymgradError
from ..language.program import Equation, Recurrence, equations_of
from ..language.rewriting import substitute
from ..language.terms import ZERO, Index, Read, Term
from .binding import Bound, Meaning
from .entries import Array, Unprovable, elementwise, fitted
from .formulas import BINARY
from .judging import Judge, Judged, begins_anew, increment
from .symbolic_reading import Reading, SymbolicReading, too_long
from .truth import At, agree

MONOMIALS = 20_000  # that one line may make
MOST_WRITTEN = 12  # names written out, of adjoints and definitions


@dataclass
class Sides:
    """The two formulas that are to be equal, and the names that were written out in them so far."""

    claim: Term
    right: Term
    written: tuple[str, ...] = ()


class Prover:
    """Proves lines of one derivation; the symbolic run is made once, when the first line asks."""

    def __init__(self, judge: Judge) -> None:
        self.judge, self.truth = judge, judge.truth
        self.vocabularies = {
            t.name: t.vocabulary for t in self.truth.program.tensors.values() if t.vocabulary is not None
        }

    @cached_property
    def reading(self) -> SymbolicReading:
        return SymbolicReading(self.truth, self.judge.names, self.judge.statements)

    @cached_property
    def definitions(self) -> dict[str, Equation]:
        """What may be written out, in the order of the program; a recurrence would have no end."""
        program = self.truth.program
        recurring = {e.tensor for item in program.items if isinstance(item, Recurrence) for e in equations_of((item,))}
        return {e.tensor: e for e in program.equations() if e.tensor not in recurring}

    def proof(self, judged: Judged) -> str | None:
        """How the line is proved, in words: `proved`, or `proved, with dp and p written out`; None where it is not."""
        try:
            written = self.proved(judged)
        except (Unprovable, Exhausted, RecursionError, ArithmeticError):
            return None
        if written is None:
            return None
        return "proved" + with_written(written)

    def proved(self, judged: Judged) -> tuple[str, ...] | None:
        """The names that had to be written out for it."""
        record = judged.record
        reading = self.reading.readings.get(id(record.event.line))
        if reading is None or not record.seen or (judged.remark and not judged.paths):
            return None
        if judged.paths:
            claim, numbers = part(judged, reading), increment(record, 0)
            rights = [self.shares(record.bound, judged.paths)]
        else:
            claim, numbers = reading.new, record.seen[0].claimed
            rights = list(self.rights(record.bound))
        budget = Budget(MONOMIALS)
        guarded = False
        for right in rights:
            formula = fitted(claim, right.shape)
            if not guarded and not self.reads_alike(formula, numbers, record.seen[0].at):
                return None
            guarded = True
            written = self.climb(formula.body, substitute(right.body, same_axes(right, formula)), budget)
            if written is not None:
                return written
        return None

    # -- what is right ---------------------------------------------------------------------------------------------

    def rights(self, bound: Bound) -> Iterator[Array]:
        """The formulas of what the name means: the sum of shares as differentiated, then the textbook's."""
        if bound.meaning is Meaning.VALUE:
            yield self.reading.formula(bound, self.truth.model.equation(bound.tensor))
            return
        name = self.truth.adjoints.get(bound.tensor)
        if name is None:
            indices = self.truth.model.tensors[bound.tensor].indices
            yield self.reading.entries(bound, ZERO, indices)
            return
        for program in (self.truth.program, self.truth.simplified):
            if name in program.tensors:
                yield self.reading.formula(bound, program.equation(name))

    def shares(self, bound: Bound, paths: Sequence[str]) -> Array:
        found = [one.local.share for one in self.truth.shares[bound.tensor] if one.through in paths]
        return self.reading.entries(bound, add(*found), self.truth.model.tensors[bound.tensor].indices)

    def reads_alike(self, claim: Array, numbers: np.ndarray, at: At) -> bool:
        """Whether the formula has the line's own numbers as its value at a point."""
        try:
            value = Evaluation(at.values, at.sizes, {}).value(claim.body, claim.indices)
        except (SymgradError, ArithmeticError, ValueError, IndexError):
            return False
        shape = tuple(extent_value(extent, at.sizes) for extent in claim.shape)
        return shape == numbers.shape and agree(np.broadcast_to(value, shape).astype(np.float64), numbers)

    # -- the comparison --------------------------------------------------------------------------------------------

    def climb(self, claim: Term, right: Term, budget: Budget) -> tuple[str, ...] | None:
        """The names that were written out until the two were equal; None where they never were."""
        sides = Sides(claim, right)
        while True:
            own, other = self.names_in(sides.claim), self.names_in(sides.right)
            if (own == other or not sides.written) and equal(sides.claim, sides.right, self.vocabularies, budget):
                return sides.written
            name = self.next_name(own, other)
            if name is None or len(sides.written) == MOST_WRITTEN:
                return None
            sides = self.written_out(sides, name)
            if too_long(sides.claim) or too_long(sides.right):
                return None

    def written_out(self, sides: Sides, name: str) -> Sides:
        equation = self.definitions[name]
        claim, right = (inline(side, equation) for side in (sides.claim, sides.right))
        return Sides(claim, right, (*sides.written, name))

    def names_in(self, term: Term) -> frozenset[str]:
        return frozenset(node.tensor for node in term.walk() if isinstance(node, Read))

    def next_name(self, own: frozenset[str], other: frozenset[str]) -> str | None:
        """The latest name that only one side reads, or that rests on such a one; any where both read the same."""
        apart = own ^ other
        present = [name for name in self.definitions if name in own | other]
        chosen = [name for name in present if name in apart or self.rests_on[name] & apart] if apart else present
        return (chosen or present or [None])[-1]

    @cached_property
    def rests_on(self) -> dict[str, frozenset[str]]:
        """definition -> every tensor that it depends on."""
        found: dict[str, frozenset[str]] = {}
        for name, equation in self.definitions.items():
            direct = self.names_in(equation.body)
            found[name] = direct.union(*(found.get(one, frozenset()) for one in direct))
        return found


def part(judged: Judged, reading: Reading) -> Array:
    """What the line adds to what the name held."""
    if begins_anew(judged.record) or reading.old is None:
        return reading.new
    return elementwise(BINARY["-"], reading.new, reading.old)


def same_axes(right: Array, claim: Array) -> dict[Term, Term]:
    pairs: list[tuple[Index, Index]] = list(zip(right.indices, claim.indices, strict=True))
    return {old: new for old, new in pairs if old != new}


def with_written(names: tuple[str, ...]) -> str:
    """`, with dp and p written out`"""
    if not names:
        return ""
    if len(names) > 3:
        return f", with {len(names)} formulas written out"
    *first, last = names
    return f", with {', '.join(first)}{' and ' if first else ''}{last} written out"

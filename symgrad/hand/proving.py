"""A line that agrees with the truth at random points, proved symbolically where that is possible.

The formula of the line and the derived one are compared by `calculus.normal_form`; where they do not meet, adjoints and
definitions that one of them reads and the other does not are written out, latest first, until they do or the budget
is spent.  Before "proved" is said, the formula is evaluated at one of the judge's points and compared with what the
line's numbers are there: the two readings of the line share no code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..calculus.inlining import inline
from ..calculus.normal_form import Budget, Comparison, Exhausted
from ..checking.interpreter import Evaluation, extent_value
from ..language.algebra import add, summed
from ..language.errors import SymgradError
from ..language.program import Equation, Recurrence, equations_of
from ..language.rewriting import substitute
from ..language.terms import ONE, ZERO, Index, Read, Term
from .accumulation import begins_anew, increment
from .binding import Bound, Meaning
from .entries import Array, Unprovable, elementwise, fitted
from .entry_formulas import BINARY
from .judging import Judge
from .records import Judged
from .symbolic_reading import Reading, SymbolicReading, too_long
from .truth import At, agree

MONOMIALS = 6_500  # that one line may make
EACH = 2_500  # of them in one comparison
OF_A_SUM = 300  # in finding that a definition's entries along an axis have a known sum
MOST_WRITTEN = 30  # names written out, of adjoints and definitions
MOST_APART = 8  # of them where only one side reads them
MOST_NODES = 1200  # of a formula in which names are written out
Names = frozenset[str]
Choose = Callable[[Names, Names], str | None]


@dataclass
class Sides:
    """The two formulas that are to be equal, and the names that were written out in them so far."""

    claim: Term
    right: Term
    written: tuple[str, ...] = ()


class Prover:
    """Proves lines of one derivation; the symbolic run is made once, when the first line asks."""

    def __init__(self, judge: Judge, monomials: int = MONOMIALS) -> None:
        self.monomials = monomials
        self.judge, self.truth = judge, judge.truth
        self.sums: dict[tuple[str, int], Term | None] = {}
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
        formulas = [(fitted(claim, right.shape), right) for right in rights]
        if not self.reads_alike(formulas[0][0], numbers, record.seen[0].at):
            return None
        sides = [Sides(own.body, substitute(right.body, same_axes(right, own))) for own, right in formulas]
        sides = [one for k, one in enumerate(sides) if one not in sides[:k]]
        budget = Budget(self.monomials)
        for one in sides:
            if self.equal(one, budget):
                return ()
        for choose in (self.apart, self.touching, self.adjoints_first):
            for one in sides:
                written = self.climb(one, choose, budget)
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

    def climb(self, sides: Sides, choose: Choose, budget: Budget) -> tuple[str, ...] | None:
        """The names that were written out until the two were equal; None where they never were."""
        while len(sides.written) < (MOST_APART if choose == self.apart else MOST_WRITTEN):
            name = choose(self.names_in(sides.claim), self.names_in(sides.right))
            if name is None:
                return None
            sides = self.written_out(sides, name)
            if too_long(sides.claim, MOST_NODES) or too_long(sides.right, MOST_NODES):
                return None
            own, other = self.names_in(sides.claim), self.names_in(sides.right)
            met = own == other or (choose == self.adjoints_first and own | other <= self.truth.model.tensors.keys())
            if met and self.equal(sides, budget):
                return sides.written
            for one in self.alone(sides) if met and choose == self.touching else ():
                if self.equal(one, budget):
                    return one.written
        return None

    def alone(self, sides: Sides) -> Iterator[Sides]:
        """With one more definition of the model written out: a mean, while the variance that rests on it stays."""
        names = self.names_in(sides.claim) & self.names_in(sides.right)
        for name in self.definitions:
            if name in names and name in self.truth.model.tensors:
                one = self.written_out(sides, name)
                if self.names_in(one.claim) == self.names_in(one.right):
                    yield one

    def equal(self, sides: Sides, budget: Budget) -> bool:
        """Whether the sides are proven equal.  Raises Exhausted where the line's budget is spent."""
        most = min(EACH, budget.left)
        each = Budget(most)
        found = Comparison(self.vocabularies, each, self.known_sum).equal(sides.claim, sides.right)
        budget.spend(most - max(each.left, 0))
        if not found and not budget.left:
            raise Exhausted
        return found

    def written_out(self, sides: Sides, name: str) -> Sides:
        equation = self.definitions[name]
        claim, right = (inline(side, equation, tidied=False) for side in (sides.claim, sides.right))
        return Sides(claim, right, (*sides.written, name))

    def names_in(self, term: Term) -> Names:
        return frozenset(node.tensor for node in term.walk() if isinstance(node, Read))

    def apart(self, own: Names, other: Names) -> str | None:
        """The latest name that only one side reads and that may lead to what the other reads."""
        return self.latest(self.leading(own, other) | self.leading(other, own))

    def touching(self, own: Names, other: Names) -> str | None:
        """The same, or the latest that reads what only one side reads; where both read the same, the model's latest."""
        names, only = own | other, own ^ other
        if not only:
            return self.latest({name for name in names if name in self.truth.model.tensors}) or self.latest(names)
        reading = {name for name in names if name in self.reads and self.reads[name] & only}
        return self.latest(self.leading(own, other) | self.leading(other, own) | reading)

    def leading(self, own: Names, other: Names) -> Names:
        """The names of `own` alone that are adjoints, or rest on a name of the other side."""
        model = self.truth.model.tensors
        return frozenset(n for n in own - other if n not in model or self.rests_on.get(n, frozenset()) & other)

    def adjoints_first(self, own: Names, other: Names) -> str | None:
        """The latest of all: every adjoint is written out before a definition of the model is."""
        return self.latest(own | other)

    def latest(self, names: Names | set[str]) -> str | None:
        return next((name for name in reversed(self.definitions) if name in names), None)

    @cached_property
    def reads(self) -> dict[str, Names]:
        """definition -> the tensors in its equation."""
        return {name: self.names_in(equation.body) for name, equation in self.definitions.items()}

    @cached_property
    def rests_on(self) -> dict[str, Names]:
        """definition -> every tensor that it depends on."""
        found: dict[str, Names] = {}
        for name, read in self.reads.items():
            found[name] = read.union(*(found.get(one, frozenset()) for one in read))
        return found

    # -- sums that are known -----------------------------------------------------------------------------------------

    def known_sum(self, tensor: str, axis: int) -> Term | None:
        """0 or 1 where the entries of a definition of the model are proven to sum to it: sum_b xhat[b,i] = 0."""
        key = (tensor, axis)
        if key not in self.sums:
            self.sums[key] = None  # while it is sought, it is not known
            equation = self.definitions.get(tensor)
            if equation is not None and tensor in self.truth.model.tensors:
                self.sums[key] = self.found_sum(summed((equation.indices[axis],), equation.body))
        return self.sums[key]

    def found_sum(self, total: Term) -> Term | None:
        budget = Budget(OF_A_SUM)
        try:
            for _ in range(4):
                found = Comparison(self.vocabularies, budget, self.known_sum).normal(total)
                if found in (ZERO, ONE):
                    return found
                name = self.latest(self.names_in(total))
                if name is None:
                    return None
                total = inline(total, self.definitions[name])
        except Exhausted:
            return None
        return None


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

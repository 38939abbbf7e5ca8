"""Taking a term out of the branch in which it stands: what it reads inside its axes only there stays guarded.

f(M[t - 1]) if 0 <= t - 1 else 0        M[t - 1] as a definition:  m[t] = M[t - 1] if 0 <= t - 1 else 0
"""

from __future__ import annotations

from collections.abc import Iterator

from ..language.algebra import mul, where
from ..language.program import Program
from ..language.ranges import inside
from ..language.terms import ZERO, Term, Where, reads
from .paths import opposite


def with_conditions(term: Term, conditions: tuple[Term, ...] = ()) -> Iterator[tuple[Term, tuple[Term, ...]]]:
    """Every node, parents first, with the conditions of the branches in which it stands."""
    yield term, conditions
    if isinstance(term, Where):
        yield from with_conditions(term.condition, conditions)
        yield from with_conditions(term.then, (*conditions, term.condition))
        yield from with_conditions(term.other, (*conditions, opposite(term.condition)))
        return
    for child in term.children:
        yield from with_conditions(child, conditions)


def guarded(term: Term, conditions: tuple[Term, ...], program: Program) -> Term:
    """The term, 0 where the conditions on its indices fail, if it reads what is not proven to be there."""
    vocabularies = {t.name: t.vocabulary for t in program.tensors.values() if t.vocabulary is not None}
    places = [
        place for read in reads(term) for place in zip(read.indices, program.tensors[read.tensor].shape, strict=True)
    ]
    if all(inside(index, extent, {}, vocabularies) for index, extent in places):
        return term
    needed = [condition for condition in conditions if condition.free <= term.free and not reads(condition)]
    return where(mul(*needed), term, ZERO)

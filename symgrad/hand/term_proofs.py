"""A claim that is a term, proved against the derived one."""

from __future__ import annotations

from collections.abc import Iterable

from ..calculus.normal_form import Budget, Exhausted
from ..language.rewriting import substitute
from ..language.terms import ZERO, Index, Term
from .binding import Bound, Meaning
from .proving import MONOMIALS, Prover, Sides, with_written
from .truth import Truth


class TermProver(Prover):
    def __init__(self, truth: Truth) -> None:
        self.truth = truth
        self.sums = {}
        self.vocabularies = {t.name: t.vocabulary for t in truth.program.tensors.values() if t.vocabulary is not None}

    def proof_of(self, claim: Term, rights: Iterable[Term]) -> str | None:
        """How `claim` is proved to be one of `rights`, in words; None where it is not."""
        sides, budget = [Sides(claim, right) for right in rights], Budget(MONOMIALS)
        try:
            if any(self.equal(one, budget) for one in sides):
                return "proved"
            for choose in (self.apart, self.touching, self.adjoints_first):
                for one in sides:
                    written = self.climb(one, choose, budget)
                    if written is not None:
                        return "proved" + with_written(written)
        except (Exhausted, RecursionError, ArithmeticError):
            pass
        return None

    def rights_of(self, bound: Bound, scope: tuple[Index, ...]) -> list[Term]:
        """The formulas of what a name means, in the indices `scope`."""
        if bound.meaning is Meaning.VALUE:
            equations = [self.truth.model.equation(bound.tensor)]
        else:
            name = self.truth.adjoints.get(bound.tensor)
            if name is None:
                return [ZERO]
            programs = (self.truth.program, self.truth.simplified)
            equations = [program.equation(name) for program in programs if name in program.tensors]
        return [substitute(e.body, dict(zip(e.indices, scope, strict=True))) for e in equations]

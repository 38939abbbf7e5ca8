"""Guards, `f if 0 <= t - 1 else 0`, stand around the reads that need them and around nothing else.

    sum_j R[i,j]*h[b,t-1,j] if 0 <= t - 1 else 0       ->    sum_j R[i,j]*(h[b,t-1,j] if 0 <= t - 1 else 0)
    sum_b,t (da[b,t,i]*h[b,t-1,j] if 0 <= t - 1 else 0)  ->    sum_b,t da[b,t,i]*(h[b,t-1,j] if 0 <= t - 1 else 0)

A sum that stands alone can become a matrix product, and what it reads stays inside its axes.  What is infinite or not
a number where a guard fails stays under it, as 0 times that is no 0; so does everything under a condition on data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ...language.algebra import add, construct, factors_of, mul, summed, where
from ...language.functions import INTEGER, STOP_GRADIENT
from ...language.program import Program, Tensor
from ...language.ranges import inside
from ...language.recurrences import with_equations
from ...language.rewriting import rebuild
from ...language.terms import DETERMINANTS, ZERO, Add, Call, Const, Inverse, Pow, Read, Reduce, Term, Where, reads

# Functions that are finite for every finite argument, and as large as it at most.
BOUNDED = ("sin", "cos", "tanh", "erf", "atan", "sign", "abs", "max", "min", "pi", *INTEGER, STOP_GRADIENT)


def guards_inward(program: Program) -> Program:
    """The program with every guard around a sum, or a product in a sum, moved to the reads in it that need one."""
    guards = Guards(program.tensors)

    def visit(node: Term, in_sum: bool) -> Term:
        inside = in_sum or (isinstance(node, Reduce) and node.op == "sum")
        node = construct(rebuild(node, lambda child: visit(child, inside)))
        linear = isinstance(node, Where) and node.other == ZERO and not reads(node.condition)
        if linear and (in_sum or any(isinstance(inner, Reduce) for inner in node.then.walk())):
            return guards.pushed(node.condition, node.then)
        return node

    return with_equations(program, [replace(e, body=visit(e.body, False)) for e in program.equations()])


def is_finite(term: Term) -> bool:
    """Whether the term is a finite number wherever what it reads is."""
    if isinstance(term, Pow):
        whole = isinstance(term.exponent, Const) and isinstance(term.exponent.value, int) and term.exponent.value >= 0
        return whole and is_finite(term.base)
    if isinstance(term, Call) and term.function not in BOUNDED:
        return False
    if isinstance(term, Inverse) or (isinstance(term, Reduce) and term.op in DETERMINANTS):
        return False
    return isinstance(term, Read) or all(map(is_finite, term.children))


@dataclass(frozen=True)
class Guards:
    """Knows the shapes of tensors, and so which reads are proven to stay inside them."""

    tensors: Mapping[str, Tensor]

    def safe(self, term: Term) -> bool:
        """Whether every read in the term is proven to stay inside without a condition, or stands under its own."""
        if isinstance(term, Where):
            return True
        if isinstance(term, Read) and not self.stays_inside(term):
            return False
        return all(self.safe(child) for child in term.children)

    def stays_inside(self, read: Read) -> bool:
        known = {t.name: t.vocabulary for t in self.tensors.values() if t.vocabulary is not None}
        shape = self.tensors[read.tensor].shape
        return all(inside(index, extent, {}, known) for index, extent in zip(read.indices, shape, strict=True))

    def kept_inside(self, condition: Term, reduction: Reduce) -> Term:
        """The reduction, its unproven reads guarded by the condition; what it gives where that fails is not used."""
        if all(map(self.stays_inside, reads(reduction))):
            return reduction
        return replace(reduction, body=self.pushed(condition, reduction.body))

    def pushed(self, condition: Term, term: Term) -> Term:
        """`term if condition else 0`, for a term made of sums and products, with the guard where it is needed."""
        if isinstance(term, Add):
            return add(*(self.pushed(condition, part) for part in term.terms))
        if isinstance(term, Reduce) and term.op == "sum" and not condition.free & set(term.indices):
            return summed(term.indices, self.pushed(condition, term.body))
        factors = factors_of(term)
        chosen = {k for k, factor in enumerate(factors) if not (self.safe(factor) and is_finite(factor))}
        if not chosen:  # any factor will do; a sum passes it on to its own
            chosen = {next((k for k, factor in enumerate(factors) if isinstance(factor, Reduce)), 0)}
        return mul(*(self.guarded(condition, f) if k in chosen else f for k, f in enumerate(factors)))

    def guarded(self, condition: Term, factor: Term) -> Term:
        if isinstance(factor, Reduce) and factor.op == "sum" and not condition.free & set(factor.indices):
            return self.pushed(condition, factor)
        return where(condition, factor, ZERO)

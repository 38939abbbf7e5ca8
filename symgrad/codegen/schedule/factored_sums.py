"""A sum of products over several indices, some of them first where that needs fewer multiplications.

    sum_t,r A[t,r]*dA[t,r]*A[t,s]*Q[t,d]     D[t] = sum_r A[t,r]*dA[t,r],     sum_t D[t]*A[t,s]*Q[t,d]
    sum_d,e q[b,t,d]*M[d,e]*k[b,s,e]         U[b,t,e] = sum_d q[b,t,d]*M[d,e],  sum_e U[b,t,e]*k[b,s,e]

The first loops over t, r, s and d at once, the second over t, r and then over t, s, d.  A sum is taken out with all
factors that have its index, where these leave out another index of the whole.  Parameters are multiplied with each
other last: sum_r,d U[i,r]*V[r,d]*x[b,d] goes through the few r of x V, not through a matrix U V.
"""

from __future__ import annotations

from dataclasses import replace

from ...language.algebra import add, factors_of, mul, summed, terms_of
from ...language.program import Equation, Program, Role
from ...language.terms import Compare, Index, Reduce, Term, reads
from .builder import Builder, in_order

Indices = tuple[Index, ...]


def factor_sums(program: Program) -> Program:
    builder = Builder(program)
    for equation in program.equations():
        terms = [factored(term, equation, builder) for term in terms_of(equation.body)]
        builder.add(replace(equation, body=add(*terms)))
    return builder.program


def factored(term: Term, equation: Equation, builder: Builder) -> Term:
    reduction = next((f for f in factors_of(term) if isinstance(f, Reduce) and f.op == "sum"), None)
    if reduction is None:
        return term
    found = first_sum(reduction, builder)
    if found is None:
        return term
    indices, factors = found
    inside = summed(indices, mul(*factors))
    made = builder.define(f"{equation.tensor}_sum", in_order(inside.free, equation.indices, reduction.indices), inside)
    left = [factor for factor in factors_of(reduction.body) if factor not in factors]
    rest = tuple(index for index in reduction.indices if index not in indices)
    others = [factor for factor in factors_of(term) if factor is not reduction]
    return factored(mul(*others, summed(rest, mul(made, *left))), equation, builder)


def first_sum(reduction: Reduce, builder: Builder) -> tuple[Indices, list[Term]] | None:
    """(indices, the factors that have them) of the sum that spans fewest indices, of those that span not all.

    A bracket is no such factor: what it guards must stay with it.
    """
    factors = factors_of(reduction.body)
    if any(isinstance(factor, Compare) for factor in factors):
        return None
    found = []
    for index in reduction.indices:
        own = [factor for factor in factors if index in factor.free]
        others = [factor for factor in factors if index not in factor.free]
        alone = tuple(i for i in reduction.indices if not any(i in factor.free for factor in others))
        if mul(*own).free < reduction.body.free:
            found.append((alone, own))

    def order(sums: tuple[Indices, list[Term]]) -> tuple[bool, int]:
        of = mul(*sums[1])
        return all(builder.tensors[read.tensor].role is Role.PARAMETER for read in reads(of)), len(of.free)

    return min(found, key=order, default=None)

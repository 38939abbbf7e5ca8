"""Summed indices of merged axes: sum_k f(k//D, k%D) runs over t and d, sum_t,d f(t*D + d) runs over k.

Both are the same numbers in the same order, 0 <= k < N*D.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import permutations

from ..language.algebra import add, factors_of, mul, tidy
from ..language.ranges import quotient_extent, settled_extent
from ..language.rewriting import canonical, substitute
from ..language.terms import Add, Call, Index, Term

Factors = tuple[Term, ...]
Bound = tuple[Index, ...]
Fresh = Callable[[Term], Term]  # an index of a new name over an extent; 0 where that is 1


def separated(factors: Factors, bound: Bound, fresh: Fresh) -> tuple[Factors, Bound]:
    """Every summed k that is read as k//D or k%D replaced by t*D + d, with both summed."""
    waiting, done = list(bound), []
    while waiting:
        k = waiting.pop(0)
        found = next(divisors(factors, k), None)
        if found is None:
            done.append(k)
            continue
        divisor, high = found
        t, d = fresh(settled_extent(high)), fresh(settled_extent(divisor))
        values = {Call("floordiv", (k, divisor)): t, Call("mod", (k, divisor)): d, k: add(mul(t, divisor), d)}
        factors = tuple(tidy(substitute(factor, values)) if k in factor.free else factor for factor in factors)
        waiting += [i for i in (t, d) if isinstance(i, Index)]
    return factors, tuple(done)


def divisors(factors: Factors, k: Index) -> Iterator[tuple[Term, Term]]:
    """(D, N) for every k//D and k%D in which D divides the extent N*D of k."""
    for factor in factors:
        if k not in factor.free:
            continue
        for node in factor.walk():
            if isinstance(node, Call) and node.function in ("floordiv", "mod") and node.arguments[0] == k:
                high = quotient_extent(k.extent, node.arguments[1])
                if high is not None:
                    yield node.arguments[1], high


def joined(factors: Factors, bound: Bound, fresh: Fresh) -> tuple[Factors, Bound]:
    """Every pair of summed t and d that is read as t*D + d only replaced by one k."""
    for t, d in permutations(bound, 2):
        found = {node: rest for factor in factors for node, rest in merged_reads(factor, t, d)}
        if not found:
            continue
        k = fresh(settled_extent(mul(t.extent, d.extent)))
        values = {node: add(k, *rest) for node, rest in found.items()}
        changed = tuple(substitute(factor, values) for factor in factors)
        if not any(factor.free & {t, d} for factor in changed):
            return joined(changed, (*(i for i in bound if i not in (t, d)), k), fresh)
    return factors, bound


def merged_reads(factor: Term, t: Index, d: Index) -> Iterator[tuple[Term, tuple[Term, ...]]]:
    """(the sum, its other terms) for every sum in the factor that holds t*D + d."""
    if not {t, d} <= factor.free:
        return
    high = canonical(mul(t, *factors_of(d.extent)))
    for node in factor.walk():
        if isinstance(node, Add) and d in node.terms:
            scaled = next((term for term in node.terms if canonical(term) == high), None)
            if scaled is not None:
                yield node, tuple(term for term in node.terms if term is not scaled and term != d)

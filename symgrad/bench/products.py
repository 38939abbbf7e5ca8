"""The floating-point operations of a step's matrix products, counted from its equations: what no schedule can save.

A sum over a product of factors is a matrix product where both sides have an index of the result for themselves and
share one that is summed: 2*M*N*K operations for each value of the indices that all three have.  A bracket
[v == x[b,t]] does not multiply anything, it says where the entry goes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import combinations

from ..language.algebra import factors_of
from ..language.program import Program
from ..language.terms import ZERO, Compare, Index, Reduce, Term, Where
from ..training.sizes import extent_size

Indices = frozenset[Index]


def matrix_flops(program: Program, sizes: Mapping[str, int]) -> float:
    """Of one step; equal sums are counted once."""
    sums = {
        node: None
        for equation in program.equations()
        for node in equation.body.walk()
        if isinstance(node, Reduce) and node.op == "sum"
    }
    return float(sum(flops_of(node, sizes) for node in sums))


def flops_of(node: Reduce, sizes: Mapping[str, int]) -> int:
    factors = [factor for factor in factors_of(guarded(node.body)) if factor.free]
    brackets = {factor: placed(factor) for factor in factors if isinstance(factor, Compare)}
    given = frozenset(index for index in brackets.values() if index is not None)
    rows = frozenset().union(*(bracket.free for bracket, index in brackets.items() if index is not None))
    groups = (factor.free - given for factor in factors if factor not in brackets)
    return cheapest(tuple(filter(None, groups)), (node.free | rows) - given, sizes)[1]


def guarded(body: Term) -> Term:
    """What a sum adds up where its guard holds: at the ends of a recurrence there is nothing."""
    return body.then if isinstance(body, Where) and body.other == ZERO else body


def placed(bracket: Compare) -> Index | None:
    """The index that a bracket gives the value of: v in [v == x[b,t]]."""
    sides = ((bracket.left, bracket.right), (bracket.right, bracket.left)) if bracket.relation == "==" else ()
    return next((one for one, other in sides if isinstance(one, Index) and one not in other.free), None)


def cheapest(groups: tuple[Indices, ...], kept: Indices, sizes: Mapping[str, int]) -> tuple[int, int]:
    """(multiplications, those of them in matrix products, times two) of the cheapest order in which to multiply."""
    if len(groups) < 2:
        return 0, 0
    found = []
    for left, right in combinations(range(len(groups)), 2):
        rest = tuple(group for k, group in enumerate(groups) if k not in (left, right))
        one, other = groups[left], groups[right]
        result = (one | other) & (kept | frozenset().union(*rest))
        work = math.prod(extent_size(index.extent, sizes) for index in one | other)
        product = bool((one & other) - result) and bool((one - other) & result) and bool((other - one) & result)
        later, flops = cheapest((*rest, result), kept, sizes)
        found.append((work + later, flops + 2 * work * product))
    return min(found)

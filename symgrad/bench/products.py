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
from ..language.terms import Compare, Index, Reduce
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
    factors = [factor for factor in factors_of(node.body) if factor.free]
    placed = frozenset(filter(None, map(determined, factors)))
    groups = tuple(f.free - placed for f in factors if not isinstance(f, Compare))
    return cheapest(tuple(group for group in groups if group), node.free - placed, sizes)[1]


def determined(factor: object) -> Index | None:
    """The index that a bracket gives the value of: v in [v == x[b,t]]."""
    if not isinstance(factor, Compare) or factor.relation != "==":
        return None
    sides = ((factor.left, factor.right), (factor.right, factor.left))
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

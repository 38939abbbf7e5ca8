"""Contraction: `sum_k [k == e] f(k) = f(e)`, guarded by k's range where e may leave it.

A delta is solved for a summed index where that is possible:

    [k == e]                    k = e                            [t-1 == s]      t = s + 1
    [k == t*D + d], t, d summed t = k // D, d = k % D            [t == k//D] [d == k%D], k summed      k = t*D + d

A delta between a free index and data, `[v == x[b]]`, has nothing to contract with and stays: it is a scatter-add, or
the one-hot term of cross-entropy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..language.algebra import ZERO, add, construct, factors_of, mul, subtract, summed, tidy, where
from ..language.ranges import alone, at_least, bounds, difference, inside, narrowed, same_extent, taken_apart
from ..language.rewriting import rebuild, substitute, unique_bound
from ..language.terms import ONE, Add, Call, Compare, Const, Index, Mul, Read, Reduce, Term, Where, reads

Vocabularies = Mapping[str, Term]


def contract(term: Term, vocabularies: Vocabularies) -> Term:
    """The term with every delta over a summed index solved, and every bracket that is proven dropped."""
    term = unique_bound(term)
    memo: dict[Term, Term] = {}

    def visit(node: Term) -> Term:
        if node not in memo:
            if isinstance(node, Reduce) and node.op == "sum":
                only = {index: ZERO for index in node.indices if index.extent == ONE}  # an axis of one entry
                rest = tuple(index for index in node.indices if index not in only)
                inner = contract_sum(rest, visit(substitute(node.body, only)), vocabularies)
            else:
                inner = construct(rebuild(node, visit))
            if isinstance(inner, Mul):
                inner = sparse_product(inner, vocabularies)
            elif isinstance(inner, Compare):
                inner = proven(inner, vocabularies)
            elif isinstance(inner, Read):
                inner = construct(rebuild(inner, taken_apart))
            memo[node] = inner
        return memo[node]

    return visit(term)


def contract_sum(indices: tuple[Index, ...], body: Term, vocabularies: Vocabularies) -> Term:
    """sum over `indices` of `body`, with the deltas of `body` solved."""
    if isinstance(body, Add) and any(has_delta(term, indices) for term in body.terms):
        return add(*(contract_sum(indices, term, vocabularies) for term in body.terms))
    conditions, factors = guarded(body)
    if conditions:
        # Guards that do not name a summed index stand outside; the others take part in the substitution.
        product = contract_guarded(indices, conditions, factors, vocabularies)
        return product if product is not None else summed(indices, body)
    opened = open_sums(factors, indices)
    if opened is not None:
        return contract_sum(indices + opened[0], mul(*opened[1]), vocabularies)
    for position, factor in enumerate(factors):
        if isinstance(factor, Add) and has_delta(factor, indices):
            others = factors[:position] + factors[position + 1 :]
            return add(*(contract_sum(indices, mul(term, *others), vocabularies) for term in factor.terms))
    product = contract_guarded(indices, (), factors, vocabularies)
    return product if product is not None else summed(indices, body)


def contract_guarded(
    indices: tuple[Index, ...], conditions: tuple[Term, ...], factors: tuple[Term, ...], vocabularies: Vocabularies
) -> Term | None:
    """One solved delta, then the rest; None where there is none to solve."""
    solution = solve(indices, factors, vocabularies) or pinned(indices, conditions)
    if solution is None:
        return None
    mapping, used = solution.values, solution.deltas
    conditions = tuple(condition for condition in conditions if condition not in used)
    rest = tuple(i for i in indices if i not in mapping)
    kept = [substitute(factor, mapping) for factor in factors if factor not in used]
    guards = [guard_at(condition, mapping) for condition in conditions] + list(solution.guards)
    guards = [guard for guard in (proven(guard, vocabularies) for guard in guards) if guard != ONE]
    if ZERO in guards:
        return ZERO
    outside = [guard for guard in guards if not guard.free & set(rest)]
    within = [guard for guard in guards if guard.free & set(rest)]
    body = contract(mul(*kept), vocabularies)
    if within:
        body = where(mul(*within), body, ZERO)
    result = contract_sum(rest, body, vocabularies) if rest else body
    return where(mul(*outside), result, ZERO) if outside else result


def guard_at(condition: Term, mapping: Mapping[Term, Term]) -> Term:
    """The condition where the indices have these values; what compares indices is left without brackets."""
    there = tidy(substitute(condition, mapping))
    return rebuild(there, taken_apart) if isinstance(there, Compare) and not reads(there) else there


@dataclass(frozen=True)
class Solution:
    values: dict[Term, Term]
    deltas: tuple[Term, ...]
    guards: tuple[Term, ...] = ()


def solve(indices: tuple[Index, ...], factors: tuple[Term, ...], vocabularies: Vocabularies) -> Solution | None:
    """The first summed index that a delta determines, with the guards that are not proven."""
    deltas = [factor for factor in factors if isinstance(factor, Compare) and factor.relation == "=="]
    deltas.sort(key=holds_data)  # [i == j] [j == argmax ...]: j = i leaves x[j] readable
    for bracket in deltas:
        solution = solve_split(indices, bracket, deltas) or solve_merged(indices, bracket)
        if solution is not None:
            return solution
        for index in indices:
            value = solved_for(index, bracket)
            if value is None:
                continue
            guards = ()
            if not inside(value, index.extent, {}, vocabularies):
                guards = (Compare("<=", Const(0), value), Compare("<", value, index.extent))
            return Solution({index: value}, (bracket,), guards)
    return None


def holds_data(term: Term) -> bool:
    return any(isinstance(node, Read | Reduce) for node in term.walk())


def pinned(indices: tuple[Index, ...], conditions: tuple[Term, ...]) -> Solution | None:
    """t - 1 < 0 leaves t = 0 only: a condition that holds at one end of an axis determines its index."""
    for condition in conditions:
        for index in indices:
            interval = narrowed(condition, {}, True).get(index)
            if interval is not None and same_extent(*interval):
                return Solution({index: interval[0]}, (condition,))
    return None


def solved_for(index: Index, bracket: Compare) -> Term | None:
    """The value of `index` in left == right, where it occurs once and with factor 1 or -1."""
    if bracket.left == index and index not in bracket.right.free:
        return bracket.right
    if bracket.right == index and index not in bracket.left.free:
        return bracket.left
    parts = alone(index, difference(bracket.left, bracket.right))
    if parts is None:
        return None
    sign, rest = parts
    return difference(ZERO, rest) if sign == ONE else rest


def solve_merged(indices: tuple[Index, ...], bracket: Compare) -> Solution | None:
    """[k == t*D + d] with t and d summed, 0 <= d < D: t = k // D, d = k % D."""
    for value, form in ((bracket.left, bracket.right), (bracket.right, bracket.left)):
        if not isinstance(form, Add) or value.free & set(indices):
            continue
        for low in (term for term in form.terms if term in indices):
            rest = subtract(form, low)
            high = next((index for index in indices if rest == mul(index, low.extent)), None) or next(
                (index for index in indices if rest == mul(low.extent, index)), None
            )
            if high is not None and same_extent(mul(high.extent, low.extent), extent_of(value)):
                values = {high: Call("floordiv", (value, low.extent)), low: Call("mod", (value, low.extent))}
                return Solution(values, (bracket,))
    return None


def solve_split(indices: tuple[Index, ...], bracket: Compare, deltas: list[Compare]) -> Solution | None:
    """[t == k//D] [d == k%D] with k summed, 0 <= d < D: k = t*D + d."""
    quotient = split_of(bracket, "floordiv", indices)
    if quotient is None:
        return None
    index, divisor, high = quotient
    for other in deltas:
        remainder = split_of(other, "mod", indices)
        if remainder is not None and remainder[:2] == (index, divisor):
            low = remainder[2]
            if same_extent(extent_of(low), divisor) and same_extent(mul(extent_of(high), divisor), index.extent):
                return Solution({index: add(mul(high, divisor), low)}, (bracket, other))
    return None


def split_of(bracket: Compare, function: str, indices: tuple[Index, ...]) -> tuple[Index, Term, Term] | None:
    """(k, D, other side) of [other == k // D] or [other == k % D] with k summed."""
    for call, other in ((bracket.left, bracket.right), (bracket.right, bracket.left)):
        if isinstance(call, Call) and call.function == function and call.arguments[0] in indices:
            index, divisor = call.arguments
            if index not in other.free:
                return index, divisor, other
    return None


def extent_of(term: Term) -> Term:
    """One more than the greatest value of an index; a size of its own where that is not known."""
    interval = bounds(term, {}, {})
    return add(interval[1], ONE) if interval is not None else Const(0)


def has_delta(term: Term, indices: tuple[Index, ...]) -> bool:
    """Whether a delta that determines one of `indices` stands among the term's factors, at any depth of sums."""
    if isinstance(term, Compare):
        return term.relation == "==" and any(solvable(term, index) for index in indices)
    if isinstance(term, Add | Mul):
        return any(has_delta(child, indices) for child in term.children)
    if isinstance(term, Where):
        return term.other == ZERO and has_delta(term.then, indices)
    return isinstance(term, Reduce) and term.op == "sum" and has_delta(term.body, indices)


def solvable(bracket: Compare, index: Index) -> bool:
    sides = (bracket.left, bracket.right)
    return solved_for(index, bracket) is not None or any(
        isinstance(side, Call) and side.function in ("floordiv", "mod") and side.arguments[0] == index for side in sides
    )


def open_sums(factors: tuple[Term, ...], indices: tuple[Index, ...]):
    """(indices, factors) with an inner sum opened whose deltas name an outer index; None where there is none."""
    for position, factor in enumerate(factors):
        if isinstance(factor, Reduce) and factor.op == "sum" and has_delta(factor.body, indices):
            return factor.indices, factors[:position] + factors_of(factor.body) + factors[position + 1 :]
    return None


def guarded(body: Term) -> tuple[tuple[Term, ...], tuple[Term, ...]]:
    """(conditions, factors) of a product in which some factors are `f if c else 0`."""
    conditions, factors = [], []
    for factor in factors_of(body):
        if isinstance(factor, Where) and factor.other == ZERO:
            inner = guarded(factor.then)
            conditions += [*factors_of(factor.condition), *inner[0]]
            factors += inner[1]
        else:
            factors.append(factor)
    return tuple(conditions), tuple(factors)


def sparse_product(product: Mul, vocabularies: Vocabularies) -> Term:
    """[v == y[b]] * f(v) = [v == y[b]] * f(y[b]): where the bracket holds, v is known (and y[b] is always inside)."""
    for factor in product.factors:
        if not (isinstance(factor, Compare) and factor.relation == "=="):
            continue
        for index, value in ((factor.left, factor.right), (factor.right, factor.left)):
            if not isinstance(index, Index) or index in value.free:
                continue
            if any(isinstance(node, Reduce) for node in value.walk()):
                continue  # x[i] is read more easily than x[argmax ...]
            elsewhere = any(index in f.free for f in product.factors if f is not factor)
            if elsewhere and inside(value, index.extent, {}, vocabularies):
                known = mul(*(f if f is factor else substitute(f, {index: value}) for f in product.factors))
                if not isinstance(value, Index) or length(known) < length(product):  # of i and j neither is known
                    return known
    return product


def length(term: Term) -> int:
    """The number of nodes."""
    return sum(1 for _ in term.walk())


def proven(condition: Term, vocabularies: Vocabularies) -> Term:
    """1 or 0 where ranges decide the bracket, else the bracket."""
    if isinstance(condition, Mul):
        return mul(*(proven(factor, vocabularies) for factor in condition.factors))
    if not isinstance(condition, Compare) or condition.relation == "!=":
        return condition
    left, right = (bounds(side, {}, vocabularies) for side in (condition.left, condition.right))
    if left is None or right is None:
        return condition
    if condition.relation == "==":
        return ONE if left[0] == left[1] == right[0] == right[1] else condition
    gap = ONE if condition.relation == "<" else ZERO
    # the same indices on both sides may cancel: D <= i + D
    between = bounds(difference(condition.right, condition.left), {}, vocabularies)
    if between is not None and at_least(between[0], gap):
        return ONE
    if between is not None and at_least(subtract(gap, ONE), between[1]):
        return ZERO
    return condition

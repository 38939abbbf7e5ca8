"""Sums and products in the form in which people write them; every function keeps the value of the term.

collect      p/B - [v == y]/B                            ->  (p - [v == y])/B
cancelled    p*(1 - p)*((1 - y)/(1 - p) - y/p)           ->  p - y
cases        (a if c else 0) + (b if not c else 0)       ->  a if c else b
"""

from __future__ import annotations

from itertools import product

from ..language.algebra import (
    ZERO,
    add,
    coefficient,
    construct,
    factors_of,
    is_negative,
    mul,
    negated,
    power,
    summed,
    terms_of,
    where,
)
from ..language.rewriting import rebuild, same
from ..language.terms import ONE, Add, Compare, Const, Index, Mul, Pow, Reduce, Term, Where
from .deltas import length

MANY = 32  # summands beyond which a product of sums is not multiplied out


def cancelled(term: Term) -> Term:
    """Factors go into a sum whose terms divide by them, where nothing is divided by any more."""
    node = construct(rebuild(term, cancelled))
    if not isinstance(node, Mul):
        return node
    for factor in node.factors:
        if not isinstance(factor, Add):
            continue
        divisors = [below for part in factor.terms for below in divided_by(part)]
        others = [other for other in node.factors if other is not factor]
        going = [other for other in others if any(same(base_of(other), below) for below in divisors)]
        if going:
            inner = add(*(mul(*going, part) for part in factor.terms))
            if not any(divided_by(part) for part in terms_of(inner)):
                staying = [other for other in others if not any(other is gone for gone in going)]
                return mul(*staying, shorter(inner))
    return node


def divided_by(term: Term) -> list[Term]:
    """The bases with negative exponents among the factors of a term; numbers and sizes are none."""
    return [f.base for f in factors_of(term) if isinstance(f, Pow) and is_negative(f.exponent) and f.base.free]


def base_of(factor: Term) -> Term:
    return factor.base if isinstance(factor, Pow) else factor


def shorter(term: Term) -> Term:
    """The term or what it is multiplied out, whichever has fewer nodes."""
    open_ = sum_of_products(term)
    return open_ if open_ is not None and length(open_) < length(term) else term


def sum_of_products(term: Term) -> Term | None:
    """The sum of products; None where it has very many terms."""
    parts: list[Term] = []
    for part in terms_of(term):
        choices = [terms_of(factor) for factor in factors_of(part)]
        parts += [mul(*chosen) for chosen in product(*choices)]
        if len(parts) > MANY:
            return None
    return add(*parts)


def cases(term: Term) -> Term:
    """Terms under opposite conditions as one term with both cases."""
    node = construct(rebuild(term, cases))
    if not isinstance(node, Add):
        return node
    for first in node.terms:
        if not is_case(first):
            continue
        opposite = negation(first.condition)
        matching = [t for t in node.terms if is_case(t) and opposite in factors_of(t.condition)]
        if opposite is not None and matching:
            rest = [t for t in node.terms if t is not first and not any(t is m for m in matching)]
            inner = []
            for other in matching:
                left = mul(*(c for c in factors_of(other.condition) if c != opposite))
                inner.append(other.then if left == ONE else where(left, other.then, ZERO))
            return cases(add(where(first.condition, first.then, cases(add(*inner))), *rest))
    return node


def separated(term: Term) -> Term:
    """A sum over several indices as a product of sums, below the sum over one index that connects them, if need be.

    A sum with a bracket of data is a scatter-add and stays one.
    """
    node = rebuild(term, separated)
    if not (isinstance(node, Reduce) and node.op == "sum" and len(node.indices) > 1):
        return node
    if any(isinstance(factor, Compare | Where) for factor in factors_of(node.body)):
        return node
    for outer in ((), *((index,) for index in node.indices)):
        groups = connected(factors_of(node.body), [index for index in node.indices if index not in outer])
        if len(groups) > 1:
            alone = [f for f in factors_of(node.body) if not any(f in factors for _, factors in groups)]
            return summed(outer, mul(*alone, *(summed(indices, mul(*factors)) for indices, factors in groups)))
    return node


def connected(factors: tuple[Term, ...], indices: list[Index]) -> list[tuple[tuple[Index, ...], list[Term]]]:
    """The indices in groups that no factor connects, each with the factors that depend on it."""
    groups: list[tuple[tuple[Index, ...], list[Term]]] = []
    for index in indices:
        own = [factor for factor in factors if index in factor.free]
        joined = [group for group in groups if any(factor in group[1] for factor in own)]
        merged = (*(i for group in joined for i in group[0]), index)
        held = [factor for factor in factors if factor in own or any(factor in group[1] for group in joined)]
        groups = [*(group for group in groups if group not in joined), (merged, held)]
    return groups


def is_case(term: Term) -> bool:
    return isinstance(term, Where) and term.other == ZERO


def negation(condition: Term) -> Term | None:
    """The opposite of a single relation."""
    match condition:
        case Compare("<", left, right):
            return Compare("<=", right, left)
        case Compare("<=", left, right):
            return Compare("<", right, left)
        case Compare("==", left, right):
            return Compare("!=", left, right)
        case Compare("!=", left, right):
            return Compare("==", left, right)
    return None


def collect(term: Term, brackets: bool = False) -> Term:
    """a*x + b*x -> (a + b)*x, for the factors common to all terms of a sum, innermost first; brackets where asked."""
    node = construct(rebuild(term, lambda child: collect(child, brackets)))
    if not isinstance(node, Add):
        return node
    common = [(base, e) for base, e in common_powers(node.terms) if brackets or not isinstance(base, Compare)]
    scale = common_number(node.terms)
    if not common and scale == ONE:
        return node
    divisor = power(mul(scale, *(power(base, exponent) for base, exponent in common)), Const(-1))
    inner = add(*(mul(term, divisor) for term in node.terms))
    without_brackets = add(*(opened for term in terms_of(inner) for opened in subtracted(term)))
    inner = without_brackets if length(without_brackets) < length(inner) else inner
    outside = [power(base, exponent) for base, exponent in common]
    return mul(scale, *outside, inner)


def subtracted(term: Term) -> list[Term]:
    """-(a - b) as -a and b."""
    match term:
        case Mul((Const(-1), Add(terms))):
            return [negated(part) for part in terms]
    return [term]


def common_powers(terms: tuple[Term, ...]) -> list[tuple[Term, Term]]:
    """Bases with the exponent that all terms share (the smaller one in size, of equal sign)."""
    tables = []
    for term in terms:
        factors = [factor for factor in factors_of(term) if not isinstance(factor, Const)]
        tables.append([(f.base, f.exponent) if isinstance(f, Pow) else (f, ONE) for f in factors])
    common = []
    for base, exponent in tables[0]:
        shared = exponent
        for table in tables[1:]:
            other = next((e for b, e in table if same(b, base)), None)
            shared = None if other is None or shared is None else smaller(shared, other)
        if shared is not None and shared != ZERO:
            common.append((base, shared))
    return common


def smaller(left: Term, right: Term) -> Term | None:
    if left == right:
        return left
    if not (isinstance(left, Const) and isinstance(right, Const)) or left.value * right.value <= 0:
        return None
    return left if abs(left.value) < abs(right.value) else right


def common_number(terms: tuple[Term, ...]) -> Const:
    """The number that all terms carry up to sign; negative where all of them are."""
    values = [coefficient(term)[0] for term in terms]
    size = abs(values[0])
    if any(abs(value) != size for value in values):
        size = 1
    return Const(-size if all(value < 0 for value in values) else size)

"""Where an integer term can lie: polynomials in sizes, and proofs that an index stays inside its axis.

    bounds(t*D + d) = (0, N*D - 1)        at_least(N*D - 1, 0): every size is 1 or more

Nothing is guessed: `None` is "not known", and "not proven" is never taken for "false".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import product

from .algebra import add, coefficient, mul, negated, subtract, terms_of
from .terms import MINUS_ONE, ONE, Add, Call, Compare, Const, Index, Mul, Pow, Read, Reduce, Size, Term

Monomial = tuple[str, ...]
Polynomial = dict[Monomial, int]
Interval = tuple[Term, Term]
Known = Mapping[Term, Interval]  # of an index, or of a difference: where d <= t holds, t - d is at least 0


def polynomial(term: Term) -> Polynomial | None:
    """The term as an integer polynomial in sizes; None where it is none."""
    match term:
        case Const(int() as value):
            return {(): value} if value else {}
        case Size(name):
            return {(name,): 1}
        case Pow(base, Const(int() as exponent)) if exponent > 0:
            return polynomial(Mul((base,) * exponent))
        case Add(terms):
            result: Counter = Counter()
            for part in map(polynomial, terms):
                if part is None:
                    return None
                result.update(part)
            return {monomial: value for monomial, value in result.items() if value}
        case Mul(factors):
            result = Counter({(): 1})
            for part in map(polynomial, factors):
                if part is None:
                    return None
                partial: Counter = Counter()
                for (left, a), (right, b) in product(result.items(), part.items()):
                    partial[tuple(sorted(left + right))] += a * b
                result = partial
            return {monomial: value for monomial, value in result.items() if value}
    return None


def settled_extent(extent: Term) -> Term:
    """The polynomial written in one order, so that equal extents are the same term; what is none stays."""
    found = polynomial(extent)
    if found is None:
        return extent
    parts = sorted(found.items(), key=lambda part: (-len(part[0]), part[0]))
    return add(*(mul(Const(value), *map(Size, monomial)) for monomial, value in parts))


def quotient_extent(extent: Term, divisor: Term) -> Term | None:
    """The extent divided by one monomial in sizes, where that leaves no rest; None where it does."""
    whole, below = polynomial(extent), polynomial(divisor)
    if not whole or not below or len(below) != 1:
        return None
    ((monomial, value),) = below.items()
    quotient: Counter = Counter()
    for term, times in whole.items():
        if times % value or Counter(monomial) - Counter(term):
            return None
        quotient[tuple(sorted((Counter(term) - Counter(monomial)).elements()))] = times // value
    return add(*(mul(Const(c), *map(Size, monomial)) for monomial, c in quotient.items()))


def same_extent(left: Term, right: Term) -> bool:
    return left == right or (polynomial(left) is not None and polynomial(left) == polynomial(right))


def at_least(left: Term, right: Term) -> bool:
    """Whether left >= right is proven for all sizes >= 1."""
    difference = polynomial(subtract(left, right))
    if difference is None:
        return False
    # With every size written as 1 + n, n >= 0, no negative coefficient is a proof.
    shifted: Counter = Counter()
    for monomial, value in difference.items():
        for chosen in product((False, True), repeat=len(monomial)):
            shifted[tuple(name for name, keep in zip(monomial, chosen, strict=True) if keep)] += value
    return all(value >= 0 for value in shifted.values())


def bounds(term: Term, known: Known, vocabularies: Mapping[str, Term]) -> Interval | None:
    """(least, greatest) value of an integer term; `known` narrows indices, `vocabularies` bounds token tensors."""
    if polynomial(term) is not None:
        return term, term
    match term:
        case Index(_, extent):
            return known.get(term, (Const(0), subtract(extent, ONE)))
        case Read(tensor) if tensor in vocabularies:
            return Const(0), subtract(vocabularies[tensor], ONE)
        case Add(terms):
            parts = [bounds(part, known, vocabularies) for part in terms]
            if any(part is None for part in parts):
                return None
            return add(*(low for low, _ in parts)), add(*(high for _, high in parts))
        case Mul(factors):
            scale = [factor for factor in factors if polynomial(factor) is not None]
            rest = [factor for factor in factors if polynomial(factor) is None]
            if len(rest) != 1 or (inner := bounds(rest[0], known, vocabularies)) is None:
                return None
            ends = mul(*scale, inner[0]), mul(*scale, inner[1])
            if at_least(mul(*scale), Const(0)):
                return ends
            return (ends[1], ends[0]) if at_least(Const(0), mul(*scale)) else None
        case Reduce("argmax", (index,), _):
            return Const(0), subtract(index.extent, ONE)
        case Call("mod", (_, divisor)):
            return Const(0), subtract(divisor, ONE)
        case Call("floordiv", (numerator, divisor)):
            return quotient_bounds(bounds(numerator, known, vocabularies), divisor)
        case Call(_, ()):
            return None
    return None


def quotient_bounds(numerator: Interval | None, divisor: Term) -> Interval | None:
    """0 <= k < N*D gives 0 <= k//D < N: the one division that splitting an axis needs."""
    if numerator is None or not at_least(numerator[0], Const(0)):
        return None
    quotient = quotient_extent(add(numerator[1], ONE), divisor)
    return None if quotient is None else (Const(0), subtract(quotient, ONE))


def difference(left: Term, right: Term) -> Term:
    """left - right, with a sum on the right taken apart so that equal terms cancel: t - (t - d) = d."""
    return add(left, *map(negated, terms_of(right)))


def taken_apart(term: Term) -> Term:
    """An integer term without brackets below a minus sign, in which equal terms cancel: T - (T - t - 1) - 1 = t."""
    if not isinstance(term, Add):
        return term
    parts = (coefficient(part) for part in term.terms)
    return add(*(mul(Const(value), inner) for value, rest in parts for inner in terms_of(taken_apart(rest))))


def alone(index: Index, term: Term) -> tuple[Term, Term] | None:
    """(sign, rest) with term = sign*index + rest, the sign 1 or -1 and no such index in the rest; None without one."""
    if index not in term.free:
        return None
    for sign in (ONE, MINUS_ONE):
        rest = subtract(term, mul(sign, index))
        if index not in rest.free:
            return sign, rest
    return None


def inside(term: Term, extent: Term, known: Known, vocabularies: Mapping[str, Term]) -> bool:
    """Whether 0 <= term < extent is proven."""
    if isinstance(term, Index) and same_extent(term.extent, extent):
        return True
    # 1.0 equals 1 and is no index: what is said of one is not remembered for the other
    ends = (end for interval in known.values() for end in interval)
    rounded = any(isinstance(n, Const) and isinstance(n.value, float) for t in (term, *known, *ends) for n in t.walk())
    prove = proven_inside.__wrapped__ if rounded else proven_inside
    return prove(term, extent, frozenset(known.items()), frozenset(vocabularies.items()))


@lru_cache(maxsize=4096)
def proven_inside(
    term: Term, extent: Term, known: frozenset[tuple[Term, Interval]], vocabularies: frozenset[tuple[str, Term]]
) -> bool:
    """`inside`, remembered: the check after each pass asks the same of the same reads again."""
    facts, tokens = dict(known), dict(vocabularies)
    match term, extent:
        case Call("floordiv", (k, c)), Call("floordiv", (n, d)) if c == d and polynomial(c):
            # k//c < n//c wherever k + c <= n: tile v//512 of (V + 511)//512
            return inside(k, subtract(n, subtract(c, ONE)), facts, tokens)
    above = difference(subtract(extent, ONE), term)
    return not_negative(term, facts, tokens) and not_negative(above, facts, tokens)


def not_negative(term: Term, known: Known, vocabularies: Mapping[str, Term]) -> bool:
    """Whether 0 <= term is proven, by its bounds or as one of the known differences and a rest."""
    for choice in choices(term, known):
        interval = bounds(term, choice, vocabularies)
        if interval is not None and at_least(interval[0], Const(0)):
            return True
    for fact, (low, _) in known.items():
        if not isinstance(fact, Index):
            rest = bounds(difference(term, fact), known, vocabularies)
            if rest is not None and at_least(add(rest[0], low), Const(0)):
                return True
    return False


def choices(term: Term, known: Known) -> Iterator[dict[Term, Interval]]:
    """`known` with each end of an index either as a condition narrowed it or as its axis has it: both are true.

    Of k < 2 and k < H neither end is the tighter one for all H.
    """
    indices = [index for index in term.free if index in known]
    ends = []
    for index in indices:
        low, high = known[index]
        ends.append(product(dict.fromkeys((low, Const(0))), dict.fromkeys((high, subtract(index.extent, ONE)))))
    for chosen in product(*ends):
        yield {**known, **dict(zip(indices, chosen, strict=True))}


def narrowed(condition: Term, known: Known, truth: bool) -> dict[Term, Interval]:
    """`known` with what a condition says where it holds (or does not): k < D, D <= k, d <= t, and products of them."""
    result = dict(known)
    if isinstance(condition, Mul) and truth:
        for factor in condition.factors:
            result = narrowed(factor, result, True)
        return result
    if not isinstance(condition, Compare) or condition.relation not in ("<", "<="):
        return result
    strict = condition.relation == "<"
    if not truth:  # not (l < r) is r <= l
        return narrowed(Compare("<=" if strict else "<", condition.right, condition.left), known, True)
    left, right, gap = condition.left, condition.right, Const(int(strict))
    apart = difference(right, left)
    beyond_an_index = len(apart.free) > 1 or any(isinstance(node, Call) for node in apart.walk())  # m%T - 2
    if beyond_an_index and (interval := bounds(apart, known, {})) is not None:
        result[apart] = (gap, interval[1])
    # l + gap <= r, solved for an index that stands alone (perhaps with sizes or numbers beside it) on either side
    for side, other, below in ((left, right, True), (right, left, False)):
        index = next((node for node in side.walk() if isinstance(node, Index)), None)
        found = None if index is None or other.free else alone(index, side)
        if found is None or found[1].free:
            continue
        sign, offset = found
        low, high = result.get(index, (Const(0), subtract(index.extent, ONE)))
        # Of two conditions on one end the tighter counts, in whatever order they stand.
        end = subtract(difference(other, offset), gap) if below else add(difference(other, offset), gap)
        if below == (sign == ONE):
            greatest = mul(sign, end)
            high = high if at_least(greatest, high) else greatest
        else:
            least = mul(sign, end)
            low = low if at_least(low, least) else least
        result[index] = (low, high)
    return result

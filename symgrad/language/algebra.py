"""Constructors that keep terms tidy: like terms and powers collected, constants folded, the order of writing kept.

    add(y, mul(-1, o)) = y - o          mul(h, h) = h**2            mul(2, x, Pow(2, -1)) = x
    total(b, mul(c, f(b))) = c * total(b, f(b))                     total(i, 1) = H

They never expand a product over a sum: `(1 - h**2)*dh` stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from .rewriting import canonical, rebuild
from .terms import (
    MINUS_ONE,
    ONE,
    ZERO,
    Add,
    Call,
    Compare,
    Const,
    Index,
    Mul,
    Number,
    Pow,
    Read,
    Reduce,
    Size,
    Term,
    Where,
)


def number(value: Number) -> Const:
    return Const(value)


def add(*terms: Term) -> Term:
    """t1 + t2 + ...: flat, like terms collected, zeros dropped, constants last."""
    coefficients: dict[Term, Number] = {}
    written: dict[Term, Term] = {}  # like terms are recognized in any order of their factors, kept as first written
    for term in flat(terms, Add):
        value, rest = coefficient(term)
        rest = written.setdefault(comparable(rest), rest)
        coefficients[rest] = exact(coefficients.get(rest, 0) + value)
    kept = [scaled(value, rest) for rest, value in coefficients.items() if value != 0 and rest != ONE]
    if coefficients.get(ONE, 0) != 0:
        kept.append(Const(coefficients[ONE]))
    if not kept:
        return ZERO
    return kept[0] if len(kept) == 1 else Add(tuple(kept))


def subtract(left: Term, right: Term) -> Term:
    return add(left, mul(MINUS_ONE, right))


def mul(*factors: Term) -> Term:
    """f1 * f2 * ...: flat, equal bases collected, the numbers multiplied and put first."""
    value: Number = 1
    powers: dict[Term, Term] = {}
    written: dict[Term, Term] = {}
    for factor in flat(factors, Mul):
        if isinstance(factor, Const):
            value = exact(value * factor.value)
            continue
        base, exponent = (factor.base, factor.exponent) if isinstance(factor, Pow) else (factor, ONE)
        base = written.setdefault(comparable(base), base)
        if isinstance(base, Compare) and not is_negative(exponent):
            powers[base] = ONE  # a bracket is its own square
        else:
            powers[base] = add(powers[base], exponent) if base in powers else exponent
    if value == 0:
        return ZERO
    kept = []
    for position, (base, exponent) in enumerate(powers.items()):
        term = power(base, exponent)
        if isinstance(term, Const):
            value = exact(value * term.value)
        elif isinstance(term, Mul):  # a product whose exponents add up to an integer comes apart
            rest = list(powers.items())[position + 1 :]
            return mul(Const(value), *kept, term, *(power(b, e) for b, e in rest))
        elif term != ONE:
            kept.append(term)
    if not kept:
        return Const(value)
    if value == 1:
        return kept[0] if len(kept) == 1 else Mul(tuple(kept))
    return Mul((Const(value), *kept))


def divide(left: Term, right: Term) -> Term:
    return mul(left, power(right, MINUS_ONE))


def power(base: Term, exponent: Term) -> Term:
    """base**exponent; a product under an integer exponent comes apart, nested integer powers multiply."""
    if exponent == ZERO or base == ONE:
        return ONE
    if exponent == ONE:
        return base
    integer = isinstance(exponent, Const) and isinstance(exponent.value, int)
    if integer and isinstance(base, Const) and not (base.value == 0 and exponent.value < 0):
        exact_base = Fraction(base.value) if isinstance(base.value, int) else base.value
        return Const(exact(exact_base**exponent.value))
    if integer and isinstance(base, Pow) and isinstance(base.exponent, Const):
        whole = mul(base.exponent, exponent)
        # (x**a)**n = x**(a*n), but sqrt(x)**2 has no value below 0, where x has one
        kept = is_integer(whole) and not is_integer(base.exponent) and not is_positive(base.base)
        return Pow(base, exponent) if kept else power(base.base, whole)
    if integer and isinstance(base, Mul):
        return mul(*(power(factor, exponent) for factor in base.factors))
    if integer and isinstance(base, Compare) and exponent.value > 0:
        return base
    return Pow(base, exponent)


def total(indices: Iterable[Index], body: Term) -> Term:
    """Sum over indices: constants and factors that do not depend on them come out; over none of them it is the size."""
    return summed(tuple(indices), body)


def summed(indices: tuple[Index, ...], body: Term) -> Term:
    if body == ZERO or not indices:
        return body
    if isinstance(body, Reduce) and body.op == "sum" and not set(body.indices) & set(indices):
        indices, body = indices + body.indices, body.body
    outside, inside = [], []
    for factor in factors_of(body):
        (inside if factor.free & set(indices) else outside).append(factor)
    used = tuple(index for index in indices if any(index in factor.free for factor in inside))
    sizes = [index.extent for index in indices if index not in used]
    if used:
        core = Reduce("sum", used, mul(*inside))
        return mul(*outside, *sizes, core) if outside or sizes else core
    return mul(*outside, *sizes)


def where(condition: Term, then: Term, other: Term) -> Term:
    if isinstance(condition, Const):
        return then if condition.value else other
    if isinstance(condition, Compare) and (then, other) == (ONE, ZERO):
        return condition
    return then if then == other else Where(condition, then, other)


def tidy(term: Term) -> Term:
    """Rebuild a term bottom-up through these constructors, once."""
    memo: dict[Term, Term] = {}

    def visit(node: Term) -> Term:
        if node not in memo:
            memo[node] = construct(rebuild(node, visit))
        return memo[node]

    return visit(term)


def construct(node: Term) -> Term:
    """The tidy form of a node whose children are tidy."""
    match node:
        case Add(terms):
            return add(*terms)
        case Mul(factors):
            return mul(*factors)
        case Pow(base, exponent):
            return power(base, exponent)
        case Where(condition, then, other):
            return where(condition, then, other)
        case Reduce("sum", indices, body):
            return summed(indices, body)
        case Compare(relation, Const(left), Const(right)):
            return Const(int(holds(relation, left, right)))
        case Compare("==" | "<=", left, right) if left == right:
            return ONE
        case Call("floordiv" | "mod", _):
            return integer_call(node)
    return node


def holds(relation: str, left: Number, right: Number) -> bool:
    return {"==": left == right, "!=": left != right, "<": left < right, "<=": left <= right}[relation]


def integer_call(node: Call) -> Term:
    """(t*D + d)//D = t and (t*D + d)%D = d where 0 <= d < D: what splitting a merged index gives; 0//D = 0%D = 0."""
    numerator, divisor = node.arguments
    if numerator == ZERO:
        return ZERO
    for candidate in numerator.terms if isinstance(numerator, Add) else (numerator,):
        if not (isinstance(candidate, Index) and candidate.extent == divisor):
            continue
        rest = subtract(numerator, candidate)
        quotient = divide(rest, divisor)
        if rest == ZERO or divisor in factors_of(rest):
            return quotient if node.function == "floordiv" else candidate
    return node


def coefficient(term: Term) -> tuple[Number, Term]:
    """(c, rest) with term = c * rest and no number left in rest."""
    if isinstance(term, Const):
        return term.value, ONE
    if isinstance(term, Mul) and isinstance(term.factors[0], Const):
        rest = term.factors[1:]
        return term.factors[0].value, rest[0] if len(rest) == 1 else Mul(rest)
    return 1, term


def comparable(term: Term) -> Term:
    """What equal terms share: themselves for plain reads and sizes, the canonical form for the rest."""
    plain = isinstance(term, Size | Const | Index) or (
        isinstance(term, Read) and all(isinstance(index, Index) for index in term.indices)
    )
    return term if plain else canonical(term)


def scaled(value: Number, term: Term) -> Term:
    """value * term, for a term without a number of its own."""
    return term if value == 1 else Mul((Const(value), *factors_of(term)))


def negated(term: Term) -> Term:
    return mul(MINUS_ONE, term)


def is_negative(term: Term) -> bool:
    """Whether the term is written with a minus sign."""
    return coefficient(term)[0] < 0


def quotient(factors: Iterable[Term], whole_numbers: bool = True) -> tuple[str, list[Term], list[Term]]:
    """(sign, above, below) of a product as it is written: negative exponents go below the stroke.

    `whole_numbers`: so do the denominators of fractions.
    """
    above: list[Term] = []
    below: list[Term] = []
    sign = ""
    for factor in factors:
        if isinstance(factor, Const):
            value = factor.value
            if value < 0:
                sign, value = "-", -value
            if whole_numbers and isinstance(value, Fraction):
                below.append(Const(value.denominator))
                value = value.numerator
            if value != 1:
                above.append(Const(value))
        elif isinstance(factor, Pow) and is_negative(factor.exponent):
            below.append(power(factor.base, negated(factor.exponent)))
        else:
            above.append(factor)
    return sign, above, below


def factors_of(term: Term) -> tuple[Term, ...]:
    return term.factors if isinstance(term, Mul) else (term,)


def terms_of(term: Term) -> tuple[Term, ...]:
    return term.terms if isinstance(term, Add) else (term,)


def flat(children: Iterable[Term], kind: type[Add] | type[Mul]) -> list[Term]:
    result: list[Term] = []
    for child in children:
        result.extend(flat(child.children, kind) if isinstance(child, kind) else (child,))
    return result


def exact(value: Number) -> Number:
    return value.numerator if isinstance(value, Fraction) and value.denominator == 1 else value


def is_positive(term: Term) -> bool:
    """Whether the term is a positive number or a size."""
    return isinstance(term, Size) or (isinstance(term, Const) and term.value > 0)


def is_integer(term: Term) -> bool:
    return isinstance(term, Const) and isinstance(term.value, int)

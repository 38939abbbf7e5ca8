"""Quotients by sums: e/(1 + e) is 1 - 1/(1 + e), and a difference is zero where its numerator is.

A denominator q is a `Pow` of a sum to a negative exponent.  Its leading monomial, the largest in the order by degree
and then by name, is divided out wherever it stands beside q**-1: what is left is the unique rest of a division by q.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from ..language.algebra import add, coefficient, comparable, factors_of, mul, power, subtract, terms_of
from ..language.rewriting import repr_key
from ..language.terms import Add, Call, Const, Pow, Reduce, Term

Powers = dict[Term, Fraction]  # of a monomial's factors


def cleared(difference: Term) -> Term | None:
    """The difference times its denominators; None where it has none.  Where both are defined, both are zero or none."""
    needed: dict[Term, Fraction] = {}
    for term in terms_of(difference):
        for factor in factors_of(term):
            if is_denominator(factor):
                key = comparable(factor.base)
                needed[key] = max(needed.get(key, Fraction(0)), -Fraction(factor.exponent.value))
    if not needed:
        return None
    scale = [power(base, Const(exponent)) for base, exponent in needed.items()]
    return add(*(mul(term, *scale) for term in terms_of(difference)))


def is_denominator(factor: Term) -> bool:
    return (
        isinstance(factor, Pow)
        and isinstance(factor.exponent, Const)
        and factor.exponent.value < 0
        and (isinstance(factor.base, Add) or (isinstance(factor.base, Call) and factor.base.function == "cos"))
    )


def divided(factors: Sequence[Term]) -> tuple[tuple[Term, ...], Term] | None:
    """(others, sum) with the product of `factors` = others * sum, one step of a division; None where none is left.

    m*lead/q = m*(q - tail)/q = m - m*tail/q
    """
    for k, factor in enumerate(factors):
        if not (is_denominator(factor) and isinstance(factor.base, Add)):
            continue
        value, lead = leading(factor.base)
        if any(isinstance(atom, Reduce) and atom.op == "sum" for atom in lead):
            continue  # its factors stand among those of the monomial, one by one
        others = list(factors[:k]) + list(factors[k + 1 :])
        rest = without(others, lead)
        if rest is None:
            continue
        monomial = mul(*(power(atom, Const(exponent)) for atom, exponent in lead.items()))
        tail = subtract(factor.base, mul(Const(value), monomial))
        scale = Const(Fraction(1) / Fraction(value))
        higher = power(factor.base, Const(factor.exponent.value + 1))
        return tuple(rest), add(mul(scale, higher), mul(Const(-1), scale, mul_terms(tail, factor)))
    return None


def mul_terms(tail: Term, factor: Term) -> Term:
    return add(*(mul(term, factor) for term in terms_of(tail)))


def leading(base: Add) -> tuple[int | Fraction, Powers]:
    """The coefficient and the powers of the largest monomial."""
    best, found = None, (1, {})
    atoms = sorted({repr_key(atom) for term in base.terms for atom in powers_of(term)})
    for term in base.terms:
        powers = powers_of(term)
        if any(not isinstance(exponent, int | Fraction) for exponent in powers.values()):
            continue
        by_name = {repr_key(atom): exponent for atom, exponent in powers.items()}
        key = (sum(by_name.values()), [by_name.get(name, 0) for name in atoms])
        if best is None or key > best:
            best, found = key, (coefficient(term)[0], powers)
    return found


def powers_of(term: Term) -> Powers:
    powers: Powers = {}
    for factor in factors_of(term):
        if isinstance(factor, Const):
            continue
        base, exponent = (factor.base, factor.exponent) if isinstance(factor, Pow) else (factor, Const(1))
        powers[comparable(base)] = exponent.value if isinstance(exponent, Const) else exponent
    return powers


def without(factors: Sequence[Term], lead: Powers) -> list[Term] | None:
    """The factors divided by the leading monomial; None where it does not divide them, or is the number 1."""
    if not lead:
        return None
    left = dict(lead)
    rest: list[Term] = []
    for factor in factors:
        base, exponent = (factor.base, factor.exponent) if isinstance(factor, Pow) else (factor, Const(1))
        wanted = left.get(comparable(base))
        if wanted is not None and isinstance(exponent, Const) and exponent.value >= wanted:
            del left[comparable(base)]
            rest.append(power(base, Const(exponent.value - wanted)))
        else:
            rest.append(factor)
    return None if left else rest

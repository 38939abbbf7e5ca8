"""Identities that bring a derivative back to saved values, as a table; each holds wherever both sides are defined.

    exp(u)/(1 + exp(u))     ->  1/(1 + exp(-u))
    exp(u)/(1 + exp(u))**n  ->  (1 - 1/(1 + exp(u)))/(1 + exp(u))**(n - 1)        n >= 2

The second turns the derivative of 1/(1 + exp(-z)) into s*(1 - s).  Where exp(u) overflows, the left sides are inf/inf;
the right sides are 1 and 0.
"""

from __future__ import annotations

from collections.abc import Callable

from ..language.algebra import add, construct, factors_of, mul, negated, power, subtract
from ..language.rewriting import rebuild, same
from ..language.terms import MINUS_ONE, ONE, Add, Call, Const, Mul, Pow, Term


def logistic(product: Mul) -> Term | None:
    """exp(u)/(1 + exp(u))**n in the form of the table; None where the product holds no such quotient."""
    for factor in product.factors:
        if not (isinstance(factor, Call) and factor.function == "exp"):
            continue
        for divisor in product.factors:
            if not (isinstance(divisor, Pow) and is_whole(divisor.exponent) and divisor.exponent.value < 0):
                continue
            if isinstance(divisor.base, Add) and same(divisor.base, Add((factor, ONE))):
                others = [f for f in factors_of(product) if f is not factor and f is not divisor]
                if divisor.exponent == MINUS_ONE:
                    mirrored = Call("exp", (negated(factor.arguments[0]),))
                    return mul(*others, power(add(mirrored, ONE), MINUS_ONE))
                rest = power(divisor.base, Const(divisor.exponent.value + 1))
                return mul(*others, rest, subtract(ONE, power(divisor.base, MINUS_ONE)))
    return None


def is_whole(term: Term) -> bool:
    return isinstance(term, Const) and isinstance(term.value, int)


IDENTITIES: tuple[Callable[[Mul], Term | None], ...] = (logistic,)


def apply_identities(term: Term) -> Term:
    """The term with every identity applied wherever its left side stands, innermost first."""
    node = construct(rebuild(term, apply_identities))
    if isinstance(node, Mul):
        for identity in IDENTITIES:
            result = identity(node)
            if result is not None:
                return result
    return node

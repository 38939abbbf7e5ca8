"""Functions that keep the digits, and the range, which a form written out in floats would lose; a line each.

    exp(u) - 1              ->  expm1(u)
    log(1 + x)              ->  log1p(x)
    log(1 - exp(u))         ->  log1p(-exp(u)) if u < -log 2 else log(-expm1(u))        (Maechler 2012)
    sinh(u)**n/cosh(u)**k   ->  tanh(u)**n/cosh(u)**(k - n)                              n <= k
    1/cosh(u)               ->  2*exp(-|u|)/(1 + exp(-2*|u|))

Hyperbolic quotients come first, then the others, innermost first.
"""

from __future__ import annotations

from math import log

from ..language.algebra import add, coefficient, construct, is_negative, mul, negated, power, where
from ..language.rewriting import rebuild
from ..language.terms import MINUS_ONE, ONE, Add, Call, Compare, Const, Mul, Pow, Term

LOG_OF_HALF = Const(-log(2))


def with_digits(term: Term) -> Term:
    """The term with the table's forms wherever their left sides stand."""
    return near_one(hyperbolic(term))


def hyperbolic(term: Term) -> Term:
    node = construct(rebuild(term, hyperbolic))
    return tanh_of_quotient(node) if isinstance(node, Mul) else node


def near_one(term: Term) -> Term:
    node = construct(rebuild(term, near_one))
    match node:
        case Add(terms) if len(terms) > 1 and isinstance(terms[-1], Const):
            return less_one(node)
        case Call("log", (argument,)):
            return log_near_one(argument)
        case Pow(Call("cosh", (u,)), exponent) if is_negative(exponent):
            size = Call("abs", (u,))
            falling = (Call("exp", (mul(Const(factor), size),)) for factor in (-1, -2))
            return power(mul(Const(2), next(falling), power(add(ONE, next(falling)), MINUS_ONE)), negated(exponent))
    return node


def less_one(total: Add) -> Term:
    """c*exp(u) - c as c*expm1(u), of the first exponential with that factor."""
    *terms, last = total.terms
    for position, term in enumerate(terms):
        number, rest = coefficient(term)
        if number == -last.value and isinstance(rest, Call) and rest.function == "exp":
            return add(*terms[:position], mul(Const(number), Call("expm1", rest.arguments)), *terms[position + 1 :])
    return total


def log_near_one(argument: Term) -> Term:
    match argument:
        case Mul((Const(-1), Call("expm1", (u,)))):
            far = Call("log1p", (negated(Call("exp", (u,))),))
            return where(Compare("<", u, LOG_OF_HALF), far, Call("log", (argument,)))
        case Add(terms) if terms[-1] == ONE:
            return Call("log1p", (add(*terms[:-1]),))
    return Call("log", (argument,))


def tanh_of_quotient(product: Mul) -> Term:
    powers = {}
    for factor in product.factors:
        base, exponent = (factor.base, factor.exponent) if isinstance(factor, Pow) else (factor, ONE)
        if isinstance(base, Call) and base.function in ("sinh", "cosh") and isinstance(exponent, Const):
            powers[base.function, base.arguments[0]] = exponent.value
    for (function, u), n in powers.items():
        k = -powers.get(("cosh", u), 0)
        if function == "sinh" and 0 < n <= k:
            sinh, cosh, tanh = (Call(name, (u,)) for name in ("sinh", "cosh", "tanh"))
            quotient = (power(sinh, Const(-n)), power(cosh, Const(n)), power(tanh, Const(n)))
            product = mul(product, *quotient)
    return product

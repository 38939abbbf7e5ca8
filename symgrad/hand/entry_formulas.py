"""The operations on one entry, or on two: tables of their words, as `functions.py` has them for numbers."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from ..language.algebra import add, construct, divide, mul, negated, power, subtract
from ..language.terms import MINUS_ONE, ONE, ZERO, Call, Compare, Const, Term, delta

HALF = Const(Fraction(1, 2))


def quotient(a: Term, b: Term) -> Term:
    return divide(a, b)


def integer(function: str) -> Callable[[Term, Term], Term]:
    def entry(a: Term, b: Term) -> Term:
        return construct(Call(function, (a, b)))

    return entry


def call(function: str) -> Callable[..., Term]:
    return lambda *arguments: Call(function, arguments)


def equals(a: Term, b: Term) -> Term:
    return construct(delta(a, b))


def less(a: Term, b: Term) -> Term:
    return construct(Compare("<", a, b))


def at_most(a: Term, b: Term) -> Term:
    return construct(Compare("<=", a, b))


def root(a: Term) -> Term:
    return power(a, HALF)


def inverted(a: Term) -> Term:
    return power(a, MINUS_ONE)


def exp(a: Term) -> Term:
    return Call("exp", (a,))


def logistic(a: Term) -> Term:
    return inverted(add(ONE, exp(negated(a))))


BINARY: dict[str, Callable[[Term, Term], Term]] = {
    "+": add,
    "-": subtract,
    "*": mul,
    "/": quotient,
    "//": integer("floordiv"),
    "%": integer("mod"),
    "**": power,
}
COMPARE: dict[str, Callable[[Term, Term], Term]] = {
    "==": equals,
    "!=": lambda a, b: construct(Compare("!=", a, b)),
    "<": less,
    "<=": at_most,
    ">": lambda a, b: less(b, a),
    ">=": lambda a, b: at_most(b, a),
}
UNARY: dict[str, Callable[[Term], Term]] = {
    **{word: call(word) for word in ("exp", "log", "sin", "cos", "tan", "sinh", "cosh", "tanh", "erf", "abs", "sign")},
    "arcsin": call("asin"),
    "arccos": call("acos"),
    "arctan": call("atan"),
    "sqrt": root,
    "square": lambda a: power(a, Const(2)),
    "negative": negated,
    "reciprocal": inverted,
    "rsqrt": lambda a: power(a, Const(Fraction(-1, 2))),
    "sech": lambda a: inverted(Call("cosh", (a,))),
    "log1p": lambda a: Call("log", (add(ONE, a),)),
    "expm1": lambda a: subtract(exp(a), ONE),
    "sigmoid": logistic,
    "relu": lambda a: Call("max", (a, ZERO)),
    "softplus": lambda a: Call("log", (add(ONE, exp(a)),)),
}
TWO: dict[str, Callable[[Term, Term], Term]] = {
    "maximum": call("max"),
    "minimum": call("min"),
    "hypot": lambda a, b: root(add(power(a, Const(2)), power(b, Const(2)))),
    "power": power,
    "add": add,
    "subtract": subtract,
    "multiply": mul,
    "divide": quotient,
}

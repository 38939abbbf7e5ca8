"""Random terms without indices, as a person could never have tidied them, and their values."""

from __future__ import annotations

import math
import random
from fractions import Fraction

from symgrad.language.terms import MINUS_ONE, ONE, Add, Call, Const, Index, Mul, Pow, Read, Reduce, Term

SCALARS = {"x": 0.37, "y": 1.21, "z": 2.03, "u": 0.71}
K = Index("k", Const(3))


def value(term: Term) -> float:
    match term:
        case Const(number):
            return float(number)
        case Read(name):
            return SCALARS[name]
        case Add(terms):
            return math.fsum(map(value, terms))
        case Mul(factors):
            return math.prod(map(value, factors))
        case Pow(base, exponent):
            return value(base) ** value(exponent)
        case Call(function, arguments):
            return getattr(math, function)(*map(value, arguments))
        case Reduce(_, _, body):
            return 3 * value(body)
    raise TypeError(term)


def random_term(draw: random.Random, depth: int) -> Term:
    """A term with a positive value, or minus one: no power of a negative number."""
    if depth == 0:
        constants = [Const(2), Const(Fraction(3, 4)), Const(0.5), Const(3.5e-05)]
        return draw.choice([*(Read(name) for name in SCALARS), *constants])

    def below() -> Term:
        return random_term(draw, depth - 1)

    match draw.randrange(8):
        case 0:
            return Add((below(), below()))
        case 1:
            return Add((Mul((MINUS_ONE, below())), Call("exp", (Read("x"),)), Mul((MINUS_ONE, below()))))
        case 2:
            return Mul((below(), below()))
        case 3:
            return Mul((MINUS_ONE, below(), Pow(below(), MINUS_ONE), below()))
        case 4:
            exponents = [Const(Fraction(1, 2)), Const(2), Const(Fraction(-1, 2)), MINUS_ONE, Const(1.5)]
            return Pow(Pow(below(), Const(2)), draw.choice(exponents))
        case 5:
            return Call(draw.choice(["tanh", "cosh"]), (Call("tanh", (below(),)),))
        case 6:
            return Reduce("sum", (K,), below())
    return Mul((below(), Reduce("sum", (K,), below()), Pow(Add((ONE, Pow(below(), Const(2)))), MINUS_ONE)))

"""The tidying constructors keep the value: random terms that nobody tidied, and the sums and products of them."""

from __future__ import annotations

import random

import pytest

from symgrad.language.algebra import add, divide, mul, negated, power, subtract, tidy
from symgrad.language.notation import text
from symgrad.language.terms import MINUS_ONE, Add, Const, Index, Mul, Pow, Read, Size, Term, delta

from .random_terms import random_term, value


def finite(term: Term) -> bool:
    """Whether the term has a value, and one that says something: no difference of huge numbers."""
    try:
        return 1e-6 < abs(value(term)) < 1e6
    except (OverflowError, ZeroDivisionError):
        return False


@pytest.mark.parametrize("seed", range(40))
def test_the_value_stays(seed: int) -> None:
    draw = random.Random(seed)
    for _ in range(25):
        one, two = (random_term(draw, draw.choice([1, 2, 3])) for _ in range(2))
        if not (finite(one) and finite(two)):
            continue
        a, b = value(one), value(two)
        pairs = [(tidy(one), a), (negated(one), -a), (mul(one, two), a * b), (divide(one, two), a / b)]
        pairs += [(add(one, two), a + b), (subtract(one, two), a - b), (power(one, Const(-2)), a**-2)]
        for result, expected in pairs:
            scale = max(abs(a), abs(b), abs(expected))
            assert value(result) == pytest.approx(expected, rel=1e-6, abs=1e-6 * scale), text(result)


def test_a_product_that_comes_apart_does_not_swallow_its_neighbours() -> None:
    x, y, z, k = map(Read, "xyzk")
    both = Mul((y, z))
    back = Add((Const(2), Mul((MINUS_ONE, k))))
    # x**k * x**-k is gone by the time that (y*z)**2 comes apart
    result = mul(Pow(x, k), Pow(x, Mul((MINUS_ONE, k))), Pow(both, k), Pow(both, back), Read("u"))
    assert text(result) == "y**2*z**2*u"


def test_a_bracket_is_its_own_square_and_not_its_own_reciprocal() -> None:
    bracket = delta(Index("i", Size("H")), Index("j", Size("H")))
    assert mul(bracket, bracket) == bracket
    assert power(bracket, Const(3)) == bracket
    assert mul(Read("x"), Pow(bracket, MINUS_ONE)) == Mul((Read("x"), Pow(bracket, MINUS_ONE)))

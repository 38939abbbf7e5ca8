"""The derivative of every elementary function against difference quotients of its NumPy meaning, and at its kinks."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from symgrad.calculus.local import derivative
from symgrad.checking.differences import along
from symgrad.checking.interpreter import Evaluation
from symgrad.language.errors import DerivativeError
from symgrad.language.functions import ELEMENTARY
from symgrad.language.notation import text
from symgrad.language.terms import Call, Const, Index, Pow, Read, Size, Term

n = Index("n", Size("N"))
x, y = Read("x", (n,)), Read("y", (n,))
BELOW_ONE = {"asin", "acos", "tan"}
POSITIVE = {"log", "log1p"}


def value(term: Term, values: dict[str, np.ndarray]) -> np.ndarray:
    """The term at each n."""
    count = len(values["x"])
    return np.broadcast_to(Evaluation(values, {"N": count}, {}).value(term, (n,)), (count,))


def random_values(names: set[str], seed: int = 0) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    high = 0.9 if names & BELOW_ONE else 2.5
    signs = np.array(1.0) if names & POSITIVE else random.choice((-1.0, 1.0), (2, 40))
    first, second = signs * random.uniform(0.05, high, (2, 40))
    return {"x": first, "y": np.where(np.abs(first - second) < 0.05, second + 0.2, second)}


FUNCTIONS = [(row.name, k) for row in ELEMENTARY.values() for k in range(row.arity)]
POWERS = [Const(3), Const(2), Const(-1), Const(-2), Const(Fraction(1, 2)), Const(Fraction(-3, 2)), Const(1.7), y]


@pytest.mark.parametrize(("name", "position"), FUNCTIONS)
def test_functions(name: str, position: int) -> None:
    term = Call(name, (x, y)[: ELEMENTARY[name].arity])
    values = random_values({name})
    moved = {"xy"[position]: np.ones(40)}
    expected = along(lambda v: value(term, v), values, moved)
    np.testing.assert_allclose(value(derivative(term, position), values), expected, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize(("exponent", "position"), [*((exponent, 0) for exponent in POWERS), (y, 1)])
def test_powers(exponent: Term, position: int) -> None:
    term = Pow(x, exponent)
    values = {name: np.abs(array) + 0.2 for name, array in random_values(set()).items()}
    expected = along(lambda v: value(term, v), values, {"xy"[position]: np.ones(40)})
    np.testing.assert_allclose(value(derivative(term, position), values), expected, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize(
    ("term", "position", "expected"),
    [
        (Call("tanh", (x,)), 0, "1 - tanh(x[n])**2"),
        (Call("exp", (x,)), 0, "exp(x[n])"),
        (Call("log", (x,)), 0, "1/x[n]"),
        (Call("abs", (x,)), 0, "sign(x[n])"),
        (Call("sign", (x,)), 0, "0"),
        (Pow(x, Const(3)), 0, "3*x[n]**2"),
        (Pow(x, Const(2)), 0, "2*x[n]"),
        (Pow(x, Const(-1)), 0, "-1/x[n]**2"),
        (Pow(x, Const(Fraction(1, 2))), 0, "1/(2*sqrt(x[n]))"),
    ],
)
def test_forms(term: Term, position: int, expected: str) -> None:
    assert text(derivative(term, position)) == expected


@pytest.mark.parametrize(
    ("term", "position", "at", "expected"),
    [
        (Call("abs", (x,)), 0, (0.0, 0.0), 0),
        (Call("sign", (x,)), 0, (0.0, 0.0), 0),
        (Call("max", (x, y)), 0, (2.0, 2.0), 1),
        (Call("max", (x, y)), 1, (2.0, 2.0), 0),
        (Call("min", (x, y)), 0, (2.0, 2.0), 1),
        (Call("min", (x, y)), 1, (2.0, 2.0), 0),
        (Call("max", (x, y)), 0, (3.0, 2.0), 1),
        (Call("max", (x, y)), 1, (3.0, 2.0), 0),
        (Call("min", (x, y)), 0, (3.0, 2.0), 0),
        (Call("min", (x, y)), 1, (3.0, 2.0), 1),
        (Call("max", (Const(0), x)), 1, (0.0, 0.0), 0),
    ],
)
def test_at_a_kink_the_derivative_is_the_documented_one(
    term: Term, position: int, at: tuple[float, float], expected: float
) -> None:
    values = {name: np.array([number]) for name, number in zip("xy", at, strict=True)}
    assert value(derivative(term, position), values).item() == expected


def test_an_unknown_function_is_an_error() -> None:
    with pytest.raises(DerivativeError, match=r"zeta\(x\[n\]\): zeta has no derivative"):
        derivative(Call("zeta", (x,)), 0)

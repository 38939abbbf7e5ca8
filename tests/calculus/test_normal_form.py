"""Equalities that the normal form proves, and inequalities that it must not: one a row, each side evaluated too."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from symgrad.calculus.normal_form import Budget, Comparison, Exhausted, equal
from symgrad.checking.interpreter import Evaluation
from symgrad.language.algebra import add, mul, power, subtract
from symgrad.language.rewriting import unique_bound
from symgrad.language.terms import (
    ONE,
    ZERO,
    Call,
    Compare,
    Const,
    Index,
    Inverse,
    Read,
    Reduce,
    Size,
    Term,
    Where,
    delta,
)

B, V, N, D = (Size(name) for name in "BVND")
SIZES = {"B": 3, "V": 5, "N": 2, "D": 4}
b, c, e = (Index(name, B) for name in "bce")
v, w = Index("v", V), Index("w", V)
t, d, k = Index("t", N), Index("d", D), Index("k", mul(N, D))
z, s = Read("z", (b,)), Read("s")
half = Const(0.5)


def x(*at: Term) -> Read:
    return Read("x", at)


def q(i: Term, j: Term) -> Read:
    return Read("q", (i, j))


def total(body: Term, *indices: Index) -> Term:
    return Reduce("sum", indices, body)


def call(name: str) -> object:
    return lambda *arguments: Call(name, arguments)


exp, log, tanh, cosh, sin, cos, tan, absolute, maximum = map(
    call, ("exp", "log", "tanh", "cosh", "sin", "cos", "tan", "abs", "max")
)


def over(a: Term, b: Term) -> Term:
    return mul(a, power(b, Const(-1)))


def minus(a: Term) -> Term:
    return mul(Const(-1), a)


def softmax(scores: Term, at: Term, shift: Term = ZERO) -> Term:
    """of x[b, v] - shift, at `at`"""
    return over(exp(subtract(x(b, at), shift)), total(exp(subtract(x(b, w), shift)), w))


def less(a: Term, b: Term) -> Term:
    return Compare("<", a, b)


@dataclass(frozen=True)
class Row:
    name: str
    left: Term
    right: Term
    proved: bool = True


logistic = over(ONE, add(ONE, exp(minus(z))))
eps = Const(1e-5)
root = power(add(z, eps), half)
mean = over(total(Read("z", (c,)), c), B)

ROWS = (
    Row("common denominator", add(over(exp(z), add(ONE, exp(z))), over(ONE, add(ONE, exp(z)))), ONE),
    Row("two denominators", subtract(over(ONE, add(z, s)), over(ONE, subtract(z, s))),
        over(mul(Const(-2), s), subtract(mul(z, z), mul(s, s)))),
    Row("logistic", logistic, over(exp(z), add(ONE, exp(z)))),
    Row("1 - logistic", subtract(ONE, logistic), over(ONE, add(ONE, exp(z)))),
    Row("log of 1 - logistic within a sum", total(over(ONE, subtract(ONE, logistic)), b),
        add(B, total(exp(z), b))),
    Row("tanh", tanh(z), subtract(mul(Const(2), over(ONE, add(ONE, exp(mul(Const(-2), z))))), ONE)),
    Row("sech", power(cosh(z), Const(-2)), subtract(ONE, power(tanh(z), Const(2)))),
    Row("tanh is odd", tanh(subtract(z, s)), minus(tanh(subtract(s, z)))),
    Row("sin and cos", add(power(sin(z), Const(2)), power(cos(z), Const(2))), ONE),
    Row("tan", add(ONE, power(tan(z), Const(2))), power(cos(z), Const(-2))),
    Row("root twice", mul(root, root), add(z, eps)),
    Row("powers of one base", mul(add(z, eps), power(add(z, eps), Const(-1.5))), power(root, Const(-1))),
    Row("power -3", power(power(add(z, eps), Const(-0.5)), Const(3)), power(add(z, eps), Const(-1.5))),
    Row("root of 8", power(Const(8), half), mul(Const(2), power(Const(2), half))),
    Row("root of a square", power(mul(z, z), half), absolute(z)),
    Row("root of a square, no absolute value", power(mul(z, z), half), z, False),
    Row("number within a power", power(add(mul(Const(2), z), mul(Const(2), s)), Const(-1)),
        over(half, add(z, s))),
    Row("softmax sums to 1", total(softmax(x(b, v), v), v), ONE),
    Row("shifted softmax", softmax(x(b, v), v, z), softmax(x(b, v), v)),
    Row("softmax shifted in part", over(exp(subtract(x(b, v), z)), total(exp(x(b, w)), w)), softmax(x(b, v), v), False),
    Row("log of softmax", log(softmax(x(b, v), v)), subtract(x(b, v), log(total(exp(x(b, w)), w)))),
    Row("log of a product that may be negative", log(mul(z, s)), add(log(z), log(s)), False),
    Row("centred", total(subtract(z, mean), b), ZERO),
    Row("centred by another mean",
        total(subtract(z, over(total(Read("z", (c,)), c), subtract(B, ONE))), b), ZERO, False),
    Row("sizes", over(B, mul(s, subtract(B, ONE))), add(over(ONE, s), over(ONE, mul(s, subtract(B, ONE))))),
    Row("max and 0", maximum(z, ZERO), mul(z, less(ZERO, z))),
    Row("max of two", maximum(z, s), maximum(s, z)),
    Row("where a maximum is positive", less(ZERO, maximum(z, ZERO)), less(ZERO, z)),
    Row("at the kink", Compare("<=", ZERO, z), less(ZERO, z), False),
    Row("brackets scaled", less(mul(Const(2), z), mul(Const(4), s)), less(ZERO, subtract(mul(Const(2), s), z))),
    Row("brackets of a positive factor", less(ZERO, mul(exp(z), s)), less(ZERO, s)),
    Row("brackets of a factor", less(ZERO, mul(z, s)), less(ZERO, s), False),
    Row("integers", Compare("<=", add(b, ONE), c), less(b, c)),
    Row("real numbers", Compare("<=", add(z, ONE), s), less(z, s), False),
    Row("a branch", Where(less(ZERO, z), z, ZERO), maximum(z, ZERO)),
    Row("a merged axis", total(mul(q(t, d), Read("u", (add(mul(t, D), d),))), t, d),
        total(mul(q(Call("floordiv", (k, D)), Call("mod", (k, D))), Read("u", (k,))), k)),
    Row("a merged axis in another order", total(mul(q(t, d), Read("u", (add(mul(d, N), t),))), t, d),
        total(mul(q(Call("floordiv", (k, D)), Call("mod", (k, D))), Read("u", (k,))), k), False),
    Row("an axis of one entry", total(Read("z", (Index("o", ONE),)), Index("o", ONE)), Read("z", (ZERO,))),
    Row("a sum within a function",
        total(exp(total(Read("A", (c, e)), e)), c), total(exp(total(Read("A", (b, c)), c)), b)),
    Row("rows and the diagonal", total(exp(total(Read("A", (c, e)), e)), c),
        total(exp(total(Read("A", (e, e)), e)), c), False),
    Row("a delta", total(mul(delta(v, Read("y", (b,))), x(b, v)), v), x(b, Read("y", (b,)))),
    Row("an inverse and its transpose", Inverse((b, c), Read("A", (b, c)), (ZERO, ONE)),
        Inverse((b, c), Read("A", (c, b)), (ONE, ZERO))),
    Row("an inverse and its matrix", Inverse((b, c), Read("A", (b, c)), (ZERO, ONE)),
        Inverse((b, c), Read("A", (b, c)), (ONE, ZERO)), False),
)  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_equal(row: Row) -> None:
    assert equal(row.left, row.right, {"y": V}) is row.proved


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_what_is_proved_is_so_in_numbers(row: Row) -> None:
    random = np.random.default_rng(2)
    shapes = {"z": (3,), "s": (), "x": (3, 5), "q": (2, 4), "u": (8,), "A": (3, 3)}
    values = {name: random.uniform(0.3, 1.5, shape) for name, shape in shapes.items()}
    values["y"] = np.array([4, 0, 4])
    if row.name in ("root of a square", "max and 0", "where a maximum is positive", "a branch", "tanh is odd"):
        values["z"] = values["z"] * np.array([1, -1, 1])
    scope = (b, c, v)
    sides = (unique_bound(side, {index.name for index in scope}) for side in (row.left, row.right))
    left, right = (Evaluation(values, SIZES, {}).value(side, scope) for side in sides)
    same = np.allclose(*np.broadcast_arrays(left, right), rtol=1e-9)
    assert same or not row.proved


def test_a_budget_ends_it() -> None:
    wide = power(add(*(Read(name, (b,)) for name in "abcdefgh")), Const(4))
    with pytest.raises(Exhausted):
        Comparison({}, Budget(100)).normal(wide)
    assert not Comparison({}, Budget(100)).equal(wide, ZERO)


def test_known_sums() -> None:
    """sum_v p[b,v] = 1 makes sum_v p[b,v]*z[b] = z[b], and says nothing of a sum over b or of squares."""
    known = Comparison({}, sums=lambda tensor, axis: ONE if (tensor, axis) == ("p", 1) else None)
    p = Read("p", (b, v))
    assert known.equal(total(mul(p, z), v), z)
    assert not known.equal(total(mul(p, z), b), z)
    assert not known.equal(total(mul(p, p), v), ONE)
    assert not known.equal(total(mul(p, Read("g", (v,))), v), Read("g", (v,)))

"""Constructs without a derivative: each is refused and named; 0 is only said where it is proven."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sympy
from sympy import (
    Derivative,
    DiracDelta,
    Expr,
    Function,
    Heaviside,
    Integral,
    KroneckerDelta,
    Mod,
    Piecewise,
    Product,
    Symbol,
    atan2,
    besselj,
    ceiling,
    conjugate,
    factorial,
    floor,
    frac,
    gamma,
    sign,
    sinc,
    zeta,
)

from symgrad import Model, axes, derive, jacobian, stop_gradient, total
from symgrad.calculus.reverse import Sweep, differentiate
from symgrad.language.errors import DeclarationError, DerivativeError, Independent
from symgrad.language.program import Equation, Program, Role, Tensor
from symgrad.language.surface import argmaximum
from symgrad.language.terms import Call, Index, Read, Reduce, Size

b, c, i, j, v = axes("b:B c:B i:H j:H v:V")


class swish(Function):
    """A function of the user's own, whose derivative SymPy is told; the language knows it no more than f."""

    def fdiff(self, argindex: int = 1) -> Expr:
        return sympy.Integer(1)


class Declared(Model):
    def __init__(self) -> None:
        super().__init__("m")
        self.x, self.w = self.parameters(x=(b, i), w=(i,))
        self.y = self.tokens(y=(b,), vocabulary=v)

    @property
    def entry(self) -> Expr:
        return self.x[b, i]


# the summand, and how the message names what has no derivative
UNKNOWN: dict[str, tuple[Callable[[Declared], Expr], str]] = {
    "floor": (lambda m: floor(m.entry), "x[b,i]//1 rounds the real number x[b,i] and has no derivative"),
    "remainder": (lambda m: Mod(m.entry, 2), "x[b,i]%2 rounds the real number x[b,i] and has no derivative"),
    "ceiling": (lambda m: 2 * ceiling(m.entry), "ceiling(x[b, i]) uses ceiling, which has no derivative here"),
    "fraction": (lambda m: frac(m.entry), "frac(x[b, i]) uses frac, which has no derivative here"),
    "argmax as a value": (lambda m: m.entry * argmaximum(m.x[b, j], j), "argmax_j x[b,j] is an index and no real num"),
    "a token as a value": (lambda m: m.entry * m.y[b], "y[b] is a token id and no real number"),
    "a real number as an index": (lambda m: m.w[floor(m.entry)], "x[b,i] is a real number and cannot index"),
    "a function without definition": (lambda m: Function("f")(m.entry) ** 2, "f(x[b, i]) uses f, which has no derivat"),
    "a function of one's own": (lambda m: swish(m.entry), "swish(x[b, i]) uses swish, which has no derivative here"),
    "gamma": (lambda m: m.entry + gamma(m.entry), "gamma(x[b, i]) uses gamma, which has no derivative here"),
    "besselj": (lambda m: besselj(1, m.entry), "besselj(1, x[b, i]) uses besselj, which has no derivative here"),
    "zeta": (lambda m: zeta(m.entry), "zeta(x[b, i]) uses zeta, which has no derivative here"),
    "factorial": (lambda m: factorial(m.entry), "factorial(x[b, i]) uses factorial, which has no derivative here"),
    "sinc": (lambda m: sinc(m.entry), "sinc(x[b, i]) uses sinc, which has no derivative here"),
    "two arguments": (lambda m: atan2(m.entry, m.w[i]), "atan2(x[b, i], w[i]) uses atan2, which has no derivative"),
    "impulse": (lambda m: DiracDelta(m.entry), "DiracDelta(x[b, i]) uses DiracDelta, which has no derivative here"),
    "conjugate": (lambda m: conjugate(Symbol("z")) * m.entry, "conjugate(z) uses conjugate, which has no derivative"),
    "a product over an axis": (
        lambda m: Product(m.x[b, j], (j, 0, Symbol("H", integer=True, positive=True) - 1)) * m.w[i],
        "Product(x[b, j], (j, 0, H - 1)) uses Product, which has no derivative here",
    ),
    "an integral": (
        lambda m: Integral(Symbol("q") * m.entry, (Symbol("q"), 0, 1)),
        "Integral(q*x[b, i], (q, 0, 1)) uses Integral, which has no derivative here",
    ),
    "a derivative": (
        lambda m: Derivative(Function("g")(m.entry), m.entry),
        "Derivative(g(x[b, i]), x[b, i]) uses Derivative, which has no derivative here",
    ),
}


@pytest.mark.parametrize(("summand", "message"), UNKNOWN.values(), ids=UNKNOWN)
def test_what_has_no_derivative_is_refused_and_named(summand: Callable[[Declared], Expr], message: str) -> None:
    model = Declared()
    with pytest.raises((DeclarationError, DerivativeError)) as raised:
        model.minimize("L", total(summand(model) + model.x[b, i] * model.w[i], b, i))
        differentiate(model.program)
    assert message in str(raised.value)


def test_a_node_that_the_calculus_does_not_know_is_an_error() -> None:
    """Programs that no front end builds: nothing is silently 0."""
    index = Index("i", Size("H"))
    entry = Read("x", (index,))
    for body, message in (
        (Call("zeta", (entry,)), r"zeta\(x\[i\]\): zeta has no derivative"),
        (Reduce("product", (index,), entry), "Reduce has no derivative"),
        (Reduce("argmax", (index,), entry), "Reduce has no derivative"),
    ):
        x, loss = Tensor("x", (index,), Role.PARAMETER), Tensor("L", (), Role.DEFINITION)
        whole = body if isinstance(body, Reduce) else Reduce("sum", (index,), body)
        program = Program("built", {"x": x, "L": loss}, (Equation("L", (), whole),), ("L",))
        with pytest.raises(DerivativeError, match=message):
            Sweep(program, ("x",)).run()


# Independent of x, in a way that is proven: by reading it nowhere, by a step, by a stop.
ZERO: dict[str, Callable[[Declared], Expr]] = {
    "not read": lambda m: m.w[i] ** 2,
    "a sign": lambda m: sign(m.entry),
    "a step": lambda m: Heaviside(m.entry),
    "a bracket of real numbers": lambda m: KroneckerDelta(m.entry, 0),
    "a choice between constants": lambda m: Piecewise((1, m.entry > 0), (2, True)),
    "stopped": lambda m: stop_gradient(m.entry**2),
    "only at an index": lambda m: m.w[argmaximum(m.x[b, j], j)],
}


@pytest.mark.parametrize("summand", ZERO.values(), ids=ZERO)
def test_a_derivative_that_is_proven_to_be_zero_is_said_and_not_returned(summand: Callable[[Declared], Expr]) -> None:
    model = Declared()
    f = model.define("f", (b, i), summand(model) + model.w[i])
    model.minimize("L", total(f[b, i], b, i) + total(model.x[b, i], b, i))
    with pytest.raises(Independent, match="m: f does not depend on x"):
        jacobian(model, "f", "x")
    assert derive(model, "x").formulas == {"x": "dx[b,i] = 1"}


NAMES = [
    ("W1", "m: W1 is not declared; there are x, w; the nearest to W1 is w"),
    ("X", "m: X is not declared; there are x, w; the nearest to X is x"),
    (["x", "L"], "m: L is definition, no parameter or real input: x, w"),
    ("y", "m: y is tokens, no parameter or real input: x, w"),
    ("weights", "m: weights is not declared; there are x, w"),
    ([], "m: there is nothing to learn"),
    (3, "m: derivatives are by names, such as 'W' or ['W', 'x'], and 3 is none"),
    ([Symbol("w")], "m: derivatives are by names, such as 'W' or ['W', 'x'], and w is none"),
]


@pytest.mark.parametrize(("wrt", "message"), NAMES, ids=[str(wrt) for wrt, _ in NAMES])
def test_by_what_is_no_parameter_or_input(wrt: object, message: str) -> None:
    model = Declared()
    model.minimize("L", total(model.x[b, i] * model.w[i], b, i))
    with pytest.raises(DerivativeError) as raised:
        derive(model, wrt)
    assert str(raised.value).startswith(message)


@pytest.mark.parametrize("wrt", ["weight", ["weight"], ("weight", "weight")])
def test_a_string_is_one_name(wrt: object) -> None:
    model = Model("m")
    weight, t = model.parameters(weight=(i,), t=())
    model.minimize("L", total(weight[i] ** 2 * t, i))
    derivation = derive(model, wrt)
    assert derivation.wrt == ("weight",)
    assert derivation.formulas == {"weight": "dweight[i] = 2*t*weight[i]"}
    assert differentiate(model.program, wrt).program.outputs == ("L", "dweight")

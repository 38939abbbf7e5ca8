"""Programs drawn at random: nested sums, gathers, shared paths, repeated indices, elementary functions.

Values stay small because every sum is a mean and every function is bounded or nearly so; each gradient is compared
with difference quotients, before and after simplification.
"""

from __future__ import annotations

import numpy as np
import sympy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sympy import Expr, Idx, IndexedBase, Integer, Rational, atan, cos, exp, sin, sqrt, tanh

from symgrad.calculus.reverse import differentiate
from symgrad.calculus.simplify import simplify
from symgrad.checking.differences import gradient_error, loss_function
from symgrad.checking.interpreter import evaluate
from symgrad.checking.points import point
from symgrad.language.model import Model
from symgrad.language.program import Program
from symgrad.language.surface import axes, mean, softmax, total
from symgrad.language.typecheck import typecheck

TOLERANCE = 1e-6
FUNCTIONS = (tanh, sin, cos, atan, lambda x: exp(tanh(x)), lambda x: 1 / (1 + x**2), lambda x: sqrt(1 + x**2),
             lambda x: x**2 / 2)  # fmt: skip
LETTERS = {"H": axes("h:H i:H j:H k:H l:H"), "V": axes("v:V w:V q:V r:V s:V")}
SIZES = ({"H": 3, "V": 3}, {"H": 2, "V": 5}, {"H": 5, "V": 2}, {"H": 1, "V": 3})

Shape = tuple[str, ...]
Tensors = dict[str, tuple[IndexedBase, Shape]]


class Drawing:
    """Expressions over the tensors so far; `scope` are the indices that may occur."""

    def __init__(self, draw: st.DrawFn, tensors: Tensors, tokens: IndexedBase) -> None:
        self.draw, self.tensors, self.tokens = draw, tensors, tokens

    def one_of(self, options):
        return self.draw(st.sampled_from(list(options)))

    def expression(self, scope: tuple[Idx, ...], depth: int) -> Expr:
        kinds = ["read"] if depth == 0 else ["read", "sum", "product", "function", "mean", "softmax"]
        return getattr(self, self.one_of(kinds))(scope, depth - 1)

    def read(self, scope: tuple[Idx, ...], depth: int) -> Expr:
        base, shape = self.tensors[self.one_of(self.tensors)]
        return base[tuple(self.index(axis, scope) for axis in shape)] if shape else base

    def index(self, axis: str, scope: tuple[Idx, ...]) -> Expr:
        """An index in scope, a constant, or a gather: x[h] is below V."""
        fitting = [index for index in scope if index in LETTERS[axis]]
        gathers = [self.tokens[index] for index in scope if index in LETTERS["H"]] if axis == "V" else []
        return self.one_of([*fitting, *fitting, *gathers] or [Integer(0)])

    def sum(self, scope: tuple[Idx, ...], depth: int) -> Expr:
        factor = self.one_of([1, -1, 2, Rational(1, 3)])
        return self.expression(scope, depth) + factor * self.expression(scope, depth)

    def product(self, scope: tuple[Idx, ...], depth: int) -> Expr:
        return self.expression(scope, depth) * self.expression(scope, depth)

    def function(self, scope: tuple[Idx, ...], depth: int) -> Expr:
        return self.one_of(FUNCTIONS)(self.expression(scope, depth))

    def mean(self, scope: tuple[Idx, ...], depth: int) -> Expr:
        index = self.fresh(scope)
        return mean(self.expression((*scope, index), depth), index)

    def softmax(self, scope: tuple[Idx, ...], depth: int) -> Expr:
        """A share of one over an axis in scope, or the mean of all shares weighted."""
        index = self.fresh(scope)
        body = self.expression((*scope, index), min(depth, 1))
        return total(softmax(body, index) * self.read((*scope, index), 0), index)

    def fresh(self, scope: tuple[Idx, ...]) -> Idx:
        taken = {str(index.label).rstrip("0123456789") for index in scope}
        free = [index for row in LETTERS.values() for index in row if str(index.label) not in taken]
        return self.one_of(free)


@st.composite
def programs(draw: st.DrawFn) -> Program:
    model = Model("random")
    h, i, *_ = LETTERS["H"]
    v, *_ = LETTERS["V"]
    A, B, C, c = model.parameters(A=(h, i), B=(h,), C=(v, h), c=())
    x = model.tokens(x=(h,), vocabulary=v)
    tensors: Tensors = {"A": (A, ("H", "H")), "B": (B, ("H",)), "C": (C, ("V", "H")), "c": (c, ())}
    for number in range(draw(st.integers(1, 3))):
        left = draw(st.sampled_from([(h,), (v,), (h, i), (h, v), ()]))
        name = f"y{number + 1}"
        body = Drawing(draw, tensors, x).expression(left, 3)
        handle = model.define(name, left, body)
        tensors[name] = handle, tuple("H" if index in LETTERS["H"] else "V" for index in left)
    loss = Drawing(draw, tensors, x).expression((), 3)
    # every parameter and the last definition take part, whatever was drawn
    last, shape = list(tensors.values())[-1]
    scope = tuple(LETTERS[axis][3 + position] for position, axis in enumerate(shape))
    loss += mean(last[scope] ** 2, *scope) if scope else last**2
    loss += mean(A[h, i] ** 2, h, i) + mean(sin(B[h]), h) + mean(C[x[h], i] ** 2, h, i) + c**2
    model.minimize("L", sympy.sympify(loss))
    return model.program


@settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(programs(), st.sampled_from(SIZES), st.integers(0, 5))
def test_gradients_of_random_programs(program: Program, sizes: dict[str, int], seed: int) -> None:
    raw = differentiate(program)
    simple = simplify(raw)
    typecheck(raw.program)
    typecheck(simple.program)
    at = point(program, sizes, seed)
    before, after = evaluate(raw.program, at.values, sizes), evaluate(simple.program, at.values, sizes)
    function = loss_function(program, sizes)
    for parameter, adjoint in raw.of_parameters.items():
        error = gradient_error(function, at.values, parameter, before[adjoint], TOLERANCE, 4)
        assert error <= TOLERANCE, f"{parameter} at {sizes}: {error:.1e}"
        np.testing.assert_allclose(
            after[simple.of_parameters[parameter]], before[adjoint], rtol=1e-8, atol=1e-10 * max(1, abs(before["L"]))
        )

"""Terms become SymPy and come back the same: every kind of node, and every equation of the gradient programs."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import sympy
from sympy import Idx, KroneckerDelta, Piecewise, Sum, Symbol, tanh

from symgrad.calculus.normal_form import equal
from symgrad.calculus.reverse import differentiate
from symgrad.calculus.simplify import simplify
from symgrad.checking.interpreter import evaluate
from symgrad.language.algebra import tidy
from symgrad.language.errors import DeclarationError
from symgrad.language.functions import ELEMENTARY
from symgrad.language.lifting import equation_to_sympy, lift_size, tensor_handle, to_sympy
from symgrad.language.lowering import lower, lower_index
from symgrad.language.model import Model
from symgrad.language.notation import text
from symgrad.language.program import Equation, Program, Role, Tensor
from symgrad.language.rewriting import same
from symgrad.language.surface import axes, maximum, mean, size, total
from symgrad.language.terms import (
    MINUS_ONE,
    ONE,
    ZERO,
    Add,
    Call,
    Compare,
    Const,
    Mul,
    Pow,
    Read,
    Reduce,
    Size,
    Term,
    Where,
    delta,
)

from ..calculus.programs import PROGRAMS

b_, t_, d_, i_, v_ = axes("b:B t:N d:D i:H v:V")
b, t, d, i, v = map(lower_index, (b_, t_, d_, i_, v_))
H, D = Size("H"), Size("D")


def declared() -> Program:
    model = Model("m")
    C, c = model.parameters(C=(v_, d_), c=())
    h = model.inputs(h=(b_, i_))
    x = model.tokens(x=(b_, t_), vocabulary=v_)
    model.minimize("L", c * mean(C[x[b_, t_], d_], b_, t_, d_) + mean(h[b_, i_], b_, i_))
    return model.program


PROGRAM = declared()
h, c, x = Read("h", (b, i)), Read("c"), Read("x", (b, t))
ahead, before = Add((i, ONE)), Add((i, MINUS_ONE))

TERMS: list[Term] = [
    Const(3),
    Const(Fraction(-2, 3)),
    Const(0.1),
    H,
    i,
    c,
    h,
    x,
    Read("C", (x, d)),
    Read("h", (b, before)),
    Add((h, c)),
    Add((c, Mul((MINUS_ONE, h)))),
    Mul((MINUS_ONE, Add((c, Mul((MINUS_ONE, h)))))),
    Mul((Const(2), Add((c, h)))),
    Mul((c, h, Pow(Size("B"), MINUS_ONE))),
    Pow(h, Const(2)),
    Pow(Mul((c, h)), Const(Fraction(1, 2))),
    Pow(Const(2), h),
    Pow(c, h),
    Mul((Call("exp", (h,)), Call("exp", (c,)))),
    Call("exp", (Call("log", (h,)),)),
    Call("tanh", (Mul((MINUS_ONE, h)),)),
    Call("floordiv", (i, D)),
    Call("mod", (i, D)),
    Call("floordiv", (Add((i, Mul((Const(2), t)))), D)),
    Call("pi"),
    Call("stop_gradient", (h,)),
    delta(v, x),
    Mul((delta(v, x), h)),
    Compare("!=", v, x),
    Compare("<", i, t),
    Compare("<=", ZERO, h),
    Mul((c, Compare("<", i, t))),
    Where(Compare("<", i, D), h, c),
    Where(Compare("<=", ONE, i), Read("h", (b, before)), ZERO),
    Where(delta(i, t), h, Where(Compare("!=", i, d), c, ONE)),
    Where(Mul((Compare("<", i, t), Compare("<", t, d))), h, c),
    Reduce("sum", (i,), h),
    Reduce("sum", (b, i), Mul((h, c))),
    Reduce("sum", (i,), Mul((h, Reduce("sum", (t,), Call("sin", (Read("C", (x, d)),)))))),
    Reduce("max", (i,), h),
    Reduce("max", (b, i), h),
    Reduce("argmax", (i,), h),
    Read("C", (Reduce("argmax", (v,), Read("C", (v, d))), d)),
    *(Call(name, (c, h) if row.arity == 2 else (h,)) for name, row in ELEMENTARY.items()),
]


@pytest.mark.parametrize("term", TERMS, ids=text)
def test_there_and_back(term: Term) -> None:
    assert same(lower(to_sympy(term, PROGRAM), PROGRAM.tensors, "m"), tidy(term))


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_equation_of_every_gradient_program_comes_back(name: str) -> None:
    program = simplify(differentiate(PROGRAMS[name]())).program
    for equation in program.equations():
        back = lower(to_sympy(equation.body, program), program.tensors, name)
        # Within an And, SymPy turns 0 <= k - d into d - k <= 0, and a Sum draws its factors into a Piecewise.
        turned = "]*[" in text(equation.body) or " else " in text(equation.body)
        assert same(back, equation.body) or turned or equal(back, equation.body), text(equation.body)


def test_turned_relations_mean_the_same() -> None:
    term = Where(Mul((Compare("<=", ZERO, Add((i, Mul((MINUS_ONE, t))))), Compare("<", i, d))), h, c)
    back = lower(to_sympy(term, PROGRAM), PROGRAM.tensors, "m")
    given = {"C": np.ones((3, 6)), "c": 2.0, "h": np.random.default_rng(0).normal(size=(2, 5)), "x": np.zeros((2, 4))}
    made = Tensor("a", (b, i, t, d), Role.DEFINITION)
    values = []
    for body in (term, back):
        program = Program("m", {**PROGRAM.tensors, "a": made}, (Equation("a", made.indices, body),), ())
        values.append(evaluate(program, given)["a"])
    np.testing.assert_array_equal(*values)


def test_what_comes_back_is_what_a_person_declares_with() -> None:
    model = Model("m")
    C = model.parameters(C=(v_, d_))
    x = model.tokens(x=(b_, t_), vocabulary=v_)
    a = model.define("a", (b_, t_), total(C[x[b_, t_], d_], d_))
    model.minimize("L", mean(tanh(a[b_, t_]), b_, t_))
    program = model.program
    assert tensor_handle(program.tensors["C"]) == C
    assert tensor_handle(program.tensors["L"]) == Symbol("L", real=True)
    assert to_sympy(program.equation("a").body, program) == Sum(C[x[b_, t_], d_], d_)
    assert equation_to_sympy(program.equation("a"), program) == sympy.Eq(a[b_, t_], Sum(C[x[b_, t_], d_], d_))
    assert to_sympy(delta(v, Read("x", (b, t))), program) == KroneckerDelta(v_, x[b_, t_])
    assert to_sympy(Reduce("max", (d,), Read("C", (v, d))), program) == maximum(C[v_, d_], d_)
    case = Where(Compare("<", d, Const(1)), ONE, Read("C", (v, d)))
    assert to_sympy(case, program).doit() == Piecewise((1, d_ < 1), (C[v_, d_], True))


def test_the_result_is_ready_for_sympy() -> None:
    model = Model("m")
    scalar = model.parameters(o=())
    target = model.inputs(y=())
    model.minimize("L", (target - scalar) ** 2 / 2)
    lifted = to_sympy(model.program.equation("L").body, model.program)
    assert sympy.expand(sympy.diff(lifted, scalar) - (scalar - target)) == 0


def test_sizes_are_in_sympys_normal_form() -> None:
    for axis in axes("q:N*D p:D+H k:3 r:2*N*D+1"):
        assert isinstance(axis, Idx)
        assert lift_size(lower_index(axis).extent) == size(axis)
    with pytest.raises(DeclarationError, match="h is no size; an axis has a number, a name"):
        lift_size(Read("h"))


def test_a_tensor_that_is_not_declared_is_refused() -> None:
    with pytest.raises(DeclarationError, match="m: nothing is not declared; there are C, c, h, x, L"):
        to_sympy(Read("nothing"), PROGRAM)

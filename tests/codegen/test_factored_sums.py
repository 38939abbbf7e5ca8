"""Which sums are taken out of a sum over several indices, in which order, and that their value stays."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from sympy import Expr, Piecewise

from symgrad.checking.interpreter import evaluate
from symgrad.checking.points import point
from symgrad.codegen.schedule.factored_sums import factor_sums
from symgrad.language.model import Model
from symgrad.language.notation import equation_text
from symgrad.language.program import Program
from symgrad.language.surface import axes, total
from symgrad.language.typecheck import typecheck

SIZES = {"B": 3, "T": 4, "S": 5, "D": 2, "E": 6}


def attention_gradient(A, F, Q, R, X, b, t, s, d, e) -> tuple[tuple, Expr]:
    """sum_t,r A*F*A*Q, as the gradient by the keys of an attention that is one equation."""
    return (s, d), total(A[t, s] * Q[t, d] * F[t, e] * R[t, e], t, e)


def scores_by_a_matrix(A, F, Q, R, X, b, t, s, d, e) -> tuple[tuple, Expr]:
    return (b, t, s), total(X[b, t, d] * Q[s, e] * R[d, e], d, e)


def low_rank(A, F, Q, R, X, b, t, s, d, e) -> tuple[tuple, Expr]:
    return (b, t, s), total(A[s, e] * R[d, e] * X[b, t, d], d, e)


def already_a_product(A, F, Q, R, X, b, t, s, d, e) -> tuple[tuple, Expr]:
    return (b, t, s), total(X[b, t, d] * Q[s, d], d)


def index_in_all(A, F, Q, R, X, b, t, s, d, e) -> tuple[tuple, Expr]:
    return (t, s), total(A[t, e] * F[s, e] * R[s, e], e)


def bracket(A, F, Q, R, X, b, t, s, d, e) -> tuple[tuple, Expr]:
    return (s,), total(Piecewise((1, t + 1 < s), (0, True)) * A[t, e] * F[t, e], t, e)


TABLE: dict[Callable, tuple[dict[str, tuple], tuple[str, ...]]] = {
    # {parameter: its axes}, the definitions in their order
    attention_gradient: (
        {"A": "ts", "F": "te", "Q": "td", "R": "te"},
        ("c_sum[t] = sum_e F[t,e]*R[t,e]", "c[s,d] = sum_t c_sum[t]*A[t,s]*Q[t,d]"),
    ),
    scores_by_a_matrix: (
        {"Q": "se", "R": "de"},
        ("c_sum[b,t,e] = sum_d R[d,e]*X[b,t,d]", "c[b,t,s] = sum_e c_sum[b,t,e]*Q[s,e]"),
    ),
    low_rank: (
        {"A": "se", "R": "de"},
        ("c_sum[b,t,e] = sum_d R[d,e]*X[b,t,d]", "c[b,t,s] = sum_e c_sum[b,t,e]*A[s,e]"),
    ),
    already_a_product: ({"Q": "sd"}, ("c[b,t,s] = sum_d Q[s,d]*X[b,t,d]",)),
    index_in_all: ({"A": "te", "F": "se", "R": "se"}, ("c[t,s] = sum_e A[t,e]*F[s,e]*R[s,e]",)),
    bracket: ({"A": "te", "F": "te"}, ("c[s] = sum_t,e (A[t,e]*F[t,e] if [t + 1 < s] else 0)",)),
}


def program_of(declare: Callable, shapes: dict[str, str]) -> Program:
    model = Model("sums")
    places = axes("b:B t:T s:S d:D e:E")
    b, t, _, d, _ = places
    named = dict(zip("btsde", places, strict=True))
    given = {name: tuple(named[letter] for letter in shape) for name, shape in shapes.items()}
    made = model.parameters(**given, Z=())  # a list for one parameter too
    parameters = dict(zip(given, made, strict=False))
    X = model.inputs(X=(b, t, d))
    indices, body = declare(*(parameters.get(name) for name in "AFQR"), X, *places)
    c = model.define("c", indices, body)
    model.minimize("L", made[-1] * total(c[indices] ** 2, *indices))
    return model.program


@pytest.mark.parametrize("declare", TABLE, ids=lambda declare: declare.__name__)
def test_which_sums_are_taken_out(declare: Callable) -> None:
    shapes, expected = TABLE[declare]
    program = program_of(declare, shapes)
    after = typecheck(factor_sums(program))
    found = [equation_text(equation) for equation in after.equations() if equation.tensor != "L"]
    assert tuple(found) == expected
    at = point(program, SIZES, 0)
    before, made = (evaluate(p, at.values, at.sizes)["L"] for p in (program, after))
    np.testing.assert_allclose(made, before, rtol=1e-12)

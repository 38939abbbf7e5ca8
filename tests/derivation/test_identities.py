"""Every known gradient: derived from f alone, proven equal to the book's formula, right at random points as printed."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from symgrad.calculus.normal_form import equal
from symgrad.checking.differences import gradient_error, interpreted_loss, relative_error
from symgrad.checking.interpreter import Evaluation, evaluate
from symgrad.checking.points import PRIMES, point, size_names
from symgrad.derivation.matrix_form import MatrixForm, expression_program, gradient
from symgrad.derivation.matrix_lifting import lift
from symgrad.derivation.matrix_values import matrix_value
from symgrad.language.lifting import tensor_axes
from symgrad.language.matrices import lower_entry
from symgrad.language.program import Equation

from .identities import CASES, Case

# det(A S B) S^-T needs (A S B)^-1 = B^-1 S^-1 A^-1, which matrix notation knows and index notation does not.
PROVEN_AS_MATRICES = {31}

# X^T C X has an inverse where X has at least as many rows as columns.
TALL = {37}

every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: str(case.number))


@cache
def derived(case: Case) -> MatrixForm:
    return gradient(case.f, case.variable)


def formula(case: Case) -> Equation:
    """The book's gradient in the indices of ours."""
    form = derived(case)
    axes = tensor_axes(form.program.tensors[case.variable.name])
    body = lower_entry(case.gradient, axes, form.program.tensors, f"identity {case.number}")
    return Equation(form.equation.tensor, form.equation.indices, body)


def test_all_are_there() -> None:
    assert [case.number for case in CASES] == list(range(1, 72, 2))


@every_case
def test_the_formula_is_proven(case: Case) -> None:
    ours, book = derived(case).equation, formula(case)
    if case.number in PROVEN_AS_MATRICES:
        assert lift(book, derived(case).program.tensors) == derived(case).matrix
    else:
        assert equal(ours.body, book.body), f"{derived(case)}"


@every_case
@pytest.mark.parametrize("order", [1, -1])
def test_at_random_points(case: Case, order: int) -> None:
    """Our index form, the matrix form as printed and the book's formula, each against difference quotients."""
    form, name = derived(case), case.variable.name
    program = expression_program(case.f, case.variable)
    names = size_names(program)
    sizes = dict(zip(sorted(names), PRIMES[1 : len(names) + 1][::order], strict=True))
    sizes |= {"n": 7} if case.number in TALL else {}
    given = point(program, sizes, seed=case.number).values
    values = evaluate(program, given, sizes)
    shape = np.shape(given[name])
    assert form.matrix is not None, form.reason
    found = {
        "index form": Evaluation(values, sizes, {}).value(form.equation.body, form.equation.indices),
        "matrix form": matrix_value(form.matrix, values, sizes).reshape(shape),
        "book": Evaluation(values, sizes, {}).value(formula(case).body, form.equation.indices),
    }
    loss = interpreted_loss(program, given, sizes)
    for what, value in found.items():
        error = gradient_error(loss, name, np.broadcast_to(value, shape), tolerance=1e-7)
        assert error < 1e-6, f"{what}: {error}"
    assert relative_error(np.asarray(found["matrix form"]), np.broadcast_to(found["index form"], shape)) < 1e-10


@every_case
def test_the_sympy_form_reads_back(case: Case) -> None:
    """What is handed back as SymPy, read in again, is the derived gradient."""
    form = derived(case)
    axes = tensor_axes(form.program.tensors[case.variable.name])
    again = lower_entry(form.sympy, axes, form.program.tensors, "read back")
    if case.number in PROVEN_AS_MATRICES:
        again = lift(Equation(form.equation.tensor, form.equation.indices, again), form.program.tensors)
        assert again == form.matrix
    else:
        assert equal(again, form.equation.body)

"""float32 losses and gradients of exponentials at large arguments: finite, and right against mpmath."""

from __future__ import annotations

from functools import cache

import mpmath
import numpy as np
import pytest
from mpmath import mpf
from sympy import Heaviside, exp

from symgrad.calculus.stability import stabilize
from symgrad.checking.interpreter import evaluate
from symgrad.checking.points import point
from symgrad.codegen.emitted import Emitted
from symgrad.language.model import Model
from symgrad.language.program import Program
from symgrad.language.surface import axes, total
from symgrad.language.typecheck import typecheck
from symgrad.pipeline import derive_gradients, generate

from .running import plain
from .stable_losses import DIFFERENCES, LOSSES, NEAR_ZERO, NORMS, Loss, b, v

SCALES = (5, 8, 20, 40, 87, 90, 200, 1e4)
# Logits in units of the scale: large at the target, elsewhere, all alike, all large, all small.
LOGITS = np.array([[1, 0, -1, 0.5], [0, 0, 0, -1], [-1, -1, -1, -1], [1, 1, 1, 1], [-1, 0, 1, 0.5]])
TARGETS = np.array([0, 3, 1, 2, 0])


def program(name: str) -> Program:
    model = Model(name)
    o, y = model.parameters(o=(b, v)), model.tokens(y=(b,), vocabulary=v)
    model.minimize("L", LOSSES[name].declare(model, o, y))
    return model.program


@cache
def emitted(name: str) -> Emitted:
    return plain(generate(program(name), dtype="float32"))


def exact(loss: Loss, logits: np.ndarray) -> tuple[float, np.ndarray]:
    """The loss and its gradient, by a central difference with a hundred digits more than the scores have."""
    with mpmath.workdps(100):
        rows = [[mpf(float(x)) for x in row] for row in logits]
        step, gradient = mpf(10) ** -40 * mpf(float(np.abs(logits).max())), np.zeros(logits.shape)
        for row, column in np.ndindex(*logits.shape):
            ends = []
            for sign in (1, -1):
                moved = [list(row) for row in rows]
                moved[row][column] += sign * step
                ends.append(loss.exact(moved, TARGETS, row))
            gradient[row, column] = (ends[0] - ends[1]) / (2 * step)
        values = [loss.exact(rows, TARGETS, row) for row in range(len(rows) if loss.by_rows else 1)]
        return float(sum(values)), gradient


def compare(name: str, scale: float, relative: float, absolute: float) -> None:
    logits = (scale * LOGITS).astype(np.float32)
    with np.errstate(over="ignore", under="ignore"):
        loss, gradients = emitted(name).gradients({"y": TARGETS}, {"o": logits})
    expected, gradient = exact(LOSSES[name], logits)
    np.testing.assert_allclose(loss, expected, rtol=relative, atol=absolute, err_msg=f"loss at {scale:g}")
    absolute *= max(1, abs(expected)) if name in DIFFERENCES else 1
    np.testing.assert_allclose(gradients["o"], gradient, rtol=relative, atol=absolute, err_msg=f"do at {scale:g}")


@pytest.mark.parametrize("name", LOSSES)
def test_same_values_and_every_rewriting_recorded(name: str) -> None:
    before = derive_gradients(program(name)).program
    after, steps = stabilize(before)
    typecheck(after)
    for sizes in ({"B": 3, "V": 5}, {"B": 4, "V": 4}, {"B": 1, "V": 4}):
        values = point(before, sizes).values
        expected, found = evaluate(before, values, sizes), evaluate(after, values, sizes)
        for output in before.outputs:
            np.testing.assert_allclose(found[output], expected[output], rtol=1e-9, atol=1e-11)
    old = {equation.tensor: equation.body for equation in before.equations()}
    changed = {e.tensor for e in after.equations() if e.body != old.get(e.tensor, e.body)}
    assert changed <= {step.tensor for step in steps}


@pytest.mark.parametrize("name", LOSSES)
def test_finite_and_right(name: str) -> None:
    for scale in SCALES:
        compare(name, scale, 3e-7, 1e-7)


@pytest.mark.parametrize("name", NORMS)
def test_norms_of_huge_and_tiny_numbers(name: str) -> None:
    for scale in (1e20, 1e-20, 1e-30):
        compare(name, scale, 3e-7, 1e-45)


@pytest.mark.parametrize("name", NEAR_ZERO)
def test_digits_near_zero(name: str) -> None:
    for scale in (1e-3, 1e-5, 1e-7):
        compare(name, scale, 3e-7, 0)


def test_an_exponent_that_is_a_bracket_around_a_sum_stays() -> None:
    """A bracket is 0 or 1 and is never saved: naming it again and again would have no end."""
    model = Model("m")
    i, j = axes("i:H j:H")
    A, x = model.parameters(A=(i, j), x=(j,))
    model.minimize("L", total(A[i, j] * x[j] ** 2, i, j) / total(exp(Heaviside(total(A[i, j] * x[j], j))), i))
    after, _ = stabilize(model.program)
    assert str(after) == str(model.program)

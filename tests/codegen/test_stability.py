"""float32 losses and gradients of exponentials at large arguments: finite, and right against mpmath."""

from __future__ import annotations

from functools import cache

import mpmath
import numpy as np
import pytest
from mpmath import mpf

from symgrad.codegen.emitted import Emitted
from symgrad.language.model import Model
from symgrad.language.program import Program
from symgrad.pipeline import generate

from .running import plain
from .stable_losses import LOSSES, NEAR_ZERO, NORMS, Loss, b, v

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
        for place in np.ndindex(*logits.shape):
            ends = []
            for sign in (1, -1):
                moved = [list(row) for row in rows]
                moved[place[0]][place[1]] += sign * step
                ends.append(loss.exact(moved, TARGETS))
            gradient[place] = (ends[0] - ends[1]) / (2 * step)
        return float(loss.exact(rows, TARGETS)), gradient


def compare(name: str, scale: float, relative: float, absolute: float) -> None:
    logits = (scale * LOGITS).astype(np.float32)
    with np.errstate(over="ignore", under="ignore"):
        loss, gradients = emitted(name).gradients({"y": TARGETS}, {"o": logits})
    expected, gradient = exact(LOSSES[name], logits)
    np.testing.assert_allclose(loss, expected, rtol=relative, atol=absolute, err_msg=f"loss at {scale:g}")
    np.testing.assert_allclose(gradients["o"], gradient, rtol=relative, atol=absolute, err_msg=f"do at {scale:g}")


@pytest.mark.parametrize("name", LOSSES)
def test_finite_and_right(name: str) -> None:
    for scale in SCALES:
        compare(name, scale, 3e-7, 3e-7)


@pytest.mark.parametrize("name", NORMS)
def test_norms_of_huge_and_tiny_numbers(name: str) -> None:
    for scale in (1e20, 1e-20, 1e-30):
        compare(name, scale, 3e-7, 0)


@pytest.mark.parametrize("name", NEAR_ZERO)
def test_digits_near_zero(name: str) -> None:
    for scale in (1e-3, 1e-5, 1e-7):
        compare(name, scale, 3e-7, 0)

"""The check of the step where its steps amplify rounding, and where the interpreter cannot follow."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from sympy import tanh

from symgrad.checking.step_check import SPACE, Judged, check_step, largest_space, starting_points, step_rows
from symgrad.language.algebra import mul
from symgrad.language.model import Model
from symgrad.language.program import Program
from symgrad.language.recurrences import with_equations
from symgrad.language.surface import axes, mean, total
from symgrad.language.terms import Const

from .standins import Interpreted

SIZES = {"B": 25, "T": 26, "H": 25, "D": 25}


def chaotic() -> Program:
    """Parameters are checked at numbers of about 1: there the units of this network saturate and flip."""
    model = Model("chaotic")
    b, t, i, j, d = axes("b:B t:T i:H j:H d:D")
    W, R, U = model.parameters(W=(i, d), R=(i, j), U=(i,))
    x, y = model.inputs(x=(b, t, d), y=(b,))
    h = model.recurrent("h", (b, t, i), along=t)
    model.define("h", (b, t, i), tanh(total(R[i, j] * h[b, t - 1, j], j) + total(W[i, d] * x[b, t, d], d)))
    o = model.define("o", (b,), total(U[i] * h[b, t.upper, i], i))
    model.minimize("L", mean((o[b] - y[b]) ** 2, b))
    return model.program


@dataclass(frozen=True)
class Rounded(Interpreted):
    """Computes from parameters that are rounded in another way."""

    def chunk(self, order, settings, data, parameters, states, losses) -> int:
        random = np.random.default_rng(1)
        for value in parameters.values():
            value *= 1 + np.finfo(float).eps * random.choice((-1, 1), value.shape)
        return super().chunk(order, settings, data, parameters, states, losses)


def twice_the_update(program: Program) -> Program:
    new = program.updates["R"]
    equations = [replace(e, body=mul(Const(2), e.body)) if e.tensor == new else e for e in program.equations()]
    return with_equations(program, equations)


def test_steps_that_amplify_rounding_are_no_mistake() -> None:
    emitted = Rounded(chaotic())
    start, expected, losses = next(starting_points(emitted.program, SIZES, 3, "float64", 0))
    first = Judged(emitted.program, start, expected, losses, "float64")
    rows = [*first.rows(emitted, SIZES, None)]
    assert not all(row.ok for row in rows)
    assert first.rounding_explains(rows, SIZES)
    assert all(row.ok for row in step_rows(emitted, SIZES, 3, "float64", 0))


def test_a_mistake_is_found_all_the_same() -> None:
    rows = [*step_rows(Rounded(chaotic(), wrong=twice_the_update), SIZES, 3, "float64", 0)]
    assert {row.tensor for row in rows if not row.ok} >= {"R"}


def test_sizes_beyond_the_interpreter_are_left_out() -> None:
    emitted = Interpreted(chaotic(), of_threads=((("B", "H"), 400_001),), threaded=False)
    assert largest_space(emitted.program, SIZES | {"B": 633, "H": 633}) > SPACE
    assert {row.sizes["B"] for row in check_step(emitted, "float64")} < set(range(100))

"""Gradients of random programs against difference quotients, before and after simplification, and in stable form.

200 programs in the plain suite; `SYMGRAD_PROGRAMS=2000 pytest tests/calculus/test_random_programs.py` by night.
"""

from __future__ import annotations

import numpy as np
from hypothesis import assume, given, note
from hypothesis import strategies as st

from symgrad.calculus.reverse import differentiate
from symgrad.calculus.simplify import simplify
from symgrad.calculus.stability import stabilize
from symgrad.checking.interpreter import evaluate
from symgrad.checking.points import Point, point
from symgrad.language.errors import DataError
from symgrad.language.program import Program
from symgrad.language.typecheck import typecheck

from .all_at_once import gradient_errors
from .random_programs import RANDOM, SIZES, programs

TOLERANCE = 1e-6


def point_of(program: Program, sizes: dict[str, int], seed: int) -> Point:
    """Where the program is compared; a program that keeps near a kink everywhere is drawn anew."""
    try:
        return point(program, sizes, seed)
    except DataError:
        assume(False)
        raise


@RANDOM
@given(programs(), st.sampled_from(SIZES), st.integers(0, 5))
def test_gradients_of_random_programs(program: Program, sizes: dict[str, int], seed: int) -> None:
    note(str(program))
    at = point_of(program, sizes, seed)
    raw = differentiate(program)
    simple = simplify(raw)
    stable, _ = stabilize(simple.program)
    for made in (raw.program, simple.program, stable):
        typecheck(made)
    before, *others = (evaluate(made, at.values, sizes) for made in (raw.program, simple.program, stable))
    found = {parameter: before[adjoint] for parameter, adjoint in raw.of_parameters.items()}
    errors = gradient_errors(program, at.values, sizes, found, 4, TOLERANCE)
    assert max(errors.values()) <= TOLERANCE, f"at {sizes}: {errors}"
    for after in others:
        for parameter, expected in found.items():
            close = {"rtol": 1e-8, "atol": 1e-10 * max(1, abs(before["L"]))}
            np.testing.assert_allclose(after[simple.of_parameters[parameter]], expected, err_msg=parameter, **close)

"""Every gradient of the table against difference quotients in the interpreter, before and after simplification."""

from __future__ import annotations

import numpy as np
import pytest

from symgrad.calculus.reverse import differentiate
from symgrad.calculus.simplify import simplify
from symgrad.checking.differences import stopped
from symgrad.checking.interpreter import evaluate
from symgrad.checking.points import point, size_table
from symgrad.language.typecheck import typecheck

from .all_at_once import gradient_errors
from .programs import PROGRAMS

TOLERANCE = 1e-7
ENTRIES = 12


@pytest.mark.parametrize("name", PROGRAMS)
def test_gradients_are_difference_quotients(name: str) -> None:
    program = PROGRAMS[name]()
    raw = differentiate(program)
    simple = simplify(raw)
    typecheck(raw.program)
    typecheck(simple.program)
    for seed, sizes in enumerate(size_table(program)):
        at = point(program, sizes, seed)
        before, after = evaluate(raw.program, at.values, sizes), evaluate(simple.program, at.values, sizes)
        found = {parameter: before[adjoint] for parameter, adjoint in raw.of_parameters.items()}
        held, values = stopped(program, at.values, sizes)
        errors = gradient_errors(held, values, sizes, found, ENTRIES, TOLERANCE, seed)
        assert max(errors.values()) < TOLERANCE, f"at {sizes}: {errors}"
        for parameter, expected in found.items():
            assert expected.shape == at.values[parameter].shape
            simplified = after[simple.of_parameters[parameter]]
            np.testing.assert_allclose(simplified, expected, rtol=1e-9, atol=1e-11, err_msg=f"simplified {sizes}")

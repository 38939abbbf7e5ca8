"""Every gradient of the table against difference quotients in the interpreter, before and after simplification."""

from __future__ import annotations

import numpy as np
import pytest

from symgrad.calculus.reverse import differentiate
from symgrad.calculus.simplify import simplify
from symgrad.checking.differences import gradient, loss_function, relative_error, some_entries, stopped
from symgrad.checking.interpreter import evaluate
from symgrad.checking.points import point, size_table
from symgrad.language.typecheck import typecheck

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
        held, values = stopped(program, at.values, sizes)
        loss = loss_function(held, sizes)
        for parameter in program.parameters:
            adjoint = raw.of_parameters[parameter.name]
            found = before[adjoint]
            assert found.shape == at.values[parameter.name].shape
            entries = some_entries(found.shape, ENTRIES, seed)
            expected = gradient(loss, values, parameter.name, entries)
            error = relative_error(found.reshape(-1)[entries], expected, loss(values))
            assert error < TOLERANCE, f"d{parameter.name} at {sizes}: {error:.2g}"
            simplified = after[simple.of_parameters[parameter.name]]
            np.testing.assert_allclose(simplified, found, rtol=1e-9, atol=1e-11, err_msg=f"simplified {sizes}")

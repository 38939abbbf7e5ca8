"""A sum of products that the interpreter contracts is the sum over the whole space."""

from __future__ import annotations

import numpy as np
import pytest

from symgrad.checking import interpreter
from symgrad.checking.points import draw, size_table
from symgrad.pipeline import derive_gradients

from ..calculus.programs import PROGRAMS


@pytest.mark.parametrize("name", PROGRAMS)
def test_contracted_sums_are_sums(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    program = derive_gradients(PROGRAMS[name]()).program
    for sizes in size_table(program)[:3]:
        values = draw(program, sizes, np.random.default_rng(0))
        made = []
        for large in (1, 10**9):
            monkeypatch.setattr(interpreter, "LARGE", large)
            with np.errstate(all="ignore"):
                made.append(interpreter.evaluate(program, values, sizes))
        for tensor, expected in made[1].items():
            np.testing.assert_allclose(made[0][tensor], expected, rtol=1e-9, atol=1e-11, err_msg=f"{tensor} at {sizes}")

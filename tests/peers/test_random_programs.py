"""Gradients of random programs against those that jax.grad takes of the same terms.

200 random programs; SYMGRAD_PROGRAMS=2000 by night.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, note
from hypothesis import strategies as st

from symgrad.checking.differences import FLOOR
from symgrad.checking.interpreter import evaluate
from symgrad.language.program import Program
from symgrad.pipeline import derive_gradients

from ..calculus.random_programs import RANDOM, SIZES, programs
from ..calculus.test_random_programs import point_of

pytestmark = pytest.mark.peers

FEW = (SIZES[1], SIZES[3])  # JAX compiles each operation once for each shape
RELATIVE = 1e-9  # of the largest entry of a gradient, and of the loss


@RANDOM
@given(programs(), st.sampled_from(FEW), st.integers(0, 5))
def test_random_programs(program: Program, sizes: dict[str, int], seed: int) -> None:
    pytest.importorskip("jax", reason="jax is not installed: pip install '.[peers]'")
    from .jax_programs import gradients

    note(str(program))
    at = point_of(program, sizes, seed)
    derived = derive_gradients(program)
    ours = evaluate(derived.program, at.values, sizes)
    loss, theirs = gradients(program, at.values, sizes)
    assert ours[program.outputs[0]] == pytest.approx(loss, rel=RELATIVE)
    assert set(theirs) == set(derived.of_parameters)
    for name, adjoint in derived.of_parameters.items():
        scale = max(np.max(np.abs(theirs[name])), FLOOR * max(1, abs(loss)))
        assert np.max(np.abs(ours[adjoint] - theirs[name])) <= RELATIVE * scale, name

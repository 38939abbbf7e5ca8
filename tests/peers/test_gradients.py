"""Emitted float64 gradients against those of PyTorch, JAX and PyTensor: other people's derivatives of the same loss.

A peer that is not installed is skipped.  `pip install '.[peers]'`, then `pytest -m peers`.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module

import numpy as np
import pytest

from symgrad.checking.emitted_check import arranged
from symgrad.checking.points import point, size_table
from symgrad.codegen.emitted import Emitted
from symgrad.language.program import Program, Role
from symgrad.pipeline import generate

from .models import MODELS

pytestmark = pytest.mark.peers

RELATIVE = 1e-9  # of the largest entry of a gradient
SIZES = ("equal", "different")


@pytest.fixture(scope="session")
def emitted(tmp_path_factory):
    """The float64 module of a model, compiled once for all peers."""
    folder = tmp_path_factory.mktemp("generated")
    return cache(lambda name: generate(MODELS[name](), dtype="float64").load(folder))


def values_at(program: Program, sizes: str) -> dict[str, np.ndarray]:
    row = size_table(program)[SIZES.index(sizes) if len(size_table(program)) > 1 else 0]
    return point(program, row, seed=len(sizes)).values


def agree(emitted: Emitted, values: dict[str, np.ndarray], loss: float, gradients: dict[str, np.ndarray]) -> None:
    batch, parameters = arranged(emitted.program, values, "float64")
    our_loss, ours = emitted.gradients(batch, parameters)
    assert our_loss == pytest.approx(loss, rel=RELATIVE)
    for name, theirs in gradients.items():
        assert np.shape(ours[name]) == theirs.shape, name
        assert np.max(np.abs(ours[name] - theirs)) <= RELATIVE * np.max(np.abs(theirs)), name


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("peer", ["torch", "jax"])
def test_gradients(peer: str, name: str, sizes: str, emitted) -> None:
    pytest.importorskip(peer, reason=f"{peer} is not installed: pip install '.[peers]'")
    losses = import_module(f".{peer}_losses", __package__)
    program = MODELS[name]().program
    values = values_at(program, sizes)
    real = [tensor.name for tensor in program.with_role(Role.PARAMETER, Role.INPUT)]
    agree(emitted(name), values, *losses.gradients(name, values, real))


@pytest.mark.parametrize("sizes", SIZES)
def test_concat_lm_in_pytensor(sizes: str, emitted) -> None:
    pytensor = pytest.importorskip("pytensor", reason="pytensor is not installed: pip install '.[peers]'")
    import pytensor.tensor as pt

    values = values_at(MODELS["concat_lm"]().program, sizes)
    x, y = pt.lmatrix("x"), pt.lvector("y")
    C, W1, W2 = pt.dmatrix("C"), pt.dtensor3("W1"), pt.dmatrix("W2")
    h = pt.tanh(C[x].flatten(2) @ W1.flatten(2).T)
    log_p = pt.special.log_softmax(h @ W2.T, axis=1)
    loss = -log_p[pt.arange(y.shape[0]), y].mean()
    wrt = [C, W1, W2]
    # FAST_COMPILE runs the gradient as it was derived, without a compiler
    function = pytensor.function([x, y, *wrt], [loss, *pytensor.grad(loss, wrt)], mode="FAST_COMPILE")
    value, *found = function(*(values[name] for name in ("x", "y", "C", "W1", "W2")))
    agree(emitted("concat_lm"), values, float(value), dict(zip(("C", "W1", "W2"), found, strict=True)))

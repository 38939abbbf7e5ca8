"""Emitted files compiled by Numba, as they are used, against the interpreter in both dtypes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from symgrad.checking.emitted_check import arranged
from symgrad.checking.interpreter import evaluate
from symgrad.checking.points import point, size_names, size_table
from symgrad.codegen.emitted import Emitted
from symgrad.language.optimizers import SGD, Adafactor, Adam
from symgrad.language.program import Program
from symgrad.pipeline import derive_gradients, generate

from .models import MODELS
from .running import gradient_errors, largest, relative, step_errors, wrong

TOLERANCE = {"float64": 1e-10, "float32": 1e-5}  # relative to the update
# model, optimizer, dtype, further settings, what is compiled and compared
FILES = {
    "concat_lm, sgd": ("concat_lm", SGD(), "float64", {}, "loss gradients chunk mean_loss"),
    "concat_lm, sgd in float32": ("concat_lm", SGD(), "float32", {}, "gradients chunk"),
    "bengio_direct, adam, decay, clip": (
        "bengio_direct", Adam(), "float32", {"weight_decay": {"H": 0.1, "U": 0.01}, "clip": 0.5}, "chunk"
    ),
    "softmax_regression, adafactor": ("softmax_regression", Adafactor(), "float32", {}, "chunk"),
    "scalar_tanh, adafactor": ("scalar_tanh", Adafactor(), "float64", {}, "gradients chunk mean_loss"),
    "branches, adam": ("branches", Adam(), "float64", {}, "gradients chunk"),
    "attention_block": ("attention_block", SGD(), "float64", {}, "gradients"),
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("compiled")


@pytest.mark.parametrize(("model", "rule", "dtype", "settings", "functions"), FILES.values(), ids=FILES)
def test_compiled(model, rule, dtype: str, settings: dict, functions: str, folder: Path) -> None:
    program = MODELS[model]()
    emitted = generate(program, rule, dtype, **settings).load(folder)
    gradients = derive_gradients(program, emitted.differentiated)
    for seed, sizes in enumerate(size_table(program)):
        if "gradients" in functions:
            assert not wrong(gradient_errors(gradients, emitted, sizes, seed), TOLERANCE[dtype]), sizes
        if "chunk" in functions:
            for steps in (1, 3):
                # every step rounds the parameters that the next one starts from
                assert not wrong(step_errors(emitted, sizes, steps, seed), steps * TOLERANCE[dtype]), (sizes, steps)
    if "mean_loss" in functions:
        check_mean_loss(program, emitted)


def check_mean_loss(program: Program, emitted: Emitted) -> None:
    """Seven rows by batches of 3: the last batch has one row, and each row weighs the same."""
    axes = size_names(program)
    batched = emitted.batch_size is not None
    sizes = {name: 7 if name == emitted.batch_size else 4 for name in axes}
    at = point(program, sizes, 5, margin=0.0)
    data, parameters = arranged(program, at.values, "float64")
    if batched:
        expected = evaluate(program, at.values)[program.outputs[0]]
    else:
        rows = [point(program, sizes, seed, margin=0.0).values for seed in range(7)]
        data = {name: np.array([row[name] for row in rows]) for name in data}
        expected = np.mean([evaluate(program, {**row, **parameters})[program.outputs[0]] for row in rows])
    for batch in (1, 3, 7, 100):
        assert relative(emitted.mean_loss(data, parameters, batch), expected) < 1e-12
    assert largest(expected) > 0

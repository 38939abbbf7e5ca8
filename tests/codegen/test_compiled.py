"""Emitted files compiled by Numba, as they are used, against the interpreter in both dtypes."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

from symgrad.checking.emitted_check import arranged
from symgrad.checking.interpreter import evaluate
from symgrad.checking.points import point, size_names, size_table
from symgrad.checking.step_check import starting_point
from symgrad.codegen.emitted import Emitted
from symgrad.language.optimizers import SGD, Adafactor, Adam
from symgrad.language.program import Program
from symgrad.pipeline import derive_gradients, generate

from ..calculus.programs import PROGRAMS
from .models import MODELS
from .running import gradient_errors, largest, relative, step_errors, wrong

TOLERANCE = {"float64": 1e-10, "float32": 1e-5}  # relative to the update
# model, optimizer, dtype, further settings, what is compiled and compared
LONG = {
    "concat_lm, sgd": ("concat_lm", SGD(), "float64", {}, "loss gradients chunk mean_loss"),
    "bengio_direct, adam, decay, clip": (
        "bengio_direct", Adam(), "float32", {"weight_decay": {"H": 0.1, "U": 0.01}, "clip": 0.5}, "chunk"
    ),
    "branches, adam": ("branches", Adam(), "float64", {}, "gradients chunk"),
    "attention_block": ("attention_block", SGD(), "float64", {}, "gradients"),
}  # fmt: skip
FILES = {
    "concat_lm, sgd in float32": ("concat_lm", SGD(), "float32", {}, "gradients chunk"),
    "softmax_regression, adam, decay, clip": (
        "softmax_regression", Adam(), "float32", {"weight_decay": {"W": 0.1}, "clip": 0.5}, "chunk"
    ),
    "softmax_regression, adafactor": ("softmax_regression", Adafactor(), "float32", {}, "chunk"),
    "scalar_tanh, adafactor": ("scalar_tanh", Adafactor(), "float64", {}, "gradients chunk mean_loss"),
    "branches": ("branches", SGD(), "float64", {}, "gradients"),
    "masks": ("dropout", SGD(), "float32", {}, "chunk"),
}  # fmt: skip


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Program, Emitted]]:
    """The program of a row of FILES and its file, whose functions are compiled when they are first called."""
    folder = tmp_path_factory.mktemp("compiled")

    @cache
    def load(name: str) -> tuple[Program, Emitted]:
        model, rule, dtype, settings, _ = {**FILES, **LONG}[name]
        program = {**PROGRAMS, **MODELS}[model]()
        return program, generate(program, rule, dtype, **settings).load(folder)

    return load


@pytest.mark.parametrize("name", [*FILES, *(pytest.param(name, marks=pytest.mark.slow) for name in LONG)])
def test_against_the_interpreter(name: str, compiled: Callable) -> None:
    program, emitted = compiled(name)
    *_, functions = {**FILES, **LONG}[name]
    gradients = derive_gradients(program, emitted.differentiated)
    tolerance = TOLERANCE[emitted.dtype]
    for seed, sizes in enumerate(size_table(program)):
        if "gradients" in functions:
            assert not wrong(gradient_errors(gradients, emitted, sizes, seed), tolerance), sizes
        if "chunk" in functions:
            for steps in (1, 3):
                # every step rounds the parameters that the next one starts from
                assert not wrong(step_errors(emitted, sizes, steps, seed), steps * tolerance), (sizes, steps)
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
    for batch, threads in ((1, 1), (1, 2), (1, 16), (3, 1), (3, 2), (3, 5), (7, 2), (100, 1), (100, 3)):
        assert relative(emitted.mean_loss(data, parameters, batch, threads), expected) < 1e-12, (batch, threads)
    assert largest(expected) > 0


def test_threads_change_no_more_than_rounding(compiled: Callable) -> None:
    """One thread gives the same bits each run; several give the same losses.  The last tile is not full."""
    _, emitted = compiled("concat_lm, sgd in float32")
    sizes = {"B": 16, "N": 2, "D": 3, "H": 17, "V": 3001}  # enough work to be divided
    start, expected, expected_losses = starting_point(emitted.program, sizes, 3, "float32", 0)
    runs = []
    for threads in (1, 1, 2, 3):
        parameters = {name: array.copy() for name, array in start.parameters.items()}
        losses = np.zeros(3)
        assert emitted.chunk(start.order, start.settings, start.data, parameters, {}, losses, threads) == 3
        runs.append((losses, parameters))
        assert relative(losses, expected_losses) < 1e-6
        for name, array in parameters.items():
            scale = largest(expected[name] - start.parameters[name]) + 1e-2 * largest(expected[name])
            assert relative(array, expected[name], scale) < 1e-4, (threads, name)
    (first, one), (again, same), *_ = runs
    assert (first == again).all()
    assert all((one[name] == same[name]).all() for name in one)


NOT_FINITE = [("W1", np.nan), ("W2", np.nan), ("W2", np.inf), ("W2", -np.inf), ("C", np.nan)]


@pytest.mark.parametrize(("parameter", "value"), NOT_FINITE)
def test_a_loss_that_is_not_finite_leaves_everything_as_it_was(
    parameter: str, value: float, compiled: Callable
) -> None:
    program, emitted = compiled("concat_lm, sgd in float32")
    start, _, _ = starting_point(emitted.program, size_table(program)[1], 2, "float32", 0)
    parameters = {name: array.copy() for name, array in start.parameters.items()}
    parameters[parameter].reshape(-1)[-1 if parameter != "C" else slice(None)] = value
    before = {name: array.copy() for name, array in parameters.items()}
    losses = np.zeros(2)
    assert emitted.chunk(start.order, start.settings, start.data, parameters, {}, losses) == 0
    assert not np.isfinite(losses[0])
    assert losses[1] == 0
    for name, array in parameters.items():
        np.testing.assert_array_equal(array, before[name])


def test_steps_before_the_first_loss_that_is_not_finite_are_kept(compiled: Callable) -> None:
    program, emitted = compiled("softmax_regression, adafactor")
    start, _, _ = starting_point(emitted.program, size_table(program)[1], 3, "float32", 0)
    rows = len(start.order[0])
    order = np.arange(3 * rows).reshape(3, rows)
    data = {name: np.resize(array, (3 * rows, *array.shape[1:])) for name, array in start.data.items()}
    data["X"][2 * rows, 0] = np.nan  # in the third batch
    ends = []
    for steps in (2, 3):
        parameters, states = ({n: a.copy() for n, a in kept.items()} for kept in (start.parameters, start.states))
        settings = {name: values[:steps] for name, values in start.settings.items()}
        losses = np.zeros(steps)
        assert emitted.chunk(order[:steps], settings, data, parameters, states, losses) == 2
        ends.append({**parameters, **states})
    assert np.isnan(losses[2])
    for name, array in ends[0].items():
        np.testing.assert_array_equal(array, ends[1][name])

"""Mistakes planted in emitted code are all found by the comparisons that `check` makes."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from symgrad.checking.calculus_check import all_gradients
from symgrad.checking.emitted_check import emitted_rows
from symgrad.checking.points import point, size_table
from symgrad.checking.step_check import step_rows
from symgrad.codegen.emitted import Emitted, Generated
from symgrad.language.optimizers import SGD, Adam
from symgrad.pipeline import generate

from .models import MODELS
from .mutants import MISTAKES, mutants
from .running import plain

FILES = {
    "concat_lm, sgd": ("concat_lm", SGD()),
    "makemore, sgd": ("makemore", SGD()),
    "softmax_regression, adam": ("softmax_regression", Adam()),
}
ENTRIES = 2


def run(generated: Generated) -> Emitted:
    emitted = plain(generated)
    emitted.module.np = SimpleNamespace(**{**vars(np), "empty": uninitialized})
    return emitted


def uninitialized(shape: tuple[int, ...], dtype: type) -> np.ndarray:
    """Numbers of all kinds, so that nothing that adds to them is right by chance."""
    return (5 * np.cos(np.arange(np.prod(shape)))).astype(dtype).reshape(shape)


@pytest.mark.parametrize(("model", "rule"), FILES.values(), ids=FILES)
def test_every_planted_mistake_is_found(model: str, rule) -> None:
    program = MODELS[model]()
    generated = generate(program, rule, "float64", tile=2)
    gradients, _ = all_gradients(program)
    square, uneven, *_ = size_table(program)
    points = {id(sizes): point(program, sizes, 0) for sizes in (square, uneven)}

    def is_right(emitted: Emitted, function: str, sizes: dict[str, int]) -> bool:
        if function == "step":
            return all(row.ok for row in step_rows(emitted, sizes, 1, "float64", 0))
        return all(row.ok for row in emitted_rows(program, gradients, emitted, points[id(sizes)], ENTRIES))

    for function in ("loss", "gradients", "step"):
        for sizes in (square, uneven):
            assert is_right(run(generated), function, sizes)
    missed, seen = [], set()
    for mutant in mutants(generated):
        seen.add(mutant.mistake)
        # a transpose has the right shapes only where sizes are equal
        sizes = square if "transpose" in mutant.mistake else uneven
        with np.errstate(all="ignore"):
            try:
                right = is_right(run(mutant.generated), mutant.function, sizes)
            except (ArithmeticError, ValueError, NameError, IndexError):
                right = False
        missed += [str(mutant)] if right else []
    assert not missed, "\n".join(missed)
    assert len(seen) >= 8


def test_every_kind_of_mistake_is_planted() -> None:
    seen = {
        m.mistake for model, rule in FILES.values() for m in mutants(generate(MODELS[model](), rule, "float64", tile=2))
    }
    assert seen == set(MISTAKES)


LOST_PARTS = {
    "the first part twice": ("+= of_parts[part, ", "+= of_parts[0, "),
    "the last part alone": ("+= of_parts[part, ", "= of_parts[part, "),
}


@pytest.mark.parametrize(("right", "wrong"), LOST_PARTS.values(), ids=LOST_PARTS)
def test_a_mistake_on_two_threads_is_found(right: str, wrong: str) -> None:
    generated = generate(MODELS["concat_lm"](), SGD(), "float64", tile=2)
    lost = replace(generated, source=generated.source.replace(right, wrong))
    assert lost.source != generated.source
    rows = list(step_rows(run(lost), size_table(generated.model)[1], 1, "float64", 0))
    assert {row.test for row in rows if not row.ok} == {"1 step in float64 on 2 threads"}


def test_the_sizes_at_which_the_code_branches_are_told() -> None:
    tiled = generate(MODELS["concat_lm"](), SGD(), tile=100)
    assert tiled.of_tiles == ((("V",), 101),)
    assert ("B", "H", "V") in dict(tiled.of_threads)
    by_row = generate(MODELS["concat_lm"](), SGD(), schedule="rows")
    assert not by_row.of_tiles and by_row.of_threads
    assert not generate(MODELS["concat_lm"](), SGD(), schedule="plain").of_threads

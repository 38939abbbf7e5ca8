"""What "auto" stands for at given sizes, and that the other choice gives the same numbers."""

from __future__ import annotations

import pytest

from symgrad.checking.step_check import step_rows
from symgrad.language.optimizers import SGD
from symgrad.pipeline import generate

from .models import MODELS
from .running import plain

SMALL = {"V": 27, "N": 3, "D": 10, "H": 200, "B": 32}
CASES = {
    "one tile, little to do": ("makemore", SMALL, "_whole"),
    "one tile, much to do": ("makemore", SMALL | {"B": 512}, "_rows"),
    "an axis of just one tile": ("makemore", SMALL | {"V": 512}, "_rows"),
    "two tiles": ("makemore", SMALL | {"V": 513}, ""),
    "the size of the axis is not known": ("makemore", {"N": 3, "D": 10, "H": 200, "B": 32}, ""),
    "the batch is not known": ("makemore", {"V": 27, "N": 3, "D": 10, "H": 200}, "_whole"),
    "no table": ("scalar_tanh", {}, ""),
}


@pytest.mark.parametrize(("model", "sizes", "ending"), CASES.values(), ids=CASES)
def test_the_schedule_fits_the_sizes(model: str, sizes: dict[str, int], ending: str) -> None:
    program = MODELS[model]()
    name = generate(program, SGD(), sizes=sizes).name
    assert name == f"{program.name}_sgd_float32{ending}"


def test_a_schedule_that_is_named_stays() -> None:
    assert generate(MODELS["makemore"](), SGD(), schedule="tiles", sizes=SMALL).name.endswith("_float32_tiles")


@pytest.mark.parametrize("batch", [32, 512])
def test_the_fitting_schedule_is_right_at_other_sizes(batch: int) -> None:
    generated = generate(MODELS["makemore"](), SGD(), "float64", sizes=SMALL | {"B": batch})
    rows = list(step_rows(plain(generated), {"V": 7, "N": 2, "D": 3, "H": 4, "B": 5}, 1, "float64", 0))
    assert rows and all(row.ok for row in rows)

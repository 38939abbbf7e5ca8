"""Fast code at the ends of float32: finite wherever plain loops are, and equal to what float64 gives.

Scores from all equal to 1e4 apart, denormal ones among them; tiles that are full, that are not, and larger than the
axis; axes of one entry.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from symgrad.checking.emitted_check import arranged
from symgrad.checking.points import point
from symgrad.codegen.emitted import Emitted
from symgrad.pipeline import generate

from ..calculus.programs import PROGRAMS
from .running import largest, plain, relative

HEADS = ("concatenation_lm", "head_with_a_bias", "head_with_smoothed_labels", "head_with_a_sigmoid_normalizer")
SCALES = (0.0, 1e-42, 1.0, 200.0, 1e4)
TABLE = ({"B": 3, "N": 2, "D": 2, "H": 3, "T": 2, "V": 5}, {"B": 1, "N": 1, "D": 1, "H": 1, "T": 1, "V": 1})


@cache
def files(name: str, tile: int) -> tuple[Emitted, Emitted, Emitted]:
    """By tile and in plain loops, both in float32, and plain loops in float64."""
    program = PROGRAMS[name]()
    forms = (("float32", "tiles"), ("float32", "plain"), ("float64", "plain"))
    return tuple(plain(generate(program, dtype=dtype, schedule=schedule, tile=tile)) for dtype, schedule in forms)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("tile", (2, 512))
@pytest.mark.parametrize("name", HEADS)
def test_finite_and_right(name: str, tile: int, scale: float) -> None:
    program = PROGRAMS[name]()
    for sizes in TABLE:
        values = point(program, sizes, 1, margin=0.0).values
        output = "W2" if "W2" in values else "U"
        values[output] = values[output] * scale
        by_tile, loops, exact = (results(program, emitted, values) for emitted in files(name, tile))
        for key, expected in exact.items():
            if np.isfinite(loops[key]).all():
                assert np.isfinite(by_tile[key]).all(), key
                tolerance = 1e-3 * max(1.0, scale) / 100 + 1e-5  # float32 rounds a score of 1e4 to 1e-3
                assert relative(by_tile[key], expected, max(1.0, largest(expected))) < tolerance, key


def results(program, emitted: Emitted, values: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    batch, parameters = arranged(program, values, emitted.dtype)
    with np.errstate(all="ignore"):
        loss, gradients = emitted.gradients(batch, parameters)
        return {"loss": np.array(loss), "alone": np.array(emitted.loss(batch, parameters)), **gradients}

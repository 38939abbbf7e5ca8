"""The growth of a step's time: its points, its floor, its figure."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from symgrad.bench.data import all_sizes, program_of
from symgrad.bench.growth import ENDS, Point, as_json, changed_bytes, draw, lengths
from symgrad.language.errors import DataError

from .small import CASES

POINTS = [Point(axis, length, 3e-3, 1e-3, 2e-3) for axis in ENDS for length in lengths(axis, 3)]

# the entries that a plain SGD step changes
CHANGED = {
    "concat_lm": lambda s: min(s["V"], s["B"] * s["N"]) * s["D"] + s["H"] * s["N"] * s["D"] + s["V"] * s["H"],
    "makemore_mlp": lambda s: (
        min(s["V"], s["B"] * s["N"]) * s["D"] + s["H"] * (s["N"] * s["D"] + 1) + s["V"] * (s["H"] + 1)
    ),
    "scalar_tanh": lambda s: 2,
}


def test_lengths_lie_a_factor_apart() -> None:
    assert lengths("V", 8) == [1000 * 2**k for k in range(8)]
    assert lengths("B", 11) == [2**k for k in range(11)]


@pytest.mark.parametrize("losses", CHANGED)
def test_bytes_that_a_step_changes(losses: str) -> None:
    case = next(case for case in CASES.values() if case.losses == losses)
    program = program_of(case)
    sizes = all_sizes(case, program)
    assert changed_bytes(program, sizes) == 4 * CHANGED[losses](sizes)


def test_the_floor_is_the_larger() -> None:
    assert {point["floor"] for point in json.loads(as_json(POINTS))} == {2e-3}


def test_the_figure(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: pip install '.[plots]'")
    draw(POINTS, tmp_path / "docs" / "growth.png")
    assert (tmp_path / "docs" / "growth.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(DataError, match="cannot be drawn"):
        draw(POINTS, tmp_path / "growth.nothing")

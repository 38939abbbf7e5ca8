"""Steps whose update reads the parameter in several places, decayed and clipped, in every schedule."""

from __future__ import annotations

import pytest

from symgrad.checking.points import size_table
from symgrad.checking.step_check import step_rows
from symgrad.codegen.schedule.plan import SCHEDULES
from symgrad.language.optimizers import OPTIMIZERS
from symgrad.pipeline import generate

from .models import MODELS
from .running import plain

DECAY, CLIP = 0.1, 0.5


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("model", ["concat_lm", "bengio_direct", "softmax_regression", "scalar_tanh"])
def test_a_decayed_step_is_right(model: str, optimizer: str, schedule: str) -> None:
    program = MODELS[model]()
    table = size_table(program)
    sizes = table[1 % len(table)]
    decay = (
        {} if optimizer == "adamw" else {parameter.name: DECAY for parameter in program.parameters}
    )  # it has its own
    for clip in (None, CLIP):
        emitted = plain(generate(program, optimizer, "float64", decay, clip, schedule, tile=2))
        wrong = [row for row in step_rows(emitted, sizes, 1, "float64", 0) if not row.ok]
        assert not wrong, f"clip {clip}: {wrong}"

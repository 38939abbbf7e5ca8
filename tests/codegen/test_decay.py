"""Steps whose updates need memory that others could take: decayed, clipped, with states, in every schedule."""

from __future__ import annotations

import pytest

from symgrad.checking.points import size_table
from symgrad.checking.step_check import step_rows
from symgrad.codegen.schedule.plan import SCHEDULES
from symgrad.language.model import Model
from symgrad.language.optimizers import OPTIMIZERS
from symgrad.language.program import Program
from symgrad.language.surface import axes, mean, total
from symgrad.pipeline import generate

from .models import MODELS
from .running import plain

DECAY, CLIP = 0.1, 0.5
NAMED = tuple(schedule for schedule in SCHEDULES if schedule != "auto")


@pytest.mark.parametrize("schedule", NAMED)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("model", ["concat_lm", "bengio_direct"])
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


def mixed_state() -> Program:
    """A state that a product of itself changes: it is made in an array of its own, and copied at the end."""
    model = Model("mixed_state")
    b, v, i, j = axes("b:B v:V i:H j:H")
    U = model.parameters(U=(v, i))
    P, M = model.states(P=(i, j), M=(v, i))
    X, y = model.inputs(X=(b, i), y=(b, v))
    e = model.define("e", (b, v), total((U[v, i] + M[v, i]) * X[b, i], i) - y[b, v])
    model.minimize("L", mean(e[b, v] ** 2, b, v))
    model.update(P, (i, j), P[i, j] / 2)
    model.update(M, (v, i), 0.9 * M[v, i] + 0.1 * total(M[v, j] * P[j, i], j))
    return model.program


@pytest.mark.parametrize("schedule", NAMED)
@pytest.mark.parametrize("clip", [None, CLIP])
def test_what_is_copied_at_the_end_is_kept_until_then(clip: float | None, schedule: str) -> None:
    emitted = plain(generate(mixed_state(), "sgd", "float64", clip=clip, schedule=schedule, tile=2))
    for sizes in size_table(mixed_state())[:3]:
        wrong = [row for row in step_rows(emitted, sizes, 3, "float64", 0) if not row.ok]
        assert not wrong, f"{sizes}: {wrong}"

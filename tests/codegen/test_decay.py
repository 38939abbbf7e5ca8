"""Steps whose updates need memory that others could take: decayed, clipped, with states, in every schedule."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sympy import log, tanh

from symgrad.checking.points import size_table
from symgrad.checking.step_check import step_rows
from symgrad.codegen.schedule.plan import SCHEDULES
from symgrad.language.model import Model
from symgrad.language.optimizers import OPTIMIZERS
from symgrad.language.program import Program
from symgrad.language.surface import axes, mean, softmax, total
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


def running_mean(factor: bool = False) -> Program:
    """A state that averages the probabilities, whose array the adjoints would take before it is updated."""
    model = Model("running_mean")
    b, d, v = axes("b:B d:D v:V")
    U = model.parameters(U=(v, d))
    g = model.states(g=v)
    X, y = model.inputs(X=(b, d)), model.tokens(y=b, vocabulary=v)
    scores = total(U[v, d] * X[b, d], d)
    o = model.define("o", (b, v), scores * (1 + g[v]) if factor else g[v] + scores)
    p = model.define("p", (b, v), softmax(o[b, v], v))
    model.minimize("L", mean(-log(p[b, y[b]]), b))
    model.update(g, v, 0.9 * g[v] + 0.1 * mean(p[b, v], b))
    return model.program


def square(kind: str) -> Program:
    """A head over a vocabulary that two axes run over at once."""
    model = Model(f"square_{kind}")
    b, d, v, w = axes("b:B d:D v:V w:V")
    C, K, e = model.parameters(C=(v, d), K=(v, w), e=v)
    X, y = model.inputs(X=(b, d)), model.tokens(y=b, vocabulary=v)
    o = model.define("o", (b, v), e[v] + total(C[v, d] * X[b, d], d))
    mixed = o[b, v] + total(K[v, w] * tanh(o[b, w]), w)
    q = model.define("q", (b, v), mixed if kind == "mixed" else o[b, v])
    p = model.define("p", (b, v), softmax(q[b, v], v))
    penalty = {
        "mixed": total(e[v] ** 2, v),
        "quadratic": total(K[v, w] * e[v] * e[w], v, w),
        "gram": total(total(C[v, d] * C[w, d], d) ** 2, v, w) + total(K[v, w] ** 2, v, w),
    }
    model.minimize("L", mean(-log(p[b, y[b]]), b) + 0.01 * penalty[kind])
    return model.program


OTHERS = {
    "a state copied at the end": mixed_state,
    "a mean of what adjoints overwrite": running_mean,
    "the same as a factor": lambda: running_mean(factor=True),
    "a table times a square": lambda: square("mixed"),
    "a quadratic form": lambda: square("quadratic"),
    "a Gram matrix": lambda: square("gram"),
}


@pytest.mark.parametrize("schedule", NAMED)
@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adafactor"])
@pytest.mark.parametrize("make", OTHERS.values(), ids=OTHERS)
def test_memory_is_taken_when_it_is_free(make: Callable[[], Program], optimizer: str, schedule: str) -> None:
    program = make()
    for clip in (None, CLIP):
        emitted = plain(generate(program, optimizer, "float64", clip=clip, schedule=schedule, tile=2))
        for sizes in size_table(program)[:2]:
            wrong = [row for row in step_rows(emitted, sizes, 1, "float64", 0) if not row.ok]
            assert not wrong, f"clip {clip}, {sizes}: {wrong}"

"""Schedules as tables of step and rate, exact where the formula is, and how they are written."""

from __future__ import annotations

import math

import numpy as np
import pytest

from symgrad.language.errors import DataError
from symgrad.training.rates import (
    Constant,
    Cosine,
    InverseDecay,
    InverseRoot,
    Linear,
    Rate,
    Step,
    WarmUp,
    parse_rate,
)

# schedule, number of all steps, {step: rate}
TABLES = [
    (Constant(0.1), 5, {1: 0.1, 3: 0.1, 5: 0.1}),
    (Step(0.1, ((100_000, 0.01),)), 200_000, {1: 0.1, 99_999: 0.1, 100_000: 0.1, 100_001: 0.01, 200_000: 0.01}),
    (Step(1.0, ((2, 0.5), (4, 0.25))), 6, {1: 1.0, 2: 1.0, 3: 0.5, 4: 0.5, 5: 0.25, 6: 0.25}),
    (Linear(0.1), 11, {1: 0.1, 6: 0.05, 11: 0.0}),
    (Linear(0.1, 0.3), 3, {1: 0.1, 2: 0.2, 3: 0.3}),
    (Linear(0.1, 0.3), 1, {1: 0.1}),
    (Cosine(0.1), 5, {1: 0.1, 2: 0.1 * (2 + math.sqrt(2)) / 4, 3: 0.05, 4: 0.1 * (2 - math.sqrt(2)) / 4, 5: 0.0}),
    (Cosine(0.7, 0.1), 101, {1: 0.7, 51: 0.4, 101: 0.1}),
    (Cosine(0.7, 0.1), 1, {1: 0.7}),
    (InverseDecay(0.5, 0.25), 10, {1: 0.4, 2: 1 / 3, 4: 0.25}),
    (InverseDecay(1e-3, 1e-8), 10**8, {1: 1e-3 / (1 + 1e-8), 10**8: 5e-4}),
    (InverseRoot(), 10**6, {1: 0.01, 10_000: 0.01, 40_000: 0.005, 10**6: 0.001}),
    (InverseRoot(1.0), 100, {1: 1.0, 4: 0.5, 100: 0.1}),
    (WarmUp(4, Constant(0.2)), 10, {1: 0.05, 2: 0.1, 4: 0.2, 5: 0.2, 10: 0.2}),
    (WarmUp(5, Linear(0.1)), 15, {1: 0.02, 5: 0.1, 10: 0.05, 15: 0.0}),
    (WarmUp(1, Cosine(0.1)), 5, {1: 0.1, 3: 0.05, 5: 0.0}),
    (WarmUp(10, Linear(0.1)), 5, {1: 0.01, 5: 0.05}),
]

ENDS = [(Linear(0.1, 0.3), 0.1, 0.3), (Cosine(0.7, 0.1), 0.7, 0.1), (Linear(0.3), 0.3, 0.0), (Cosine(1e-3), 1e-3, 0.0)]


@pytest.mark.parametrize(("rate", "total", "table"), TABLES)
def test_tables(rate: Rate, total: int, table: dict[int, float]) -> None:
    result = rate(np.array(list(table)), total)
    assert result.dtype == np.float64
    np.testing.assert_allclose(result, list(table.values()), rtol=1e-13, atol=1e-17)


@pytest.mark.parametrize("total", [2, 3, 7, 1000, 99_991])
@pytest.mark.parametrize(("rate", "first", "last"), ENDS)
def test_both_ends_are_exact(rate: Rate, first: float, last: float, total: int) -> None:
    assert list(rate(np.array([1, total]), total)) == [first, last]
    assert list(WarmUp(10, rate)(np.array([10, total + 9]), total + 9)) == [first, last]


def test_a_chunk_of_steps_is_a_part_of_all_of_them() -> None:
    for rate, total, _ in TABLES:
        steps = np.arange(1, min(total, 50) + 1)
        parts = [rate(part, total) for part in np.array_split(steps, 4)]
        np.testing.assert_array_equal(np.concatenate(parts), rate(steps, total))


WRITTEN = {
    "0.1": Constant(0.1),
    "constant 0.1": Constant(0.1),
    "1e-3": Constant(1e-3),
    "step 0.1 100000:0.01": Step(0.1, ((100_000, 0.01),)),
    "step 0.1 10:0.01 20:0.001": Step(0.1, ((10, 0.01), (20, 0.001))),
    "linear 0.002": Linear(0.002),
    "linear 0.002 0.0001": Linear(0.002, 0.0001),
    "cosine 0.002": Cosine(0.002),
    "cosine 0.002 warmup 500": WarmUp(500, Cosine(0.002)),
    "cosine 0.002 1e-5 warmup 500": WarmUp(500, Cosine(0.002, 1e-5)),
    "  0.1   warmup 10 ": WarmUp(10, Constant(0.1)),
    "decay 0.001 1e-8": InverseDecay(0.001, 1e-8),
    "root": InverseRoot(),
    "root 0.02 warmup 3": WarmUp(3, InverseRoot(0.02)),
}


@pytest.mark.parametrize(("text", "rate"), WRITTEN.items())
def test_written(text: str, rate: Rate) -> None:
    assert parse_rate(text) == rate


MISWRITTEN = {
    "": "rate '': write a number such as 0.1, or one of 'step 0.1 100000:0.01', 'linear 0.002'",
    "fast": "rate 'fast': write a number such as 0.1, or one of",
    "0.1 0.2": "rate '0.1 0.2': constant is written like '0.1'",
    "-0.1": "Constant: -0.1 is no learning rate",
    "nan": "Constant: nan is no learning rate",
    "linear": "rate 'linear': linear is written like 'linear 0.002'",
    "linear x": "rate 'linear x': 'x' is no number; linear is written like",
    "step 0.1": "rate 'step 0.1': step is written like 'step 0.1 100000:0.01'",
    "step 0.1 100000": "rate 'step 0.1 100000': '' is no number; step is written like",
    "step 0.1 1e5:0.01": "'1e5' is no whole number of steps; step is written like",
    "step 0.1 20:0.01 10:0.1": "Step: the boundaries are [20, 10]; give at least one, from 1 on, each above the last",
    "cosine 0.1 warmup": "end it with 'warmup' and a number of steps, like 'cosine 0.002 warmup 500'",
    "cosine 0.1 warmup 0": "end it with 'warmup' and a number of steps",
    "cosine 0.1 warmup 1.5": "end it with 'warmup' and a number of steps",
    "warmup 5": "rate 'warmup 5': write a number such as 0.1",
    "decay 0.1": "decay is written like 'decay 0.001 1e-8'",
}


@pytest.mark.parametrize(("text", "message"), MISWRITTEN.items())
def test_miswritten(text: str, message: str) -> None:
    with pytest.raises(DataError) as raised:
        parse_rate(text)
    assert message in str(raised.value)


def test_a_warm_up_has_steps() -> None:
    with pytest.raises(DataError, match="WarmUp: 0 steps; give at least 1"):
        WarmUp(0, Constant(0.1))

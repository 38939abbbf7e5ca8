"""A derivation at given values: against the closed forms of the board example, and against NumPy."""

from __future__ import annotations

import json
from math import tanh

import numpy as np
import pytest

from symgrad.derivation import derive
from symgrad.language.errors import DataError

from ..examples.files import example
from .models import concatenation

AT = {"w1": 0.5, "w2": -0.3, "x": 3.0, "y": 0.4}


def test_every_number_of_the_board_example() -> None:
    numbers = derive(example("scalar_tanh")).numbers(AT)
    b = 0.5 * 3
    h = tanh(b)
    a = -0.3 * h
    o = tanh(a)
    expected = {"b": b, "h": h, "a": a, "o": o, "L": (0.4 - o) ** 2 / 2}
    assert {name: float(numbers.values[name]) for name in expected} == pytest.approx(expected, rel=1e-14)
    locals_ = {
        "dL/do": -(0.4 - o), "do/da": 1 - o**2, "da/dw2": h, "da/dh": -0.3, "dh/db": 1 - h**2, "db/dw1": 3.0,
    }  # fmt: skip
    assert {name: float(value) for name, value in numbers.locals_.items()} == pytest.approx(locals_, rel=1e-14)
    gradients = {
        "w1": -(0.4 - o) * (1 - o**2) * -0.3 * (1 - h**2) * 3,
        "w2": -(0.4 - o) * (1 - o**2) * h,
    }
    assert {name: float(value) for name, value in numbers.gradients.items()} == pytest.approx(gradients, rel=1e-14)


def test_updates_follow_the_gradient() -> None:
    numbers = derive(example("scalar_tanh")).numbers(AT, rate=0.1, updates=3)
    w1, w2, losses = 0.5, -0.3, []
    for update in numbers.updates:
        h = tanh(w1 * 3)
        o = tanh(w2 * h)
        losses.append((0.4 - o) ** 2 / 2)
        dw1, dw2 = -(0.4 - o) * (1 - o**2) * w2 * (1 - h**2) * 3, -(0.4 - o) * (1 - o**2) * h
        w1, w2 = w1 - 0.1 * dw1, w2 - 0.1 * dw2
        assert update.loss == pytest.approx(losses[-1], rel=1e-13)
        assert (float(update.after["w1"]), float(update.after["w2"])) == pytest.approx((w1, w2), rel=1e-13)
    assert numbers.loss < losses[-1] < losses[0]


def test_as_text() -> None:
    text = derive(example("scalar_tanh")).numbers(AT, rate=0.1, updates=2).text()
    for line in (
        "Numbers at w1 = 0.5, w2 = -0.3, x = 3, y = 0.4",
        "  o = tanh(a)           = -0.265061",
        "  do/da  = 1 - o**2         = 0.929742",
        "  dL/da = dL/do * do/da         = -0.618336",
        "         = -0.665061 * 0.929742 * -0.3 * 0.180707 * 3",
        "     w1 = 0.5 -> 0.489944               dL/dw1 = 0.100564",
        "     w2 = -0.244031 -> -0.191201        dL/dw2 = -0.528303",
    ):
        assert line in text.splitlines()


def test_only_what_is_derived_by_is_updated() -> None:
    (update,) = derive(example("scalar_tanh"), ["w2"]).numbers(AT, rate=0.1).updates
    assert list(update.after) == ["w2"]


def test_a_small_tensor_model() -> None:
    random = np.random.default_rng(0)
    given = {name: random.normal(size=shape) for name, shape in (("C", (3, 2)), ("W1", (2, 2, 2)), ("W2", (3, 2)))}
    numbers = derive(concatenation()).numbers({**given, "x": [[0, 1], [2, 2]], "y": [1, 0]}, rate=0.5)
    p = numbers.values["p"]
    expected = (p - np.eye(3)[[1, 0]]).T @ numbers.values["h"] / 2
    np.testing.assert_allclose(numbers.gradients["W2"], expected, rtol=1e-12)
    np.testing.assert_allclose(numbers.updates[0].after["W2"], given["W2"] - 0.5 * expected, rtol=1e-12)
    assert "dW2[v,i]   = sum_b do[b,v]*h[b,i]" in numbers.text()


def test_as_data() -> None:
    data = derive(example("scalar_tanh")).numbers(AT, rate=0.1).data()
    assert json.loads(json.dumps(data)) == data
    assert data["at"] == AT
    assert data["updates"][0]["before"] == {"w1": 0.5, "w2": -0.3}


def test_a_name_that_takes_no_value() -> None:
    with pytest.raises(DataError, match="h takes no value; there are w1, w2, x, y"):
        derive(example("scalar_tanh")).numbers({**AT, "h": 1.0})


def test_a_missing_value() -> None:
    with pytest.raises(DataError, match="no value is given for input y"):
        derive(example("scalar_tanh")).numbers({"w1": 0.5, "w2": -0.3, "x": 3.0})

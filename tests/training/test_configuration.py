"""Training: its values, what is refused, and what the command line can replace."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from symgrad.language.errors import DataError, SymgradError, TrainingError
from symgrad.language.optimizers import SGD, Adam
from symgrad.training import Arrays, Text, Training
from symgrad.training.rates import Constant, Cosine

from .models import cycle, plan

REFUSED = [
    ({"epochs": None}, "neither epochs nor steps is given"),
    ({"steps": 5}, "both epochs and steps are given"),
    ({"batch": 0}, "batch is 0, expected a whole number of 1 or more"),
    ({"batch": 2.5}, r"batch is 2\.5"),
    ({"batch": True}, "batch is True"),
    ({"epochs": -1}, "epochs is -1"),
    ({"seed": -1}, "seed is -1, expected a whole number of 0 or more"),
    ({"patience": 0}, "patience is 0"),
    ({"dtype": "float16"}, "dtype is 'float16', expected one of float32, float64"),
    ({"rate": -0.1}, r"rate is -0\.1, expected a finite number"),
    ({"rate": float("nan")}, "rate is nan"),
    ({"rate": None}, "rate is None"),
    ({"rate": "fast"}, "rate 'fast': write a number such as 0.1"),
    ({"clip": 0}, "clip is 0, expected a finite number greater than 0"),
    ({"clip": -1.0}, "clip is -1.0, expected a finite number greater than 0"),
    ({"clip": float("inf")}, "clip is inf"),
    ({"weight_decay": {"W": -1}}, "weight_decay of W is -1, expected a finite number of 0 or more"),
    ({"sizes": {"H": 0}}, "size H is 0, expected a whole number of 1 or more"),
    ({"data": "brown.txt"}, r"data is 'brown.txt', expected Text\(...\) or Arrays"),
]


@pytest.mark.parametrize(("changes", "message"), REFUSED)
def test_refused(changes, message):
    with pytest.raises(SymgradError, match=message):
        plan(**changes)


def test_the_plain_case():
    training = Training(Text(cycle), rate=0.5, epochs=3)
    assert training.optimizer == SGD()
    assert training.rate == Constant(0.5)


def test_a_rate_may_be_written():
    assert plan(rate="cosine 0.002").rate == Cosine(0.002)


def test_rates_by_step():
    assert plan(rate=lambda steps, total: steps / total).rates(2, 4, 4).tolist() == [0.5, 0.75, 1.0]
    assert plan(rate=0.25).rates(1, 2, 9).tolist() == [0.25, 0.25]


@pytest.mark.parametrize("bad", [np.nan, -1.0, np.inf])
def test_a_schedule_that_goes_wrong(bad):
    training = plan(rate=lambda steps, total: np.where(steps == 3, bad, 0.1))
    assert len(training.rates(1, 2, 10)) == 2
    with pytest.raises(TrainingError, match="at step 3 of 10, expected a rate of 0 or more"):
        training.rates(1, 4, 10)


def test_overriding_nothing_changes_nothing():
    training = plan()
    assert training.overridden(batch=None, epochs=None, text=None, sizes=None) == training


def test_overriding():
    training = plan(sizes={"D": 2, "H": 3}, weight_decay={"W": 0.1})
    changed = training.overridden(
        batch=64, rate="0.2", optimizer="ADAM", sizes={"H": 5}, weight_decay={"b": 0.2}, dtype="float64", seed=0
    )
    assert changed.batch == 64
    assert changed.rate == Constant(0.2)
    assert changed.optimizer == Adam()
    assert changed.sizes == {"D": 2, "H": 5}
    assert changed.weight_decay == {"W": 0.1, "b": 0.2}


def test_steps_take_the_place_of_epochs():
    changed = plan(epochs=2).overridden(steps=7)
    assert (changed.epochs, changed.steps) == (None, 7)
    assert plan(epochs=None, steps=7).overridden(epochs=2).steps is None


def test_both_on_the_command_line_contradict():
    with pytest.raises(TrainingError, match="both epochs and steps"):
        plan().overridden(epochs=2, steps=3)


def test_an_optimizer_that_there_is_not():
    with pytest.raises(TrainingError, match="optimizer is 'lion', expected one of sgd, momentum"):
        plan().overridden(optimizer="lion")


def test_a_value_that_there_is_not():
    with pytest.raises(TrainingError, match=r"there is no 'epoch'; it has data, rate, .*, text"):
        plan().overridden(epoch=3)


def test_another_text_keeps_the_rest():
    data = plan(data=Text(cycle, minimum_count=3)).overridden(text="other.txt").data
    assert (data.source, data.minimum_count) == (Path("other.txt"), 3)


def test_other_values_of_a_text():
    data = plan(data=Text(cycle)).overridden(split=(10, None), minimum_count=4, vocabulary_from="train").data
    assert (data.source, data.split, data.minimum_count, data.vocabulary_from) == (cycle, (10, None), 4, "train")


def test_a_text_for_arrays():
    with pytest.raises(DataError, match=r"the file of a text \(other.txt\) is given, but the data is Arrays"):
        plan(data=Arrays({})).overridden(text="other.txt")


def test_files_are_relative_to_the_model_file():
    assert plan(data=Text("t.txt")).located(Path("models")).data.source == Path("models/t.txt")
    assert plan(data=Text(cycle)).located(Path("models")).data.source is cycle
    assert plan(data=Text(Path("/t.txt"))).located(Path("models")).data.source == Path("/t.txt")


def test_a_recipe_is_json():
    recipe = plan(sizes={"H": 3}, optimizer=Adam()).recipe()
    assert recipe["sizes"] == {"H": 3}
    assert recipe["optimizer"] == repr(Adam())
    assert recipe["rate"] == "Constant(rate=0.1)"
    assert "data" not in recipe

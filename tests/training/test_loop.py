"""The loop: order, chunks, evaluations, patience, Ctrl-C and losses that are not finite."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from itertools import count

import numpy as np
import pytest

from symgrad.language.errors import TrainingError
from symgrad.language.program import Initial, Role, Tensor
from symgrad.training import Text
from symgrad.training.batches import Order
from symgrad.training.loop import CHUNK_ROWS, Loop, interrupt_after, next_size
from symgrad.training.parameters import initial_values
from symgrad.training.rates import Linear
from symgrad.training.report import Silent

from .models import Bigram, bigram, cycle, ngram, plan

SIZES = {"V": 4, "B": 16}


class Recorded(Silent):
    def __init__(self) -> None:
        self.progress, self.evaluations, self.open = [], [], 0

    def begin(self, steps: int) -> None:
        self.open += 1

    def progressed(self, progress) -> None:
        self.progress.append(progress)

    def evaluated(self, evaluation) -> None:
        self.evaluations.append(evaluation)

    def end(self) -> None:
        self.open -= 1


def loop(before_step=lambda step: None, clock=None, report=None, module=None, split=(0.8, 0.1, 0.1), **changes):
    program = bigram().program
    changes = {"batch": 16, "rate": 1.0, "epochs": 3, "dtype": "float64", **changes}
    training = plan(data=Text(cycle, split=split), **changes)
    data = training.data.load(program, {}, training.dtype)
    parameters = initial_values(program.parameters, {"V": 4}, training.seed, training.dtype)
    module = module or Bigram(program, before_step)
    clock = {} if clock is None else {"clock": clock}
    return Loop(module, data, parameters, {}, training, report or Silent(), **clock)


def test_it_learns():
    fit = loop().run()
    assert fit.stopped == "finished"
    assert fit.losses[0] == pytest.approx(np.log(4), abs=0.2)
    assert fit.losses[-1] < 0.1
    assert fit.best.valid < 0.1
    assert len(fit.losses) == 3 * (319 // 16)


def test_an_epoch_is_a_permutation_cut_into_full_batches():
    order = Order(rows=10, batch=3, seed=7)
    first, second = order.batches(0, 3), order.batches(3, 6)
    assert first.shape == (3, 3)
    assert first.dtype == np.int64
    assert len(set(first.ravel())) == len(set(second.ravel())) == 9
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, Order(10, 3, 8).batches(0, 3))


def test_the_order_does_not_depend_on_chunks():
    whole = Order(10, 3, 7).batches(0, 20)
    order = Order(10, 3, 7)
    assert np.array_equal(whole, np.concatenate([order.batches(a, b) for a, b in ((0, 1), (1, 8), (8, 9), (9, 20))]))


@pytest.mark.parametrize("length", [{}, {"epochs": None, "steps": 50}])
def test_the_cut_into_chunks_changes_no_bit(length):
    ticks = count()
    slow = loop(clock=lambda: float(next(ticks)), **length)  # every chunk seems to last a second: one step each
    fast = loop(clock=lambda: 0.0, **length)
    slow_fit, fast_fit = slow.run(), fast.run()
    assert max(slow.emitted.chunks) == 1
    assert max(fast.emitted.chunks) > (10 if not length else 2)
    assert np.array_equal(slow_fit.losses, fast_fit.losses)
    assert np.array_equal(slow_fit.parameters["W"], fast_fit.parameters["W"])
    assert [e.train for e in slow_fit.evaluations] == [e.train for e in fast_fit.evaluations]


def test_the_seed_decides_everything():
    assert np.array_equal(loop().run().losses, loop().run().losses)
    assert not np.array_equal(loop().run().losses, loop(seed=1).run().losses)


def test_chunks_grow_to_half_a_second_and_no_further():
    assert next_size(1, 8.0, 32) == 1
    assert next_size(1, 0.02, 32) == 4
    assert next_size(64, 0.25, 32) == 128
    assert next_size(64, 1.0, 32) == 32
    assert next_size(10**6, 0.0, 32) == CHUNK_ROWS // 32
    assert next_size(4, 0.0, 2 * CHUNK_ROWS) == 1


def test_steps_are_given_rates_and_numbers():
    run = loop(rate=Linear(1.0))
    run.run()
    assert run.emitted.numbers == list(range(1, 58))
    assert run.emitted.rates == pytest.approx(np.linspace(1, 0, 57))


def test_a_setting_that_nobody_gives():
    module = Bigram(bigram().program)
    module.settings = (*module.settings, Tensor("mu", (), Role.SETTING))
    with pytest.raises(TrainingError, match="reads the setting mu, but training gives lr, t"):
        loop(module=module)


def test_an_optimizer_gives_its_constants():
    class Rule:
        def settings(self):
            return {"mu": 0.9}

    module = Bigram(bigram().program)
    module.settings = (*module.settings, Tensor("mu", (), Role.SETTING))
    given = loop(module=module, optimizer=Rule()).settings(3, 5)
    assert given["mu"].tolist() == [0.9] * 3
    assert given["t"].tolist() == [3.0, 4.0, 5.0]


def test_an_evaluation_an_epoch():
    report = Recorded()
    fit = loop(report=report).run()
    assert [e.step for e in fit.evaluations] == [19, 38, 57]
    assert [e.epoch for e in fit.evaluations] == [1, 2, 3]
    assert fit.evaluations[1].train == pytest.approx(fit.losses[19:38].mean())
    assert report.evaluations == list(fit.evaluations)
    assert report.open == 0


def test_steps_are_evaluated_on_the_way():
    fit = loop(epochs=None, steps=100).run()
    assert 10 <= len(fit.evaluations) <= 20
    assert fit.evaluations[-1].step == 100


def test_progress_tells_the_time_left():
    ticks = count()
    report = Recorded()
    loop(clock=lambda: float(next(ticks)), report=report).run()
    first, *rest = report.progress
    assert first.seconds_left is None
    assert all(p.seconds_left > 0 for p in rest[:-1])
    assert rest[-1].seconds_left == 0
    assert (rest[-1].step, rest[-1].steps, rest[-1].epochs) == (57, 57, 3)


class Forgetting(Bigram):
    """It climbs from step 39 on."""

    def chunk(self, order, settings, data, parameters, states, losses) -> int:
        settings = {**settings, "lr": np.where(settings["t"] > 38, -settings["lr"], settings["lr"])}
        return super().chunk(order, settings, data, parameters, states, losses)


def test_the_best_parameters_are_kept_not_the_last():
    run = loop(module=Forgetting(bigram().program))
    fit = run.run()
    assert fit.best.epoch == 2
    assert [e.best for e in fit.evaluations] == [True, True, False]
    valid = run.data.parts["valid"]
    assert run.emitted.mean_loss(valid, fit.parameters, 16) == fit.best.valid
    assert run.emitted.mean_loss(valid, run.parameters, 16) > fit.best.valid


def test_patience():
    fit = loop(rate=lambda steps, total: np.where(steps > 38, 0.0, 1.0), epochs=20, patience=3).run()
    assert fit.stopped == "patience"
    assert fit.best.epoch == 2
    assert len(fit.evaluations) == 5


def test_without_validation_the_last_parameters_are_kept():
    run = loop(split=(1.0,))
    fit = run.run()
    assert fit.best is None
    assert fit.evaluations[-1].valid is None
    assert np.array_equal(fit.parameters["W"], run.parameters["W"])


def interrupt_at(number: int):
    return lambda step: os.kill(os.getpid(), signal.SIGINT) if step == number else None


def test_ctrl_c_ends_the_chunk_and_keeps_the_best():
    before = signal.getsignal(signal.SIGINT)
    report = Recorded()
    fit = loop(interrupt_at(25), clock=lambda: 0.0, report=report).run()
    assert fit.stopped == "interrupted"
    assert 25 <= len(fit.losses) < 57
    assert np.isfinite(fit.losses).all()
    assert fit.best.epoch == 1
    assert fit.kept_step == 19
    assert report.open == 0
    assert signal.getsignal(signal.SIGINT) is before


def test_ctrl_c_before_any_evaluation_keeps_the_whole_chunk():
    run = loop(interrupt_at(7), clock=lambda: 0.0)
    fit = run.run()
    assert fit.best is None
    assert fit.kept_step == len(fit.losses) == 19  # chunks of 1, 4 and 14 steps; the last one was interrupted
    reference = loop(epochs=None, steps=19, split=(1.0,))
    reference.data = run.data
    reference.order = Order(run.data.rows("train"), 16, 0)
    assert np.array_equal(fit.parameters["W"], reference.run().parameters["W"])


def test_a_keyboard_interrupt_within_a_step_is_as_good():
    def interrupt(step: int) -> None:
        if step == 30:
            raise KeyboardInterrupt

    fit = loop(interrupt).run()
    assert fit.stopped == "interrupted"
    assert fit.best.epoch == 1


def test_a_second_ctrl_c_does_not_wait():
    reached = False
    with pytest.raises(KeyboardInterrupt), interrupt_after():
        os.kill(os.getpid(), signal.SIGINT)
        reached = True
        os.kill(os.getpid(), signal.SIGINT)
        pytest.fail("the second one waited")
    assert reached


class Diverging(Bigram):
    """The loss of step `at` is not a number, before it touches the parameters."""

    def __init__(self, at: int) -> None:
        super().__init__(bigram().program)
        self.at = at

    def chunk(self, order, settings, data, parameters, states, losses) -> int:
        before = int(np.sum(settings["t"] < self.at))
        if before == len(order):
            return super().chunk(order, settings, data, parameters, states, losses)
        settings = {name: value[:before] for name, value in settings.items()}
        done = super().chunk(order[:before], settings, data, parameters, states, losses[:before])
        losses[done] = np.nan
        return done


def test_a_loss_that_is_not_finite_names_the_step():
    run = loop(module=Diverging(8), rate=Linear(1.0))
    fit = run.run()
    assert fit.stopped == "diverged"
    rate = 1 - 7 / 56
    assert fit.failure.startswith(
        f"the loss is nan at step 8 of 57 (epoch 1), where the learning rate is {rate:g}: give"
    )
    assert len(fit.losses) == 7
    assert fit.kept_step == 7
    assert np.array_equal(fit.parameters["W"], run.parameters["W"])
    assert np.isfinite(fit.parameters["W"]).all()


def test_after_an_evaluation_the_best_outlive_a_loss_that_is_not_finite():
    fit = loop(module=Diverging(30)).run()
    assert "step 30 of 57 (epoch 2)" in fit.failure
    assert fit.best.epoch == 1
    assert fit.kept_step == 19


class Overflowing(Bigram):
    """Step 10 leaves a parameter that is infinite, in a row that its own loss does not read."""

    def chunk(self, order, settings, data, parameters, states, losses) -> int:
        done = super().chunk(order, settings, data, parameters, states, losses)
        if settings["t"][-1] >= 10:
            parameters["W"][0, 0] = np.inf
        return done


def test_parameters_that_are_not_finite_are_found_and_not_kept():
    fit = loop(module=Overflowing(bigram().program), clock=lambda: 0.0).run()
    assert fit.stopped == "diverged"
    assert fit.failure.startswith("parameter W is not finite at step 19 of 57 (epoch 1), where the learning rate is 1:")
    assert fit.kept_step == 5
    assert np.isfinite(fit.parameters["W"]).all()


def test_first_values():
    program = ngram().program
    sizes = {"V": 50, "D": 20, "N": 3}
    single, double = (initial_values(program.parameters, sizes, 3, dtype) for dtype in ("float32", "float64"))
    assert {name: value.shape for name, value in single.items()} == {"C": (50, 20), "W": (50, 3, 20), "k": (50,)}
    assert all(v.dtype == np.float32 and v.flags.c_contiguous for v in single.values())
    assert np.array_equal(single["W"], double["W"].astype(np.float32))
    assert double["W"].std() == pytest.approx(0.1, rel=0.05)
    assert not single["k"].any()
    wider = initial_values(program.parameters, {**sizes, "N": 4}, 3, "float64")
    assert np.array_equal(wider["C"], double["C"])
    assert not np.array_equal(initial_values(program.parameters, sizes, 4, "float64")["C"], double["C"])


def test_uniform_and_constant_starts():
    C, *_ = ngram().program.parameters
    tensors = [replace(C, initial=Initial("uniform", 0.5)), replace(C, name="K", initial=Initial("constant", 2.0))]
    values = initial_values(tensors, {"V": 100, "D": 10}, 0, "float64")
    assert -0.5 <= values["C"].min() < -0.45
    assert 0.45 < values["C"].max() < 0.5
    assert (values["K"] == 2).all()
    with pytest.raises(ValueError, match="no initialization is called 'orthogonal'"):
        initial_values([replace(C, initial=Initial("orthogonal"))], {"V": 1, "D": 1}, 0, "float64")

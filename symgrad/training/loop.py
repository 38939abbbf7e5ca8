"""The training loop: chunks of steps in an emitted module, evaluations between them, the best parameters kept."""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from ..language.errors import TrainingError
from ..language.masks import DRAW, keys
from ..language.program import Tensor
from .batches import Order
from .configuration import Training
from .data import Data
from .report import Evaluation, Progress, Report

Values = dict[str, np.ndarray]

CHUNK_SECONDS = 0.5
CHUNK_ROWS = 1 << 20
EVALUATIONS = 16


class Emitted(Protocol):
    """What generated code offers to the loop.  Arrays are C-contiguous and of the training dtype, tokens int32."""

    inputs: tuple[Tensor, ...]
    parameters: tuple[Tensor, ...]
    states: tuple[Tensor, ...]
    settings: tuple[Tensor, ...]

    def chunk(
        self, order: np.ndarray, settings: Values, data: Values, parameters: Values, states: Values, losses: np.ndarray
    ) -> int:
        """Take a step for each row of `order` (steps, B), in place, and fill `losses` (steps,); how many were taken.

        `data` holds all rows, `settings` a float64 (steps,) each.  It is fewer only where the loss of the next step
        is not finite: that step has not touched the parameters, and `losses[taken]` holds its loss.
        """
        ...

    def loss(self, batch: Values, parameters: Values) -> float:
        """The mean loss of one batch."""
        ...

    def mean_loss(self, data: Values, parameters: Values, batch: int) -> float:
        """The mean loss over all rows in the evaluation form, in slices of `batch`, weighted by their rows.

        `parameters` has the states too that this form reads.
        """
        ...


@dataclass(frozen=True)
class Fit:
    """How a loop ended.

    `parameters`, and the model's own `states` with them, are the best by validation loss (`best` is that evaluation);
    where there is none, the last whose numbers were all finite.  They are those after `kept_step` steps.  `losses` has
    one entry for each step taken, and `failure` says why it diverged.
    """

    parameters: Values
    states: Values
    best: Evaluation | None
    evaluations: tuple[Evaluation, ...]
    losses: np.ndarray
    stopped: Literal["finished", "patience", "interrupted", "diverged"]
    kept_step: int
    seconds: float
    failure: str = ""


@dataclass
class Loop:
    """One run: `parameters` and `states` are trained in place, and no step depends on the cut into chunks.

    `lasting` names the states that are the model's own and belong to a trained model; the others are the optimizer's.
    `rows` is how many rows' losses a step's loss adds up: 1, or a batch where it is a total; what is told is a row's.
    Ctrl-C ends it between two chunks, a loss that is not finite before its step; `run` tells so and does not raise.
    Raises TrainingError for a setting that neither the loop nor the optimizer gives.
    """

    emitted: Emitted
    data: Data
    parameters: Values
    states: Values
    training: Training
    report: Report
    lasting: tuple[str, ...] = ()
    rows: int = 1
    clock: Callable[[], float] = time.perf_counter

    def __post_init__(self) -> None:
        self.trained = {**self.parameters, **{name: self.states[name] for name in self.lasting}}
        self.order = Order(self.data.rows("train"), self.training.batch, self.training.seed)
        per_epoch = self.order.steps_per_epoch
        self.total = self.training.steps or self.training.epochs * per_epoch
        self.interval = per_epoch if self.training.steps is None else math.ceil(self.total / EVALUATIONS)
        self.constants = self.training.optimizer.settings()
        check_settings(self.emitted.settings, self.constants)
        self.losses = np.full(self.total, np.nan)
        self.step = 0
        self.evaluations: list[Evaluation] = []
        self.best: Evaluation | None = None
        self.kept, self.kept_step = copied(self.trained), 0
        self.failure = ""

    def run(self) -> Fit:
        """Take all steps, or as many as patience, Ctrl-C and finite losses allow."""
        self.began = self.clock()
        self.report.begin(self.total)
        try:
            stopped = self.steps()
        except KeyboardInterrupt:
            stopped = "diverged" if self.failure else "interrupted"
        finally:
            self.report.end()
        seconds = self.clock() - self.began
        taken = self.losses[: self.step]
        parameters, states = (
            {n: v for n, v in self.kept.items() if (n in self.lasting) is own} for own in (False, True)
        )
        found = (parameters, states, self.best, tuple(self.evaluations))
        return Fit(*found, taken, stopped, self.kept_step, seconds, self.failure)

    def steps(self) -> Literal["finished", "patience", "diverged"]:
        size, timed_from = 1, None
        while self.step < self.total:
            start = self.clock()
            stop = min(self.step + size, self.next_evaluation())
            steps = stop - self.step
            with interrupt_after():
                good = self.chunk(stop)
            if not good:
                return "diverged"
            size = next_size(steps, self.clock() - start, self.training.batch)
            # The first chunk is one step and may have waited for the compiler: it says nothing about the rest.
            timed_from = timed_from or (self.step, self.clock())
            self.report.progressed(self.progress(*timed_from))
            if self.step % self.interval == 0 or self.step == self.total:
                self.evaluate()
                if self.out_of_patience():
                    return "patience"
        return "finished"

    def next_evaluation(self) -> int:
        return min(self.total, (self.step // self.interval + 1) * self.interval)

    def chunk(self, stop: int) -> bool:
        """Take the steps up to `stop`; False where the loss or a parameter is no longer finite."""
        start, steps = self.step, stop - self.step
        order = self.order.batches(start, stop)
        settings = self.settings(start + 1, stop)
        rows, losses = self.data.parts["train"], self.losses[start:stop]
        taken = self.emitted.chunk(order, settings, rows, self.parameters, self.states, losses)
        self.step += taken
        finite = {name: bool(np.isfinite(value).all()) for name, value in self.trained.items()}
        if all(finite.values()) and self.best is None:
            self.kept, self.kept_step = copied(self.trained, self.kept), self.step
        if taken == steps and all(finite.values()):
            return True
        number = start + taken + (taken < steps)
        rate = self.training.rates(number, number, self.total)[0]
        what = (
            f"the loss is {self.losses[start + taken]:g}"
            if taken < steps
            else self.not_finite(next(name for name in finite if not finite[name]))
        )
        epoch = (number - 1) // self.order.steps_per_epoch + 1
        self.failure = (
            f"{what} at step {number:,} of {self.total:,} (epoch {epoch}), where the learning rate is {rate:g}: give a "
            "smaller rate or clip the gradient (clip=1.0)"
        )
        return False

    def not_finite(self, name: str) -> str:
        return f"{'state' if name in self.lasting else 'parameter'} {name} is not finite"

    def settings(self, first: int, last: int) -> Values:
        """What the steps first..last, counted from 1, are given: lr, t, the masks' keys, the optimizer's constants."""
        values = {"lr": self.training.rates(first, last, self.total), "t": np.arange(first, last + 1, dtype=np.float64)}
        values[DRAW] = keys(self.training.seed, first, last)
        for name, constant in self.constants.items():
            values[name] = np.full(last - first + 1, constant, dtype=np.float64)
        return {tensor.name: values[tensor.name] for tensor in self.emitted.settings}

    def evaluate(self) -> None:
        """Losses at this step; with a validation part, the best parameters are copied."""
        since = self.evaluations[-1].step if self.evaluations else 0
        valid = None
        if "valid" in self.data.parts:
            valid = float(self.emitted.mean_loss(self.data.parts["valid"], self.trained, self.training.batch))
        better = valid is not None and math.isfinite(valid) and (self.best is None or valid < self.best.valid)
        evaluation = Evaluation(
            self.step,
            self.step / self.order.steps_per_epoch,
            float(self.losses[since : self.step].mean()) / self.rows,
            valid,
            better,
            self.clock() - self.began,
        )
        self.evaluations.append(evaluation)
        if better:
            self.best = evaluation
            self.kept, self.kept_step = copied(self.trained, self.kept), self.step
        self.report.evaluated(evaluation)

    def out_of_patience(self) -> bool:
        if self.training.patience is None or self.best is None:
            return False
        return len(self.evaluations) - 1 - self.evaluations.index(self.best) >= self.training.patience

    def progress(self, step: int, at: float) -> Progress:
        """Where the run is; the time left is at the pace since `step`, which ended `at`."""
        done = self.step - step
        left = None if done == 0 else (self.clock() - at) / done * (self.total - self.step)
        per_epoch = self.order.steps_per_epoch
        recent = self.losses[max(0, self.step - 100) : self.step].mean() / self.rows
        return Progress(
            self.step, self.total, self.step // per_epoch, math.ceil(self.total / per_epoch), float(recent), left
        )


def next_size(steps: int, seconds: float, batch: int) -> int:
    """How many steps make the next chunk, half a second of work: at most four times as many as the last one had."""
    factor = min(4.0, CHUNK_SECONDS / seconds) if seconds > 0 else 4.0
    return max(1, min(int(steps * factor), CHUNK_ROWS // batch))


def check_settings(settings: tuple[Tensor, ...], constants: Mapping[str, float]) -> None:
    """Raises TrainingError for a setting of the step that nobody gives."""
    given = {"lr", "t", *constants}
    for tensor in settings:
        if tensor.name not in {*given, DRAW}:
            raise TrainingError(
                f"the step reads the setting {tensor.name}, but training gives {', '.join(sorted(given))}; declare it "
                "as an input, or use an optimizer that has it"
            )


def copied(values: Values, into: Values | None = None) -> Values:
    """A copy, in the arrays of `into` where they are given."""
    if into is None:
        return {name: value.copy() for name, value in values.items()}
    for name, value in values.items():
        np.copyto(into[name], value)
    return into


@contextmanager
def interrupt_after() -> Iterator[None]:
    """Ctrl-C within raises KeyboardInterrupt at the end, so that a chunk is whole; a second one raises at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    asked = False

    def ask(number: int, frame: object) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if asked:
        raise KeyboardInterrupt

"""What a run tells while it goes on: the events, and a listener that keeps silent."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

SHORT = 0.1  # of an epoch: evaluations nearer than this are told apart by their steps


@dataclass(frozen=True)
class Evaluation:
    """The losses at one point of a run, in nats per token where the loss is a mean of -log p.

    `step` and `epoch` count what is done, `train` is the mean of the steps' losses since the evaluation before (each
    taken before its step; where the loss is a total over the batch, a row's share of it), `valid` is None where there
    is no such part, `best` says that none before was better, and `seconds` runs from the start of training.
    """

    step: int
    epoch: float
    train: float
    valid: float | None
    best: bool
    seconds: float


@dataclass(frozen=True)
class Progress:
    """Where a run is after a chunk of steps; `loss` is the mean of the last 100 steps' losses, for a row of a total.

    `seconds_left` is None until one chunk has been timed.
    """

    step: int
    steps: int
    epoch: int
    epochs: int
    loss: float
    seconds_left: float | None


class Report(Protocol):
    """Listens to a run."""

    def say(self, line: str) -> None:
        """A line of text about the run."""
        ...

    def begin(self, steps: int) -> None:
        """Training starts; the first step may wait for a compiler."""
        ...

    def progressed(self, progress: Progress) -> None: ...

    def evaluated(self, evaluation: Evaluation) -> None: ...

    def end(self) -> None:
        """Training is over, in whichever way; it is called once for each `begin`."""
        ...


class Silent:
    """A `Report` that prints nothing."""

    def say(self, line: str) -> None: ...

    def begin(self, steps: int) -> None: ...

    def progressed(self, progress: Progress) -> None: ...

    def evaluated(self, evaluation: Evaluation) -> None: ...

    def end(self) -> None: ...


def place(evaluation: Evaluation, first: Evaluation) -> tuple[str, str]:
    """`("epoch", "2")` or `("step", "1,200")`, where the run's `first` evaluation came before a tenth of an epoch."""
    if first.epoch < SHORT:
        return "step", f"{evaluation.step:,}"
    whole = evaluation.epoch == int(evaluation.epoch)
    return "epoch", f"{evaluation.epoch:,.0f}" if whole else f"{evaluation.epoch:.2f}"


def perplexity(loss: float) -> float:
    """exp(loss), infinite where that is no float."""
    return math.exp(loss) if loss < 709 else math.inf if loss == loss else math.nan


def loss_text(loss: float | None, tokens: bool) -> str:
    """`4.913 (136.1)`: nats and perplexity; the loss alone where no tokens are predicted, `-` where there is none."""
    if loss is None:
        return "-"
    if not tokens:
        return f"{loss:.6g}"
    return f"{number_text(loss)} ({number_text(perplexity(loss))})"


def number_text(value: float) -> str:
    """Three decimals below 10, one below a million, then a power of ten."""
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}" if abs(value) < 1e6 else f"{value:.1e}"


def duration_text(seconds: float) -> str:
    """`0:07`, `12:34`, `1:02:03`."""
    minutes, seconds = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"

"""Learning rates: what lr is at each step, and how a person writes it on the command line.

    0.1                                 constant 0.1
    step 0.1 100000:0.01                0.1 up to step 100,000, then 0.01
    linear 0.002                        a straight line down to 0 at the last step; `linear 0.002 0.0001` to 0.0001
    cosine 0.002                        half a cosine down to 0; `cosine 0.002 0.0001` to 0.0001
    decay 0.001 1e-8                    0.001/(1 + 1e-8*t)
    root                                min(0.01, 1/sqrt(t)), Adafactor's; `root 0.02` for another limit
    cosine 0.002 warmup 500             up from 0 in 500 steps before any of them

A schedule is called with steps counted from 1 and the number of all steps; rates are float64, one per step.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np

from ..language.errors import DataError


class Rate(Protocol):
    """The learning rate at each of `steps` (integers, the first step is 1) of a training of `total` steps."""

    def __call__(self, steps: np.ndarray, total: int) -> np.ndarray: ...


@dataclass(frozen=True)
class Constant:
    """lr = rate."""

    rate: float

    def __post_init__(self) -> None:
        check_rates("Constant", self.rate)

    def __call__(self, steps: np.ndarray, total: int) -> np.ndarray:
        return np.full(np.shape(steps), self.rate, dtype=np.float64)


@dataclass(frozen=True)
class Step:
    """lr = rate up to and with the first boundary, then the rate that stands with the last boundary passed.

    `Step(0.1, ((100_000, 0.01),))` is 0.1 up to step 100,000 and 0.01 from step 100,001 on.
    """

    rate: float
    changes: tuple[tuple[int, float], ...]

    def __post_init__(self) -> None:
        check_rates("Step", self.rate, *(rate for _, rate in self.changes))
        boundaries = [boundary for boundary, _ in self.changes]
        if not boundaries or boundaries[0] < 1 or any(b <= a for a, b in pairwise(boundaries)):
            raise DataError(f"Step: the boundaries are {boundaries}; give at least one, from 1 on, each above the last")

    def __call__(self, steps: np.ndarray, total: int) -> np.ndarray:
        rates = np.array([self.rate, *(rate for _, rate in self.changes)], dtype=np.float64)
        return rates[np.searchsorted([boundary for boundary, _ in self.changes], steps, side="left")]


@dataclass(frozen=True)
class Linear:
    """lr = (1 - q)*rate + q*final,  q = (t - 1)/(total - 1): `rate` at the first step, `final` at the last."""

    rate: float
    final: float = 0.0

    def __post_init__(self) -> None:
        check_rates("Linear", self.rate, self.final)

    def __call__(self, steps: np.ndarray, total: int) -> np.ndarray:
        q = progress(steps, total)
        return (1 - q) * self.rate + q * self.final


@dataclass(frozen=True)
class Cosine:
    """lr = w*rate + (1 - w)*final,  w = (1 + cos(pi*q))/2,  q = (t - 1)/(total - 1)  (Loshchilov & Hutter 2017, eq. 5).

    One period without restarts: `rate` at the first step, `final` at the last.
    """

    rate: float
    final: float = 0.0

    def __post_init__(self) -> None:
        check_rates("Cosine", self.rate, self.final)

    def __call__(self, steps: np.ndarray, total: int) -> np.ndarray:
        w = (1 + np.cos(np.pi * progress(steps, total))) / 2
        return w * self.rate + (1 - w) * self.final


@dataclass(frozen=True)
class InverseDecay:
    """lr = rate/(1 + r*t)  (Bengio et al. 2003, section 3, with rate 1e-3 and r 1e-8)."""

    rate: float
    r: float

    def __post_init__(self) -> None:
        check_rates("InverseDecay", self.rate, self.r)

    def __call__(self, steps: np.ndarray, total: int) -> np.ndarray:
        return self.rate / (1 + self.r * np.asarray(steps, dtype=np.float64))


@dataclass(frozen=True)
class InverseRoot:
    """lr = min(limit, 1/sqrt(t)): Adafactor's relative step size rho_t (Shazeer & Stern 2018, algorithm 6)."""

    limit: float = 1e-2

    def __post_init__(self) -> None:
        check_rates("InverseRoot", self.limit)

    def __call__(self, steps: np.ndarray, total: int) -> np.ndarray:
        return np.minimum(self.limit, 1 / np.sqrt(np.asarray(steps, dtype=np.float64)))


@dataclass(frozen=True)
class WarmUp:
    """lr = t/steps * then(1) for t <= steps; afterwards `then`, for which step `steps` was the first.

    The line reaches the schedule's first rate at step `steps`, and the schedule ends with the training: it is called
    with t - steps + 1 of total - steps + 1.
    """

    steps: int
    then: Rate

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise DataError(f"WarmUp: {self.steps} steps; give at least 1, or no warm-up")

    def __call__(self, steps: np.ndarray, total: int) -> np.ndarray:
        steps = np.asarray(steps)
        since, remaining = np.maximum(steps - self.steps + 1, 1), max(total - self.steps + 1, 1)
        return np.minimum(steps / self.steps, 1.0) * self.then(since, remaining)


def progress(steps: np.ndarray, total: int) -> np.ndarray:
    """0 at step 1, 1 at step `total` and beyond."""
    return np.clip((np.asarray(steps, dtype=np.float64) - 1) / max(total - 1, 1), 0.0, 1.0)


def check_rates(name: str, *rates: float) -> None:
    for rate in rates:
        if not (math.isfinite(rate) and rate >= 0):
            raise DataError(f"{name}: {rate} is no learning rate; give a finite number that is 0 or more")


@dataclass(frozen=True)
class Form:
    """How a schedule is written: how many numbers, how it is made from their texts, and an example."""

    least: int
    most: int
    make: Callable[[list[str]], Rate]
    example: str


def parse_rate(text: str) -> Rate:
    """The schedule that `text` writes, in the forms of the module's docstring.

    Raises DataError with what was read, what was expected and an example.
    """
    words = text.split()
    if words and words[0] not in FORMS:
        words = ["constant", *words] if is_number(words[0]) else words
    if not words or words[0] not in FORMS:
        raise DataError(f"rate {text!r}: write a number such as 0.1, or one of {examples()}")
    words, warm_up = split_warm_up(text, words)
    name, *arguments = words
    form = FORMS[name]
    if not form.least <= len(arguments) <= form.most:
        raise DataError(f"rate {text!r}: {name} is written like '{form.example}'")
    try:
        rate = form.make(arguments)
    except (ValueError, DataError) as error:
        raise DataError(f"rate {text!r}: {error}; {name} is written like '{form.example}'") from error
    return WarmUp(warm_up, rate) if warm_up else rate


def split_warm_up(text: str, words: Sequence[str]) -> tuple[list[str], int]:
    """The words before `warmup N`, and N (0 where there is none)."""
    if "warmup" not in words:
        return list(words), 0
    place = words.index("warmup")
    count = words[place + 1 :]
    if len(count) != 1 or not count[0].isdecimal() or int(count[0]) < 1:
        raise DataError(f"rate {text!r}: end it with 'warmup' and a number of steps, like 'cosine 0.002 warmup 500'")
    return list(words[:place]), int(count[0])


def step_of(arguments: list[str]) -> Step:
    rate, *changes = arguments
    pairs = [change.partition(":") for change in changes]
    return Step(real(rate), tuple((whole(boundary), real(after)) for boundary, _, after in pairs))


def of_floats(schedule: Callable[..., Rate]) -> Callable[[list[str]], Rate]:
    return lambda arguments: schedule(*map(real, arguments))


FORMS = {
    "constant": Form(1, 1, of_floats(Constant), "0.1"),
    "step": Form(2, 100, step_of, "step 0.1 100000:0.01"),
    "linear": Form(1, 2, of_floats(Linear), "linear 0.002"),
    "cosine": Form(1, 2, of_floats(Cosine), "cosine 0.002 warmup 500"),
    "decay": Form(2, 2, of_floats(InverseDecay), "decay 0.001 1e-8"),
    "root": Form(0, 1, of_floats(InverseRoot), "root"),
}


def examples() -> str:
    return ", ".join(f"'{form.example}'" for name, form in FORMS.items() if name != "constant")


def is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def real(word: str) -> float:
    if not is_number(word):
        raise ValueError(f"{word!r} is no number")
    return float(word)


def whole(word: str) -> int:
    if not word.isdecimal():
        raise ValueError(f"{word!r} is no whole number of steps")
    return int(word)

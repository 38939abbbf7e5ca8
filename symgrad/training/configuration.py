"""`Training`: everything that a run needs beside the model.  A model file holds one, the command line overrides it.

training = Training(
    Text(python_topics, minimum_count=2),
    sizes=dict(N=4, D=30, H=50),
    optimizer=SGD(),
    rate=0.5,
    epochs=10,
)
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field, fields, replace
from numbers import Real
from pathlib import Path
from typing import Protocol

import numpy as np

from ..language.errors import DataError, TrainingError
from ..language.program import Program
from .data import Data
from .rates import Constant, Rate, parse_rate
from .text import Text

DTYPES = ("float32", "float64")
TEXT_WORDS = {
    "source": "the file of a text",
    "split": "the split of a text",
    "minimum_count": "the minimum count of a text",
    "vocabulary_from": "the part for a text's vocabulary",
}
TEXT_VALUES = {name: name for name in ("split", "minimum_count", "vocabulary_from")} | {"text": "source"}


class Optimizer(Protocol):
    """An optimizer from `symgrad.language.optimizers`."""

    def settings(self) -> dict[str, float]:
        """The constants that each step is given, by the name of their setting."""
        ...


class Source(Protocol):
    """Where the rows come from: `Text` or `Arrays`."""

    def load(self, program: Program, sizes: Mapping[str, int], dtype: str) -> Data:
        """The rows of each part, checked.  Raises DataError."""
        ...


def plain_sgd() -> Optimizer:
    from ..language.optimizers import SGD

    return SGD()


@dataclass(frozen=True)
class Training:
    """Data and recipe.  Raises TrainingError for a value that cannot be; one of epochs and steps has to be given.

    data          `Text` or `Arrays`
    rate          learning rate per step: a number, a schedule, or a schedule as it is written ("cosine 0.002")
    sizes         axis sizes by name, `{"D": 30, "H": 50}`; those of the vocabulary, the batch and of arrays are found
    batch         examples that a step's gradient is the mean of; rows that fill no batch wait for another epoch
    epochs, steps how long: passes over the training part, or single steps (then evaluated 16 times on the way)
    seed          of the parameters' start and the order of the batches
    patience      stop after so many evaluations without a better validation loss; None: never
    weight_decay  factor by parameter name: factor*parameter is added to its gradient, before that is clipped
    clip          largest global norm of the gradient with the decay in it; None: as it comes
    """

    data: Source
    _: KW_ONLY
    rate: Rate | float | str
    sizes: Mapping[str, int] = field(default_factory=dict)
    optimizer: Optimizer = field(default_factory=plain_sgd)
    batch: int = 32
    epochs: int | None = None
    steps: int | None = None
    seed: int = 0
    dtype: str = "float32"
    patience: int | None = None
    weight_decay: Mapping[str, float] = field(default_factory=dict)
    clip: float | None = None

    def __post_init__(self) -> None:
        if not callable(getattr(self.data, "load", None)):
            raise TrainingError(f"training: data is {self.data!r}, expected Text(...) or Arrays(...)")
        if (self.epochs is None) == (self.steps is None):
            given = "neither epochs nor steps is" if self.epochs is None else "both epochs and steps are"
            raise TrainingError(f"training: {given} given; say one of them: how long to train")
        for name, least in (("batch", 1), ("epochs", 1), ("steps", 1), ("seed", 0), ("patience", 1)):
            value = getattr(self, name)
            if value is not None and (not is_whole(value) or value < least):
                raise TrainingError(f"training: {name} is {value!r}, expected a whole number of {least} or more")
        for name, value in self.sizes.items():
            if not is_whole(value) or value < 1:
                raise DataError(f"training: size {name} is {value!r}, expected a whole number of 1 or more")
        check_dtype(self.dtype)
        object.__setattr__(self, "rate", as_rate(self.rate))
        if self.clip is not None:
            check_number("clip", self.clip, positive=True)
        for name, factor in self.weight_decay.items():
            check_number(f"weight_decay of {name}", factor)

    def overridden(self, **changes: object) -> Training:
        """With these values in place of its own; None changes nothing.

        `sizes` and `weight_decay` are merged, `optimizer` may be a name, and of epochs and steps the one that is given
        replaces the other.  `text` (a file), `split`, `minimum_count` and `vocabulary_from` are values of a `Text`.
        Raises TrainingError for a name that is no value, and DataError for one of a text where the data are none.
        """
        changes = {name: value for name, value in changes.items() if value is not None}
        text = {of: changes.pop(name) for name, of in TEXT_VALUES.items() if name in changes}
        known = [f.name for f in fields(self)]
        for name in changes:
            if name not in known:
                raise TrainingError(f"training: there is no {name!r}; it has {', '.join([*known, *TEXT_VALUES])}")
        for name in ("sizes", "weight_decay"):
            if name in changes:
                changes[name] = {**getattr(self, name), **changes[name]}
        if isinstance(changes.get("optimizer"), str):
            changes["optimizer"] = optimizer_named(changes["optimizer"])
        if "epochs" in changes or "steps" in changes:
            changes = {"epochs": None, "steps": None, **changes}
        if text:
            data = changes.get("data", self.data)
            if not isinstance(data, Text):
                values = ", ".join(f"{TEXT_WORDS[name]} ({value})" for name, value in text.items())
                raise DataError(
                    f"training: {values} is given, but the data is {type(data).__name__}, which reads no "
                    "text; leave it out, or make the training's data a Text(...)"
                )
            changes["data"] = replace(data, **text)
        return replace(self, **changes)

    def located(self, folder: Path) -> Training:
        """With the file of a `Text` taken relative to `folder`, where the model file is."""
        if isinstance(self.data, Text) and not callable(self.data.source):
            return replace(self, data=replace(self.data, source=folder / self.data.source))
        return self

    def rates(self, first: int, last: int, total: int) -> np.ndarray:
        """The learning rate (float64) of each of the steps first..last, counted from 1.

        Raises TrainingError where a schedule's is negative or not finite.
        """
        numbers = np.arange(first, last + 1)
        rates = np.array(np.broadcast_to(self.rate(numbers, total), numbers.shape), dtype=np.float64)
        bad = np.flatnonzero(~(np.isfinite(rates) & (rates >= 0)))
        if len(bad):
            raise TrainingError(
                f"training: {self.rate!r} gives {rates[bad[0]]:g} at step {numbers[bad[0]]:,} of {total:,}, "
                "expected a rate of 0 or more; mend the schedule"
            )
        return rates

    def recipe(self) -> dict[str, object]:
        """The values as JSON can hold them, for the checkpoint; objects as they print."""
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "data"}
        plain = (int, float, str, type(None))
        values = {name: value if isinstance(value, plain) else repr(value) for name, value in values.items()}
        return {**values, "sizes": dict(self.sizes), "weight_decay": dict(self.weight_decay)}


def as_rate(value: object) -> Rate:
    """The schedule that a number, a text or a schedule stands for.  Raises TrainingError for anything else."""
    if isinstance(value, str):
        return parse_rate(value)
    if callable(value):
        return value
    check_number("rate", value)
    return Constant(float(value))


def optimizer_named(name: str) -> Optimizer:
    """The optimizer of that name, in any case, with its default constants.  Raises TrainingError for another name."""
    from ..language.optimizers import OPTIMIZERS

    if name.lower() not in OPTIMIZERS:
        raise TrainingError(f"training: optimizer is {name!r}, expected one of {', '.join(OPTIMIZERS)}")
    return OPTIMIZERS[name.lower()]()


def check_dtype(name: str) -> None:
    """Raises TrainingError unless numbers can be of this type."""
    if name not in DTYPES:
        raise TrainingError(f"training: dtype is {name!r}, expected one of {', '.join(DTYPES)}")


def is_whole(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def check_number(name: str, value: object, positive: bool = False) -> None:
    """Raises TrainingError unless it is a finite number of 0 or more; greater than 0 where it is to be `positive`."""
    number = isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
    if not number or value < 0 or (positive and value == 0):
        least = "greater than 0" if positive else "of 0 or more"
        raise TrainingError(f"training: {name} is {value!r}, expected a finite number {least}")

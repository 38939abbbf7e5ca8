"""Options that several commands read."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from ..language.model import Model
    from ..model_file import ModelFile


def stated_names(given: list[str] | None) -> dict[str, str]:
    """`["G=dW"]` -> `{"G": "dW"}`.  Raises typer.BadParameter for what does not read so."""
    pairs = [item.partition("=") for item in given or []]
    for (left, sign, right), item in zip(pairs, given or [], strict=True):
        if not (sign and left.strip() and right.strip()):
            raise typer.BadParameter(f"{item!r} does not read as NAME=MEANING", param_hint="--name")
    return {left.strip(): right.strip() for left, _, right in pairs}


def emitted_options(file: ModelFile, optimizer: str | None, dtype: str | None) -> dict[str, object]:
    """What `generate` is asked for: the file's training, with these in place of its own.

    Raises TrainingError for an optimizer or dtype that there is not.
    """
    from ..language.optimizers import SGD
    from ..training.configuration import check_dtype, optimizer_named

    if dtype is not None:
        check_dtype(dtype)
    training = file.training
    options = {"optimizer": SGD(), "dtype": "float32"}
    if training is not None:
        options = {name: getattr(training, name) for name in ("optimizer", "dtype", "weight_decay", "clip")}
    given = {"optimizer": optimizer and optimizer_named(optimizer), "dtype": dtype}
    return {**options, **{name: value for name, value in given.items() if value is not None}}


def check_scalar(model: Model) -> None:
    """Raises typer.BadParameter where a parameter or input has axes, so that a number is no value of it."""
    from ..language.program import Role

    for tensor in model.program.tensors.values():
        if tensor.shape and tensor.role is not Role.DEFINITION:
            raise typer.BadParameter(
                f"numbers are for scalar models only, but {tensor.name} of {model.program.name} has axes; leave it out",
                param_hint="--at",
            )


def assignments(
    option: str, given: list[str] | None, number: type, what: str = "value", least: int | None = None
) -> dict[str, int | float] | None:
    """`["H=100"]` -> `{"H": 100}`.

    Raises typer.BadParameter for what does not read so, a name given twice, a value below `least`.
    """
    result = {}
    kind = "a whole number" if number is int else "a number"
    for item in given or []:
        name, _, value = item.partition("=")
        if name.strip() in result:
            raise typer.BadParameter(f"{name.strip()} is given twice; give it once", param_hint=option)
        try:
            result[name.strip()] = number(value)
        except ValueError:
            raise typer.BadParameter(f"{item!r} does not read as NAME={kind}", param_hint=option) from None
        if least is not None and not least <= result[name.strip()] < math.inf:
            kind = kind.replace("a number", "a finite number")
            raise typer.BadParameter(
                f"{name.strip()}={result[name.strip()]} is no {what}; give {kind} of {least} or more", param_hint=option
            )
    return result or None


def parts(text: str) -> tuple[float | int | None, ...]:
    """`"0.8,0.1,0.1"` -> fractions, `"800000,200000,rest"` -> counts.  Raises typer.BadParameter for anything else."""
    try:
        words = [word.strip() for word in text.split(",")]
        return tuple(None if word == "rest" else float(word) if "." in word else int(word) for word in words)
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} reads neither as 0.8,0.1,0.1 nor as 800000,200000,rest", param_hint="--split"
        ) from None

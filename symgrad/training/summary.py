"""What a person is told before and after training, as lines."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from ..language.program import Program, Role
from .configuration import Training
from .data import Data
from .loop import Fit
from .rates import Constant
from .report import loss_text, place
from .sizes import Sizes, extent_size


def opening(program: Program, training: Training, data: Data, sizes: Sizes, threads: str) -> tuple[str, ...]:
    """The data, the model and the recipe."""
    count, states = (
        sum(math.prod(extent_size(e, sizes) for e in tensor.shape) for tensor in program.with_role(role))
        for role in (Role.PARAMETER, Role.STATE)
    )
    running = f" and {counted(states, 'number')} of state" if states else ""
    axes = "".join(f", {name}={size:,}" for name, size in sizes.items())
    steps = data.rows("train") // training.batch
    whole = "" if training.epochs is None else f"{counted(training.epochs, 'epoch')} of "
    length = whole + counted(training.steps or steps, "step")
    rate = f"rate {training.rate.rate:g}" if isinstance(training.rate, Constant) else training.rate
    decay = "".join(f", decay {factor:g} of {name}" for name, factor in training.weight_decay.items())
    clip = "" if training.clip is None else f", clip {training.clip:g}"
    return (
        *data.lines,
        f"model       {program.name}: {counted(count, 'parameter')}{running}, {training.dtype}{axes}",
        f"training    {training.optimizer}, {rate}, batch {training.batch:,}, {length}, seed {training.seed}"
        f"{decay}{clip}, {threads} thread{'' if threads == '1' else 's'}",
    )


def kept(fit: Fit, tokens: bool) -> str:
    """Which parameters a loop has kept."""
    if fit.best is not None:
        where = " ".join(place(fit.best, fit.evaluations[0]))
        return f"the parameters of {where}, the best with valid {loss_text(fit.best.valid, tokens)}"
    if fit.stopped == "finished":
        return "the parameters after the last step"
    return (
        f"the parameters after step {fit.kept_step:,}, not evaluated yet" if fit.kept_step else "the first parameters"
    )


def ending(fit: Fit, total: int, path: Path, tokens: bool) -> str:
    """How a loop ended and what is in the file."""
    how = {
        "finished": f"done after {counted(len(fit.losses), 'step')}",
        "patience": f"stopped after {counted(len(fit.losses), 'step')}: no better validation loss any more",
        "interrupted": f"interrupted at step {len(fit.losses):,} of {total:,}",
        "diverged": fit.failure,
    }[fit.stopped]
    return f"{how}; {path} holds {kept(fit, tokens)}"


def final(losses: Mapping[str, float], tokens: bool) -> str:
    """`train 4.913 (136.1)   valid 5.204 (182.0)   test 5.198 (180.9)`: nats per token and perplexity."""
    return "   ".join(f"{part} {loss_text(loss, tokens)}" for part, loss in losses.items())


def counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"

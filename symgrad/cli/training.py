"""`symgrad train`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

from ..language.errors import DataError
from .application import INTERRUPTED, ModelPath, app
from .options import assignments, parts


@app.command()
def train(
    path: ModelPath,
    text: Annotated[Path | None, typer.Option(help="Train on this UTF-8 file.", metavar="FILE")] = None,
    split: Annotated[
        str | None,
        typer.Option(metavar="A,B,C", help="Fractions or counts of train, valid, test: 800000,200000,rest."),
    ] = None,
    minimum_count: Annotated[
        int | None, typer.Option(metavar="N", help="Merge tokens seen less often into one.", min=1)
    ] = None,
    epochs: Annotated[int | None, typer.Option(metavar="N", help="Passes over the training part.", min=1)] = None,
    steps: Annotated[int | None, typer.Option(metavar="N", help="Single steps, instead of epochs.", min=1)] = None,
    batch: Annotated[int | None, typer.Option(metavar="N", help="Examples a step.", min=1)] = None,
    rate: Annotated[
        str | None, typer.Option(metavar="RATE", help="Learning rate per step: 0.1, 'cosine 0.002 warmup 500', ...")
    ] = None,
    optimizer: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="sgd, momentum, nesterov, adam, adamw or adafactor, with its usual constants."
        ),
    ] = None,
    size: Annotated[
        list[str] | None, typer.Option(help="The size of an axis; may be repeated.", metavar="NAME=N")
    ] = None,
    weight_decay: Annotated[
        list[str] | None,
        typer.Option(
            help="Add X times the parameter to its gradient, before --clip; may be repeated.", metavar="NAME=X"
        ),
    ] = None,
    clip: Annotated[
        float | None, typer.Option(metavar="X", help="Largest global norm of the gradient and the decay together.")
    ] = None,
    patience: Annotated[
        int | None,
        typer.Option(metavar="N", help="Stop after so many evaluations without a better validation loss.", min=1),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(metavar="N", help="Seed of the start and of the batches' order.", min=0)
    ] = None,
    dtype: Annotated[str | None, typer.Option(metavar="NAME", help="float32 or float64.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Save here instead of runs/NAME.safetensors.", metavar="FILE")
    ] = None,
    start: Annotated[
        Path | None, typer.Option(help="Go on from the parameters of a checkpoint.", metavar="FILE")
    ] = None,
    threads: Annotated[
        int | None, typer.Option(metavar="N", help="Threads of a step; by the model's sizes unless given.", min=1)
    ] = None,
    no_train_eval: Annotated[
        bool, typer.Option("--no-train-eval", help="Leave out the last loss of the training part.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
) -> None:
    """Train a model on text or arrays, by gradients derived from its declaration.

    MODEL.py holds `model` and `training = Training(...)`; each option replaces a value of the latter. The best
    parameters by validation loss are saved, also when Ctrl-C ends the run. Losses are in nats per token, with the
    perplexity in brackets.

    Example: `symgrad train examples/concat_lm.py --epochs 3 --size H=100`
    """
    from ..model_file import load_model_file
    from ..training import train as run

    if epochs is not None and steps is not None:
        raise typer.BadParameter("give one of --epochs and --steps", param_hint="--steps")
    if clip is not None and not (math.isfinite(clip) and clip > 0):
        raise typer.BadParameter(f"{clip} is no norm; give a finite number greater than 0", param_hint="--clip")
    sizes = assignments("--size", size, int, "size", 1)
    decay = assignments("--weight-decay", weight_decay, float, "decay", 0)
    file = load_model_file(path)
    if file.training is None:
        raise DataError(
            f"{path}: it holds no `training`; add one: training = Training(Text(...), rate=..., epochs=...)"
        )
    result = run(
        file.model,
        file.training,
        quiet=quiet,
        out=out,
        start=start,
        threads=threads,
        train_loss=not no_train_eval,
        text=text,
        split=None if split is None else parts(split),
        minimum_count=minimum_count,
        epochs=epochs,
        steps=steps,
        batch=batch,
        rate=rate,
        optimizer=optimizer,
        sizes=sizes,
        weight_decay=decay,
        clip=clip,
        patience=patience,
        seed=seed,
        dtype=dtype,
    )
    if result.interrupted:
        raise typer.Exit(INTERRUPTED)

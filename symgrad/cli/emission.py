"""`symgrad generate` and `symgrad check`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .application import ModelPath, app
from .options import emitted_options

ScheduleName = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="auto, the fastest; plain, loops alone, nearest to the formulas; whole, tiles or rows: products by BLAS, "
        "nothing else, a long axis tile by tile, or the batch divided among threads.",
    ),
]

LeftOut = Annotated[
    list[str] | None,
    typer.Option(
        metavar="PASS", help="A pass of the schedule that is left out, such as share_calls; as often as wanted."
    ),
]


@app.command()
def generate(
    path: ModelPath,
    optimizer: Annotated[
        str | None, typer.Option(metavar="NAME", help="sgd, momentum, nesterov, adam, adamw or adafactor.")
    ] = None,
    dtype: Annotated[str | None, typer.Option(metavar="NAME", help="float32 or float64.")] = None,
    out: Annotated[Path, typer.Option(help="The folder to write into.", metavar="FOLDER")] = Path("generated"),
    schedule: ScheduleName = "auto",
    without: LeftOut = None,
) -> None:
    """Write a model's loss, gradients, optimizer step and training loop as one Numba file that needs no symgrad.

    Optimizer, dtype, weight decay and clipping are those of the file's `training`, as in `symgrad train`; without
    one, plain SGD in float32.

    Example: `symgrad generate examples/concat_lm.py --optimizer adam`
    """
    from ..model_file import load_model_file
    from ..pipeline import generate as emit

    file = load_model_file(path)
    options = emitted_options(file, optimizer, dtype)
    generated = emit(file.model, **options, schedule=schedule, without=tuple(without or ()))
    typer.echo(generated.write(out))
    parameters = ", ".join(tensor.name for tensor in generated.program.parameters)
    typer.echo(
        f"loss, gradients, {options['optimizer'].name} step and training loop of {file.model.name} in "
        f"{generated.dtype}; parameters {parameters}"
    )


@app.command()
def check(
    path: ModelPath,
    optimizer: Annotated[
        str | None, typer.Option(metavar="NAME", help="sgd, momentum, nesterov, adam, adamw or adafactor.")
    ] = None,
    dtype: Annotated[str | None, typer.Option(metavar="NAME", help="Of the step: float32 or float64.")] = None,
    entries: Annotated[
        int, typer.Option(metavar="N", help="Compare so many entries of a tensor with difference quotients.", min=1)
    ] = 12,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of the values to check at.", min=0)] = 0,
    out: Annotated[Path, typer.Option(help="The folder of the emitted files.", metavar="FOLDER")] = Path("generated"),
    schedule: ScheduleName = "auto",
    without: LeftOut = None,
    as_json: Annotated[bool, typer.Option("--json", help="Every comparison, as one object.")] = False,
) -> None:
    """Check a model's derivation, its emitted gradients and the emitted step that trains it, each against an oracle.

    The derivation against difference quotients, the adjoint identity and Taylor slopes; the emitted gradients, in
    float64, against the derivation and difference quotients of the emitted loss; the very step that `symgrad train`
    calls, in its dtype, against the interpreter. At several sizes each. Prints the largest relative error of every
    tensor; the exit status is 1 where one is too large.

    Example: `symgrad check examples/concat_lm.py --optimizer adam`
    """
    from ..model_file import load_model_file
    from ..pipeline import check as checked

    file = load_model_file(path)
    options = emitted_options(file, optimizer, dtype)
    report = checked(
        file.model, **options, schedule=schedule, without=tuple(without or ()), entries=entries, seed=seed, folder=out
    )
    if as_json:
        typer.echo(report.json())
    else:
        from rich.console import Console

        console = Console()
        console.print(report.table())
        console.print(report.summary(), markup=False, highlight=False, soft_wrap=True)
    if not report.ok:
        raise typer.Exit(1)

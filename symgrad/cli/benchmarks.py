"""`symgrad bench`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..language.errors import DataError
from .application import app
from .options import assignments, emitted_options

WIDTH = 100


@app.command()
def bench(
    what: Annotated[
        str | None,
        typer.Argument(
            metavar="[WORD | MODEL.py]", help="The cases with this word in their name, or a model file of your own."
        ),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="SYSTEM", help="torch, compile, jax, pytensor, plain or floor; may be repeated."),
    ] = None,
    rounds: Annotated[int, typer.Option(metavar="N", help="How often each system has its turn.", min=1)] = 15,
    turn: Annotated[float, typer.Option(metavar="SECONDS", help="How long a turn is.", min=0.001)] = 0.3,
    size: Annotated[
        list[str] | None, typer.Option(help="Of MODEL.py: the size of an axis; may be repeated.", metavar="NAME=N")
    ] = None,
    batch: Annotated[int | None, typer.Option(metavar="N", help="Of MODEL.py: examples a step.", min=1)] = None,
    rate: Annotated[
        float | None, typer.Option(metavar="X", help="Of MODEL.py: learning rate, 0.001 unless given.")
    ] = None,
    optimizer: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Of MODEL.py: sgd, momentum, nesterov, adam, adamw or adafactor."),
    ] = None,
    dtype: Annotated[str | None, typer.Option(metavar="NAME", help="Of MODEL.py: float32 or float64.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Every time and ratio, as one object.")] = False,
) -> None:
    """Time training steps: emitted code against PyTorch, JAX and PyTensor, where installed, and against the floor.

    Each system has a process of its own and its best form, found by trial; they take turns, and a ratio is the median
    of the rounds' own ratios. The floor is what the matrix products of a step would take at the rate of a large one.
    Losses of the first 20 steps must agree to 1e-4; otherwise the command ends with an error.

    Examples: `symgrad bench makemore`, `symgrad bench my_model.py --size V=1000 --optimizer adam`
    """
    from rich.console import Console

    from ..bench import api, report

    systems = api.selected(only)
    own = {"--size": size, "--batch": batch, "--rate": rate, "--optimizer": optimizer, "--dtype": dtype}
    if what is not None and what.endswith(".py"):
        from ..model_file import load_model_file

        file = load_model_file(what)
        sizes = assignments("--size", size, int) or {}
        cases = (api.own_case(file, Path(what), sizes, batch, rate or 1e-3, emitted_options(file, optimizer, dtype)),)
    else:
        given = [name for name, value in own.items() if value is not None]
        if given:
            raise DataError(f"{given[0]} is for a model file of your own; the cases have their sizes and optimizers")
        cases = api.cases_of(what)
    errors, console = Console(stderr=True), Console()
    console.width = min(WIDTH, console.width)
    comparisons = []
    with errors.status("") as status:
        say = status.update if errors.is_terminal else lambda text: None
        for comparison in api.bench(cases, systems, rounds, turn, say):
            comparisons.append(comparison)
            if not as_json:
                console.print(report.case_table(comparison))
            elif not errors.is_terminal:
                typer.echo(f"{comparison.case.name}: done", err=True)
    if as_json:
        typer.echo(report.as_json(comparisons))
        return
    if len(comparisons) > 1:
        console.print(report.summary_table(comparisons))
    if not only and (line := report.missing(list(report.SYSTEMS))):
        console.print(line)

"""`symgrad bench`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..language.errors import DataError
from .application import app
from .options import assignments, emitted_options

if TYPE_CHECKING:
    from rich.console import Console

    from ..bench.cases import Case

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
        float | None, typer.Option(metavar="X", help="Of MODEL.py: learning rate, 0.001 unless given.", min=0)
    ] = None,
    optimizer: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Of MODEL.py: sgd, momentum, nesterov, adam, adamw or adafactor."),
    ] = None,
    dtype: Annotated[str | None, typer.Option(metavar="NAME", help="Of MODEL.py: float32 or float64.")] = None,
    growth: Annotated[
        Path | None,
        typer.Option(metavar="FIGURE", help="Instead: step time against V, B and H of concat_lm, drawn as this file."),
    ] = None,
    points: Annotated[int, typer.Option(metavar="N", help="Of --growth: how many lengths of each axis.", min=2)] = 8,
    as_json: Annotated[bool, typer.Option("--json", help="Every time and ratio, as one object.")] = False,
) -> None:
    """Time training steps: emitted code against PyTorch, JAX and PyTensor, where installed, and against the floor.

    Each system has a process of its own and its best form, found by trial; they take turns, and a ratio is the median
    of the rounds' own ratios. The floor is what the matrix products of a step would take at the rate of a large one.
    Losses of the first 20 steps must agree to 1e-4; otherwise the command ends with an error.

    Examples: `symgrad bench makemore`, `symgrad bench my_model.py --size V=1000 --optimizer adam`
    """
    from ..bench import api

    own = {"--size": size, "--batch": batch, "--rate": rate, "--optimizer": optimizer, "--dtype": dtype}
    given = [name for name, value in own.items() if value is not None]
    if growth is not None:
        check_alone("--growth", [*given, *(["--only"] if only else []), *([what] if what else [])])
        draw_growth(growth, points, rounds, turn, as_json)
        return
    systems = api.selected(only)
    if what is not None and what.endswith(".py"):
        from ..model_file import load_model_file

        file = load_model_file(what)
        sizes = assignments("--size", size, int, "size", 1) or {}
        cases = (
            api.own_case(
                file, Path(what), sizes, batch, 1e-3 if rate is None else rate, emitted_options(file, optimizer, dtype)
            ),
        )
    else:
        check_alone("a case of the table", given)
        cases = api.cases_of(what)
    compare(cases, systems, rounds, turn, as_json, whole=not only)


def check_alone(what: str, given: list[str]) -> None:
    """Raises DataError where something is given that does not go with it."""
    if given:
        raise DataError(f"{given[0]} does not go with {what}, which has its own sizes and optimizer; leave it out")


def compare(cases: Sequence[Case], systems: list[str], rounds: int, turn: float, as_json: bool, whole: bool) -> None:
    """Print each case's table when it is done, at last the summary; or all as JSON."""
    from ..bench import api, report

    console, comparisons = output(), []
    with progress() as say:
        for comparison in api.bench(cases, systems, rounds, turn, say):
            comparisons.append(comparison)
            if not as_json:
                console.print(report.case_table(comparison))
    if as_json:
        typer.echo(report.as_json(comparisons))
        return
    if len(comparisons) > 1:
        console.print(report.summary_table(comparisons))
    if whole and (line := report.missing()):
        console.print(line)


def draw_growth(path: Path, points: int, rounds: int, turn: float, as_json: bool) -> None:
    from ..bench import growth

    growth.check_plotting()
    with progress() as say:
        found = growth.growth(points, rounds, turn, say)
    growth.draw(found, path)
    if as_json:
        typer.echo(growth.as_json(found))
    else:
        output().print(growth.table(found))


def output() -> Console:
    from rich.console import Console

    console = Console()
    console.width = min(WIDTH, console.width) if console.is_terminal else WIDTH
    return console


@contextmanager
def progress() -> Iterator[Callable[[str], None]]:
    """Hears what goes on: one changing line of a terminal, else a line when the case changes."""
    from rich.console import Console

    console, told = Console(stderr=True), []

    def say(text: str) -> None:
        case = text.partition(": ")[0]
        if console.is_terminal:
            status.update(text)
        elif case not in told:
            told.append(case)
            console.print(case, markup=False, highlight=False, soft_wrap=True)

    with console.status("") as status:
        yield say

"""The application that the commands belong to, and what all of them share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperGroup

from ..language.errors import SymgradError

INTERRUPTED = 130  # what a shell reports for a program that Ctrl-C ended


class Interruptible(TyperGroup):
    """Commands that Ctrl-C ends with a line; a training on its way handles it and saves, so it never comes here."""

    def invoke(self, ctx: typer.Context) -> object:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            where = " before the first step; nothing was written" if ctx.invoked_subcommand == "train" else ""
            typer.echo(f"interrupted{where}", err=True)
            raise typer.Exit(INTERRUPTED) from None


app = typer.Typer(
    name="symgrad",
    cls=Interruptible,
    help="Declare a model in SymPy, derive its gradients symbolically, emit fast Numba code, check every line.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)

ModelPath = Annotated[Path, typer.Argument(metavar="MODEL.py", help="A Python file that holds `model`.")]


def report_error(error: SymgradError) -> None:
    from rich.console import Console
    from rich.text import Text

    Console(stderr=True).print(Text(f"error: {error}", style="red"), soft_wrap=True)


def version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import PackageNotFoundError, version

        try:
            typer.echo(f"symgrad {version('symgrad')}")
        except PackageNotFoundError:
            typer.echo("symgrad, run from its source folder: it is not installed")
        raise typer.Exit


@app.callback()
def symgrad(
    show_version: Annotated[
        bool, typer.Option("--version", callback=version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass

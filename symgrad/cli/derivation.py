"""`symgrad derive`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from .application import ModelPath, app
from .options import assignments, check_scalar

if TYPE_CHECKING:
    from ..language.model import Model


@app.command()
def derive(
    path: ModelPath,
    wrt: Annotated[
        list[str] | None, typer.Option(help="Derive by this parameter or input only; may be repeated.", metavar="NAME")
    ] = None,
    form: Annotated[
        str | None, typer.Option("--format", metavar="NAME", help="text, unless given; matrix, latex or json.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    at: Annotated[
        str | None, typer.Option(metavar="NAME=X,...", help="Also every number at these values, for scalar models.")
    ] = None,
    rate: Annotated[
        float | None, typer.Option(metavar="X", help="Also updates by gradient descent with this rate.")
    ] = None,
    updates: Annotated[int | None, typer.Option(metavar="N", help="How many; 1 unless given.", min=1)] = None,
    jacobian: Annotated[
        str | None, typer.Option(metavar="OF,BY", help="Instead: every entry of a definition by every entry of a name.")
    ] = None,
    hessian: Annotated[
        str | None,
        typer.Option(metavar="NAME[,NAME]", help="Instead: the second derivatives of the loss by a name, or by two."),
    ] = None,
) -> None:
    """Print how the gradients of a model are derived, step by step: forward equations, local derivatives with their
    reasons, the chain rule, and the final formulas.

    With `--format matrix` the formulas are in matrix notation, with `--format latex` it is a whole LaTeX document, with
    `--format json` one object for programs.

    `--jacobian p,o` and `--hessian o` derive a definition with axes and a gradient, entry by entry.

    Example: `symgrad derive examples/scalar_tanh.py --at w1=0.5,w2=-0.3,x=3,y=0.4 --rate 0.1 --updates 3`

    Example: `symgrad derive examples/concat_lm.py --jacobian p,o`
    """
    import json

    from ..derivation import derive as derivation_of
    from ..model_file import load_model_file

    if as_json and form not in (None, "json"):
        raise typer.BadParameter(
            f"--json is --format json; give one of --json and --format {form}", param_hint="--json"
        )
    form = "json" if as_json else form or "text"
    if form not in ("text", "matrix", "latex", "json"):
        raise typer.BadParameter(f"{form!r} is not one of text, matrix, latex, json", param_hint="--format")
    if rate is not None and at is None:
        raise typer.BadParameter("updates start from values; give them with --at NAME=X,...", param_hint="--rate")
    if updates is not None and rate is None:
        raise typer.BadParameter("give the learning rate of the updates with --rate X", param_hint="--updates")
    if at is not None and form in ("latex", "matrix"):
        raise typer.BadParameter("numbers are written as text or json only", param_hint="--at")
    model = load_model_file(path).model
    if jacobian is not None or hessian is not None:
        if at is not None or wrt or (jacobian is not None and hessian is not None):
            raise typer.BadParameter(
                "give one of --jacobian and --hessian, without --wrt and --at",
                param_hint="--hessian" if jacobian is None else "--jacobian",
            )
        typer.echo(entry_by_entry(model, jacobian, hessian, form))
        return
    if at is not None:
        check_scalar(model)
    derivation = derivation_of(model, wrt or None)
    values = assignments("--at", at.split(","), float) if at is not None else None
    numbers = derivation.numbers(values or {}, rate, updates or 1) if at is not None else None
    if form == "latex":
        typer.echo(derivation.latex(standalone=True))
    elif form == "matrix":
        typer.echo(derivation.matrix_text())
    elif form == "json":
        data = derivation.data() if numbers is None else {**derivation.data(), "numbers": numbers.data()}
        typer.echo(json.dumps(data, indent=2))
    else:
        typer.echo(derivation.text() if numbers is None else f"{derivation.text()}\n\n{numbers.text()}")


def entry_by_entry(model: Model, jacobian: str | None, hessian: str | None, form: str) -> str:
    """`--jacobian` or `--hessian` in one of the formats of `derive`."""
    from .. import derivation as made

    names = [name.strip() for name in (jacobian or hessian or "").split(",")]
    if not all(names) or len(names) > 2 or (jacobian is not None and len(names) != 2):
        option, expected = (
            ("--jacobian", "OF,BY, two names") if jacobian is not None else ("--hessian", "NAME or NAME,NAME")
        )
        raise typer.BadParameter(f"{jacobian or hessian!r} does not read as {expected}", param_hint=option)
    result = made.jacobian(model, *names) if jacobian is not None else made.hessian(model, *names)
    if form == "latex":
        return result.latex(standalone=True)
    return {"text": result.text, "matrix": result.matrix_text, "json": result.json}[form]()

"""`symgrad verify`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..language.errors import DataError, SymgradError
from .application import app, report_error
from .options import assignments, stated_names

if TYPE_CHECKING:
    from ..hand.verdicts import Verification

UNREADABLE = 2  # of `verify`, whose 1 and 3 are verdicts


@app.command()
def verify(
    path: Annotated[
        Path,
        typer.Argument(metavar="[MODEL.py]", help="A Python file that holds `model`; or a CLAIMS that declares it."),
    ],
    claims: Annotated[
        Path | None, typer.Argument(metavar="CLAIMS", help="NumPy code (.py), LaTeX (.tex), text (.txt) or both (.md).")
    ] = None,
    name: Annotated[
        list[str] | None,
        typer.Option(help="What a name of the claims means: G=dW; may be repeated.", metavar="NAME=MEANING"),
    ] = None,
    size: Annotated[
        list[str] | None, typer.Option(help="Fix a size that is tried; may be repeated.", metavar="NAME=N")
    ] = None,
    optimizer: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The file is an update rule: compare it with sgd, momentum, adam, ..."),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of the random points.", min=0)] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Every verdict, as one object.")] = False,
) -> None:
    """Judge a derivation done by hand, line by line: which lines are right, the first wrong step, the mistake's name.

    CLAIMS is never executed: it is read, and compared with what is derived from the model, symbolically and at random
    points. A claim is any line that assigns `dX` for a tensor X of the model, or X itself.

    Exit status: 0 every claim is right; 1 one is wrong; 2 the command, the model or the file cannot be used; 3 no claim
    is wrong, but one cannot be read or decided, or there is none.

    Examples: `symgrad verify examples/makemore_mlp.py backward.py`, `symgrad verify --optimizer adam my_adam.py`
    """
    try:
        verification = verified(
            path, claims, stated_names(name), assignments("--size", size, int, "size", 1), optimizer, seed
        )
    except SymgradError as error:
        report_error(error)
        raise typer.Exit(UNREADABLE) from None
    if as_json:
        import json

        typer.echo(json.dumps(verification.as_json(), indent=2))
    else:
        typer.echo(str(verification))
    raise typer.Exit(verification.exit_status)


def verified(
    path: Path,
    claims: Path | None,
    names: dict[str, str],
    sizes: dict[str, int] | None,
    optimizer: str | None,
    seed: int,
) -> Verification:
    """The verdicts on one file of claims, with a model file or with the model that it carries."""
    if optimizer is not None:
        from ..hand.claim_files import read_claim_file
        from ..hand.update_claims import verify_update

        if claims is not None:
            raise DataError("with --optimizer give the file of the update rule only: there is no model to compare with")
        return verify_update(optimizer, read_claim_file(path).source, names, seed)
    from ..hand.verification import verify as judged
    from ..model_file import load_model_file

    model = load_model_file(path).model if claims is not None else None
    return judged(model, claims or path, names=names, sizes=sizes, seed=seed)

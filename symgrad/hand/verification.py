"""`verify(model, claims)`: a person's derivation, a verdict a line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..language.errors import ClaimError
from ..language.model import Model
from ..language.program import Program
from .api import CodeVerification
from .binding import Names
from .claim_files import ClaimFile, of_code, read_claim_file
from .declaration import declared_model
from .truth import Truth
from .verdicts import Status, Verdict, Verification


def verify(
    model: Model | Program | None,
    claims: str | Path,
    *,
    names: Mapping[str, str] | None = None,
    sizes: Mapping[str, int] | None = None,
    seed: int = 0,
) -> Verification:
    """Judge every line of `claims`, NumPy code or a file of it, against what is derived from the model.

    `names` maps names of the claims to names of the model (`{"G": "dW"}`); `sizes` fixes the sizes that are tried, for
    claims that hold numbers in their place.  A file may carry its own model; then `model` is None.

    A line that cannot be read is a verdict.  Raises ClaimError where a file cannot be read at all or there is no model,
    DerivativeError where the model has no derivative.
    """
    file = read_claim_file(claims) if isinstance(claims, Path) else of_code(claims)
    program = program_of(model, file)
    truth = Truth(program, {**file.remarks.sizes, **(sizes or {})}, seed)
    bound = Names(program, truth.adjoints, file.remarks.shapes, {**file.remarks.stated, **(names or {})})
    try:
        return CodeVerification(truth, bound, file.code).result()
    except ClaimError as error:
        return unread(program, file, error)


def program_of(model: Model | Program | None, file: ClaimFile) -> Program:
    if model is None and not file.declaration:
        raise ClaimError(
            "there is no model to compare with; give one, or declare it in the file: in the docstring of a .py file, "
            "or in the first ```python cell of a .md file"
        )
    chosen = declared_model(file.declaration) if model is None else model
    return chosen.program if isinstance(chosen, Model) else chosen


def unread(program: Program, file: ClaimFile, error: ClaimError) -> Verification:
    """The verdict where the code as a whole cannot be read: it is that of one line."""
    line = error.line or 1
    source = (file.source.splitlines() or [""])[line - 1 : line]
    verdict = Verdict(line, "".join(source).strip(), "", Status.UNREAD, error=str(error), column=error.column)
    return Verification(program.name, (verdict,))

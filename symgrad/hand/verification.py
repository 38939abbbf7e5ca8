"""`verify(model, claims)`: a person's derivation, a verdict a line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sympy import Expr

from ..language.errors import ClaimError
from ..language.model import Model
from ..language.program import Program
from .binding import Names
from .claim_files import ClaimFile, of_code, read_claim_file
from .code_claims import CodeVerification
from .declaration import declared_model
from .formula_claims import FormulaVerification
from .stated_model import check_binary, check_sizes, with_one_hots
from .sympy_claims import sympy_verdicts
from .truth import Truth
from .verdicts import Status, Verdict, Verification


def verify(
    model: Model | Program | None,
    claims: str | Path | Mapping[str, Expr | str],
    *,
    names: Mapping[str, str] | None = None,
    sizes: Mapping[str, int] | None = None,
    seed: int = 0,
) -> Verification:
    """Judge every line of `claims` against what is derived from the model.

    `claims` is NumPy code, the path of a file (.py, .md, .tex, .txt: see `claim_files`), or a mapping from parameters,
    inputs and definitions X to their dL/dX, in SymPy in the model's own indices or as NumPy code.

    `names` maps names of the claims to names of the model (`{"G": "dW"}`); `sizes` fixes the sizes that are tried, for
    claims that hold numbers in their place.  A file may carry its own model; then `model` is None.

    A line that cannot be read is a verdict.  Raises ClaimError where a file cannot be read at all or there is no model,
    DerivativeError where the model has no derivative.
    """
    given = claims if isinstance(claims, Mapping) else {}
    if given:
        claims = "\n".join(f"d{name} = {value}" for name, value in given.items() if isinstance(value, str))
    file = read_claim_file(claims) if isinstance(claims, Path) else of_code(str(claims))
    remarks = file.remarks
    program = with_one_hots(program_of(model, file), remarks.one_hots)
    tried = {**remarks.sizes, **(sizes or {})}
    check_sizes(program, tried)
    check_binary(program, remarks.binary)
    truth = Truth(program, tried, seed, remarks.binary)
    bound = Names(program, truth.adjoints, remarks.shapes, {**remarks.stated, **(names or {})}, remarks.said)
    placed: list[tuple[int, Verdict]] = []
    notes: list[str] = []
    expressions = {name: value for name, value in given.items() if not isinstance(value, str)}
    if expressions:
        placed += sympy_verdicts(truth, bound, expressions)
    if file.code.strip() or not (file.formulas or expressions):
        try:
            code = CodeVerification(truth, bound, file.code)
            placed += code.verdicts()
            notes += code.notes()
        except ClaimError as error:
            placed.append(unread(file, error))
    if file.formulas:
        formulas = FormulaVerification(truth, bound, file.source, file.formulas)
        placed += formulas.verdicts()
        notes += sorted(formulas.notes)
    verdicts = tuple(verdict for _, verdict in sorted(placed, key=lambda pair: pair[0]))
    return Verification(program.name, verdicts, tuple(notes), tuple(at.written() for at in truth.points))


def program_of(model: Model | Program | None, file: ClaimFile) -> Program:
    if model is None and not file.declaration:
        raise ClaimError(
            "there is no model to compare with; give one, or declare it in the file: in the docstring of a .py file, "
            "or in the first ```python cell of a .md file"
        )
    chosen = declared_model(file.declaration) if model is None else model
    return chosen.program if isinstance(chosen, Model) else chosen


def unread(file: ClaimFile, error: ClaimError) -> tuple[int, Verdict]:
    """The verdict where the code as a whole cannot be read: it is that of one line."""
    line = error.line or 1
    lines = file.source.splitlines(keepends=True)
    source = "".join(lines[line - 1 : line]).strip()
    start = sum(map(len, lines[: line - 1]))
    return start, Verdict(line, source, "", Status.UNREAD, error=str(error), column=error.column)

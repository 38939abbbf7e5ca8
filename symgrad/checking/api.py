"""`check(model, emit)`: the derivation, the emitted gradients and the emitted step, each against what it must equal."""

from __future__ import annotations

from collections.abc import Callable

from ..language.model import Model
from ..language.program import Program
from .calculus_check import check_calculus
from .emitted_check import Emitted, check_emitted
from .report import Report
from .step_check import check_step

Emit = Callable[[str], Emitted]


def check(
    model: Model | Program, emit: Emit | None = None, *, dtype: str = "float32", entries: int = 12, seed: int = 0
) -> Report:
    """(a) the calculus, (b) the emitted loss and gradients in float64, (c) the emitted step in `dtype`.

    `emit(dtype)` returns the module to check; without it there is nothing emitted and only (a) is done.  `entries` is
    how many entries of a tensor are compared with difference quotients.  The same seed gives the same report.

    Raises DerivativeError for what has no derivative, and DataError where no point to check at is found.
    """
    program = model.program if isinstance(model, Model) else model
    rows = check_calculus(program, entries, seed)
    if emit is not None:
        rows += check_emitted(program, emit("float64"), entries, seed)
        rows += check_step(emit(dtype), dtype, seed)
    return Report(program, rows)

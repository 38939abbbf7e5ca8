"""`check(model, emit)`: the derivation, the emitted gradients and the emitted step, each against what it must equal."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from ..language.evaluation import has_evaluation_form, training_form
from ..language.model import Model
from ..language.program import Program
from .calculus_check import check_calculus
from .emitted_check import Emitted, check_emitted
from .evaluation_check import check_evaluation
from .points import given_point
from .report import Report
from .step_check import check_step

Emit = Callable[[str], Emitted]


def check(
    model: Model | Program,
    emit: Emit | None = None,
    *,
    dtype: str = "float32",
    entries: int = 12,
    seed: int = 0,
    at: Mapping[str, np.ndarray] | None = None,
) -> Report:
    """(a) the calculus, (b) the emitted loss and gradients in float64, (c) the emitted step in `dtype`.

    These are of the training form; where the evaluation form is another one, (d) is its emitted loss in float64.

    `emit(dtype)` returns the module to check; without it there is nothing emitted and only (a) is done.  `entries` is
    how many entries of a tensor are compared with difference quotients.  The same seed gives the same report.  `at`:
    values of parameters, inputs, tokens, states and settings at which (a) and (b) are done, instead of many points.

    Raises DerivativeError for what has no derivative, and DataError where no point to check at is found, or the values
    given are at a kink.
    """
    program = model.program if isinstance(model, Model) else model
    training = training_form(program)
    given = given_point(training, at) if at is not None else None
    rows = check_calculus(training, entries, seed, given=given)
    if emit is not None:
        emitted = emit("float64")
        rows += check_emitted(training, emitted, entries, seed, given=given)
        rows += check_step(emit(dtype), dtype, seed)
        if has_evaluation_form(program):
            rows += check_evaluation(program, emitted, seed)
    return Report(program, rows)

"""Part (d), where a model has an evaluation form: its emitted loss in float64 against the interpreter.

    loss     `evaluation_loss` of one batch
    slices   `mean_loss` over two batches and a row, against the mean of what the interpreter gives for each slice

The errors are relative to max(1, |L|).  The sizes are those at which the evaluation form has a value: a batch of 1 too,
where training divides by B - 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ..language.batch import batch_axis, is_total
from ..language.evaluation import evaluation_form
from ..language.program import Program, Role
from ..language.sizes import divisors, have_values
from .emitted_check import LOSS_TOLERANCE, Emitted, arranged
from .interpreter import Values, evaluate
from .points import Point, Sizes, draw, point, size_table
from .report import EVALUATION, Row

EXAMPLES = 3  # rows of data for a model that reads one example at a time


def check_evaluation(
    program: Program, emitted: Emitted, seed: int = 0, table: Sequence[Sizes] | None = None
) -> tuple[Row, ...]:
    """The rows of every size of `table` (`size_table` of the evaluation form unless given)."""
    form = evaluation_form(program)
    rows: list[Row] = []
    for position, sizes in enumerate(size_table(form) if table is None else table):
        rows += evaluation_rows(form, emitted, point(form, sizes, seed + position, margin=0.0), seed + position)
    return tuple(rows)


def evaluation_rows(form: Program, emitted: Emitted, at: Point, seed: int) -> Iterator[Row]:
    def row(test: str, found: float, expected: float) -> Row:
        error = abs(found - expected) / max(1.0, abs(expected)) if np.isfinite(found) else np.inf
        return Row(EVALUATION, test, at.sizes, form.outputs[0], (), float(error), LOSS_TOLERANCE)

    yield row("loss", emitted.evaluation_loss(*arranged(form, at.values, "float64")), loss(form, at.values, at.sizes))
    slices, batch = several(form, at, np.random.default_rng(seed))
    given = [tensor.name for tensor in form.with_role(Role.INPUT, Role.TOKENS)]
    if given and all(have_values(divisors(form), sizes) for sizes, _, _ in slices):
        join = np.stack if batch is None else np.concatenate
        data = {**at.values, **{name: join([values[name] for _, values, _ in slices]) for name in given}}
        found = emitted.mean_loss(*arranged(form, data, "float64"), batch or 1)
        losses = [loss(form, values, sizes) * (1 if is_total(form) else rows) for sizes, values, rows in slices]
        yield row("slices", found, sum(losses) / sum(rows for _, _, rows in slices))


def several(
    form: Program, at: Point, random: np.random.Generator
) -> tuple[list[tuple[Sizes, Values, int]], int | None]:
    """(sizes, values, rows) of each slice of some data, and the batch: two whole ones and a row, or single examples."""
    axis = batch_axis(form)
    kept = {t.name: at.values[t.name] for t in form.with_role(Role.PARAMETER, Role.STATE, Role.SETTING)}
    lengths = [1] * EXAMPLES if axis is None else [at.sizes[axis], at.sizes[axis], 1]
    sizes = [at.sizes if axis is None else {**at.sizes, axis: length} for length in lengths]
    slices = [(each, {**draw(form, each, random), **kept}, rows) for each, rows in zip(sizes, lengths, strict=True)]
    return slices, None if axis is None else at.sizes[axis]


def loss(form: Program, values: Values, sizes: Sizes) -> float:
    return float(evaluate(form, values, sizes)[form.outputs[0]])

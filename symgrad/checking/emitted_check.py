"""Part (b): the emitted `loss` and `gradients` in float64, against the interpreter and against their own differences.

    loss               the emitted loss, and the one that `gradients` returns, against the interpreter's
    interpreter        each gradient against the derivation's, simplified, evaluated in the interpreter
    differences        each gradient against difference quotients of the emitted loss itself

The error of a tensor is max|found - expected| / max|expected|, see `differences.relative_error`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import numpy as np

from ..calculus.reverse import Gradients
from ..calculus.simplify import simplify
from ..language.program import Program, Role, Tensor
from .calculus_check import all_gradients
from .differences import CalledLoss, Loss, gradient_error, interpreted_loss, is_stopped, relative_error, stopped
from .interpreter import Values, evaluate
from .points import Point, Sizes, points, size_names, size_table
from .report import Row

LOSS_TOLERANCE = 1e-10
INTERPRETER_TOLERANCE = 1e-9
DIFFERENCES_TOLERANCE = 1e-6
BESIDE = 3  # sizes about a threshold: one below, two from it on

Threshold = tuple[tuple[str, ...], int]


class Emitted(Protocol):
    """What a generated module offers.  Real arrays are C-contiguous and of its dtype, tokens int32.

    A batch has the masks too, `parameters` the states that a loss reads.

    program     the step as equations: forward, gradients, updates; `outputs[0]` is the loss
    of_tiles    (size names, value): the code branches where the product of these sizes crosses the value
    of_threads  the same for a step on several threads
    threaded    whether a chunk takes a number of threads
    """

    program: Program
    inputs: tuple[Tensor, ...]
    parameters: tuple[Tensor, ...]
    states: tuple[Tensor, ...]
    settings: tuple[Tensor, ...]
    of_tiles: tuple[Threshold, ...]
    of_threads: tuple[Threshold, ...]
    threaded: bool

    def loss(self, batch: Values, parameters: Values) -> float:
        """The mean loss of one batch."""
        ...

    def evaluation_loss(self, batch: Values, parameters: Values) -> float:
        """The mean loss of one batch in the evaluation form."""
        ...

    def mean_loss(self, data: Values, parameters: Values, batch: int) -> float:
        """The mean loss over all rows in the evaluation form, in slices of `batch`."""
        ...

    def gradients(self, batch: Values, parameters: Values) -> tuple[float, Values]:
        """The loss, and dL/dX by the name of X, for parameters and real inputs."""
        ...

    def chunk(
        self, order: np.ndarray, settings: Values, data: Values, parameters: Values, states: Values, losses: np.ndarray
    ) -> int:
        """A step for each row of `order` (steps, B), in place; `losses` (steps,) is filled; how many were taken."""
        ...


def check_emitted(
    program: Program,
    emitted: Emitted,
    entries: int = 12,
    seed: int = 0,
    table: Sequence[Sizes] | None = None,
    given: Point | None = None,
) -> tuple[Row, ...]:
    """The rows of every size of `table` (`sizes_to_check` unless given), or of one point; `emitted` is in float64."""
    gradients = simplify(all_gradients(program)[0])  # before, exp(o)/S**2 may overflow where exp(o)/S does not
    rows: list[Row] = []
    for at in points(program, sizes_to_check(program, emitted) if table is None else table, seed, given):
        rows += emitted_rows(program, gradients, emitted, at, entries)
    return tuple(rows)


def emitted_rows(program: Program, gradients: Gradients, emitted: Emitted, at: Point, entries: int) -> Iterator[Row]:
    def row(test: str, tensor: str, error: float, tolerance: float) -> Row:
        shape = np.shape(at.values[tensor]) if tensor in at.values else ()
        return Row("emitted", test, at.sizes, tensor, shape, error, tolerance)

    made = evaluate(gradients.program, at.values, at.sizes)
    name, expected = program.outputs[0], made[program.outputs[0]]
    batch, parameters = arranged(program, at.values, "float64")
    loss, found = emitted.gradients(batch, parameters)
    for value in (emitted.loss(batch, parameters), loss):
        yield row("loss", name, relative_error(np.asarray(value), expected), LOSS_TOLERANCE)
    about = emitted_loss(program, emitted, at)
    for tensor in program.with_role(Role.PARAMETER, Role.INPUT):
        if tensor.name not in gradients.adjoints:
            continue
        expected = made[gradients.adjoints[tensor.name]]
        if tensor.name not in found or np.shape(found[tensor.name]) != expected.shape:
            yield row("interpreter", tensor.name, math.inf, INTERPRETER_TOLERANCE)
            continue
        result = np.asarray(found[tensor.name])
        error = relative_error(result, expected, float(loss))
        yield row("interpreter", tensor.name, error, INTERPRETER_TOLERANCE)
        error = gradient_error(about, tensor.name, result, DIFFERENCES_TOLERANCE, entries)
        yield row("differences", tensor.name, error, DIFFERENCES_TOLERANCE)


def emitted_loss(program: Program, emitted: Emitted, at: Point) -> Loss:
    """The emitted loss as a function of all values; the interpreter's, held, where something is under stop_gradient."""
    if any(is_stopped(node) for equation in program.equations() for node in equation.body.walk()):
        return interpreted_loss(*stopped(program, at.values, at.sizes), at.sizes)
    return CalledLoss(lambda values: float(emitted.loss(*arranged(program, values, "float64"))), at.values)


def arranged(program: Program, values: Mapping[str, np.ndarray], dtype: str) -> tuple[Values, Values]:
    """(batch, kept) as emitted code takes them: contiguous copies in `dtype`, token ids in int32.

    The batch has the masks too, and what is kept are parameters and states.
    """
    given, kept = (Role.INPUT, Role.TOKENS, Role.MASK), (Role.PARAMETER, Role.STATE)
    batch, rest = ({t.name: cast(t, values[t.name], dtype) for t in program.with_role(*r)} for r in (given, kept))
    return batch, rest


def cast(tensor: Tensor, value: np.ndarray, dtype: str) -> np.ndarray:
    return np.array(value, dtype="int32" if tensor.role is Role.TOKENS else dtype, order="C")


def sizes_to_check(program: Program, emitted: Emitted) -> tuple[dict[str, int], ...]:
    """The table of sizes, and both sides of every branch of the code."""
    return (*size_table(program), *threshold_sizes(program, emitted.of_tiles))


def threshold_sizes(program: Program, thresholds: tuple[Threshold, ...]) -> tuple[dict[str, int], ...]:
    """Sizes with the product of each threshold's just below its value, at it or just above, and beyond.

    The named sizes are about equal, the others small primes.
    """
    rows = []
    small = size_table(program)[1] if size_names(program) else {}
    for names, value in thresholds:
        *others, last = names
        sizes = {**small, **dict.fromkeys(others, max(2, round(value ** (1 / len(names)))))}
        least = max(1, math.ceil(value / math.prod(sizes[name] for name in others)))
        rows += [{**sizes, last: size} for size in range(max(1, least - 1), least + BESIDE - 1)]
    return tuple(rows)

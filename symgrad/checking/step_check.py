"""Part (c): the very step that training calls, in its dtype, against the interpreter on the same equations in float64.

Every parameter and state is compared after one step and after three, where the work is divided on two threads
too.  With X before, X' expected after and Y found,

    error = max|Y - X'| / (max|X' - X| + r*max|X'|),    r = 4*steps*eps/tolerance

so that `error <= tolerance` says |Y - X'| <= tolerance*|update| + 4*steps*eps*|X'|: half of the dtype's digits of the
update (tolerance = 4*sqrt(eps), 1.4e-3 in float32), and a few roundings of the parameter that it is added to.  Rates
are drawn as large as the steps stay calm, so an update is about as large as its parameter and a sign, a transpose,
1 - h for 1 - h**2, a lost 1/B or an overwrite for an add are far outside.  A parameter whose gradient is 0 by
cancellation has an update of rounding errors: no |update| counts as less than a hundredth of the largest one, nor as
less than a few roundings of terms of size 1.  The error of the loss before each step is relative to max(1, |L|).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from ..codegen.arguments import size_value
from ..codegen.schedule.forms import places
from ..language.batch import batch_axis
from ..language.errors import DataError
from ..language.masks import DRAW, KEYS, drawn_masks
from ..language.program import Program, Role
from .emitted_check import Emitted, cast, sizes_to_check, threshold_sizes
from .interpreter import Sizes, Values, evaluate
from .points import Point, draw, point, shape_of
from .report import Row

STEPS = (1, 3)
ATTEMPTS = 40
RUNAWAY = 10.0  # how much larger than before the numbers may be after a few steps
FALL = 0.85
STARTS = 4  # the last has parameters an eighth as large: where all is small, what is wrong is too
ROUNDINGS = 100  # so many times what one rounding of each parameter makes, many roundings on the way may make
SPACE = 2**27  # entries of the largest sum that the interpreter is given: a gigabyte
Kinds = dict[str, int]  # of a setting by its name: 0 below 1, 1 a count
EXAMPLES = 5  # rows of data for a model that reads one example at a time


@dataclass(frozen=True)
class Start:
    """What a chunk is given, in its dtype."""

    order: np.ndarray
    settings: Values
    data: Values
    parameters: Values
    states: Values


def check_step(
    emitted: Emitted, dtype: str = "float32", seed: int = 0, table: Sequence[Sizes] | None = None
) -> tuple[Row, ...]:
    """The rows of every size of `table`; `emitted` computes in `dtype`.

    Without a table the sizes are those of the other checks, and the least at which the work is divided, if these are
    not beyond the interpreter: only there a second thread has something to do.
    """
    program = emitted.program
    few = sizes_to_check(program, emitted) if table is None else table
    divided = [] if table is not None else [threshold_sizes(program, (t,))[1] for t in emitted.of_threads]
    divided = [sizes for sizes in divided if largest_space(program, sizes) <= SPACE]
    rows: list[Row] = []
    kinds: Kinds = {}
    for position, sizes in enumerate((*few, *divided)):
        for steps in STEPS:
            counts = (1,) if position < len(few) else (1, 2)
            rows += step_rows(emitted, sizes, steps, dtype, seed + position, kinds, counts)
    return tuple(rows)


def step_rows(
    emitted: Emitted,
    sizes: Sizes,
    steps: int,
    dtype: str,
    seed: int,
    kinds: Kinds | None = None,
    counts: Sequence[int] = (1, 2),
) -> Iterator[Row]:
    """The rows of one start, from which the steps are taken on each count of threads, where one can be given.

    Where they are wrong by no more than rounding makes, because the steps amplify it, another start is taken.
    """
    starts = starting_points(emitted.program, sizes, steps, dtype, seed, kinds)
    threads = counts if emitted.threaded else (None,)
    for start, expected, losses in islice(starts, STARTS):
        judged = Judged(emitted.program, start, expected, losses, dtype)
        rows = [row for count in threads for row in judged.rows(emitted, sizes, count)]
        if all(row.ok for row in rows) or not judged.rounding_explains(rows, sizes):
            break
    yield from rows


@dataclass(frozen=True)
class Judged:
    """What a chunk must give, and how far from it the steps may end."""

    program: Program
    start: Start
    expected: Values
    losses: np.ndarray
    dtype: str

    @property
    def epsilon(self) -> float:
        return float(np.finfo(self.dtype).eps)

    @property
    def tolerance(self) -> float:
        return 4 * math.sqrt(self.epsilon)

    @property
    def before(self) -> Values:
        return {**self.start.parameters, **self.start.states}

    def rows(self, emitted: Emitted, sizes: Sizes, threads: int | None) -> Iterator[Row]:
        start, steps = self.start, len(self.start.order)
        parameters, states = copies(start.parameters), copies(start.states)
        losses = np.full(steps, np.nan)
        count = {} if threads is None else {"threads": threads}
        taken = emitted.chunk(start.order, start.settings, start.data, parameters, states, losses, **count)
        on = " on 2 threads" if threads == 2 else ""
        test = f"{steps} step{'s' if steps > 1 else ''} in {self.dtype}{on}"
        errors = self.errors({**parameters, **states}, losses, taken == steps)
        for name, error in errors.items():
            yield Row("step", test, sizes, name, np.shape(self.before.get(name, ())), error, self.tolerance)

    def errors(self, found: Values, losses: np.ndarray, done: bool) -> dict[str, float]:
        """Of each parameter and state, and of the loss."""
        floor = 4 * len(losses) * self.epsilon / self.tolerance
        updates = {name: largest(self.expected[name] - old.astype(np.float64)) for name, old in self.before.items()}
        least = max([4 * floor, *(updates[name] / 100 for name in self.start.parameters)])
        errors = {
            name: distance(found[name], expected, max(updates[name], least) + floor * largest(expected), done)
            for name, expected in self.expected.items()
        }
        # a loss near 0 is what terms of about 1 leave
        return errors | {self.program.outputs[0]: distance(losses, self.losses, max(1.0, largest(self.losses)), done)}

    def rounding_explains(self, rows: Sequence[Row], sizes: Sizes) -> bool:
        """Whether what is wrong is so by at most `ROUNDINGS` times what one rounding of each parameter makes."""
        random = np.random.default_rng(0)
        moved = {
            name: value * (1 + self.epsilon * random.choice((-1, 1), value.shape))
            for name, value in self.start.parameters.items()
        }
        with np.errstate(all="ignore"):
            after, losses = interpreted(self.program, sizes, replace(self.start, parameters=moved))
        made = self.errors(after, losses, True)
        return all(row.ok or row.error <= ROUNDINGS * made[row.tensor] for row in rows)


def largest(array: np.ndarray) -> float:
    return float(np.max(np.abs(array), initial=0.0))


def distance(found: np.ndarray, expected: np.ndarray, scale: float, done: bool) -> float:
    """max|found - expected| / scale; infinite where not all steps were done or a number is not finite."""
    if not done or not np.isfinite(found).all():
        return math.inf
    return largest(np.asarray(found, dtype=np.float64) - expected) / max(scale, 1e-30)


def starting_point(
    program: Program, sizes: Sizes, steps: int, dtype: str, seed: int, kinds: Kinds | None = None
) -> tuple[Start, Values, np.ndarray]:
    """The first of `starting_points`."""
    return next(starting_points(program, sizes, steps, dtype, seed, kinds))


def starting_points(
    program: Program, sizes: Sizes, steps: int, dtype: str, seed: int, kinds: Kinds | None = None
) -> Iterator[tuple[Start, Values, np.ndarray]]:
    """Random values from which all steps are finite, the values after them, and the loss before each.

    The parameters of each are half as large as those of the one before.  `kinds` of settings that did at other sizes
    are tried first, and what is found is added to them.  Raises DataError where not one is found.
    """
    kinds, size = {} if kinds is None else kinds, 1.0
    for known, attempt in ((known, k) for known in ((dict(kinds), {}) if kinds else ({},)) for k in range(ATTEMPTS)):
        random = np.random.default_rng((seed, attempt))
        at, data = dataset(program, sizes, seed + 1000 * attempt, random)
        chosen = dict(known)
        start = Start(
            chosen_rows(program, sizes, data, steps, random),
            {t.name: setting_values(t.name, steps, random, attempt, chosen) for t in program.with_role(Role.SETTING)},
            {t.name: cast(t, data[t.name], dtype) for t in program.with_role(Role.INPUT, Role.TOKENS)},
            {t.name: cast(t, size * at.values[t.name], dtype) for t in program.parameters},
            {t.name: cast(t, at.values[t.name], dtype) for t in program.with_role(Role.STATE)},
        )
        with np.errstate(all="ignore"):
            after, losses = interpreted(program, sizes, start)
        if calm(start, after, losses):
            kinds.update(chosen)
            size /= 2
            yield start, after, losses
    if size == 1.0:
        raise DataError(
            f"{program.name}: no values were found from which {steps} steps are finite and loss and parameters do not "
            f"grow {RUNAWAY:g}-fold, at sizes {dict(sizes)}; is the loss a sum where a mean is meant?"
        )


def calm(start: Start, after: Values, losses: np.ndarray) -> bool:
    """Whether the steps are finite and do not run away: rounding errors would grow with them.

    A state may hold squares of gradients that sum many terms: how large it gets says nothing.
    """
    finite = np.isfinite(losses).all() and all(np.isfinite(after[name]).all() for name in after)
    return bool(finite and largest(losses) <= RUNAWAY * max(1.0, abs(losses[0]))) and all(
        largest(after[name]) <= RUNAWAY * max(1.0, largest(before)) for name, before in start.parameters.items()
    )


def largest_space(program: Program, sizes: Sizes) -> int:
    """The entries of the largest index space of the program, for all rows of the data."""
    axis = batch_axis(program)
    sizes = {**sizes, axis: 2 * sizes[axis] + 1} if axis is not None else sizes
    spaces = (around for e in program.equations() for _, around in places(e.body, e.indices))
    return max(math.prod(size_value(index.extent, sizes) for index in set(space)) for space in spaces)


def dataset(program: Program, sizes: Sizes, seed: int, random: np.random.Generator) -> tuple[Point, Values]:
    """A point with more rows of data than a batch has, and the data with their leading axis of rows."""
    axis = batch_axis(program)
    if axis is not None:
        at = point(program, {**sizes, axis: 2 * sizes[axis] + 1}, seed, margin=0.0)
        return at, at.values
    at = point(program, sizes, seed, margin=0.0)
    drawn = [at.values, *(draw(program, sizes, random) for _ in range(EXAMPLES - 1))]
    return at, {name: np.stack([values[name] for values in drawn]) for name in at.values}


def chosen_rows(
    program: Program, sizes: Sizes, data: Mapping[str, np.ndarray], steps: int, random: np.random.Generator
) -> np.ndarray:
    """Row numbers (steps, B), none twice in a batch, in no order."""
    given = program.with_role(Role.INPUT, Role.TOKENS)
    rows = len(data[given[0].name]) if given else 1
    axis = batch_axis(program)
    batch = sizes[axis] if axis is not None else 1
    return np.stack([random.permutation(rows)[:batch] for _ in range(steps)]).astype(np.int64)


def setting_values(name: str, steps: int, random: np.random.Generator, attempt: int, kinds: Kinds) -> np.ndarray:
    """A rate or decay below 1, or a count from 1 on: which of them a setting must be, `kinds` or the calm steps say.

    The learning rate falls from attempt to attempt, as steps that run away need smaller ones.  Masks are drawn from
    any key.
    """
    if name == DRAW:
        return random.integers(KEYS, size=steps).astype(np.float64)
    drawn = int(random.integers(2))
    low, high = ((0.1, 0.9), (1.0, 3.0))[kinds.setdefault(name, drawn)]
    return random.uniform(low, high, steps) * (FALL**attempt if name == "lr" else 1.0)


def interpreted(program: Program, sizes: Sizes, start: Start) -> tuple[Values, np.ndarray]:
    """The parameters and states after the steps, and the loss before each, in float64 from the same numbers."""
    axis = batch_axis(program)
    current = {**start.parameters, **start.states}
    losses = []
    for step, rows in enumerate(start.order):
        batch = {name: array[rows] if axis is not None else array[rows[0]] for name, array in start.data.items()}
        settings = {name: values[step] for name, values in start.settings.items()}
        if DRAW in settings:
            shapes = {mask.name: shape_of(mask, sizes) for mask in program.with_role(Role.MASK)}
            batch |= drawn_masks(program, shapes, settings[DRAW])
        made = evaluate(program, {**current, **batch, **settings}, sizes)
        losses.append(float(made[program.outputs[0]]))
        current = {name: made[program.updates.get(name, name)] for name in current}
    return current, np.array(losses)


def copies(values: Values) -> Values:
    return {name: value.copy() for name, value in values.items()}

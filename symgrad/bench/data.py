"""The same start for all: first parameters and batches, drawn once and kept in a file that every process reads.

A peer's process imports nothing of ours but the modules that run it, so that what it holds in memory is its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .cases import Case

if TYPE_CHECKING:
    from ..language.program import Program

BATCHES = 50  # different batches, again and again
FILE = "start.npz"
Values = dict[str, np.ndarray]


def program_of(case: Case) -> Program:
    from ..model_file import load_model_file

    return load_model_file(case.path).model.program


def all_sizes(case: Case, program: Program) -> dict[str, int]:
    """With the batch's.  Raises DataError for a size that is missing or that the model does not have."""
    from ..training.sizes import complete

    return complete(program, case.sizes, case.batch)


def write_start(case: Case, folder: Path) -> None:
    """Draw the case's parameters and batches."""
    from ..training.parameters import initial_values

    program = program_of(case)
    sizes = all_sizes(case, program)
    parameters = initial_values(program.parameters, sizes, 0, case.dtype)
    named = {f"parameter {name}": value for name, value in parameters.items()}
    named |= {f"batches {name}": value for name, value in drawn(program, sizes, case.dtype).items()}
    np.savez(folder / FILE, **named)


def stable_loss(program: Program) -> Program:
    """The loss of the training form as it is emitted: without an overflow on the way."""
    from ..calculus.stability import stabilize
    from ..language.evaluation import training_form

    return stabilize(training_form(replace(program, outputs=program.outputs[:1])))[0]


def drawn(program: Program, sizes: Mapping[str, int], dtype: str) -> Values:
    """(BATCHES, *shape) of what a step is given: tokens as frequent as words are, id k in proportion to 1/(k + 3);
    real inputs normal."""
    from ..language.program import Role
    from ..training.sizes import extent_size

    random, batches = np.random.default_rng(1), {}
    for tensor in program.with_role(Role.TOKENS, Role.INPUT):
        shape = (BATCHES, *(extent_size(extent, sizes) for extent in tensor.shape))
        if tensor.role is Role.TOKENS:
            frequency = 1 / (np.arange(extent_size(tensor.vocabulary, sizes)) + 3)
            ids = random.choice(len(frequency), shape, p=frequency / frequency.sum())
            batches[tensor.name] = ids.astype(np.int32)
        else:
            batches[tensor.name] = random.standard_normal(shape).astype(dtype)
    return batches


def read_start(folder: str | Path) -> tuple[Values, list[Values]]:
    """(parameters, what each step is given in turn), arrays by the names of their tensors."""
    with np.load(Path(folder) / FILE) as file:
        found = {tuple(name.split(" ", 1)): file[name] for name in file.files}
    parameters = {name: array for (kind, name), array in found.items() if kind == "parameter"}
    given = {name: array for (kind, name), array in found.items() if kind == "batches"}
    return parameters, [{name: array[k] for name, array in given.items()} for k in range(BATCHES)]

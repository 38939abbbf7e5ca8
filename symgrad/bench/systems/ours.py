"""The emitted code, called as `symgrad train` calls it: a chunk of steps at a time."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..cases import Case
from ..data import BATCHES, all_sizes, program_of, read_start
from . import Form, Run

GENERATED = "generated"  # in the case's folder, as in that of `symgrad train`


def forms(case: Case) -> tuple[Form, ...]:
    return (Form("the emitted code"),)


def start(case: Case, form: Form, folder: str, schedule: str = "auto") -> Run:
    from ...language.masks import DRAW, keys
    from ...language.optimizers import OPTIMIZERS
    from ...pipeline import generate
    from ...training.loop import CHUNK_ROWS
    from ...training.parameters import initial_values
    from ...training.threads import Balanced, limited_blas, threads_for

    program = program_of(case)
    sizes = all_sizes(case, program)
    optimizer = OPTIMIZERS[case.optimizer]()
    options = {"dtype": case.dtype, "weight_decay": case.weight_decay, "clip": case.clip, "schedule": schedule}
    emitted = generate(program, optimizer, **options, sizes=sizes).load(Path(folder) / GENERATED)
    parameters, batches = read_start(folder)
    states = initial_values(emitted.states, sizes, 0, case.dtype)
    join = np.concatenate if emitted.batch_size is not None else np.stack
    data = {name: join([batch[name] for batch in batches]) for name in batches[0]}
    rows = np.arange(BATCHES * case.batch).reshape(BATCHES, case.batch)
    threads = threads_for(sizes, case.batch, emitted.batch_size, emitted.threaded)
    module = Balanced(emitted, *{threads, 1})
    constants = {"lr": case.rate, **optimizer.settings(), **case.settings}
    needed = {tensor.name for tensor in emitted.settings}
    longest, order, done = max(1, CHUNK_ROWS // case.batch), rows, 0

    def run(steps: int) -> np.ndarray:
        losses = np.full(steps, np.nan)  # of steps that are not taken, after a loss that is not finite
        with limited_blas(threads):
            for first in range(0, steps, longest):
                chunk(losses[first : first + longest])
        return losses

    def chunk(losses: np.ndarray) -> None:
        nonlocal order, done
        steps = len(losses)
        if len(order) < BATCHES + steps:
            order = np.resize(rows, (BATCHES + steps, case.batch))
        settings = {name: np.full(steps, value) for name, value in constants.items() if name in needed}
        if "t" in needed:
            settings["t"] = np.arange(done + 1.0, done + steps + 1)
        if DRAW in needed:
            settings[DRAW] = keys(0, done + 1, done + steps)
        turns = order[done % BATCHES :][:steps]
        module.chunk(turns, settings, data, parameters, states, losses)
        done += steps

    return run

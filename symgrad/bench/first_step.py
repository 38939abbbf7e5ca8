"""How long a person waits for the first step: from the start of a process to the end of a training's first step.

The process does what `symgrad train` does, but that its rows are drawn and not read from a text.  It is cold in a fresh
folder, where Numba compiles everything, and warm in the same folder afterwards.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from ..language.errors import TrainingError
from .cases import Case

COMMAND = "from symgrad.bench.first_step import main; main()"


@dataclass(frozen=True)
class FirstStep:
    """In seconds."""

    cold: float
    warm: float


def first_step(case: Case, folder: str) -> FirstStep:
    """Both, in a folder that holds the case's start and nothing else."""
    return FirstStep(waited(case, folder), waited(case, folder))


def waited(case: Case, folder: str) -> float:
    command = (sys.executable, "-c", COMMAND, json.dumps(asdict(case)))
    began = time.time()
    result = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment(), check=False)
    if result.returncode:
        lines = result.stderr.strip().splitlines()
        raise TrainingError(f"{case.name}: the first step fails: {lines[-1] if lines else 'without a word'}")
    return float(result.stdout.split()[-1]) - began


def environment() -> dict[str, str]:
    """Of a process that finds this package, and whose compile cache is the folder's own."""
    found = {name: value for name, value in os.environ.items() if name != "NUMBA_CACHE_DIR"}
    here = str(Path(__file__).parents[2])
    return found | {"PYTHONPATH": os.pathsep.join([here, *filter(None, [found.get("PYTHONPATH")])])}


def main() -> None:
    """In the new process: train, and print when the first step is done."""
    import typer  # noqa: F401  the command line, which a person waits for too

    from ..language.batch import batch_axis
    from ..model_file import load_model_file
    from ..training import Arrays, Training, train
    from .data import read_start

    case = Case(**json.loads(sys.argv[1]))
    model = load_model_file(case.path).model
    _, batches = read_start(".")
    rows = {name: array if batch_axis(model.program) is not None else array[None] for name, array in batches[0].items()}
    training = Training(
        Arrays(rows),
        rate=case.rate,
        sizes=case.sizes,
        batch=case.batch,
        steps=1,
        dtype=case.dtype,
        weight_decay=case.weight_decay,
        clip=case.clip,
    )
    train(model, training.overridden(optimizer=case.optimizer), report=FirstStepListener())


class FirstStepListener:
    """A `training.report.Report` that ends the process at the first step."""

    def say(self, line: str) -> None: ...

    def begin(self, steps: int) -> None: ...

    def progressed(self, progress: object) -> None:
        print(time.time(), flush=True)
        os._exit(0)

    def evaluated(self, evaluation: object) -> None: ...

    def end(self) -> None: ...

"""Each system in a process of its own, and the turns that they take: times, ratios, memory, and whether they agree.

A ratio is the median of the rounds' own ratios: it outlives other work on the machine, which a time does not.
"""

from __future__ import annotations

import pickle
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..language.errors import TrainingError
from .cases import Case
from .data import all_sizes, program_of, write_start
from .first_step import FirstStep, environment, first_step
from .products import matrix_flops
from .serving import COMMAND, Failure
from .systems import FLOOR, OURS, SYSTEMS, Form
from .systems.floor import FLOPS as PRODUCT

TOLERANCE = 1e-4
TRIALS = 4  # short turns of each form of a system, the least of which counts

Listener = Callable[[str], None]


@dataclass(frozen=True)
class Timing:
    """One system in one case: `seconds` of a step by round, `ratios` of them to ours in the same round.

    `memory` is the most that its process held, in bytes; `difference` that of its first losses from ours, relative.
    """

    system: str
    note: str
    seconds: tuple[float, ...]
    ratios: tuple[float, ...]
    memory: int
    difference: float

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def ratio(self) -> float:
        return statistics.median(self.ratios)

    @property
    def spread(self) -> tuple[float, float]:
        """Between which half of the rounds' ratios lie."""
        if len(self.ratios) < 2:
            return self.ratios[0], self.ratios[0]
        low, _, high = statistics.quantiles(self.ratios, n=4, method="inclusive")
        return low, high


@dataclass(frozen=True)
class Comparison:
    """What came out of a case.

    `flops` are those of a step's matrix products; `failures` says why a system could not run.
    """

    case: Case
    flops: float
    timings: dict[str, Timing]
    failures: dict[str, str]
    first_step: FirstStep

    @property
    def best_peer(self) -> Timing | None:
        """The fastest of the others."""
        peers = [timing for name, timing in self.timings.items() if name not in (OURS, FLOOR, "plain")]
        return min(peers, key=lambda timing: timing.ratio, default=None)


class Worker:
    """A system in its process, ready to be timed.  Raises Failure where it cannot run."""

    def __init__(self, system: str, case: Case, form: Form, folder: str) -> None:
        self.system, self.form = system, form
        self.steps = 1
        self.times: list[float] = []
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen((sys.executable, "-c", COMMAND), env=environment(), **pipes)
        self.losses: np.ndarray = self.answer((system, case, form, folder))

    def answer(self, question: object):
        try:
            pickle.dump(question, self.process.stdin)
            self.process.stdin.flush()
            answer = pickle.load(self.process.stdout)
        except (EOFError, OSError):
            raise Failure(f"its process ended with status {self.process.wait()}") from None
        if isinstance(answer, Failure):
            self.stop()
            raise answer
        return answer

    def seconds(self) -> float:
        """Of one step, now."""
        return self.answer(self.steps)

    def calibrate(self, turn: float) -> None:
        """Choose the number of steps that fills a turn, by tens: a few steps may be nothing beside their call."""
        self.steps = 1 if self.system == FLOOR else 3
        while (wanted := turn / min(self.seconds(), self.seconds())) > 2 * self.steps:
            self.steps = round(min(wanted, 10 * self.steps))
        self.steps = max(self.steps, round(wanted))
        self.seconds()  # another number of steps may be another program to compile

    def close(self) -> int:
        """End the process; the most memory that it held."""
        memory = self.answer(0)
        self.stop()
        return memory

    def stop(self) -> None:
        """End the process, whatever it does."""
        self.process.kill()
        self.process.communicate()


def fastest(system: str, case: Case, folder: str, turn: float) -> Worker:
    """The system in the form that is fastest here: each is tried in a process of its own, and the best one goes on.

    Raises Failure where none runs.
    """
    forms = SYSTEMS[system].forms(case)
    best, least, failure = None, float("inf"), Failure("")
    for form in forms if len(forms) > 1 else ():
        try:
            worker = Worker(system, case, form, folder)
            worker.calibrate(turn / TRIALS)
            seconds = min(worker.seconds() for _ in range(TRIALS))
        except Failure as error:
            failure = error
            continue
        slower, best, least = (best, worker, seconds) if seconds < least else (worker, best, least)
        if slower is not None:
            slower.close()
    if len(forms) == 1:
        best = Worker(system, case, forms[0], folder)
    if best is None:
        raise failure
    best.calibrate(turn)
    return best


def compared(case: Case, systems: Sequence[str], rounds: int, turn: float, say: Listener) -> Comparison:
    """The case's timings, ours first.  Raises TrainingError where the losses of two systems differ."""
    workers: dict[str, Worker] = {}
    failures: dict[str, str] = {}
    flops = products(case)
    with tempfile.TemporaryDirectory(prefix="symgrad-bench-") as folder:
        write_start(case, Path(folder))
        say("first step, cold and warm")
        cold_and_warm = first_step(case, folder)
        try:
            for system in (name for name in systems if name != FLOOR or flops):
                add_worker(system, case, folder, turn, workers, failures, say)
            take_turns(case, workers, rounds, failures, say)
            timings = {name: timing(worker, workers[OURS], flops) for name, worker in workers.items()}
        finally:
            for worker in workers.values():
                worker.stop()
    return Comparison(case, flops, timings, failures, cold_and_warm)


def add_worker(
    system: str,
    case: Case,
    folder: str,
    turn: float,
    workers: dict[str, Worker],
    failures: dict[str, str],
    say: Listener,
) -> None:
    """To `workers`, or to `failures` why it does not run; nothing where nobody has written the case for the system."""
    if not SYSTEMS[system].forms(case):
        return
    say(f"starting {system}")
    try:
        workers[system] = fastest(system, case, folder, turn)
    except Failure as error:
        failed(case, system, error, failures)
        return
    if system != FLOOR:
        agree(case, system, workers[system].losses, workers[OURS].losses)


def take_turns(case: Case, workers: dict[str, Worker], rounds: int, failures: dict[str, str], say: Listener) -> None:
    """A time of each worker in every round, there and back again; one that fails on the way leaves `workers`."""
    for number in range(1, rounds + 1):
        say(f"round {number} of {rounds}")
        for system, worker in list(workers.items())[:: 1 if number % 2 else -1]:
            try:
                worker.times.append(worker.seconds())
            except Failure as error:
                failed(case, system, error, failures)
                del workers[system]


def failed(case: Case, system: str, error: Failure, failures: dict[str, str]) -> None:
    """Remember it.  Raises TrainingError where the system is ours."""
    if system == OURS:
        raise TrainingError(f"{case.name}: the emitted code does not run: {error}") from None
    failures[system] = str(error)


def agree(case: Case, system: str, theirs: np.ndarray, ours: np.ndarray) -> None:
    """Raises TrainingError at the first step at which the losses differ."""
    differences = relative(theirs, ours)
    bad = np.flatnonzero(~(differences <= TOLERANCE))
    if len(bad):
        at = bad[0]
        raise TrainingError(
            f"{case.name}: {system} does not train the same model: at step {at + 1} of {len(ours)} its loss is "
            f"{theirs[at]:.7g}, ours {ours[at]:.7g} ({differences[at]:.1e} apart, at most {TOLERANCE:.0e} is allowed)"
        )


def relative(theirs: np.ndarray, ours: np.ndarray) -> np.ndarray:
    """The difference of each loss from ours, by ours; where that is nearly 0, by a thousandth of the largest."""
    return np.abs(theirs - ours) / np.maximum(np.abs(ours), 1e-3 * np.max(np.abs(ours)))


def timing(worker: Worker, ours: Worker, flops: float) -> Timing:
    floor = worker.system == FLOOR
    seconds = tuple(value * flops / PRODUCT if floor else value for value in worker.times)
    ratios = tuple(theirs / own for theirs, own in zip(seconds, ours.times, strict=True))
    difference = 0.0 if floor else float(np.max(relative(worker.losses, ours.losses)))
    return Timing(worker.system, worker.form.note, seconds, ratios, worker.close(), difference)


def products(case: Case) -> float:
    """The operations of a step's matrix products."""
    from ..pipeline import derive_gradients

    program = program_of(case)
    return matrix_flops(derive_gradients(program).program, all_sizes(case, program))

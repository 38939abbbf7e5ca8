"""One training step: emitted code against PyTorch eager and JAX, taking turns in one run.

    python benchmarks/step.py [--only WORD] [--rounds N] [--turn SECONDS] [--json]

Each system has a process of its own, starts from the same float32 parameters and reads the same batches.  Before
anything is timed, the losses of its first 20 steps must agree with ours.  Then they take turns, one after another: a
time is the median of a step over the rounds, with the least and the most, and a ratio is the median of the rounds'
own ratios, because it outlives other work on the machine, which a time does not.

PyTorch runs in the fastest of the forms that `systems.torch_forms` lists.  The floor is what the step's matrix products
alone would take at the rate of one large product, measured in the same rounds.  Two threads of one system suffer more
from other work than one does; `taskset -c 0 python benchmarks/step.py` compares on one core.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import time
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection

import numpy as np
from systems import SYSTEMS, Case, cores, installed

COMPARED = 20
TOLERANCE = 1e-4

CASES = (
    Case("concat_lm", 16383, 4, 60, 50, 256),
    Case("concat_lm", 16383, 4, 60, 50, 256, "adam", 1e-3),
    Case("concat_lm", 16383, 4, 60, 50, 32),
    Case("concat_lm", 1000, 4, 30, 50, 32),
    Case("makemore_mlp", 27, 3, 10, 200, 32),
)


def serve(connection: Connection, system: str, case: Case) -> None:
    """In a process of its own: the note, the first losses, then the seconds of a step for each number of steps."""
    run, note = SYSTEMS[system](case)
    connection.send((note, run(COMPARED)))
    while steps := connection.recv():
        began = time.perf_counter()
        result = run(steps)
        connection.send(result[0] if system == "floor" else (time.perf_counter() - began) / steps)


class Worker:
    """A system in its process, ready to be timed."""

    def __init__(self, system: str, case: Case, turn: float) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(theirs, system, case), daemon=True)
        self.process.start()
        theirs.close()  # so that a process that fails ends the conversation
        self.note, self.losses = self.connection.recv()
        self.steps = 3
        self.steps = max(3, round(turn / min(self.seconds(), self.seconds())))
        self.times: list[float] = []

    def seconds(self) -> float:
        """Of one step, now."""
        self.connection.send(self.steps)
        return self.connection.recv()

    def close(self) -> None:
        self.connection.send(0)
        self.process.join()


@dataclass(frozen=True)
class Timing:
    """Seconds of a step; `ratio` is how many of our steps one of theirs takes, `difference` that of the losses."""

    median: float
    least: float
    most: float
    ratio: float
    difference: float
    note: str


def measured(case: Case, systems: list[str], rounds: int, turn: float) -> dict[str, Timing]:
    """A timing by system.  Raises SystemExit where the losses disagree."""
    workers = {system: Worker(system, case, turn) for system in systems}
    ours = workers["symgrad"]
    for _ in range(rounds):
        for worker in workers.values():
            worker.times.append(worker.seconds())
    timings = {}
    for system, worker in workers.items():
        worker.close()
        ratio = statistics.median(theirs / own for theirs, own in zip(worker.times, ours.times, strict=True))
        difference = 0.0 if system == "floor" else float(np.max(np.abs(worker.losses / ours.losses - 1)))
        if not difference <= TOLERANCE:
            raise SystemExit(f"{case.name}: the losses of {system} and symgrad differ by {difference:.1e}")
        least, most = min(worker.times), max(worker.times)
        timings[system] = Timing(statistics.median(worker.times), least, most, ratio, difference, worker.note)
    return timings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", metavar="WORD", help="the cases whose name has it")
    parser.add_argument("--rounds", type=int, default=15, metavar="N")
    parser.add_argument("--turn", type=float, default=0.3, metavar="SECONDS", help="how long a system's turn lasts")
    parser.add_argument("--json", action="store_true", help="one object, times in seconds")
    given = parser.parse_args()
    systems, results = installed(), {}
    if not given.json:
        print(f"microseconds of a step: median (least to most of {given.rounds} rounds); x: times ours")
    for case in CASES:
        if given.only not in case.name:
            continue
        results[case.name] = measured(case, systems, given.rounds, given.turn)
        if not given.json:
            load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
            print(f"\n{case.name}   (load {load:.1f} on {cores()} core{'s' if cores() > 1 else ''})", flush=True)
            for system, t in results[case.name].items():
                times = f"{t.median * 1e6:9,.0f} ({t.least * 1e6:,.0f} to {t.most * 1e6:,.0f})"
                same = "" if system in ("symgrad", "floor") else f"; losses within {t.difference:.0e}"
                print(f"  {system:8} {times:32} x {t.ratio:5.2f}   {t.note}{same}", flush=True)
    if given.json:
        print(json.dumps({case: {s: asdict(t) for s, t in timings.items()} for case, timings in results.items()}))


if __name__ == "__main__":
    main()

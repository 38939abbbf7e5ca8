"""A system in its own process: it is told how many steps to take, and answers with the seconds of one.

Messages are pickles, asked on the standard input and answered on the standard output.  Nothing is loaded here but what
the system itself needs, so that the memory of the process is the system's.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import time
from pathlib import Path

from ..language.errors import SymgradError
from .systems import FLOOR, SYSTEMS

COMPARED = 20  # steps, whose losses must agree
SPINNING = 0.25  # seconds: so long may the threads of the system before go on to look for work
COMMAND = "from symgrad.bench.serving import main; main()"


class Failure(Exception):
    """A system that cannot run here; the text says why."""


def main() -> None:
    """(system, case, form, folder) -> the first losses; then steps -> seconds; at last 0 -> the memory in bytes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that the person started
    questions, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what others print is no answer

    def answer(value: object) -> None:
        pickle.dump(value, answers)
        answers.flush()

    try:
        system, case, form, folder = pickle.load(questions)
        run = SYSTEMS[system].implementation.start(case, form, folder)
        answer(run(1 if system == FLOOR else COMPARED))
        while steps := pickle.load(questions):
            time.sleep(SPINNING)
            run(max(1, steps // 20))  # what the others' turns took from the caches
            began = time.perf_counter()
            run(steps)
            answer((time.perf_counter() - began) / steps)
        answer(peak_memory())
    except EOFError:
        return  # nobody asks any more
    except SymgradError as error:
        answer(Failure(str(error)))  # a sentence for a person
    except Exception as error:
        lines = str(error).strip().splitlines()
        answer(Failure(f"{type(error).__name__}: {lines[0] if lines else 'without a word'}"))


def peak_memory() -> int:
    """The most that this process has held, in bytes."""
    try:  # ru_maxrss of a child starts at what its parent held, this starts with the program
        lines = Path("/proc/self/status").read_text().splitlines()
        return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        import resource

        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else 1024 * most

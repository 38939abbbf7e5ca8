"""How long a person waits: importing symgrad, deriving, and the way from the command to the first training step.

    python benchmarks/startup.py [--runs N] [--json]

Everything is timed in processes of its own, so that nothing is warm but the files' cache.  The first step of
`symgrad train examples/concat_lm.py --steps 1` is cold where Numba's cache is empty, and warm in the same folder
afterwards.  Printed are the median, the least and the most of the runs, in seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "concat_lm.py"
TRAIN = ("train", str(EXAMPLE), "--steps", "1", "--no-train-eval")

IMPORT = "import symgrad; symgrad.Model"  # the names of symgrad are loaded when they are first used
DECLARE = f"from symgrad.model_file import load_model_file; model = load_model_file({str(EXAMPLE)!r}).model"
DERIVE = f"from symgrad.pipeline import derive_gradients\n{DECLARE}\nSTART\nderive_gradients(model.program)"
DOCUMENT = f"from symgrad import derive\n{DECLARE}\nSTART\nderive(model).text()"

# The first step is over when its loss is reported; the validation part is evaluated after it.
FIRST_STEP = """
import sys, time
from symgrad.training.loop import Loop
whole = Loop.chunk
def chunk(loop, stop):
    done = whole(loop, stop)
    print("first step at", time.time(), flush=True)
    return done
Loop.chunk = chunk
from symgrad.cli import main
main()
"""


def python(*arguments: str, folder: str | None = None) -> str:
    """What Python prints when it runs this in `folder`.  Raises SystemExit with its errors where it fails."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    result = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, cwd=folder, env=environment)
    if result.returncode:
        raise SystemExit(result.stderr)
    return result.stdout


def seconds_of(code: str) -> float:
    """Of the code after the line START, or of all of it; Python's own start is not counted."""
    before, _, timed = code.rpartition("START\n")
    timed = f"import time; began = time.perf_counter()\n{timed}\nprint(time.perf_counter() - began)"
    return float(python("-c", f"{before}\n{timed}").split()[-1])


def to_first_step(folder: str, command: tuple[str, ...] = TRAIN) -> float:
    """From the start of the process to the end of its first training step."""
    began = time.time()
    printed = python("-c", FIRST_STEP, *command, folder=folder)
    line = next(line for line in printed.splitlines() if line.startswith("first step at"))
    return float(line.split()[-1]) - began


def first_steps(runs: int) -> tuple[list[float], list[float]]:
    """(cold, warm): each run has a new folder, and trains twice in it."""
    cold, warm = [], []
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as folder:
            cold.append(to_first_step(folder))
            warm.append(to_first_step(folder))
    return cold, warm


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5, metavar="N")
    parser.add_argument("--json", action="store_true", help="one object: all times in seconds")
    given = parser.parse_args()
    timed: dict[str, Callable[[], float]] = {
        "import symgrad, and its Model": lambda: seconds_of(IMPORT),
        "derive the gradients of concat_lm": lambda: seconds_of(DERIVE),
        "derive concat_lm as a text": lambda: seconds_of(DOCUMENT),
    }
    times = {name: [run() for _ in range(given.runs)] for name, run in timed.items()}
    cold, warm = first_steps(given.runs)
    times |= {"command to first step, cold cache": cold, "command to first step, warm cache": warm}
    if given.json:
        print(json.dumps(times))
        return
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    print(f"seconds: median (least to most of {given.runs} runs); load {load:.1f} on {os.cpu_count()} cores")
    for name, values in times.items():
        print(f"  {name:36} {statistics.median(values):7.2f} ({min(values):.2f} to {max(values):.2f})")


if __name__ == "__main__":
    main()

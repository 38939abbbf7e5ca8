"""How long deriving, emitting and compiling take, model by model, and whether a transformer's depth changes them.

    python benchmarks/depth.py [--layers 1,3,12] [--runs N]

A stack of blocks is one recurrence along a layer axis: it is derived and emitted once, and only the steps take longer.
`compiled` is the time from the start of a process to the end of the first training step, with an empty cache; `first
step` is the same with a warm one.  Seconds, the median of the runs, everything in processes of its own.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # the clone's symgrad, installed or not

from symgrad.bench.cases import chosen  # noqa: E402
from symgrad.bench.data import write_start  # noqa: E402
from symgrad.bench.first_step import first_step  # noqa: E402

DERIVED = ("scalar_tanh", "concat_lm", "makemore_mlp", "bengio2003", "rnn_lm", "lstm_lm", "transformer_lm")
LOAD = "from symgrad.model_file import load_model_file; model = load_model_file({path!r}).model"
DERIVE = "from symgrad.pipeline import derive_gradients\n" + LOAD + "\nSTART\nderive_gradients(model.program)"
EMIT = "from symgrad.pipeline import generate\n" + LOAD + "\nSTART\ngenerate(model)"


def seconds_of(code: str) -> float:
    """Of the code after the line START, in a process of its own.  Raises SystemExit with its errors where it fails."""
    before, _, timed = code.partition("START\n")
    timed = f"import time; began = time.perf_counter()\n{timed}\nprint(time.perf_counter() - began)"
    command, environment = (sys.executable, "-c", f"{before}\n{timed}"), {**os.environ, "PYTHONPATH": str(ROOT)}
    result = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if result.returncode:
        raise SystemExit(result.stderr)
    return float(result.stdout.split()[-1])


def median_seconds(code: str, name: str, runs: int) -> float:
    code = code.format(path=str(ROOT / "examples" / f"{name}.py"))
    return statistics.median(seconds_of(code) for _ in range(runs))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--layers", default="1,3,12", metavar="N,N,...")
    parser.add_argument("--runs", type=int, default=3, metavar="N")
    given = parser.parse_args()
    print(f"{'':24}{'derive':>8}{'emit':>8}")
    for name in DERIVED:
        times = [median_seconds(code, name, given.runs) for code in (DERIVE, EMIT)]
        print(f"{name:24}" + "".join(f"{seconds:8.2f}" for seconds in times), flush=True)
    print(f"\n{'transformer_lm, layers':24}{'compiled':>10}{'first step':>12}")
    [transformer] = chosen("transformer_lm")
    for layers in given.layers.split(","):
        case = replace(transformer, sizes={**transformer.sizes, "N": int(layers)})
        with tempfile.TemporaryDirectory() as folder:
            write_start(case, Path(folder))
            waited = first_step(case, folder)
        print(f"{layers:>22}  {waited.cold:10.1f}{waited.warm:12.1f}", flush=True)


if __name__ == "__main__":
    main()

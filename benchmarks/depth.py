"""How long deriving, emitting and compiling take, model by model, and whether a transformer's depth changes them.

    python benchmarks/depth.py [--layers 1,3,12] [--runs N]

A stack of blocks is one recurrence along a layer axis: it is derived and emitted once, and only the steps take longer.
`compiled` is the time from the command to the end of the first training step, with an empty cache; `first step` alone
is the same with a warm one.  Seconds, the median of the runs, everything in processes of its own.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile

from startup import ROOT, seconds_of, to_first_step

DERIVED = ("scalar_tanh", "concat_lm", "makemore_mlp", "bengio2003", "rnn_lm", "lstm_lm", "transformer_lm")
LOAD = "from symgrad.model_file import load_model_file; model = load_model_file({path!r}).model"
DERIVE = "from symgrad.pipeline import derive_gradients\n" + LOAD + "\nSTART\nderive_gradients(model.program)"
EMIT = "from symgrad.pipeline import generate\n" + LOAD + "\nSTART\ngenerate(model)"


def example(name: str) -> str:
    return str(ROOT / "examples" / f"{name}.py")


def median_seconds(code: str, name: str, runs: int) -> float:
    return statistics.median(seconds_of(code.format(path=example(name))) for _ in range(runs))


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
    for layers in given.layers.split(","):
        command = ("train", example("transformer_lm"), "--steps", "1", "--no-train-eval", "--size", f"N={layers}")
        with tempfile.TemporaryDirectory() as folder:
            cold, warm = (to_first_step(folder, command) for _ in range(2))
        print(f"{layers:>22}  {cold:10.1f}{warm:12.1f}", flush=True)


if __name__ == "__main__":
    main()

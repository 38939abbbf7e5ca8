"""What the verifier says of derivations with one random mistake: every wrong one rejected, every right one accepted.

    python benchmarks/mutants.py [--seed N] [--count N] [--formulas N] [--json]

Each of `--count` mutants is one random change of one expression in the NumPy code of ten right backward passes, and
each of `--formulas` one in formulas of three; `benchmarks/mutation/` has the derivations and the kinds of changes.
Whether a mutant computes something else is decided by running it, or by evaluating its entries, at random sizes.
What cannot be read counts apart: a wrong verdict is a different mutant that is accepted, an equal one that is rejected,
or the rejection of a line that was not changed.  The exit status is 1 where there is one.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterator
from dataclasses import asdict

from mutation.formulas import formula_derivations, formula_mutants
from mutation.judging import Draw, derivations
from mutation.outcomes import Outcome, Times, table
from rich.console import Console


def judged(seed: int, count: int, formulas: int) -> Iterator[Outcome]:
    draw = Draw(derivations(), random.Random(seed))
    for derivation, change, at in draw.mutants(count):
        yield derivation.judged(change, at)
    for derivation, change in formula_mutants(formula_derivations(), formulas, random.Random(seed)):
        yield derivation.judged(change)


def longest_right() -> Times:
    """The seconds of the backward pass with most lines, as it is right."""
    derivation = max(derivations(), key=lambda one: len(one.lines))
    return Times(len(derivation.right.verdicts), derivation.seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    parser.add_argument("--count", type=int, default=500, metavar="N", help="mutants of NumPy code")
    parser.add_argument("--formulas", type=int, default=100, metavar="N", help="mutants of formulas")
    parser.add_argument("--json", action="store_true", help="a list: every mutant and what was said of it")
    given = parser.parse_args()
    outcomes = list(judged(given.seed, given.count, given.formulas))
    if given.json:
        print(json.dumps([asdict(one) for one in outcomes], indent=1))
    else:
        console = Console()
        for one in outcomes:
            if one.complaint:
                console.print(f"{one.derivation}: {one.line}\n    {one.complaint}", markup=False, highlight=False)
        console.print(table(outcomes, longest_right()))
    raise SystemExit(any(one.complaint for one in outcomes))


if __name__ == "__main__":
    main()

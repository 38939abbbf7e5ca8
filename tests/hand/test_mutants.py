"""Right derivations with one random change: what NumPy says is different is never accepted, what is equal never
rejected."""

from __future__ import annotations

import random
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from benchmarks.mutation.deciding import difference, regrouped
from benchmarks.mutation.formulas import Formulas, formula_derivations, formula_mutants
from benchmarks.mutation.judging import Derivation, Draw, derivations
from benchmarks.mutation.outcomes import Outcome

ROOT = Path(__file__).parents[2]
CODE = cache(derivations)
FORMULAS = cache(formula_derivations)


def complaints(outcomes: list[Outcome]) -> str:
    return "\n".join(f"{one.derivation}: {one.line}\n    {one.complaint}" for one in outcomes if one.complaint)


def outcomes_of_code(seed: int, count: int) -> list[Outcome]:
    drawn = Draw(CODE(), random.Random(seed)).mutants(count)
    return [derivation.judged(change, at) for derivation, change, at in drawn]


def outcomes_of_formulas(seed: int, count: int) -> list[Outcome]:
    drawn = formula_mutants(FORMULAS(), count, random.Random(seed))
    return [derivation.judged(change) for derivation, change in drawn]


@pytest.mark.parametrize("derivation", CODE(), ids=lambda one: one.name)
def test_the_right_code_is_accepted(derivation: Derivation):
    assert derivation.right.exit_status == 0, str(derivation.right)


@pytest.mark.parametrize("derivation", FORMULAS(), ids=lambda one: one.name)
def test_the_right_formulas_are_accepted(derivation: Formulas):
    found, _ = derivation.verified(derivation.source)
    assert found.exit_status == 0, str(found)
    assert derivation.told(derivation.source) == "equal"


def test_mutants_of_code():
    outcomes = outcomes_of_code(seed=7, count=40)
    assert not complaints(outcomes), complaints(outcomes)
    told = Counter(one.told for one in outcomes)
    assert told["different"] > 25
    assert told["equal"] > 2
    assert sum(one.said == "unread" for one in outcomes) < 5


def test_mutants_of_formulas():
    outcomes = outcomes_of_formulas(seed=7, count=10)
    assert not complaints(outcomes), complaints(outcomes)
    assert {one.said for one in outcomes} >= {"right", "wrong"}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_many_mutants(seed: int):
    outcomes = outcomes_of_code(seed, 500) + outcomes_of_formulas(seed, 100)
    assert not complaints(outcomes), complaints(outcomes)


SHAPES = (
    ((5, 1), (5,), True),
    ((2, 3, 4), (6, 4), True),
    ((2, 3, 4), (2, 12), True),
    ((6, 4), (3, 8), False),
    ((2, 3), (3, 2), False),
    ((), (1, 1), True),
)


@pytest.mark.parametrize(("one", "other", "alike"), SHAPES)
def test_shapes_that_are_the_same(one: tuple[int, ...], other: tuple[int, ...], alike: bool):
    assert regrouped(one, other) is regrouped(other, one) is alike
    assert (difference(np.ones(one), np.ones(other)) == 0) is alike


def test_nothing_is_compiled():
    code = "import sys\nfrom symgrad.cli import main\ntry:\n    main()\nfinally:\n    print('numba' in sys.modules)"
    for arguments in (
        ["examples/verify/batchnorm_backward.py"],
        ["examples/scalar_tanh.py", "examples/verify/lecture_chain.tex"],
    ):
        command = [sys.executable, "-c", code, "verify", *arguments]
        result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
        assert "lines are right" in result.stdout
        assert result.stdout.splitlines()[-1] == "False"

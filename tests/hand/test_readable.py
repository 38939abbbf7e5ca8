"""What can be read: README lists it, and a function that NumPy has means here what it means there."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from symgrad.hand import readable
from symgrad.hand.interpretation import Interpreter, Passive
from symgrad.hand.numbers import Numbers
from symgrad.hand.numpy_reader import read_numpy
from symgrad.language.errors import ClaimError

README = (Path(__file__).parents[2] / "README.md").read_text()
LISTS = {
    "Functions": readable.functions(),
    "Other spellings of them": readable.spellings(),
    "Array methods": (*readable.methods(), ".T", ".shape", ".size"),
    "Commands": readable.commands(),
    "Functions in formulas": (*readable.latex_functions(), r"\tanh", r"\operatorname{softmax}"),
}


@pytest.mark.parametrize("title", LISTS)
def test_readme_lists_what_can_be_read(title):
    row = re.search(rf"^- \*\*{title}\*\*: (.*?)(?=\n- |\n\n)", README, re.MULTILINE | re.DOTALL)
    assert row is not None
    assert tuple(re.findall(r"`([^`]+)`", row[1])) == LISTS[title]


RANDOM = np.random.default_rng(0)
VALUES = {
    "s": np.asarray(0.7),
    "a": RANDOM.normal(size=4),
    "A": RANDOM.normal(size=(4, 4)),
    "B": RANDOM.normal(size=(4, 4)),
    "P": RANDOM.uniform(0.1, 0.9, size=(4, 4)),
    "T": RANDOM.normal(size=(3, 4, 4)),
    "S": RANDOM.normal(size=(3, 4, 4)),
    "k": np.array([1, 0, 2]),
}
ARGUMENTS = """s|a|A|P|T|k|a, a|A, B|T, S|A, a|a, A|T, A|A, T|s, A|A > 0, A, B|A > 0, 1, 0|[A, B]|[A, B], 1
A, 0|A, 1|A, -1|A, 2|T, 1|A, 0, 1|T, 0, 2|A, axis=0|A, axis=1|T, axis=(0, 1)|T, (1, 0, 2)|A, (2, 8)|A, -1, 1|A, 0.2
(2, 3)|3.0|2, 5|2, 9, 2|A, k=1|A, 2, 1|P, 2|P, 2, 1|A, 2, axis=0|A, (2, 1)|A, keepdims=True|A, 0, keepdims=True
A, ddof=1|T, 1, ddof=1|A, None, 1|A, axis=-1, ord=2"""
METHOD_ARGUMENTS = "|0|1|-1|axis=0|axis=1|keepdims=True|0, 1|1, 0|A|a|2|None|(-1, 2)|-1, 2|0, 2|1, 0, 2|ddof=1"
WHOLE = ("reciprocal", "ascontiguousarray")  # of whole numbers, of a number: NumPy's own are another thing


def values() -> dict[str, np.ndarray]:
    """Copies: a second argument may be where NumPy writes the result."""
    return {name: np.copy(value) for name, value in VALUES.items()}


def expressions():
    names = {*readable.functions(), *readable.spellings()} - {*WHOLE}
    yield from (f"np.{name}({arguments})" for name in sorted(names) for arguments in re.split(r"[|\n]", ARGUMENTS))
    yield from (
        f"np.linalg.{name}({arguments})"
        for name in ("inv", "det", "norm")
        for arguments in re.split(r"[|\n]", ARGUMENTS)
    )
    for name in readable.methods():
        yield from (f"{array}.{name}({arguments})" for array in "aAPT" for arguments in METHOD_ARGUMENTS.split("|"))


@pytest.mark.filterwarnings("ignore")
def test_what_numpy_has_means_the_same():
    """Where NumPy gives numbers, so do we, the same ones; or the line is refused."""
    compared = 0
    for text in expressions():
        try:
            right = np.asarray(eval(text, {"np": np, **values()}), dtype=np.float64)
        except Exception:  # whatever NumPy does not take
            continue
        interpreter = Interpreter(Numbers(), Passive(), values())
        try:
            for statement in read_numpy(f"r = {text}"):
                interpreter.step(statement)
            found = np.asarray(interpreter.environment["r"], dtype=np.float64)
        except (ClaimError, ValueError):
            continue
        compared += 1
        assert found.shape == right.shape, text
        assert np.allclose(found, right, equal_nan=True), text
    assert compared > 900

"""Constants as people lose and double them: numbers, sizes and the model's scalars, recognized from their value.

A constant is recognized only if one expression in the sizes has its value at every point, so that 4 is told from B.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np

from ...checking.points import size_names
from ...language.notation import text
from ...language.program import Program, Role
from ...language.terms import Call, Const, Pow, Reduce, Term
from ..truth import At

CLOSE = 1e-9


@dataclass(frozen=True)
class Constant:
    """A number that is `value(sizes and scalars)`; `inverse` is how its reciprocal is written."""

    text: str
    inverse: str
    value: Callable[[At], float]


def product(text: str) -> str:
    return f"({text})" if " " in text else text


NUMBERS = (("2", "1/2", 2.0), ("4", "1/4", 4.0), ("3", "1/3", 3.0))
# of a size S: as written, its reciprocal, its value
OF_SIZE = (
    ("{0}", "1/{0}", lambda s: s),
    ("sqrt({0})", "1/sqrt({0})", lambda s: s**0.5),
    ("{0}/({0} - 1)", "({0} - 1)/{0}", lambda s: s / (s - 1) if s > 1 else np.inf),
    ("({0} - 1)", "1/({0} - 1)", lambda s: s - 1),
    ("2*{0}", "1/(2*{0})", lambda s: 2 * s),
    ("{0}/2", "2/{0}", lambda s: s / 2),
    ("{0}**2", "1/{0}**2", lambda s: s * s),
)


def constants(program: Program, scalars: bool = True) -> Iterator[Constant]:
    """Numbers, then monomials of one size, then of two, then the model's scalars."""
    for written, inverse, number in NUMBERS:
        yield Constant(written, inverse, lambda at, number=number: number)
    sizes = size_names(program)
    for written, inverse, function in OF_SIZE:
        for size in sizes:
            yield Constant(written.format(size), inverse.format(size), lambda at, f=function, s=size: f(at.sizes[s]))
    for first, second in permutations(sizes, 2):
        yield Constant(
            f"{first}/{second}", f"{second}/{first}", lambda at, a=first, b=second: at.sizes[a] / at.sizes[b]
        )
        if first < second:
            yield Constant(
                f"{first}*{second}", f"1/({first}*{second})", lambda at, a=first, b=second: at.sizes[a] * at.sizes[b]
            )
    if scalars:
        for tensor in program.with_role(Role.INPUT, Role.SETTING, Role.PARAMETER):
            if not tensor.indices:
                for factor, times in ((1.0, ""), (2.0, "2*"), (0.5, "1/2*")):
                    yield Constant(
                        f"{times}{tensor.name}",
                        f"1/({times}{tensor.name})" if times else f"1/{tensor.name}",
                        lambda at, n=tensor.name, f=factor: f * float(at.value(n)),
                    )


def recognized(values: Sequence[float], points: Sequence[At], program: Program) -> list[tuple[Constant, bool]]:
    """The constants, each or its inverse (True), that have these absolute values at these points."""
    found = []
    with np.errstate(all="ignore"):
        for constant in constants(program):
            made = np.array([constant.value(at) for at in points], dtype=np.float64)
            for inverted in (False, True):
                expected = 1 / made if inverted else made
                if np.allclose(np.abs(expected), np.abs(values), rtol=CLOSE, atol=0):
                    found.append((constant, inverted))
    return found


def ratio(claimed: np.ndarray, right: np.ndarray) -> float | None:
    """The number c with claimed = c * right; None where there is none."""
    norm = float((right * right).sum())
    if not norm or not np.isfinite(claimed).all():
        return None
    factor = float((claimed * right).sum()) / norm
    largest = float(np.abs(right).max()) * max(abs(factor), 1e-3)
    return factor if float(np.abs(claimed - factor * right).max()) <= CLOSE * largest else None


def written_factors(program: Program) -> set[str]:
    """The constants that the model itself multiplies or divides by: `sqrt(d)`, `B`, `2`."""
    found: set[str] = set()

    def visit(node: Term) -> None:
        if isinstance(node, Reduce | Call):
            found.update(text(part) for part in node.children)
        if isinstance(node, Pow):
            found.add(text(node.base))
            exponent = node.exponent
            if isinstance(exponent, Const) and abs(exponent.value) == 0.5:
                found.add(f"sqrt({text(node.base)})")
            if isinstance(exponent, Const) and exponent.value == 2:
                found.add("2")
        if isinstance(node, Const):
            found.update((str(node.value), str(1 / node.value) if node.value else "0"))
        for child in node.children:
            visit(child)

    for equation in program.equations():
        visit(equation.body)
    return found

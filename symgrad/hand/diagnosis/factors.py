"""Factors that get lost: of each tensor X, the local derivatives and masks that are made of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from ...language.notation import text
from ...language.program import Program, Role
from ...language.terms import Call


@dataclass(frozen=True)
class Factor:
    """`pattern` with {x} for the tensor; `function`, if X is that function's value, makes it a local derivative."""

    pattern: str
    value: Callable[[np.ndarray], np.ndarray]
    kind: str = "known factor"
    remark: str = ""

    def written(self, name: str) -> str:
        return self.pattern.format(x=name)

    def words(self, program: Program, name: str) -> str:
        if self.remark and name in program.tensors and program.tensors[name].role is Role.DEFINITION:
            body = program.equation(name).body
            if isinstance(body, Call) or "mask" in self.remark:
                return f" ({self.remark.format(x=text(program.tensors[name].entry), f=getattr(body, 'function', ''))})"
        return ""


FACTORS = (
    Factor("{x}", lambda x: x),
    Factor("(1 - {x}**2)", lambda x: 1 - x**2, remark="the derivative of {f} at {x}, from its value"),
    Factor("{x}*(1 - {x})", lambda x: x * (1 - x), remark="the derivative of the sigmoid, from its value {x}"),
    Factor("({x} > 0)", lambda x: (x > 0) * 1.0, "mask", remark="the mask of relu"),
    Factor("1/{x}", lambda x: 1 / x),
    Factor("(1 - {x})", lambda x: 1 - x),
    Factor("{x}**2", lambda x: x**2),
    Factor("np.exp({x})", np.exp),
    Factor("(1 - np.tanh({x})**2)", lambda x: 1 - np.tanh(x) ** 2),
    Factor("np.cos({x})", np.cos),
    Factor("({x} != 0)", lambda x: (x != 0) * 1.0, "mask"),
)


@dataclass(frozen=True)
class Place:
    """How an array of fewer axes stands beside one of more: `text` is the indexing that puts it there."""

    text: str
    added: int

    def put(self, array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        return array.reshape(array.shape + (1,) * self.added) if self.added else array


def spread_over(small: tuple[int, ...], large: tuple[int, ...]) -> Iterator[Place]:
    """The ways to multiply an array of the shape `small` onto one of the shape `large` that keep the latter."""
    for added in range(len(large) - len(small) + 1):
        shape = small + (1,) * added
        try:
            fits = np.broadcast_shapes(shape, large) == large
        except ValueError:
            continue
        if fits and not (added and not small):
            yield Place(
                f"[:, {', '.join(['None'] * added)}]"
                if added and len(small) == 1
                else (f"[..., {', '.join(['None'] * added)}]" if added else ""),
                added,
            )

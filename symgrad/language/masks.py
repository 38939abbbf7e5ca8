"""What a mask holds in each step: numbers of splitmix64 (Steele, Lea & Flood 2014), counted on from the step's key.

    key          a whole number below 2**53 for each step, from the seed and the step's number: the setting `draw`
    stream       mix(key + number*2**53), where `number` counts the masks of the model
    entry k      1/keep where mix(stream + (k + 1)*GOLDEN) >> 11 < keep*2**53, else 0, in the order of memory

A key says it all: no step depends on those before it.  Emitted code draws the same numbers in a loop of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from .errors import DeclarationError
from .program import Program, Role, Tensor

DRAW = "draw"
GOLDEN = 0x9E3779B97F4A7C15
FIRST, SECOND = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
KEYS = 1 << 53  # every whole number below is a float64
MOST = 1 << 11  # masks, so that no two streams have one start


def mix(numbers: np.ndarray) -> np.ndarray:
    """splitmix64's finalizer: a bijection of 64-bit numbers in which every input bit moves half of the output's."""
    z = np.asarray(numbers, dtype=np.uint64)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(FIRST)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(SECOND)
    return z ^ (z >> np.uint64(31))


def keys(seed: int, first: int, last: int) -> np.ndarray:
    """The keys (float64, whole numbers) of the steps first..last."""
    steps = np.arange(first, last + 1, dtype=np.uint64)
    with np.errstate(over="ignore"):
        start = mix(np.array([seed % (1 << 64)], dtype=np.uint64))
        return (mix(start + steps * np.uint64(GOLDEN)) >> np.uint64(11)).astype(np.float64)


def drawn(shape: tuple[int, ...], keep: float, key: float, number: int) -> np.ndarray:
    """The mask of that number in the step with that key, in float64."""
    count = int(np.prod(shape))
    stream = mix(np.array([int(key) + number * KEYS], dtype=np.uint64))
    entries = np.arange(1, count + 1, dtype=np.uint64)
    with np.errstate(over="ignore"):
        values = mix(stream + entries * np.uint64(GOLDEN)) >> np.uint64(11)
    return np.where(values < keep * KEYS, 1 / keep, 0.0).reshape(shape)


def with_draws(program: Program) -> Program:
    """The program with the setting `draw` where it has masks.  Raises DeclarationError where that name is taken."""
    masks = program.with_role(Role.MASK)
    if not masks:
        return program
    if DRAW in program.tensors:
        raise DeclarationError(
            f"{program.name}: masks are drawn from the setting {DRAW}, but {DRAW} is a "
            f"{program.tensors[DRAW].role.value} of the model; give it another name"
        )
    if len(masks) >= MOST:
        raise DeclarationError(f"{program.name}: there are {len(masks)} masks, at most {MOST - 1} can be drawn")
    return replace(program, tensors={**program.tensors, DRAW: Tensor(DRAW, (), Role.SETTING)})


def drawn_masks(program: Program, shapes: Mapping[str, tuple[int, ...]], key: float) -> dict[str, np.ndarray]:
    """Every mask of the program, of the shapes given, in the step with that key."""
    masks = program.with_role(Role.MASK)
    return {m.name: drawn(shapes[m.name], m.keep, key, number) for number, m in enumerate(masks)}

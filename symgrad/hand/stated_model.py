"""The model with what a file says of it: arrays that are one-hot of its tokens, inputs that are 0 or 1, sizes.

# Y = one_hot(y)      Y[n,k] = [k == y[n]], a definition like those of the model
# m, y in {0, 1}      the points have 0 and 1 there, instead of any numbers
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np

from ..checking.points import size_names
from ..language.errors import ClaimError
from ..language.program import Equation, Program, Role, Tensor
from ..language.rewriting import fresh_index
from ..language.terms import Index, delta


def with_one_hots(program: Program, one_hots: Mapping[str, str]) -> Program:
    """The program with a definition for each; raises ClaimError for what is no tokens, and for a name that it has."""
    for name, ids in one_hots.items():
        tensor = program.tensors.get(ids)
        if tensor is None or tensor.role is not Role.TOKENS or tensor.vocabulary is None:
            known = ", ".join(one.name for one in program.with_role(Role.TOKENS)) or "none"
            raise ClaimError(
                f"`{name} = one_hot({ids})` is said, but {ids} is no tokens of the model {program.name}, whose tokens "
                f"are: {known}; where the model has the one-hot array itself as an input, call it by its name there"
            )
        if name in program.tensors:
            role = program.tensors[name].role.value
            raise ClaimError(
                f"`{name} = one_hot({ids})` is said, but {name} is a {role} of the model {program.name}; give the "
                "one-hot array another name"
            )
        column = column_of(program, tensor)
        indices = (*tensor.indices, column)
        equation = Equation(name, indices, delta(tensor.entry, column))
        tensors = {**program.tensors, name: Tensor(name, indices, Role.DEFINITION)}
        program = replace(program, tensors=tensors, items=(equation, *program.items))
    return program


def column_of(program: Program, tokens: Tensor) -> Index:
    """An index over the vocabulary, of the model's where it has one."""
    own = {index.name for index in tokens.indices}
    indices = (index for tensor in program.tensors.values() for index in tensor.indices)
    extent = tokens.vocabulary
    assert extent is not None
    found = next((index for index in indices if index.extent == extent and index.name not in own), None)
    return found or fresh_index(Index("k", extent), own)


def check_binary(program: Program, names: Collection[str]) -> None:
    """Raises ClaimError for what is no input."""
    given = [tensor.name for tensor in program.with_role(Role.INPUT, Role.MASK)]
    for name in names:
        if name not in given:
            raise ClaimError(
                f"{name} is said to be 0 or 1, but it is no input of the model {program.name}, whose inputs are: "
                f"{', '.join(given) or 'none'}"
            )


def check_sizes(program: Program, sizes: Mapping[str, int]) -> None:
    """Raises ClaimError for a size that the model does not have, and for one below 1."""
    known = size_names(program)
    for name, size in sizes.items():
        if name not in known:
            raise ClaimError(
                f"size {name} is given, but the model's sizes are {', '.join(known) or 'none'}; remove it or correct "
                "its name"
            )
        if size < 1:
            raise ClaimError(f"size {name} is {size}; it must be at least 1")


def zeros_and_ones(shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
    """Half of the entries 1, in random places; of one entry either."""
    count = int(np.prod(shape))
    ones = (count + int(random.integers(2))) // 2 if count % 2 else count // 2
    return random.permutation(np.arange(count) < ones).astype(np.float64).reshape(shape)

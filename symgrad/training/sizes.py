"""Axis sizes: what the model needs, what the recipe gives, what the data fix, and whether they agree."""

from __future__ import annotations

from collections.abc import Mapping

from ..checking.interpreter import extent_value
from ..language.batch import batch_axis
from ..language.errors import DataError
from ..language.notation import text
from ..language.program import Program, Role
from ..language.terms import Size, Term

Sizes = dict[str, int]
GIVEN = (Role.PARAMETER, Role.INPUT, Role.TOKENS, Role.MASK, Role.STATE)


def size_names(program: Program) -> dict[str, list[str]]:
    """Each size that the shapes of given tensors and vocabularies name -> the tensors that need it, in order."""
    names: dict[str, list[str]] = {}
    for tensor in program.with_role(*GIVEN):
        extents = tensor.shape if tensor.vocabulary is None else (*tensor.shape, tensor.vocabulary)
        for size in sizes_in(*extents):
            needing = names.setdefault(size, [])
            if tensor.name not in needing:
                needing.append(tensor.name)
    return names


def sizes_in(*extents: Term) -> list[str]:
    return list(dict.fromkeys(node.name for extent in extents for node in extent.walk() if isinstance(node, Size)))


def extent_size(extent: Term, sizes: Mapping[str, int]) -> int:
    """The number that an extent is.  Raises DataError for a size that is not known."""
    for name in sizes_in(extent):
        if name not in sizes:
            raise DataError(f"size {name} is not given; add it to the training's sizes, or --size {name}=...")
    return extent_value(extent, sizes)


def fixed(sizes: Mapping[str, int], extent: Term, length: int, found: str) -> Sizes:
    """`sizes` and what follows from `extent = length`; `found` says where the length was seen.

    Raises DataError where that contradicts what is known, or where the extent is a formula of sizes not known.
    """
    if isinstance(extent, Size) and extent.name not in sizes:
        return {**sizes, extent.name: int(length)}
    expected = extent_size(extent, sizes)
    if expected != length:
        raise DataError(
            f"{found}: size {text(extent)} is {length:,} here and {expected:,} elsewhere (in the training's sizes or "
            "the data before); make them agree, or leave the size out where the data give it"
        )
    return dict(sizes)


def complete(program: Program, sizes: Mapping[str, int], batch: int) -> Sizes:
    """All sizes of the model: those known, and the batch's.

    Raises DataError for one that is missing, that the model does not have, or that contradicts the batch.
    """
    names, axis = size_names(program), batch_axis(program)
    for name, value in sizes.items():
        if name not in names:
            raise DataError(
                f"{program.name}: size {name} is given, but the model's sizes are {', '.join(names) or 'none'}; "
                "remove it or correct its name"
            )
        if name == axis and value != batch:
            raise DataError(
                f"{program.name}: size {name} is given as {value:,}, but it is the batch's, which is {batch:,}; "
                "leave it out, or make them agree"
            )
    known = {**{name: int(value) for name, value in sizes.items()}, **({axis: batch} if axis else {})}
    missing = [name for name in names if name not in known]
    if missing:
        name = missing[0]
        raise DataError(
            f"{program.name}: size {name} of {', '.join(names[name])} is not given; add it to the training: "
            f"sizes={{{name!r}: ...}}, or --size {name}=..."
        )
    return known

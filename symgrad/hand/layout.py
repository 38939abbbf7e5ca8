"""How a person lays out an array that the model has with other axes: permuted, merged or split.

    model  W1 (H, N, D)      claim  # W1: (N*D, H)      to_claim: transpose to (N, D, H), then reshape to (N*D, H)

An axis is a product of atoms (the sizes N and D of N*D); a layout says where each atom of the model stands in the
claim.  A number 1 is an axis of one entry.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..checking.interpreter import extent_value
from ..language.algebra import factors_of, mul
from ..language.errors import ClaimError
from ..language.notation import text
from ..language.program import Tensor
from ..language.terms import ONE, Term

Sizes = Mapping[str, int]


@dataclass(frozen=True)
class Layout:
    """`atoms` in the model's order; `groups`: for each axis of the claim, the atoms that it is merged from."""

    tensor: Tensor
    atoms: tuple[Term, ...]
    groups: tuple[tuple[int, ...], ...]

    @cached_property
    def plain(self) -> bool:
        """Whether the claim's array is the model's."""
        return self.groups == natural(self.tensor).groups

    @property
    def extents(self) -> tuple[Term, ...]:
        """The sizes of the claim's axes."""
        return tuple(mul(*(self.atoms[k] for k in group)) for group in self.groups)

    def shape(self, sizes: Sizes) -> tuple[int, ...]:
        lengths = [extent_value(atom, sizes) for atom in self.atoms]
        return tuple(int(np.prod([lengths[k] for k in group], dtype=int)) for group in self.groups)

    def to_claim(self, array: np.ndarray, sizes: Sizes) -> np.ndarray:
        """The model's array as the claim has it."""
        if self.plain:
            return array
        split = np.reshape(array, [extent_value(atom, sizes) for atom in self.atoms])
        order = [k for group in self.groups for k in group]
        return split.transpose(order).reshape(self.shape(sizes))

    def written(self) -> str:
        """`(N*D, H)`"""
        return f"({', '.join('*'.join(text(self.atoms[k]) for k in group) or '1' for group in self.groups)})"


def atoms_of(extent: Term) -> tuple[Term, ...]:
    return () if extent == ONE else factors_of(extent)


def natural(tensor: Tensor) -> Layout:
    """The model's own layout."""
    atoms: list[Term] = []
    groups = []
    for extent in tensor.shape:
        parts = atoms_of(extent)
        groups.append(tuple(range(len(atoms), len(atoms) + len(parts))))
        atoms += parts
    return Layout(tensor, tuple(atoms), tuple(groups))


def declared(tensor: Tensor, axes: tuple[str, ...]) -> Layout:
    """The layout that "(N*D, H)" declares; an axis is named by its size or by its index in the model.

    Raises ClaimError where the axes are not those of the tensor.
    """
    own = natural(tensor)
    by_index = {index.name: own.groups[k] for k, index in enumerate(tensor.indices)}
    left = list(range(len(own.atoms)))
    groups = []
    for axis in axes:
        group: list[int] = []
        for word in axis.replace(" ", "").split("*"):
            if word == "1":
                continue
            found = taken(word, by_index, own, left)
            if found is None:
                raise misfit(tensor, axes)
            group += found
            left = [k for k in left if k not in found]
        groups.append(tuple(group))
    if left:
        raise misfit(tensor, axes)
    return Layout(tensor, own.atoms, tuple(groups))


def taken(word: str, by_index: Mapping[str, tuple[int, ...]], own: Layout, left: list[int]) -> tuple[int, ...] | None:
    """The atoms that a word of a shape stands for: those of the index of that name, else the first of that size."""
    if word in by_index and all(k in left for k in by_index[word]):
        return by_index[word]
    for k in left:
        if text(own.atoms[k]) == word:
            return (k,)
    return None


def misfit(tensor: Tensor, axes: tuple[str, ...]) -> ClaimError:
    names = ", ".join(index.name for index in tensor.indices)
    return ClaimError(
        f"the shape ({', '.join(axes)}) does not fit {tensor.name}, whose axes are {natural(tensor).written()}"
        f"{f' with indices ({names})' if names else ''}; name these, in any order, merged as N*D or split"
    )

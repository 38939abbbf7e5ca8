"""What the names in a formula stand for: what the model has, and what formulas before it have defined."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from ..language.errors import ClaimError
from ..language.program import Role, Tensor
from ..language.terms import Index, Read, Term
from .binding import Bound, Meaning, Names
from .matrix_conventions import Convention
from .recurrent_starts import Start, starts_of
from .statements import Assign
from .truth import At, Truth


class Own(Protocol):
    """A name that a formula has defined."""

    letters: tuple[str, ...]  # its indices on the left
    by_entries: bool  # whether its code makes an array of its entries, which among matrices may be a vector

    def value(self, at: At, convention: Convention) -> np.ndarray:
        """As formulas among matrices take it: the axes of its letters, then those of a matrix, if it is one."""
        ...

    def entries(self, at: At) -> np.ndarray:
        """As indexed formulas take it, with the axes of `tensor`."""
        ...

    @property
    def tensor(self) -> Tensor:
        """Its axes.  Raises ClaimError where it has no value."""
        ...

    def entry(self, indices: tuple[Term, ...]) -> Term | None:
        """Its formula in names of the model; None where it is known by its values only."""
        ...

    def code(self, at: At, convention: Convention) -> tuple[Assign, ...]:
        """The lines of code that compute it, those of the names that it reads first; the shapes at a point say which
        products are of matrices.  Raises NoCode."""
        ...


@dataclass(frozen=True)
class FormulaScope:
    """`given` are the names of the model with their axes, in the file's layout, and `letters` its indices by name."""

    truth: Truth
    names: Names
    given: Mapping[str, Tensor]
    letters: Mapping[str, Index]
    starts: Mapping[str, Start]
    own: Mapping[str, Own] = field(default_factory=dict)

    @classmethod
    def of(cls, truth: Truth, names: Names) -> FormulaScope:
        # the model's own letters, for an index that stands on no axis
        letters = {i.name: i for tensor in truth.model.tensors.values() for i in tensor.indices}
        return cls(truth, names, readable(names), letters, starts_of(truth.model))

    def defining(self, name: str, own: Own) -> FormulaScope:
        """The scope of the formulas behind the definition."""
        return replace(self, own={**self.own, name: own})

    def tensors(self, read: set[str]) -> dict[str, Tensor]:
        """Everything that has entries; of the names that formulas have defined those in `read`."""
        return {**self.given, **{name: self.own[name].tensor for name in self.own if name in read}}

    def start(self, name: str) -> Start | None:
        """Where the recurrence of the tensor of that name starts, in a file that lays it out as the model does."""
        bound = self.names.meaning(name)
        if bound is None or bound.meaning is not Meaning.VALUE or not (bound.layout and bound.layout.plain):
            return None
        start = self.starts.get(bound.tensor)
        if start is None or any(self.other(node.tensor) for node in start.value.walk() if isinstance(node, Read)):
            return None
        return start

    def other(self, tensor: str) -> bool:
        """Whether the file means something else by the name of the tensor."""
        bound = self.names.meaning(tensor)
        return bound is None or bound.tensor != tensor or not (bound.layout and bound.layout.plain)

    def unknown(self, name: str) -> ClaimError:
        return ClaimError(f"{name} {self.names.unknown(name)}")


def readable(names: Names) -> dict[str, Tensor]:
    """Everything that has entries, by the names of the file, in the file's layout."""
    found: dict[str, Tensor] = {}
    for name in (*names.all(), *names.stated):
        bound = names.meaning(name)
        if bound is None or bound.layout is None:
            continue
        vocabulary = bound.layout.tensor.vocabulary if bound.meaning is Meaning.VALUE else None
        role = Role.TOKENS if vocabulary is not None else Role.DEFINITION
        found[name] = Tensor(name, axes(bound), role, vocabulary)
    return found


def axes(bound: Bound) -> tuple[Index, ...]:
    assert bound.layout is not None
    if bound.layout.plain:
        return bound.layout.tensor.indices
    return tuple(Index(f"axis{k}", extent) for k, extent in enumerate(bound.layout.extents))

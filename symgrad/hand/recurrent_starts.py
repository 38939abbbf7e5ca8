"""Where a recurrence begins: h_{t-1} of a formula is, at the first t, what the model starts from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..language.algebra import subtract, where
from ..language.program import Program, Recurrence
from ..language.rewriting import substitute
from ..language.terms import ZERO, Compare, Const, Index, Read, Term, Where


@dataclass(frozen=True)
class Start:
    """`value`, in `indices`, stands in the place of a slice before the first along `axis`."""

    axis: int
    indices: tuple[Index, ...]  # of the other axes, in order
    value: Term

    def at(self, others: Sequence[Term]) -> Term:
        return substitute(self.value, dict(zip(self.indices, others, strict=True)))

    def guarding(self, read: Read) -> Term:
        """The read, or the start where it would leave the axis; the read alone where it is not one step back."""
        place = read.indices[self.axis]
        stepped = [index for index in place.free if subtract(place, index) == Const(-1)]
        if not stepped:
            return read
        others = [index for k, index in enumerate(read.indices) if k != self.axis]
        return where(Compare("<=", ZERO, place), read, self.at(others))


def starts_of(program: Program) -> Mapping[str, Start]:
    """recurrent tensor -> its start, read off the recurrences' equations."""
    found: dict[str, Start] = {}
    for item in program.items:
        if not isinstance(item, Recurrence):
            continue
        for equation in Program(program.name, program.tensors, (item,), ()).equations():
            for node in equation.body.walk():
                start = start_in(node, item.index)
                if start is not None:
                    found.setdefault(*start)
    return found


def start_in(node: Term, along: Index) -> tuple[str, Start] | None:
    """(tensor, start) of `h[t-1, j] where 0 <= t-1, else h0[j]`."""
    match node:
        case Where(Compare("<=", low, place), Read(tensor, indices), other) if low == ZERO and place in indices:
            axis = indices.index(place)
            others = tuple(index for k, index in enumerate(indices) if k != axis)
            plain = all(isinstance(index, Index) for index in others) and len(set(others)) == len(others)
            if plain and subtract(place, along) == Const(-1) and other.free <= set(others):
                return tensor, Start(axis, others, other)
    return None

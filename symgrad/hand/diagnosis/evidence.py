"""What is known of a wrong claim: its values beside the right ones, and the arrays that may explain the difference."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ...language.program import Role
from ..binding import Bound, Meaning, Names
from ..records import Seen
from ..truth import At, agree


@dataclass(frozen=True)
class Evidence:
    """`seen`: the claim at every judged point where it has a value; `further`: at other sizes, where these tell more.

    What explains the claim has to hold at all of `seen`; of two that do, one that also holds at `further` is likelier.
    """

    seen: tuple[Seen, ...]
    bound: Bound
    names: Names
    further: tuple[Seen, ...] = ()

    @property
    def fits(self) -> bool:
        """Whether the claim has the right shape at every point."""
        return bool(self.seen) and all(seen.claimed.shape == seen.right.shape for seen in self.seen)

    @property
    def named(self) -> str:
        """`dL/dh`, or `h` for a value."""
        return self.said(self.bound.meaning, self.bound.tensor)

    def said(self, meaning: Meaning, tensor: str) -> str:
        loss = self.names.program.outputs[0]
        return f"d{loss}/d{tensor}" if meaning is Meaning.ADJOINT else tensor

    def explained(self, made: Callable[[Seen], np.ndarray | None], seen: Sequence[Seen] | None = None) -> bool:
        """Whether `made`, a mistaken value, is the claim at every point, up to rounding."""
        for one in self.seen if seen is None else seen:
            value = made(one)
            if value is None or value.shape != one.claimed.shape or not close(value, one.claimed):
                return False
        return True

    def known(self, at: At) -> Iterator[tuple[str, Meaning, np.ndarray]]:
        """Every tensor and adjoint by the name that a file would use, in the file's layout."""
        for name, tensor in self.names.program.tensors.items():
            if name != self.names.program.outputs[0]:
                yield name, Meaning.VALUE, self.array(Meaning.VALUE, name, at)
            if tensor.role is not Role.TOKENS and name in at.truth.adjoints:
                yield f"d{name}", Meaning.ADJOINT, self.array(Meaning.ADJOINT, name, at)

    def array(self, meaning: Meaning, tensor: str, at: At) -> np.ndarray:
        return np.asarray(self.names.bound(meaning, tensor).at(at), dtype=np.float64)


def close(made: np.ndarray, claimed: np.ndarray) -> bool:
    """Equal up to rounding, where the claim is no number too."""
    finite = np.isfinite(claimed)
    if not finite.all():
        return bool((np.isfinite(made) == finite).all()) and agree(made[finite], claimed[finite])
    return agree(made, claimed)

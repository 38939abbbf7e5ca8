"""A chain of formulas and its sides: each is one equality, with what it was compared with."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..language.errors import ClaimError
from .formula_scope import FormulaScope
from .records import Seen
from .statements import Chain, Derivative, Expression, Item, Name
from .subjects import Subject, placed


@dataclass(frozen=True)
class Scoped:
    """A chain, what its names can mean, and whether it defines a name itself."""

    chain: Chain
    scope: FormulaScope
    own: bool


@dataclass
class Side:
    """One equality of a chain: what it was compared with, and what kept it from being read."""

    scope: FormulaScope
    subject: Subject
    letters: tuple[str, ...]  # the indices that its subject carries
    expression: Expression
    seen: list[Seen] = field(default_factory=list)
    error: ClaimError | None = None

    @property
    def agrees(self) -> bool:
        return bool(self.seen) and self.error is None and all(seen.agrees for seen in self.seen)

    @property
    def one_shape(self) -> bool:
        """Whether it was read, and has its subject's shape at every point."""
        return self.error is None and all(seen.claimed.shape == seen.right.shape for seen in self.seen)

    @property
    def reached(self) -> int:
        """The character up to which shapes fit, where they do not at the end; else 0."""
        return self.error.span[1] if self.error is not None and self.error.span is not None else 0


def letters_of(subject: Derivative | Name | Item) -> tuple[str, ...]:
    """The indices of a subject among matrices: the t of dL/dh_t.  Raises ClaimError."""
    if isinstance(subject, Derivative) and isinstance(subject.of, Item):
        raise placed(ClaimError("an entry of a derivative of an array needs all indices of both"), subject)
    node = subject.by if isinstance(subject, Derivative) else subject
    places = node.places if isinstance(node, Item) else ()
    names = tuple(one.name for one in places if isinstance(one, Name))
    if len({*names}) != len(places):
        raise placed(ClaimError("the indices on the left have to be letters, all different"), subject)
    return names

"""What a derivation records: data, in the order of the work; `symgrad.derivation` makes documents of it."""

from __future__ import annotations

from dataclasses import dataclass

from ..language.program import Equation
from ..language.terms import Read, Term


@dataclass(frozen=True)
class Local:
    """d(equation's left side)/d(read) is `local` (where `conditions` hold); `share` is what it adds to the adjoint.

    The adjoint of `read.tensor` is the sum of the shares of all its readers.
    """

    equation: Equation
    read: Read
    local: Term
    conditions: tuple[Term, ...]
    share: Term


@dataclass(frozen=True)
class Step:
    """One rewriting: in the equation that defines `tensor`, `before` became `after`, for `reason`."""

    tensor: str
    before: Term
    after: Term
    reason: str

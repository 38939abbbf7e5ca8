"""What a derivation records: data, in the order of the work; `symgrad.derivation` makes documents of it."""

from __future__ import annotations

from dataclasses import dataclass

from ..language.program import Equation
from ..language.terms import Call, Index, Pow, Read, Term

Reason = tuple[str | Term, ...]
"""A sentence: words, and the terms that they speak of, so that each face can spell them."""


@dataclass(frozen=True)
class Rule:
    """d `function` / d(its argument at `position`) = `derivative`: what was asked of `sympy.diff`, and its answer."""

    function: Call | Pow
    position: int
    derivative: Term


@dataclass(frozen=True)
class Local:
    """One path from an equation's left side to `read`: the product of what stands on it is `local`.

    It lies below sums over `indices` and where `conditions` hold; `rules` are the functions met on the way, outermost
    first.  `share` is what it adds to the adjoint of `read.tensor`, which is the sum of the shares of all its readers.
    """

    equation: Equation
    read: Read
    local: Term
    conditions: tuple[Term, ...]
    indices: tuple[Index, ...]
    rules: tuple[Rule, ...]
    share: Term


@dataclass(frozen=True)
class Step:
    """One rewriting: in the equation that defines `tensor`, `before` became `after`, for `reason`."""

    tensor: str
    before: Term
    after: Term
    reason: Reason

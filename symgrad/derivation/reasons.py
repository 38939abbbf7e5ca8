"""Sentences of words and terms, spelled by whatever face shows them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..calculus.steps import Reason
from ..language.notation import text
from ..language.terms import Term


def spelled(reason: Reason, words: Callable[[str], str] = str, formula: Callable[[Term], str] = text) -> str:
    """The sentence with its words and its terms written by the two functions."""
    return "".join(words(part) if isinstance(part, str) else formula(part) for part in reason)


def joined(reasons: Iterable[Reason], separator: str) -> Reason:
    """One sentence of several."""
    result: list[str | Term] = []
    for reason in reasons:
        result += [separator, *reason] if result else reason
    return tuple(result)

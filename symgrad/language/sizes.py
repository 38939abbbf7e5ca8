"""Sizes from the lengths of arrays: an axis N*D of 12 elements has D = 12 // N once N is known."""

from __future__ import annotations

from collections.abc import Container

from .algebra import add, mul, subtract
from .terms import Add, Call, Mul, Size, Term


def solved(extent: Term, length: Term, known: Container[str]) -> tuple[str, Term] | None:
    """(name, value) of the only size that `extent = length` leaves unknown; None where it leaves none, or several."""
    unknown = [part for part in extent.children if unknown_sizes(part, known)]
    rest = [part for part in extent.children if part not in unknown]
    match extent:
        case Size(name) if name not in known:
            return name, length
        case Add() if len(unknown) == 1:
            return solved(unknown[0], subtract(length, add(*rest)), known)
        case Mul() if len(unknown) == 1:
            return solved(unknown[0], Call("floordiv", (length, mul(*rest))), known)
    return None


def unknown_sizes(term: Term, known: Container[str]) -> bool:
    return any(isinstance(node, Size) and node.name not in known for node in term.walk())

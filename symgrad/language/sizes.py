"""Sizes from the lengths of arrays: an axis N*D of 12 elements has D = 12 // N once N is known.

And the sizes at which a formula has no value: the unbiased variance divides by B - 1, which is 0 in a batch of 1.
"""

from __future__ import annotations

from collections.abc import Container, Mapping

from .algebra import add, construct, is_negative, mul, subtract
from .errors import DataError
from .notation import text
from .program import Program
from .rewriting import rebuild
from .terms import ZERO, Add, Call, Const, Mul, Pow, Size, Term


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


Divisors = tuple[tuple[str, Term], ...]


def divisors(program: Program) -> Divisors:
    """(tensor, divisor) of each formula of sizes by which a definition divides, but for those that are never 0."""
    return tuple(
        (equation.tensor, node.base)
        for equation in program.equations()
        for node in equation.body.walk()
        if isinstance(node, Pow) and is_negative(node.exponent) and isinstance(node.base, Add) and of_sizes(node.base)
    )


def of_sizes(term: Term) -> bool:
    """Whether it holds nothing but sizes and numbers."""
    return all(isinstance(node, Size | Const | Add | Mul | Pow) for node in term.walk())


def at_sizes(term: Term, sizes: Mapping[str, int]) -> Term:
    """The term with numbers for the sizes that are known; a number itself where all are."""
    if isinstance(term, Size):
        return Const(sizes[term.name]) if term.name in sizes else term
    return construct(rebuild(term, lambda child: at_sizes(child, sizes)))


def have_values(found: Divisors, sizes: Mapping[str, int]) -> bool:
    """Whether none of the divisors is 0 at these sizes."""
    return all(at_sizes(divisor, sizes) != ZERO for _, divisor in found)


def refuse_vanishing(found: Divisors, sizes: Mapping[str, int], where: str) -> None:
    """Raises DataError where one of the divisors is 0 at these sizes; `where` says whose sizes they are."""
    for tensor, divisor in found:
        if at_sizes(divisor, sizes) == ZERO:
            names = dict.fromkeys(node.name for node in divisor.walk() if isinstance(node, Size))
            values = ", ".join(f"{name} = {sizes[name]}" for name in names)
            raise DataError(
                f"{where}: {tensor} divides by {text(divisor)}, which is 0 for {values}; give a larger size, or a "
                "larger batch if it is the batch's"
            )

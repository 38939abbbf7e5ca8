"""The paths by which a derivative goes down an equation: the chain rule, the product rule and the linearity of sums.

A kink has one derivative, and the branch that is not taken none:

    max over an axis      to the first entry that reaches it
    f where c, else g     df where c holds, dg where it does not: brackets stay conditions, as 0*inf is no 0
    max(a, b), |a|        see `language.functions`
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ..language.algebra import factors_of
from ..language.errors import DerivativeError
from ..language.functions import STOP_GRADIENT
from ..language.notation import text
from ..language.rewriting import fresh_index, substitute, unique_bound
from ..language.terms import Add, Call, Compare, Const, Index, Inverse, Mul, Pow, Read, Reduce, Term, Where, delta
from .local import derivative
from .matrix_rules import around_matrix
from .steps import Rule


@dataclass(frozen=True)
class Path:
    """One way from an equation down to `end`, an entry that it reads: the factors on it, and where they stand."""

    end: Term
    factors: tuple[Term, ...]
    conditions: tuple[Term, ...] = ()
    indices: tuple[Index, ...] = ()
    rules: tuple[Rule, ...] = ()


def real_part(term: Term) -> Iterator[Term]:
    """The nodes through which a derivative passes: not the indices, conditions and stopped parts."""
    yield term
    if isinstance(term, Read | Compare) or (isinstance(term, Call) and term.function == STOP_GRADIENT):
        return
    children = (term.then, term.other) if isinstance(term, Where) else term.children
    for child in children:
        yield from real_part(child)


def paths(body: Term, cotangent: Term, active: set[str]) -> Iterator[Path]:
    """Every path from `body` to an active read, with the factors met on the way in the order of writing."""
    body = unique_bound(body, {index.name for index in cotangent.free})
    yield from walk(Path(body, (cotangent,)), active)


def walk(path: Path, active: set[str]) -> Iterator[Path]:
    """The path, led on from its end to every active read."""
    if not any(isinstance(node, Read) and node.tensor in active for node in real_part(path.end)):
        return  # proven independent
    match path.end:
        case Read():
            yield path
        case Add(terms):
            for part in terms:
                yield from walk(replace(path, end=part), active)
        case Mul(parts):
            for position, part in enumerate(parts):
                factors = (*parts[:position], *path.factors, *parts[position + 1 :])
                yield from walk(replace(path, end=part, factors=factors), active)
        case Pow() | Call():
            for position, argument in enumerate(path.end.children):
                if any(isinstance(node, Read) and node.tensor in active for node in real_part(argument)):
                    step = derivative(path.end, position)
                    rules = (*path.rules, Rule(path.end, position, step))
                    # d max(a, b)/da is 1 where [b < a]: a side that is not taken is a branch that is not taken.
                    brackets = tuple(factor for factor in factors_of(step) if isinstance(factor, Compare))
                    factors = (*(f for f in factors_of(step) if f not in brackets), *path.factors)
                    conditions = (*path.conditions, *brackets)
                    down = replace(path, end=argument, factors=factors, rules=rules, conditions=conditions)
                    yield from walk(down, active)
        case Where(condition, then, other):
            # Brackets stay conditions to the end: a branch that is not taken may be infinite, and 0*inf is no 0.
            for branch, holds in ((then, condition), (other, opposite(condition))):
                yield from walk(replace(path, end=branch, conditions=(*path.conditions, holds)), active)
        case Reduce("sum", bound, inner):
            yield from walk(replace(path, end=inner, indices=path.indices + bound), active)
        case Reduce("max", (first, *others), inner) if others:
            outer = Reduce("max", (first,), Reduce("max", tuple(others), inner))
            yield from walk(replace(path, end=outer), active)
        case Reduce("max", bound, inner):
            # The gradient of a maximum goes to the first entry that reaches it.
            (index,) = bound
            other = fresh_index(index, {i.name for node in path.end.walk() for i in node.free})
            first = Reduce("argmax", (other,), substitute(inner, {index: other}))
            factors = (*path.factors, delta(index, first))
            yield from walk(replace(path, end=inner, factors=factors, indices=path.indices + bound), active)
        case Reduce("det" | "logdet", bound, inner) | Inverse(bound, inner):
            left, right = around_matrix(path.end)
            factors = (*left, *path.factors, *right)
            yield from walk(replace(path, end=inner, factors=factors, indices=path.indices + bound), active)
        case _:
            raise DerivativeError(f"{text(path.end)}: {type(path.end).__name__} has no derivative")


def opposite(condition: Term) -> Term:
    """The bracket of "not condition"."""
    match condition:
        case Compare("<", left, right):
            return Compare("<=", right, left)
        case Compare("<=", left, right):
            return Compare("<", right, left)
        case Compare("==", left, right):
            return Compare("!=", left, right)
        case Compare("!=", left, right):
            return Compare("==", left, right)
    return Compare("==", condition, Const(0))

"""Where to check: sizes at which mistakes show, and values at which a difference quotient can be trusted.

Square sizes hide transposes, values of 0 or 1 hide factors, distinct tokens hide an overwrite for an add, and near a
kink a difference quotient is no derivative.  So: a table of sizes, values that are asymmetric and spread, repeated
tokens, and a distance from every kink.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from ..language.errors import DataError
from ..language.notation import text
from ..language.program import Program, Role, Tensor
from ..language.sizes import divisors, have_values
from ..language.terms import Index, Size, Term
from .interpreter import Values, evaluate, extent_value, sizes_of
from .kinks import gaps

Sizes = Mapping[str, int]
PRIMES = (3, 5, 2, 7, 11, 13, 17, 19, 23, 29)
ATTEMPTS = 20  # for each of the domains below
MARGIN = 0.02  # ten times what the difference quotients move a value, see `differences.STEP`


@dataclass(frozen=True)
class Domain:
    """Magnitudes uniform in [low, high), with a random sign where `signed`."""

    low: float
    high: float
    signed: bool

    def draw(self, random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        values = random.uniform(self.low, self.high, shape)
        return values * random.choice((-1.0, 1.0), shape) if self.signed else values


# Tried in this order: logarithms and roots need positive numbers, asin and acos numbers below 1.
DOMAINS = (Domain(0.3, 1.5, True), Domain(0.3, 1.5, False), Domain(0.1, 0.6, True), Domain(0.1, 0.6, False))
STATES = Domain(0.3, 1.5, False)  # second moments are under a root
MASKS = Domain(0.3, 1.5, False)  # as generic as any number: a 0 would hide what it multiplies
SETTINGS = Domain(0.1, 0.9, False)  # rates and decays; 1 - b**t must not be 0


@dataclass(frozen=True)
class Point:
    """Values of everything that the program is given, at these sizes."""

    sizes: dict[str, int]
    values: Values


def size_names(program: Program) -> tuple[str, ...]:
    """Every size in the program, in the order of declaration; a merged axis N*D gives N and D."""
    terms: list[Term] = [extent for tensor in program.tensors.values() for extent in tensor.shape]
    terms += [tensor.vocabulary for tensor in program.tensors.values() if tensor.vocabulary is not None]
    terms += [equation.body for equation in program.equations()]
    return tuple(dict.fromkeys(node.name for term in terms for node in sizes_in(term)))


def sizes_in(term: Term) -> Iterator[Size]:
    for node in term.walk():
        if isinstance(node, Size):
            yield node
        elif isinstance(node, Index):
            yield from sizes_in(node.extent)


def size_table(program: Program) -> tuple[dict[str, int], ...]:
    """All sizes equal; all different, in three orders; each 1 in turn; all 1.

    Without those at which the program divides by 0, as the unbiased variance of one number does.
    """
    names = size_names(program)
    if not names:
        return ({},)
    primes = [PRIMES[k] if k < len(PRIMES) else 31 + 2 * k for k in range(len(names))]
    rows = [[3] * len(names), primes, primes[::-1], primes[1:] + primes[:1]]
    rows += [[1 if k == position else prime for k, prime in enumerate(primes)] for position in range(len(names))]
    rows.append([1] * len(names))
    different = dict.fromkeys(tuple(zip(names, row, strict=True)) for row in rows)
    found = divisors(program)
    return tuple(row for row in map(dict, different) if have_values(found, row))


def point(program: Program, sizes: Sizes, seed: int = 0, margin: float = MARGIN) -> Point:
    """Values at which every tensor is finite and no argument is nearer than `margin` to a kink.

    The same seed gives the same values.  Raises DataError where none are found.
    """
    random = np.random.default_rng(seed)
    reason = ""
    for domain in DOMAINS:
        for _ in range(ATTEMPTS):
            values = draw(program, sizes, random, domain)
            with np.errstate(all="ignore"):
                made = evaluate(program, values, sizes)
                reason = not_finite(made) or near_kink(program, values, sizes, margin)
            if not reason:
                return Point(dict(sizes), values)
    where = ", ".join(f"{name}={value}" for name, value in sizes.items())
    raise DataError(
        f"{program.name}: no point to check at was found in {ATTEMPTS * len(DOMAINS)} tries at sizes {where or 'none'}"
        f": {reason}; check at other sizes, or rewrite the term so that generic values keep away from it"
    )


def points(program: Program, table: Iterable[Sizes], seed: int, given: Point | None) -> Iterator[Point]:
    """The given point alone, else one at every row of the table."""
    if given is not None:
        yield given
        return
    for position, sizes in enumerate(table):
        yield point(program, sizes, seed + position)


def given_point(program: Program, values: Mapping[str, np.ndarray], margin: float = MARGIN) -> Point:
    """The values themselves, at the sizes that they have.

    Raises DataError for a missing value or a wrong shape, where something is not finite, and where a term is nearer
    than `margin` to its kink: a difference quotient is no derivative there.
    """
    sizes = sizes_of(program, values)
    with np.errstate(all="ignore"):
        made = evaluate(program, values, sizes)
        kept = {t.name: made[t.name] for t in program.tensors.values() if t.role is not Role.DEFINITION}
        reason = not_finite(made) or near_kink(program, kept, sizes, margin)
    if reason:
        raise DataError(
            f"{program.name}: at the given values {reason}, so nothing can be checked there; move them a little"
        )
    return Point(sizes, kept)


def draw(program: Program, sizes: Sizes, random: np.random.Generator, domain: Domain = DOMAINS[0]) -> Values:
    """Random values for parameters, inputs, tokens, masks, states and settings."""
    domains = {Role.STATE: STATES, Role.SETTING: SETTINGS, Role.MASK: MASKS}
    values: Values = {}
    for tensor in program.with_role(Role.PARAMETER, Role.INPUT, Role.TOKENS, *domains):
        shape = shape_of(tensor, sizes)
        if tensor.role is Role.TOKENS:
            values[tensor.name] = tokens(shape, extent_value(tensor.vocabulary, sizes), random)
        else:
            values[tensor.name] = domains.get(tensor.role, domain).draw(random, shape)
    return values


def shape_of(tensor: Tensor, sizes: Sizes) -> tuple[int, ...]:
    return tuple(extent_value(extent, sizes) for extent in tensor.shape)


def tokens(shape: tuple[int, ...], vocabulary: int, random: np.random.Generator) -> np.ndarray:
    """Ids below `vocabulary`: from two entries on some are equal, from three on both 0 and the last id occur."""
    count = int(np.prod(shape))
    different = (count + 1) // 2
    ids = np.concatenate(([vocabulary - 1, 0], random.integers(0, vocabulary, count)))[:different]
    chosen = np.concatenate((ids, random.choice(ids, count - different))) if count else np.zeros(0)
    return random.permutation(chosen).astype(np.int64).reshape(shape)


def not_finite(values: Values) -> str:
    name = next((name for name, value in values.items() if not np.isfinite(value).all()), None)
    return f"{name} is not finite" if name is not None else ""


def near_kink(program: Program, values: Values, sizes: Sizes, margin: float) -> str:
    """The term whose kink is nearer than `margin`, in words; empty where none is.

    A distance that is exactly 0 here and at a point beside stays 0, as |x[i] - x[j]| at i = j does, and is no kink.
    """
    if margin <= 0:
        return ""  # nothing is nearer
    real = {tensor.name for tensor in program.with_role(Role.PARAMETER, Role.INPUT, Role.STATE)}
    random = np.random.default_rng(0)
    beside = {
        name: value + 1e-4 * random.uniform(0.5, 1.0, np.shape(value)) if name in real else value
        for name, value in values.items()
    }
    here, there = gaps(program, values, sizes), gaps(program, beside, sizes)
    for (term, gap), (_, moved) in zip(here, there, strict=True):
        if ((gap < margin) & ~((gap == 0) & (moved == 0))).any():
            return f"{text(term)} is within {margin:g} of its kink"
    return ""

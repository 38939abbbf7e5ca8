"""Indexing by NumPy's rules, on formulas: a[places] as an entry, and `a[places] += value` as the whole array after it.

    P[arange(N), t]            entry P[i0, t[i0]]
    P[arange(N), t] -= 1       P[i0, i1] - 1 where t[i0] == i1, else P[i0, i1]
    add.at(dC, x, d)           dC[i0, i1] + sum_s0,s1 [i0 == x[s0,s1]]*d[s0, s1, i1]

A place has to be proven to lie within its axis: NumPy counts a negative one from the end, and refuses what is beyond.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ..language.algebra import ZERO, add, mul, subtract, summed, where
from ..language.ranges import at_least, inside, polynomial, settled_extent
from ..language.rewriting import substitute
from ..language.terms import ONE, Compare, Const, Index, Term, delta
from .entries import (
    Array,
    Kind,
    Unprovable,
    axis_index,
    bound_indices,
    broadcast_shape,
    broadcast_to,
    made,
    place_in,
    spread,
)

Vocabularies = Mapping[str, Term]


@dataclass(frozen=True)
class Run:
    """A slice: `start`, `start + 1`, ... or, backwards, one less each time."""

    start: Term
    extent: Term
    backwards: bool = False

    def at(self, index: Term) -> Term:
        return subtract(self.start, index) if self.backwards else add(self.start, index)


@dataclass(frozen=True)
class Selection:
    """The entries `places` of an array, one for each value of `indices`, which are the axes of the result."""

    indices: tuple[Index, ...]
    places: tuple[Term, ...]  # one an axis of the array


def selected(a: Array, places: Sequence[object], vocabularies: Vocabularies) -> Array:
    """a[places]"""
    chosen = selection(a, places, vocabularies)
    return made([i.extent for i in chosen.indices], lambda *new: moved(chosen, new, a), a.kind)


def moved(chosen: Selection, new: Sequence[Term], a: Array) -> Term:
    at = dict(zip(chosen.indices, new, strict=True))
    return a.at([substitute(place, at) for place in chosen.places])


def selection(a: Array, places: Sequence[object], vocabularies: Vocabularies) -> Selection:
    places = expanded(a, places)
    taking = [place for place in places if place is not None]
    if len(taking) > a.ndim:
        raise Unprovable("more places than axes")
    places += [slice(None)] * (a.ndim - len(taking))
    ids = [k for k, place in enumerate(places) if isinstance(place, Array)]
    fancy = any(places[k].ndim for k in ids)  # a number beside arrays of ids is one of them
    shape = broadcast_shape(*(places[k].shape for k in ids)) if fancy else ()
    together = fancy and ids[-1] - ids[0] + 1 == len(ids)
    indices: list[Index] = []

    def axis(extent: Term) -> Term:
        indices.append(axis_index(len(indices), extent))
        return place_in(indices[-1])

    found: list[Term] = []
    shared: list[Term] | None = None if together else [axis(extent) for extent in shape]
    position = 0
    for place in places:
        if place is None:
            axis(ONE)
            continue
        extent = a.shape[position]
        if isinstance(place, slice):
            run = sliced(place, extent)
            found.append(run.at(axis(run.extent)))
        else:
            if shared is None:
                shared = [axis(size) for size in shape]
            found.append(within(spread(place, shared), extent, vocabularies))
        position += 1
    return Selection(tuple(indices), tuple(found))


def expanded(a: Array, places: Sequence[object]) -> list[object]:
    """The places with `...` written out."""
    if any(isinstance(place, Array) and place.kind is not Kind.INTEGER for place in places):
        raise Unprovable("a mask or a real number as a place")
    if Ellipsis not in places:
        return list(places)
    position = list(places).index(Ellipsis)
    rest = [place for place in places if place is not Ellipsis]
    missing = a.ndim - sum(place is not None for place in rest)
    return [*rest[:position], *[slice(None)] * missing, *rest[position:]]


def within(place: Term, extent: Term, vocabularies: Vocabularies) -> Term:
    if isinstance(place, Const) and place.value < 0:
        place = add(extent, place)
    if not inside(place, extent, {}, vocabularies):
        raise Unprovable("a place that is not known to lie within its axis")
    return place


def sliced(place: slice, extent: Term) -> Run:
    """The run of a slice of steps 1 or -1, whose ends are proven to lie within the axis."""
    step = ONE if place.step is None else whole(place.step)
    if step == Const(-1) and place.start is None and place.stop is None:
        return Run(subtract(extent, ONE), extent, backwards=True)
    if step != ONE:
        raise Unprovable("a slice with steps")
    start, stop = end(place.start, ZERO, extent), end(place.stop, extent, extent)
    length = settled_extent(subtract(stop, start))
    if not (at_least(start, ZERO) and at_least(extent, stop) and at_least(length, ZERO)):
        raise Unprovable("a slice that is not known to lie within its axis")
    return Run(start, length)


def end(value: object, missing: Term, extent: Term) -> Term:
    if value is None:
        return missing
    term = whole(value)
    return add(extent, term) if not at_least(term, ZERO) and at_least(ZERO, term) else term


def whole(value: object) -> Term:
    """A polynomial in sizes."""
    if isinstance(value, Array) and not value.ndim and polynomial(value.body) is not None:
        return value.body
    raise Unprovable("a number that is not known")


# -- storing -------------------------------------------------------------------------------------------------------


Combine = Callable[[Term, Term], Term]  # the new entry, of the old one and the value


def stored(
    a: Array, places: Sequence[object], combine: Combine, value: Array, repeated: bool, vocabularies: Vocabularies
) -> Array:
    """`a` after `a[places] = combine(a[places], value)`; where `repeated`, an id that occurs twice counts twice."""
    if len(places) == 1 and isinstance(places[0], Array) and places[0].kind is Kind.MASK:
        return masked(a, places[0], combine, value)
    chosen = selection(a, places, vocabularies)
    value = broadcast_to(value, [index.extent for index in chosen.indices])
    if repeated:
        return scattered(a, chosen, combine, value)
    solved = inverse(chosen, a)
    if solved is None:
        raise Unprovable("places that are not known to be different")

    def entry(*at: Term) -> Term:
        here = dict(zip(a.indices, at, strict=True))
        values, conditions = solved
        old = a.at(at)
        values = {index: substitute(term, here) for index, term in values.items()}
        new = combine(old, value.at([values.get(index, ZERO) for index in chosen.indices]))
        return where(mul(*(substitute(condition, here) for condition in conditions)), new, old)

    return made(a.shape, entry, a.kind)


def inverse(chosen: Selection, a: Array) -> tuple[dict[Index, Term], list[Term]] | None:
    """Which value each entry of the array gets, and on what conditions; None where an entry may get several.

    Every axis of the selection has to be one place, up to an offset: then no two of its entries are the same.
    """
    values: dict[Index, Term] = {}
    conditions: list[Term] = []
    solved: set[int] = set()
    for index in chosen.indices:
        if index.extent == ONE:
            continue
        for k, place in enumerate(chosen.places):
            offset = subtract(place, index)
            if k not in solved and not offset.free:
                values[index] = subtract(a.indices[k], offset)
                solved.add(k)
                if offset != ZERO:
                    conditions.append(Compare("<=", offset, a.indices[k]))
                if settled_extent(add(offset, index.extent)) != settled_extent(a.shape[k]):
                    conditions.append(Compare("<", a.indices[k], add(offset, index.extent)))
                break
        else:
            return None
    for k, place in enumerate(chosen.places):
        if k not in solved and a.shape[k] != ONE:
            conditions.append(delta(a.indices[k], substitute(place, values)))
    return values, conditions


def scattered(a: Array, chosen: Selection, combine: Combine, value: Array) -> Array:
    """Every value added to its entry, however often an entry comes up."""
    fresh = bound_indices([index.extent for index in chosen.indices], value.body, *chosen.places)
    bound = dict(zip(chosen.indices, fresh, strict=True))

    def entry(*at: Term) -> Term:
        deltas = [
            delta(here, substitute(place, bound))
            for here, place, extent in zip(at, chosen.places, a.shape, strict=True)
            if extent != ONE
        ]
        each = mul(*deltas, value.at([place_in(bound[index]) for index in chosen.indices]))
        return combine(a.at(at), summed(tuple(bound.values()), each))

    return made(a.shape, entry, a.kind)


def masked(a: Array, mask: Array, combine: Combine, value: Array) -> Array:
    """The entries where the mask holds, all combined with one value."""
    if value.ndim:
        raise Unprovable("a mask that takes an array")
    if mask.ndim > a.ndim or broadcast_shape(mask.shape, a.shape[: mask.ndim]) != a.shape[: mask.ndim]:
        raise Unprovable("a mask of another shape")

    def entry(*at: Term) -> Term:
        old = a.at(at)
        return where(mask.at(at[: mask.ndim]), combine(old, value.body), old)

    return made(a.shape, entry, a.kind)

"""What a formula is made from: numbers, lists and ranges as arrays of entries; what is known of them as constants."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ..language.algebra import add, mul, subtract
from ..language.ranges import polynomial, same_extent
from ..language.rewriting import substitute
from ..language.terms import ONE, ZERO, Call, Const, Index, Term
from .entries import Array, Kind, Unprovable, axis_index, made, scalar, stacked

Value = Any  # an Array, a number, Turns, or a list of them


@dataclass(frozen=True)
class Turns:
    """What a loop runs over, `extent` times: `item(k)` is its value at the k-th turn."""

    extent: Term
    item: Callable[[Term], Value]
    counter: bool = False  # whether the items are 0, 1, 2, ...


def array(value: Value) -> Array:
    """A number or an array as a formula; a list of equal shapes is stacked."""
    if isinstance(value, Array):
        return value
    if isinstance(value, bool | int):
        return scalar(Const(int(value)), Kind.INTEGER)
    if isinstance(value, float):
        return scalar(real_constant(value))
    if isinstance(value, Turns):
        return rows(value)
    if isinstance(value, list | tuple) and value:
        return stacked([array(item) for item in value])
    raise Unprovable(f"a {type(value).__name__} is no array")


def real_constant(value: float) -> Term:
    """The number that was written: 0.1 is 1/10, np.pi is pi."""
    if not math.isfinite(value):
        raise Unprovable("an infinite number")
    if value == math.pi:
        return Call("pi", ())
    if value == math.e:
        return Call("exp", (ONE,))
    return Const(Fraction(repr(value)))


def rows(turns: Turns) -> Array:
    """The items of a range or of a list made by a comprehension, stacked."""
    k = Index("row", turns.extent)
    item = array(turns.item(k))
    return made((turns.extent, *item.shape), lambda first, *rest: substitute(item.at(rest), {k: first}), item.kind)


def constant(value: Value) -> int:
    """A whole number that is known.  Raises Unprovable."""
    a = array(value)
    if a.ndim == 0 and isinstance(a.body, Const) and isinstance(a.body.value, int):
        return a.body.value
    raise Unprovable("a number that is not known")


def size_of(value: Value) -> Term:
    """A scalar as an extent; -1 is left as it is."""
    a = array(value)
    if a.ndim or polynomial(a.body) is None:
        raise Unprovable("a size that is not known")
    return a.body


def shape_of(value: Value) -> list[Term]:
    if isinstance(value, Array) and value.ndim:
        raise Unprovable("an array as a shape")
    return [size_of(one) for one in (value if isinstance(value, list | tuple) else (value,))]


def axes(axis: Value, ndim: int) -> list[int] | None:
    if axis is None:
        return None
    found = [constant(one) for one in (axis if isinstance(axis, list | tuple) else (axis,))]
    if any(not -ndim <= k < ndim for k in found):
        raise Unprovable("an axis that is not there")
    return [k % ndim for k in found]


def one_axis(axis: Value, ndim: int) -> int:
    (k,) = axes(axis, ndim) or (0,)
    return k


def place(value: Value) -> Value:
    if isinstance(value, slice):
        return slice(*(None if part is None else array(part) for part in (value.start, value.stop, value.step)))
    return value if value is None or value is Ellipsis else array(value)


def number_kind(a: Array) -> Kind:
    return Kind.INTEGER if a.kind is Kind.MASK else a.kind


def result_kind(operator: str, a: Array, b: Array) -> Kind:
    whole = operator in ("+", "-", "*", "//", "%") and Kind.REAL not in (a.kind, b.kind)
    return Kind.INTEGER if whole else Kind.REAL


def turns_of(value: Value) -> Turns | list[Value]:
    """What a loop over the value runs over: a list where its length is a number."""
    if isinstance(value, list | tuple):
        return list(value)
    if isinstance(value, Turns):
        if isinstance(value.extent, Const):
            return [value.item(Const(k)) for k in range(value.extent.value)]
        return value
    a = array(value)
    if not a.ndim:
        raise Unprovable("a loop over a number")

    def item(k: Term) -> Array:
        return made(a.shape[1:], lambda *rest: a.at((k, *rest)), a.kind)

    return turns_of(Turns(a.shape[0], item))


def counted(start: Value, stop: Value, step: Value) -> Turns:
    """range(n) and range(a, b); a range of numbers may have any step."""
    first, last = (ZERO, size_of(start)) if stop is None else (size_of(start), size_of(stop))
    by = constant(step)
    if isinstance(first, Const) and isinstance(last, Const):
        numbers = range(first.value, last.value, by)
        return Turns(
            Const(len(numbers)),
            lambda k: scalar(add(Const(numbers.start), mul(Const(by), k)), Kind.INTEGER),
            counter=numbers == range(len(numbers)),
        )
    extent = subtract(last, first) if by == 1 else subtract(first, last)
    if abs(by) != 1 or polynomial(extent) is None:
        raise Unprovable("a range whose length is no formula")
    return Turns(
        axis_index(0, extent).extent,
        lambda k: scalar(add(first, mul(Const(by), k)), Kind.INTEGER),
        counter=first == ZERO and by == 1,
    )


def backwards(a: Value) -> Value:
    if isinstance(a, list | tuple):
        return list(a)[::-1]
    turns = turns_of(a)
    if isinstance(turns, list):
        return turns[::-1]
    last = subtract(turns.extent, ONE)
    return Turns(turns.extent, lambda k: turns.item(subtract(last, k)))


def numbered(a: Value, start: Value) -> Value:
    turns = turns_of(a)
    if isinstance(turns, list):
        return [[array(k), item] for k, item in enumerate(turns, constant(start))]
    first = Const(constant(start))
    return Turns(turns.extent, lambda k: [scalar(add(first, k), Kind.INTEGER), turns.item(k)], first == ZERO)


def zipped(arguments: Sequence[Value]) -> Value:
    each = [turns_of(a) for a in arguments]
    if all(isinstance(turns, list) for turns in each):
        return [list(items) for items in zip(*each, strict=False)]
    if any(isinstance(t, list) for t in each) or not all(same_extent(t.extent, each[0].extent) for t in each):
        raise Unprovable("lists of lengths that are not known to be equal")
    return Turns(each[0].extent, lambda k: [turns.item(k) for turns in each])


def length(a: Value) -> Value:
    if isinstance(a, list | tuple):
        return len(a)
    return scalar(a.extent if isinstance(a, Turns) else array(a).shape[0], Kind.INTEGER)


def sizes(a: Value) -> list[Array]:
    return [scalar(extent, Kind.INTEGER) for extent in array(a).shape]


def whole_number(a: Value) -> Array:
    a = array(a)
    if a.ndim or a.kind is Kind.REAL:
        raise Unprovable("a real number is cut")
    return a

"""repeat and tile as formulas: an axis that becomes several times as long."""

from __future__ import annotations

from collections.abc import Sequence

from ..language.algebra import mul
from ..language.terms import MINUS_ONE, Term
from .entries import Array, Unprovable, broadcast_to, expanded, reshaped
from .formula_values import Value, array, one_axis, shape_of


def repeat(a: Value, repeats: Value, axis: Value) -> Array:
    """Every entry along the axis, or of all, several times in a row."""
    a = array(a) if axis is not None else reshaped(array(a), (MINUS_ONE,))
    return multiplied(a, one_axis(axis, a.ndim) if axis is not None else 0, shape_of(repeats), inner=True)


def tile(a: Value, reps: Value) -> Array:
    """The whole array several times along each of the last axes."""
    a, times = array(a), shape_of(reps)
    for _ in range(len(times) - a.ndim):
        a = expanded(a, 0)
    for k, count in enumerate(times, a.ndim - len(times)):
        a = multiplied(a, k, (count,), inner=False)
    return a


def multiplied(a: Array, axis: int, times: Sequence[Term], inner: bool) -> Array:
    """The axis `times` as long: each entry repeated where `inner`, else all of them."""
    if len(times) != 1:
        raise Unprovable("another number of times for each entry")
    before, after = a.shape[: axis + inner], a.shape[axis + inner :]
    wide = broadcast_to(expanded(a, axis + inner), (*before, *times, *after))
    return reshaped(wide, (*a.shape[:axis], mul(a.shape[axis], *times), *a.shape[axis + 1 :]))

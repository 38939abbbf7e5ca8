"""Values in array code: numbers, arrays, lists of them; how each is taken where another is expected."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..language.errors import ClaimError

MOST_ENTRIES = 1_000_000  # of one array; the sizes that are tried are small
Value = Any  # an array, a number, or a list or tuple of them


class ShapeError(ClaimError):
    """Shapes that an operation does not take; `shapes` are those of its operands."""

    def __init__(self, message: str, *arrays: np.ndarray) -> None:
        super().__init__(message)
        self.shapes = tuple(np.shape(array) for array in arrays)


def guarded(function: Callable, *arguments: Value, **keywords: Value) -> Value:
    try:
        with np.errstate(all="ignore"):
            return function(*arguments, **keywords)
    except ClaimError:
        raise
    except (ValueError, IndexError, TypeError, AttributeError, KeyError, OverflowError, ZeroDivisionError) as error:
        message = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ShapeError(f"it has no value here: {message}") from None
    except (np.linalg.LinAlgError, MemoryError) as error:
        raise ClaimError(f"it has no value here: {error}") from None


def real(value: Value) -> np.ndarray:
    """A number or an array; lists of equal shape are stacked."""
    if isinstance(value, np.ndarray):
        return value
    if isinstance(value, range):
        return np.asarray(value)
    if isinstance(value, list | tuple):
        if not value:
            raise ClaimError("an empty list has no value")
        parts = [real(item) for item in value]
        if len({part.shape for part in parts}) > 1:
            raise ShapeError("a list of arrays of different shapes is no array", *parts)
        return np.stack(parts)
    if isinstance(value, bool | int | float | np.number | np.bool_):
        return np.asarray(value)
    raise ClaimError(f"a {type(value).__name__} is no number or array")


def numeric(value: Value) -> np.ndarray:
    """The value as numbers: a mask as 0 and 1."""
    array = real(value)
    return array.astype(np.int64) if array.dtype == np.bool_ else array


def integer(value: Value) -> int:
    number = real(value)
    if number.size != 1 or number.reshape(()) != np.floor(number.reshape(())):
        raise ClaimError(f"expected a whole number, got {value!r}")
    return int(number.reshape(())[()])


def place(value: Value) -> Value:
    """An index as NumPy takes it: a whole number, a slice, None, an ellipsis, an array of ids or a mask."""
    if isinstance(value, slice):
        return slice(*(None if part is None else integer(part) for part in (value.start, value.stop, value.step)))
    if value is None or value is Ellipsis:
        return value
    ids = real(value)
    if ids.dtype.kind == "f":
        whole = ids.astype(np.int64)
        if not np.array_equal(whole, ids):
            raise ClaimError("an index has to be whole")
        ids = whole
    return int(ids) if ids.ndim == 0 else ids


def listed(items: Sequence[Value], places: Sequence[Value]) -> Value:
    (where,) = places
    if isinstance(where, slice):
        return list(items[place(where)])
    if isinstance(where, np.ndarray | int | np.number) and np.ndim(where) == 0:
        return items[integer(where)]
    return [items[integer(one)] for one in np.ravel(real(where))]


def as_list(value: Value) -> list[Value]:
    if isinstance(value, range | list | tuple):
        return list(value)
    array = real(value)
    if array.ndim == 0:
        raise ClaimError("a number cannot be looped over; write range(n)")
    return list(array)


def axes(axis: Value, ndim: int) -> tuple[int, ...] | None:
    if axis is None:
        return None
    found = tuple(integer(one) for one in (axis if isinstance(axis, list | tuple) else (axis,)))
    if any(not -ndim <= one < ndim for one in found):
        raise ShapeError(f"there is no axis {axis} in an array of {ndim} axes")
    return found


def shape_of(shape: Value) -> tuple[int, ...]:
    sizes = tuple(integer(size) for size in (shape if isinstance(shape, list | tuple | np.ndarray) else (shape,)))
    sizes = tuple(np.ravel(sizes))
    if np.prod([float(size) for size in sizes] or [1.0]) > MOST_ENTRIES:
        raise ClaimError(f"an array of shape {sizes} is too large to try; at most {MOST_ENTRIES:,} entries")
    return tuple(int(size) for size in sizes)


def written(shape: tuple[int, ...]) -> str:
    return f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"


def fit(operator: str, left: np.ndarray, right: np.ndarray) -> None:
    """Raises ClaimError with both shapes where the operation does not take them."""
    if operator == "@":
        inner = (
            left.shape[-1:] or (None,),
            (right.shape[-2:-1] if right.ndim > 1 else right.shape[-1:]) or (None,),
        )
        if inner[0] != inner[1] or None in (*inner[0], *inner[1]):
            raise ShapeError(f"shapes do not fit: {written(left.shape)} @ {written(right.shape)}", left, right)
        return
    try:
        np.broadcast_shapes(left.shape, right.shape)
    except ValueError:
        raise ShapeError(
            f"shapes do not fit: {written(left.shape)} {operator} {written(right.shape)}", left, right
        ) from None

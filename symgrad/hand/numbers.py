"""The array operations on numbers: NumPy in float64, with a limit on how much one line may ask for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ..language.errors import ClaimError
from .memory import rewritten, shares
from .number_functions import BINARY, COMPARE, FUNCTIONS
from .number_values import (
    MOST_ENTRIES,
    ShapeError,
    Value,
    as_list,
    fit,
    guarded,
    integer,
    listed,
    numeric,
    place,
    real,
    written,
)
from .operations import SHORT, bound

FILLED = ("array", "copy", "zeros", "ones", "full", "zeros_like", "ones_like", "full_like")


class Numbers:
    """Evaluates the words of `operations` on arrays.  Every failure is a ClaimError in NumPy's or our words."""

    def unary(self, operator: str, value: Value) -> Value:
        if operator == "not":
            return np.logical_not(real(value))
        return -numeric(value) if operator == "-" else np.copy(real(value))[()]

    def binary(self, operator: str, left: Value, right: Value) -> Value:
        if isinstance(left, list | tuple) and operator in ("+", "*"):
            return joined(left, right) if operator == "+" else repeated(left, integer(right))
        if operator == "beside":
            return self.beside(real(left), real(right))
        left, right = real(left), real(right)
        fit(operator, left, right)
        if operator == "*" and left.dtype == right.dtype == np.bool_:
            return left & right  # two masks are one mask
        return self.limited(guarded(BINARY[operator], numeric(left), numeric(right)))

    def compare(self, operator: str, left: Value, right: Value) -> Value:
        left, right = real(left), real(right)
        fit(operator, left, right)
        return guarded(COMPARE[operator], left, right)  # a mask: as an index it chooses, in arithmetic it is 0 or 1

    def apply(self, word: str, arguments: Sequence[Value], keywords: Mapping[str, Value]) -> Value:
        if word == "flatten":
            return np.copy(real(arguments[0])).reshape(-1)  # ravel makes no copy
        if word in SHORT:
            word, extra = SHORT[word]
            return self.apply(word, (*arguments, extra), keywords)
        if word == "as_type":
            return np.copy(numeric(arguments[0])) if keywords.get("copy", True) else numeric(arguments[0])
        arguments = [numeric(a) if isinstance(a, np.ndarray) else a for a in arguments]
        if word == "einsum":
            equation, *arrays = arguments
            return self.limited(guarded(np.einsum, equation, *map(real, arrays)))
        if word == "tensordot":
            axes = keywords.get("axes", arguments[2] if len(arguments) > 2 else 2)
            return self.limited(guarded(np.tensordot, real(arguments[0]), real(arguments[1]), axes))
        if word == "zip":
            return list(zip(*(as_list(argument) for argument in arguments), strict=False))
        if word not in FUNCTIONS:  # add.at, append
            raise ClaimError(f"{word} has no value; write it in a line of its own")
        values = bound(word, arguments, keywords)
        made = self.limited(guarded(FUNCTIONS[word], **values))
        # as in NumPy a number is no memory, but np.zeros(()) is
        return made[()] if isinstance(made, np.ndarray) and not made.ndim and word not in FILLED else made

    def choose(self, condition: Value, then: Callable[[], Value], other: Callable[[], Value]) -> Value:
        return then() if self.truth(condition) else other()

    def truth(self, value: Value) -> bool:
        value = real(value)
        if np.size(value) != 1:
            raise ClaimError(f"a condition has to be one number, got an array of shape {np.shape(value)}")
        return bool(np.reshape(value, ())[()])

    def item(self, array: Value, places: Sequence[Value]) -> Value:
        if isinstance(array, list | tuple):
            return guarded(listed, array, places)
        return self.limited(guarded(lambda: real(array)[tuple(map(place, places))]))

    def stored(
        self, array: Value, places: Sequence[Value], operator: str, value: Value, repeated: bool = False
    ) -> Value:
        """`array` with `array[places] operator= value`; where `repeated`, an id that occurs twice counts twice."""
        if isinstance(array, list | tuple):
            changed = list(array)
            where = integer(places[0])
            changed[where] = self.binary(operator, changed[where], value) if operator else value
            return changed
        result = np.array(real(array), dtype=np.float64)
        where = tuple(map(place, places))
        if repeated:
            guarded((np.add if operator == "+" else np.subtract).at, result, where, real(value))
            return result

        def put() -> None:
            new = real(value)
            result[where] = BINARY[operator](result[where], new) if operator else new

        guarded(put)
        return result

    def items(self, value: Value) -> list[Value]:
        return as_list(value)

    def in_place(self, name: str, new: Value, values: Mapping[str, Value]) -> dict[str, Value]:
        """`new` where the name had its value, and the other names that this changes."""
        old = values[name]
        if isinstance(old, np.ndarray) and np.shape(new) != old.shape:
            said = f"an array of shape {written(old.shape)} cannot become one of {written(np.shape(new))} in place"
            raise ShapeError(said, old, real(new))
        return rewritten(name, new, values)

    def is_shared(self, array: Value, values: Mapping[str, Value]) -> bool:
        """Whether some name has the array, or a part of it."""
        return isinstance(array, np.ndarray) and any(shares(value, array) for value in values.values())

    def named(self, items: Sequence[Value], places: Sequence[Value], values: Mapping[str, Value]) -> bool:
        """Whether some name has the array that is an entry of a list."""
        return self.is_shared(self.item(items, places), values)

    def beside(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Two factors of a formula: a product of matrices, or by a number."""
        if left.size == 1 or right.size == 1:
            if left.ndim == right.ndim == 2 and left.shape[1] != right.shape[0]:
                return left * right  # a 1 x 1 matrix is a number here
            if left.ndim < 2 or right.ndim < 2:
                return left * right
        fit("@", left, right)
        return left @ right

    def limited(self, value: Value) -> Value:
        if isinstance(value, np.ndarray) and value.size > MOST_ENTRIES:
            raise ClaimError(f"an array of {value.size:,} entries is too large to try; at most {MOST_ENTRIES:,}")
        return value


def joined(left: Sequence[Value], right: Value) -> list[Value]:
    if not isinstance(right, list | tuple):
        raise ClaimError("a list can only be joined with a list; for arithmetic make it an array: np.array(...)")
    if len(left) + len(right) > MOST_ENTRIES:
        raise ClaimError(f"a list of more than {MOST_ENTRIES:,} items is too long to try")
    return [*left, *right]


def repeated(items: Sequence[Value], times: int) -> list[Value]:
    if len(items) * times > MOST_ENTRIES:
        raise ClaimError(f"a list of more than {MOST_ENTRIES:,} items is too long to try")
    return list(items) * times

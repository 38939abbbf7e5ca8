"""The array operations on numbers: NumPy in float64, with a limit on how much one line may ask for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..language.errors import ClaimError
from ..language.functions import erf
from .memory import rewritten
from .operations import OVER_AXES, SHORT, bound

MOST_ENTRIES = 1_000_000  # of one array; the sizes that are tried are small
Value = Any  # an array, a number, or a list or tuple of them


class Numbers:
    """Evaluates the words of `operations` on arrays.  Every failure is a ClaimError in NumPy's or our words."""

    def unary(self, operator: str, value: Value) -> Value:
        if operator == "not":
            return np.logical_not(real(value))
        return -numeric(value) if operator == "-" else np.copy(real(value))

    def binary(self, operator: str, left: Value, right: Value) -> Value:
        if isinstance(left, list | tuple) and operator in ("+", "*"):
            return joined(left, right) if operator == "+" else repeated(left, integer(right))
        if operator == "beside":
            return self.beside(real(left), real(right))
        left, right = real(left), real(right)
        self.fit(operator, left, right)
        if operator == "*" and left.dtype == right.dtype == np.bool_:
            return left & right  # two masks are one mask
        return self.limited(guarded(BINARY[operator], numeric(left), numeric(right)))

    def compare(self, operator: str, left: Value, right: Value) -> Value:
        left, right = real(left), real(right)
        self.fit(operator, left, right)
        return guarded(COMPARE[operator], left, right)  # a mask: as an index it chooses, in arithmetic it is 0 or 1

    def apply(self, word: str, arguments: Sequence[Value], keywords: Mapping[str, Value]) -> Value:
        if word == "flatten":
            return np.copy(real(arguments[0])).reshape(-1)  # ravel makes no copy
        if word in SHORT:
            word, extra = SHORT[word]
            return self.apply(word, (*arguments, extra), keywords)
        if word == "as_type":
            return np.copy(numeric(arguments[0]))
        arguments = [numeric(a) if isinstance(a, np.ndarray) else a for a in arguments]
        if word == "einsum":
            equation, *arrays = arguments
            return self.limited(guarded(np.einsum, equation, *map(real, arrays)))
        if word == "tensordot":
            axes = keywords.get("axes", arguments[2] if len(arguments) > 2 else 2)
            return self.limited(guarded(np.tensordot, real(arguments[0]), real(arguments[1]), axes))
        if word == "zip":
            return list(zip(*(as_list(argument) for argument in arguments), strict=False))
        values = bound(word, arguments, keywords)
        return self.limited(guarded(FUNCTIONS[word], **values))

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
        if isinstance(old, np.ndarray) and old.ndim and np.shape(new) != old.shape:
            said = f"an array of shape {written(old.shape)} cannot become one of {written(np.shape(new))} in place"
            raise ShapeError(said, old, real(new))
        return rewritten(name, new, values)

    def fit(self, operator: str, left: np.ndarray, right: np.ndarray) -> None:
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

    def beside(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Two factors of a formula: a product of matrices, or by a number."""
        if left.size == 1 or right.size == 1:
            if left.ndim == right.ndim == 2 and left.shape[1] != right.shape[0]:
                return left * right  # a 1 x 1 matrix is a number here
            if left.ndim < 2 or right.ndim < 2:
                return left * right
        self.fit("@", left, right)
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


def sigmoid(a: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-a))


def softmax(a: Value, axis: Value) -> np.ndarray:
    a = real(a)
    (axis,) = axes(axis, a.ndim) or (None,)
    exponentials = np.exp(a - a.max(axis=axis, keepdims=True))
    return exponentials / exponentials.sum(axis=axis, keepdims=True)


def logsumexp(a: Value, axis: Value, keepdims: bool = False) -> np.ndarray:
    a = real(a)
    largest = a.max(axis=axes(axis, a.ndim), keepdims=True)
    result = np.log(np.exp(a - largest).sum(axis=axes(axis, a.ndim), keepdims=True)) + largest
    return result if keepdims else result.squeeze(axes(axis, a.ndim))


def one_hot(ids: Value, classes: Value) -> np.ndarray:
    ids = np.asarray(place(ids))
    count = int(ids.max()) + 1 if classes is None else integer(classes)
    if ids.size and (ids.max() >= count or ids.min() < 0):
        raise ShapeError(f"one_hot: the id {int(ids.max())} is not below {count}")
    shape_of((ids.size, count))
    return np.eye(count)[ids]


def norm(a: Value, ord: Value, axis: Value, keepdims: Value) -> np.ndarray:
    if ord not in (None, 2) and ord != "fro":
        raise ClaimError("only the 2-norm can be read")
    a = real(a)
    return np.sqrt((a * a).sum(axis=axes(axis, a.ndim), keepdims=bool(keepdims)))


def counted(start: Value, stop: Value, step: Value) -> range:
    first, last = (0, integer(start)) if stop is None else (integer(start), integer(stop))
    numbers = range(first, last, integer(step))
    if len(numbers) > MOST_ENTRIES:
        raise ClaimError(f"a range of {len(numbers):,} numbers is too long to try; at most {MOST_ENTRIES:,}")
    return numbers


def over_axes(word: str) -> Callable:
    def reduce(a: Value, axis: Value, keepdims: Value) -> np.ndarray:
        a = real(a)
        return np.asarray(getattr(np, word)(a, axis=axes(axis, a.ndim), keepdims=bool(keepdims)))

    return reduce


def spread(word: str) -> Callable:
    def reduce(a: Value, axis: Value, ddof: Value, keepdims: Value) -> np.ndarray:
        a = real(a)
        return getattr(np, word)(a, axis=axes(axis, a.ndim), ddof=integer(ddof), keepdims=bool(keepdims))

    return reduce


def matmul(a: Value, b: Value) -> np.ndarray:
    Numbers().fit("@", real(a), real(b))
    return real(a) @ real(b)


def dot(a: Value, b: Value) -> np.ndarray:
    a, b = real(a), real(b)
    return a * b if 0 in (a.ndim, b.ndim) else matmul(a, b)


def transpose(a: Value, axes: Value) -> np.ndarray:
    return real(a).T if axes is None else real(a).transpose(shape_of(axes))


def rows(a: Value) -> int:
    return len(a) if isinstance(a, list | tuple | range) else real(a).shape[0]


def numbered(a: Value, start: Value) -> list[tuple[int, Value]]:
    return list(enumerate(as_list(a), integer(start)))


BINARY: dict[str, Callable] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.true_divide,
    "//": np.floor_divide,
    "%": np.mod,
    "**": lambda base, exponent: np.power(np.asarray(base, dtype=np.float64), exponent),
    "@": np.matmul,
}
COMPARE: dict[str, Callable] = {
    "==": np.equal,
    "!=": np.not_equal,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}
UNARY: dict[str, Callable] = {
    **{word: getattr(np, word) for word in ("exp", "log", "sin", "cos", "tan", "arcsin", "arccos", "arctan")},
    **{word: getattr(np, word) for word in ("sinh", "cosh", "tanh", "abs", "sign", "sqrt", "square", "negative")},
    **{word: getattr(np, word) for word in ("log1p", "expm1", "trace")},
    "erf": erf,
    "reciprocal": lambda a: 1 / a,
    "rsqrt": lambda a: 1 / np.sqrt(a),
    "sech": lambda a: 1 / np.cosh(a),
    "sigmoid": sigmoid,
    "relu": lambda a: np.maximum(a, 0),
    "softplus": lambda a: np.logaddexp(a, 0),
    "diag": np.diag,
    "diagflat": np.diagflat,
    "inv": lambda a: 1 / a if a.size == 1 else np.linalg.inv(a),  # x^{-1} of a formula may be a number's
    "det": np.linalg.det,
    "float": lambda a: a,
    "array": np.copy,
    "copy": np.copy,
    "zeros_like": lambda a: np.zeros(a.shape),
    "ones_like": lambda a: np.ones(a.shape),
}
TWO: dict[str, Callable] = {
    "maximum": np.maximum,
    "minimum": np.minimum,
    "hypot": np.hypot,
    "power": BINARY["**"],
    "add": BINARY["+"],
    "subtract": BINARY["-"],
    "multiply": BINARY["*"],
    "divide": BINARY["/"],
}


def elementwise(function: Callable) -> Callable:
    return lambda a, b: function(real(a), real(b))


FUNCTIONS: dict[str, Callable] = {
    **{word: (lambda a, f=function: f(real(a))) for word, function in UNARY.items()},
    **{word: over_axes(word) for word in OVER_AXES},
    **{word: spread(word) for word in ("var", "std")},
    **{word: elementwise(function) for word, function in TWO.items()},
    "outer": lambda a, b: np.outer(real(a), real(b)),
    "dot": dot,
    "matmul": matmul,
    "logsumexp": logsumexp,
    "argmax": lambda a, axis, keepdims: np.argmax(real(a), axis=integer(axis), keepdims=bool(keepdims)),
    "softmax": softmax,
    "log_softmax": lambda a, axis: real(a) - logsumexp(a, axis, keepdims=True),
    "one_hot": one_hot,
    "where": lambda condition, a, b: np.where(real(condition) != 0, real(a), real(b)),
    "clip": lambda a, low, high: np.clip(real(a), low, high),
    "transpose": transpose,
    "swapaxes": lambda a, first, second: np.swapaxes(real(a), integer(first), integer(second)),
    "reshape": lambda a, shape: real(a).reshape(shape_of(shape)),
    "broadcast_to": lambda a, shape: np.broadcast_to(real(a), shape_of(shape)),
    "expand_dims": lambda a, axis: np.expand_dims(real(a), integer(axis)),
    "squeeze": lambda a, axis: np.squeeze(real(a), axes(axis, real(a).ndim)),
    "concatenate": lambda arrays, axis: np.concatenate([real(a) for a in arrays], integer(axis)),
    "stack": lambda arrays, axis: np.stack([real(a) for a in arrays], integer(axis)),
    "cumsum": lambda a, axis: np.cumsum(real(a), None if axis is None else integer(axis)),
    "flip": lambda a, axis: np.flip(real(a), axes(axis, real(a).ndim)),
    "roll": lambda a, shift, axis: np.roll(real(a), integer(shift), None if axis is None else integer(axis)),
    "slogdet": lambda a: tuple(np.linalg.slogdet(real(a))),
    "norm": norm,
    "tril": lambda a, k: np.tril(real(a), integer(k)),
    "triu": lambda a, k: np.triu(real(a), integer(k)),
    "eye": lambda n, m: np.eye(*shape_of((n, n if m is None else m))),
    "zeros": lambda shape: np.zeros(shape_of(shape)),
    "ones": lambda shape: np.ones(shape_of(shape)),
    "full": lambda shape, value: np.full(shape_of(shape), real(value), dtype=np.float64),
    "full_like": lambda a, value: np.full(real(a).shape, real(value), dtype=np.float64),
    "arange": lambda start, stop, step: np.asarray(counted(start, stop, step)),
    "int": lambda a: integer(a),
    "shape": lambda a: real(a).shape,
    "size": lambda a: real(a).size,
    "len": rows,
    "range": counted,
    "reversed": lambda a: as_list(a)[::-1],
    "enumerate": numbered,
    "sum_items": lambda items, start: sum((real(item) for item in as_list(items)), real(start)),
}

"""The array functions on numbers, by their words: NumPy in float64."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..language.errors import ClaimError
from ..language.functions import erf
from .number_values import MOST_ENTRIES, ShapeError, Value, as_list, axes, fit, integer, place, real, shape_of
from .operations import OVER_AXES


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
    if ord == 2 and a.ndim > 1 and not isinstance(axis, int | np.integer):
        raise ClaimError("norm(a, 2) of a matrix is its largest singular value, which cannot be read; leave the 2 out")
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
    fit("@", real(a), real(b))
    return real(a) @ real(b)


def dot(a: Value, b: Value) -> np.ndarray:
    a, b = real(a), real(b)
    if 0 in (a.ndim, b.ndim):
        return a * b
    return matmul(a, b) if b.ndim < 3 else np.dot(a, b)  # of b's axes the last but one; matmul pairs the first


def argmax(a: Value, axis: Value, keepdims: Value) -> np.ndarray:
    return np.argmax(real(a), axis=None if axis is None else integer(axis), keepdims=bool(keepdims))


def transpose(a: Value, axes: Value) -> np.ndarray:
    return real(a).T if axes is None else real(a).transpose(shape_of(axes))


def rows(a: Value) -> int:
    return len(a) if isinstance(a, list | tuple | range) else real(a).shape[0]


def repeat(a: Value, repeats: Value, axis: Value) -> np.ndarray:
    a, times = real(a), real(repeats)
    if times.dtype.kind not in "iu" or (times.size and times.min() < 0):
        raise ClaimError(f"repeat: the numbers of times have to be whole and at least 0, got {repeats!r}")
    shape_of((a.size, max(int(times.max(initial=0)), 1)))
    return np.repeat(a, times, axis=None if axis is None else integer(axis))


def tile(a: Value, reps: Value) -> np.ndarray:
    a, times = real(a), shape_of(reps)
    shape_of((a.size, *times))
    return np.tile(a, times)


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
    "argmax": argmax,
    "inner": lambda a, b: np.inner(real(a), real(b)),
    "vdot": lambda a, b: np.vdot(real(a), real(b)),
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
    "repeat": repeat,
    "tile": tile,
    "nonzero": lambda a: list(np.nonzero(real(a))),
    "argwhere": lambda a: np.argwhere(real(a)),
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
    "turned": lambda rows: list(zip(*(as_list(row) for row in as_list(rows)), strict=False)),
    "asarray": lambda a: real(a),  # the very array
    "sum_items": lambda items, start: sum((real(item) for item in as_list(items)), real(start)),
}

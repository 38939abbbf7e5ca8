"""Arrays that share their memory, as NumPy has it: after `a = b`, or `a = b.T`, what is done to `a` in place is done to
`b`.

Nothing is changed in place here.  The new memory is a copy, and every array that lay in the old one is laid out in the
copy as it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np


def rewritten(name: str, new: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    """The name with the entries of `new`, and the names that share its memory, as they are then.

    A number is no memory: it is replaced."""
    old = values[name]
    if not isinstance(old, np.ndarray) or not isinstance(new, np.ndarray):
        return {name: new}
    sharing = {other: value for other, value in values.items() if other != name and shares(value, old)}
    if not sharing:
        return {name: new}
    memory = np.array(owner(old), copy=True, order="K")
    (result, *rest) = (laid_out(array, owner(old), memory) for array in (old, *sharing.values()))
    result[...] = new
    return {name: result, **dict(zip(sharing, rest, strict=True))}


def shares(value: Any, old: np.ndarray) -> bool:
    if not isinstance(value, np.ndarray) or (value.base is None and old.base is None):
        return value is old  # by far the most
    return owner(value) is owner(old) and np.shares_memory(value, old)


def owner(array: np.ndarray) -> np.ndarray:
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def laid_out(array: np.ndarray, old: np.ndarray, memory: np.ndarray) -> np.ndarray:
    """The entries of `memory` that lie where those of `array` lie in `old`."""
    start = array.ctypes.data - old.ctypes.data
    return np.ndarray(array.shape, array.dtype, buffer=memory, offset=start, strides=array.strides)

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
    sharing = {other: value for other, value in values.items() if other != name and holds(value, old)}
    if not sharing:
        return {name: new}
    memory = np.array(owner(old), copy=True, order="K")

    def moved(value: Any) -> Any:
        if isinstance(value, list | tuple):
            return type(value)(map(moved, value))
        return laid_out(value, owner(old), memory) if shares(value, old) else value

    result = moved(old)
    result[...] = new
    return {name: result} | {other: moved(value) for other, value in sharing.items()}


def holds(value: Any, old: np.ndarray) -> bool:
    """Whether the value lies in the same memory, or is a list with such a one."""
    if isinstance(value, list | tuple):
        return any(holds(item, old) for item in value if isinstance(item, np.ndarray | list | tuple))
    return shares(value, old)


def shares(value: Any, old: np.ndarray) -> bool:
    if not isinstance(value, np.ndarray) or (value.base is None and old.base is None):
        return value is old  # by far the most
    return owner(value) is owner(old)  # also rows of one array, which stay rows of one


def owner(array: np.ndarray) -> np.ndarray:
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def laid_out(array: np.ndarray, old: np.ndarray, memory: np.ndarray) -> np.ndarray:
    """The entries of `memory` that lie where those of `array` lie in `old`."""
    start = array.ctypes.data - old.ctypes.data
    return np.ndarray(array.shape, array.dtype, buffer=memory, offset=start, strides=array.strides)

"""Windows: token ids -> rows of contexts and the tokens that follow them, all int32."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .data import Rows


def stream_windows(ids: np.ndarray, context: int) -> tuple[np.ndarray, np.ndarray]:
    """Contexts (n, context) and next tokens (n,) of every window that lies inside `ids`: n = len(ids) - context.

    The first `context` tokens are nobody's target, so no window reads another part's tokens.
    """
    windows = np.lib.stride_tricks.sliding_window_view(ids, context + 1)
    return np.ascontiguousarray(windows[:, :-1]), np.ascontiguousarray(windows[:, -1])


def sequence_windows(ids: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Sequences (n, length) that do not overlap and, at each position, the next token (n, length).

    n = (len(ids) - 1) // length; the tokens after the last full sequence are left out.
    """
    rows = (len(ids) - 1) // length
    return ids[: rows * length].reshape(rows, length).copy(), ids[1 : rows * length + 1].reshape(rows, length).copy()


def line_windows(lines: Sequence[np.ndarray], context: int, boundary: int) -> tuple[np.ndarray, np.ndarray]:
    """Contexts (n, context) and next tokens (n,) of lines, each between boundaries that no window crosses.

    A line abc with context 2 and boundary `.` gives `..` -> a, `.a` -> b, `ab` -> c, `bc` -> `.`: one window more
    than it has tokens.
    """
    lengths = np.array([len(line) for line in lines])
    starts = np.concatenate(([0], np.cumsum(lengths + context + 1)[:-1]))
    padded = np.full(int((lengths + context + 1).sum()), boundary, dtype=np.int32)
    for line, start in zip(lines, starts, strict=True):
        padded[start + context : start + context + len(line)] = line
    windows = np.lib.stride_tricks.sliding_window_view(padded, context + 1)
    inside = np.concatenate(
        [np.arange(start, start + length + 1) for start, length in zip(starts, lengths, strict=True)]
    )
    windows = windows[inside]
    return np.ascontiguousarray(windows[:, :-1]), np.ascontiguousarray(windows[:, -1])


def as_rows(
    contexts: np.ndarray, targets: np.ndarray, names: tuple[str, str], *, newest_first: bool, flat: bool
) -> Rows:
    """The two arrays under their tensors' names; `newest_first` reverses contexts, `flat` drops their axis of one."""
    if newest_first:
        contexts = np.ascontiguousarray(contexts[:, ::-1])
    return {names[0]: contexts[:, 0].copy() if flat else contexts, names[1]: targets}

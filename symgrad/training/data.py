"""`Data`: rows ready for an emitted module, and the checks that stand before any jitted code.

Emitted code does not check bounds, so everything that it will index with or read is checked here, whatever the source.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from ..language.batch import batch_axis, why_no_batch
from ..language.errors import DataError, SymgradError
from ..language.program import Program, Role, Tensor
from .sizes import extent_size, fixed
from .vocabulary import Vocabulary

T = TypeVar("T")

PARTS = ("train", "valid", "test")
Rows = dict[str, np.ndarray]
"""Tensor name -> array with all rows of a part along its first axis."""


@dataclass(frozen=True)
class Data:
    """Rows by part (`train` always, `valid` and `test` where they exist) and what was learned from them.

    Tokens are int32, inputs of the training dtype, all C-contiguous; `lines` tell a person what the data are.
    """

    parts: dict[str, Rows]
    sizes: dict[str, int]
    vocabulary: Vocabulary | None = None
    lines: tuple[str, ...] = ()

    def rows(self, part: str) -> int:
        """How many rows a part has; 0 where there is none."""
        return len(next(iter(self.parts[part].values()))) if part in self.parts else 0


def wanted(program: Program) -> list[Tensor]:
    """The tensors that each batch brings, in the order of their declaration."""
    return program.with_role(Role.INPUT, Role.TOKENS)


def checked_rows(
    program: Program, part: str, arrays: Mapping[str, object], sizes: Mapping[str, int], dtype: str
) -> tuple[Rows, dict[str, int]]:
    """The arrays of a part as emitted code takes them, and `sizes` with those that their shapes fix.

    Raises DataError, naming the tensor, for one that is missing or too many, a wrong shape or kind, rows that
    differ in number, a number that is not finite and a token id outside the vocabulary.
    """
    sizes = dict(sizes)
    where = f"{program.name}: {part} part"
    names = [tensor.name for tensor in wanted(program)]
    for name in arrays:
        if name not in names:
            raise DataError(f"{where}: {name} is given, but the model's inputs are {', '.join(names)}; remove it")
    rows: Rows = {}
    for tensor in wanted(program):
        if tensor.name not in arrays:
            raise DataError(f"{where}: no array is given for {tensor.role.value} {tensor.name}; add it")
        value = converted(tensor, np.asarray(arrays[tensor.name]), dtype, where)
        shape = row_shape(program, tensor)
        if value.ndim != 1 + len(shape):
            reason = why_no_batch(program)
            rows_first = f"a row is one example, as {reason}; its rows first" if reason else "its rows first"
            raise DataError(
                f"{where}: {tensor.name} has {value.ndim} axes (shape {value.shape}), expected {1 + len(shape)}: "
                f"{rows_first}; reshape it"
            )
        for extent, length in zip(shape, value.shape[1:], strict=True):
            sizes = fixed(sizes, extent, length, f"{where}: {tensor.name} of shape {value.shape}")
        rows[tensor.name] = value
    counts = {name: len(value) for name, value in rows.items()}
    if len(set(counts.values())) > 1:
        listed = ", ".join(f"{name} {count:,}" for name, count in counts.items())
        raise DataError(f"{where}: the tensors differ in their number of rows ({listed}); give each the same")
    if not all(counts.values()):
        raise DataError(f"{where}: it has no rows; give some, or leave the part out")
    return rows, sizes


def row_shape(program: Program, tensor: Tensor) -> tuple:
    """The extents of a tensor's axes in one row: all but the batch's."""
    return tensor.shape[1:] if batch_axis(program) is not None else tensor.shape


def converted(tensor: Tensor, value: np.ndarray, dtype: str, where: str) -> np.ndarray:
    """Tokens as int32 (their range is checked apart), inputs as finite numbers of the training dtype."""
    if tensor.role is Role.TOKENS:
        if value.dtype.kind not in "iu":
            raise DataError(
                f"{where}: {tensor.name} holds token ids and has dtype {value.dtype}, expected integers; convert it"
            )
        if value.size and (value.min() < 0 or value.max() > np.iinfo(np.int32).max):
            raise DataError(
                f"{where}: {tensor.name} has token id {value.min() if value.min() < 0 else value.max()}, expected "
                "0 <= id < the size of the vocabulary"
            )
        return np.ascontiguousarray(value, dtype=np.int32).reshape(value.shape)
    if value.dtype.kind not in "fiub":
        raise DataError(f"{where}: {tensor.name} has dtype {value.dtype}, expected real numbers; convert it")
    with np.errstate(over="ignore"):
        value = np.ascontiguousarray(value, dtype=dtype).reshape(value.shape)
    bad = np.argwhere(~np.isfinite(value))
    if len(bad):
        place = ", ".join(map(str, bad[0]))
        raise DataError(
            f"{where}: {tensor.name}[{place}] is {value[tuple(bad[0])]} in {dtype}, expected finite numbers "
            f"({len(bad):,} are not); mend or remove these rows"
        )
    return value


def check_tokens(program: Program, parts: Mapping[str, Rows], sizes: Mapping[str, int]) -> None:
    """Raises DataError for a token id that its vocabulary does not have; all sizes must be known."""
    for tensor in program.with_role(Role.TOKENS):
        limit = extent_size(tensor.vocabulary, sizes)
        for part, rows in parts.items():
            ids = rows[tensor.name]
            if ids.max() >= limit or ids.min() < 0:
                place = tuple(map(int, np.argwhere((ids >= limit) | (ids < 0))[0]))
                raise DataError(
                    f"{program.name}: {part} part: {tensor.name}[{', '.join(map(str, place))}] is token id "
                    f"{ids[place]}, expected 0 <= id < {limit} (the vocabulary); make the vocabulary larger or mend it"
                )


def returned(function: Callable[[], T], whose: str) -> T:
    """What a function that gives the data returns.  Raises DataError where it raises anything but a SymgradError."""
    try:
        return function()
    except SymgradError:
        raise
    except Exception as error:
        name = getattr(function, "__name__", None) or repr(function)
        line = traceback.extract_tb(error.__traceback__)[-1]
        raise DataError(
            f"{whose}: its function {name} raised {type(error).__name__}: {error} "
            f"({Path(line.filename).name}, line {line.lineno}); mend the function"
        ) from error

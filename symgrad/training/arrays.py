"""`Arrays`: rows that are given as arrays, for models with real inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..language.errors import DataError
from ..language.program import Program
from .data import PARTS, Data, Rows, checked_rows, returned

Given = Mapping[str, object]


@dataclass(frozen=True)
class Arrays:
    """Part ("train", "valid", "test") -> {tensor name: array with its rows first}, or a function that returns it.

    A single part, or the tensors alone, is the training part.  Where the model has no batch axis, each row is one
    example, and every array has the axis of rows in front of the input's own: a scalar is given as (rows,), class
    weights c of shape (V,) as (rows, V).
    """

    source: Given | Callable[[], Given]

    def load(self, program: Program, sizes: Mapping[str, int], dtype: str) -> Data:
        """Each part checked.

        Raises DataError for a function that fails, for parts that are none and for whatever `checked_rows` refuses.
        """
        given = returned(self.source, f"{program.name}: Arrays") if callable(self.source) else self.source
        if not isinstance(given, Mapping) or not given:
            raise DataError(
                f"{program.name}: Arrays holds {type(given).__name__}, expected {{part: {{tensor: array}}}}"
            )
        if not any(isinstance(value, Mapping) for value in given.values()):
            given = {"train": given}
        if len(given) == 1:
            given = {"train": next(iter(given.values()))}
        for part, arrays in given.items():
            if part not in PARTS or not isinstance(arrays, Mapping):
                raise DataError(
                    f"{program.name}: Arrays has a part {part!r} ({type(arrays).__name__}), expected "
                    f"{', '.join(PARTS)}, each {{tensor: array}}"
                )
        if "train" not in given:
            raise DataError(f"{program.name}: Arrays has no part 'train' (it has {', '.join(given)}); add it")
        known = dict(sizes)
        parts: dict[str, Rows] = {}
        for part in (part for part in PARTS if part in given):
            parts[part], known = checked_rows(program, part, given[part], known, dtype)
        rows = "   ".join(f"{part} {len(next(iter(arrays.values()))):,}" for part, arrays in parts.items())
        return Data(parts, known, None, (f"rows        {rows}",))

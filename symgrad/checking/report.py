"""What a check found: one row a comparison, and a table with one line a tensor for people."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING

from ..language.notation import text
from ..language.program import Program, Role

if TYPE_CHECKING:
    from rich.table import Table

PARTS = {
    "calculus": "the derivation, in the interpreter",
    "emitted": "emitted loss and gradients, float64",
    "step": "the emitted step that trains",
}
EVALUATION = "evaluation"  # a part that only models with an evaluation form have: its emitted loss, float64


@dataclass(frozen=True)
class Row:
    """One comparison: `error` is relative as its part's docstring defines it, and right up to `tolerance`."""

    part: str
    test: str
    sizes: Mapping[str, int]
    tensor: str
    shape: tuple[int, ...]
    error: float
    tolerance: float

    @property
    def ok(self) -> bool:
        return self.error <= self.tolerance

    @property
    def verdict(self) -> str:
        return "right" if self.ok else "WRONG"

    def __str__(self) -> str:
        where = ", ".join(f"{name}={value}" for name, value in self.sizes.items())
        place = f"{self.tensor} ({self.part}, {self.test}{' at ' + where if where else ''})"
        return f"{place}: {self.verdict}, relative error {self.error:.1e}, at most {self.tolerance:.0e} is right"


@dataclass(frozen=True)
class Line:
    """All rows of one tensor together; `errors` has the largest of each part."""

    tensor: str
    role: str
    shape: str
    errors: Mapping[str, float]
    ok: bool

    @property
    def verdict(self) -> str:
        return "right" if self.ok else "WRONG"


@dataclass(frozen=True)
class Report:
    """`rows`: every comparison.  `ok`: all of them are right, and there is at least one."""

    program: Program
    rows: tuple[Row, ...]

    @property
    def ok(self) -> bool:
        return bool(self.rows) and all(row.ok for row in self.rows)

    @property
    def wrong(self) -> tuple[Row, ...]:
        """The rows that are not right, the worst of each test and tensor only."""
        worst: dict[tuple[str, str, str], Row] = {}
        for row in self.rows:
            key = row.part, row.test, row.tensor
            if not row.ok and (key not in worst or worst[key].error < row.error):
                worst[key] = row
        return tuple(worst.values())

    def lines(self) -> tuple[Line, ...]:
        """One line a tensor: parameters first, then inputs, states, definitions; last what evaluation gives."""
        order = list(Role)
        tensors = sorted(self.program.tensors.values(), key=lambda tensor: order.index(tensor.role))
        by_tensor: dict[tuple[str, bool], list[Row]] = {}
        for row in self.rows:
            by_tensor.setdefault((row.tensor, row.part == EVALUATION), []).append(row)
        return tuple(
            Line(
                tensor.name,
                EVALUATION if evaluated else tensor.role.value,
                f"({', '.join(text(extent) for extent in tensor.shape)})",
                largest(by_tensor[tensor.name, evaluated]),
                all(row.ok for row in by_tensor[tensor.name, evaluated]),
            )
            for evaluated in (False, True)
            for tensor in tensors
            if (tensor.name, evaluated) in by_tensor
        )

    def table(self) -> Table:
        """A rich table: a tensor a row, the largest relative error of each part, the verdict."""
        from rich.table import Table

        parts = [part for part in PARTS if any(row.part == part for row in self.rows)]
        table = Table(title=f"{self.program.name}: largest relative errors", title_justify="left")
        for column in ("tensor", "shape", "role"):
            table.add_column(column)
        for part in parts:
            table.add_column(part, justify="right")
        table.add_column("verdict")
        for line in self.lines():
            found = {("emitted" if part == EVALUATION else part): error for part, error in line.errors.items()}
            errors = [f"{found[part]:.1e}" if part in found else "" for part in parts]
            color = "green" if line.ok else "bold red"
            table.add_row(line.tensor, line.shape, line.role, *errors, f"[{color}]{line.verdict}[/]")
        return table

    def summary(self) -> str:
        """The wrong rows, one a line, then the count; "all N comparisons are right" where none is wrong."""
        wrong = sum(not row.ok for row in self.rows)
        if not self.rows:
            return "nothing was compared"
        if not wrong:
            return f"all {len(self.rows)} comparisons are right"
        return "\n".join([*map(str, self.wrong), f"{wrong} of {len(self.rows)} comparisons are wrong"])

    def __str__(self) -> str:
        from rich.console import Console

        console = Console(file=StringIO(), width=120, force_terminal=False, color_system=None)
        console.print(self.table())
        return f"{console.file.getvalue()}{self.summary()}"

    __repr__ = __str__

    def json(self) -> str:
        """`{"model", "ok", "tensors": [...], "rows": [...]}`; an error that is not finite is null."""
        tensors = [
            {
                "tensor": line.tensor,
                "role": line.role,
                "shape": line.shape,
                "errors": {part: finite(error) for part, error in line.errors.items()},
                "ok": line.ok,
            }
            for line in self.lines()
        ]
        rows = [
            {
                "part": row.part,
                "test": row.test,
                "sizes": dict(row.sizes),
                "tensor": row.tensor,
                "shape": list(row.shape),
                "error": finite(row.error),
                "tolerance": row.tolerance,
                "ok": row.ok,
            }
            for row in self.rows
        ]
        return json.dumps({"model": self.program.name, "ok": self.ok, "tensors": tensors, "rows": rows}, indent=2)


def largest(rows: Iterable[Row]) -> dict[str, float]:
    """The largest error of each part."""
    errors: dict[str, float] = {}
    for row in rows:
        # a number that is not finite is the largest, and never compares so by itself
        error = row.error if math.isfinite(row.error) else math.inf
        errors[row.part] = max(errors.get(row.part, 0.0), error)
    return errors


def finite(error: float) -> float | None:
    return error if math.isfinite(error) else None

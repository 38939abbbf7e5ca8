"""Who is timed: a module each, with

    forms(case) -> tuple[Form, ...]       the ways in which it could run; the fastest is found by trial
    start(case, form, folder) -> Run      in a process of its own: ready to train from the start that the folder holds

`Run(steps)` takes that many more steps and returns the loss before each.  All start from the same parameters and read
the same batches, in the case's dtype.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import ModuleType

import numpy as np

from ..cases import Case

Run = Callable[[int], np.ndarray]


@dataclass(frozen=True)
class Form:
    """A way to run a system: `note` says it to a person, `options` to the system's module."""

    note: str
    options: Mapping[str, object] = field(default_factory=dict)


def threads_text(number: int) -> str:
    return f"{number} thread{'s' if number > 1 else ''}"


@dataclass(frozen=True)
class System:
    """`needs` is the package without which it cannot run."""

    name: str
    module: str
    needs: str = ""

    @property
    def installed(self) -> bool:
        return not self.needs or importlib.util.find_spec(self.needs) is not None

    @property
    def implementation(self) -> ModuleType:
        return importlib.import_module(f"{__name__}.{self.module}")

    def forms(self, case: Case) -> tuple[Form, ...]:
        """Empty where nobody has written the case for this system."""
        return self.implementation.forms(case)


OURS, FLOOR, TRAFFIC = "symgrad", "floor", "traffic"
SYSTEMS = {
    system.name: system
    for system in (
        System(OURS, "ours"),
        System("plain", "plain"),
        System("torch", "torch_eager", "torch"),
        System("compile", "torch_compiled", "torch"),
        System("jax", "jax_jit", "jax"),
        System("pytensor", "pytensor_numba", "pytensor"),
        System(FLOOR, "floor"),
        System(TRAFFIC, "traffic"),
    )
}

"""A generated file and the module that it becomes: written atomically, loaded, called with arrays by name.

Generated code checks nothing inside its loops; what reaches it through `Emitted` has been checked here.
"""

from __future__ import annotations

import importlib.util
import math
import os
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType

import numpy as np

from ..language.errors import DataError
from ..language.program import Program, Role, Tensor
from ..language.terms import Add, Const, Mul, Size, Term

Values = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Generated:
    """The text of an emitted file.  `program` is the step that it computes, `gradient_program` its gradients."""

    source: str
    name: str
    program: Program
    gradient_program: Program
    dtype: str

    def write(self, folder: str | Path = "generated") -> Path:
        """Write `<name>.py` into the folder, atomically, unless it is there already with this text."""
        path = Path(folder) / f"{self.name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_file() and path.read_text(encoding="utf-8") == self.source:
            return path  # untouched, so that the compile cache beside it stays valid
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{self.name}", suffix=".py")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(self.source)
            os.chmod(temporary, 0o644)
            os.replace(temporary, path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        return path

    def load(self, folder: str | Path = "generated") -> Emitted:
        """Write the file and import it; Numba compiles, and caches beside the file, when a function is first called."""
        path = self.write(folder).resolve()
        return Emitted(self.program, self.gradient_program, load_module(path), self.dtype)


def load_module(path: Path) -> ModuleType:
    name = f"symgrad_generated.{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise DataError(f"{path} cannot be imported as Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@dataclass(frozen=True)
class Emitted:
    """The functions of an emitted file, called with {name: array}; parameters and states are changed in place.

    Real arrays have `dtype` and are C-contiguous, tokens are integers; otherwise DataError is raised.
    """

    program: Program
    gradient_program: Program
    module: ModuleType
    dtype: str
    thresholds: tuple = ()

    @cached_property
    def inputs(self) -> tuple[Tensor, ...]:
        return tuple(self.program.with_role(Role.INPUT, Role.TOKENS))

    @cached_property
    def parameters(self) -> tuple[Tensor, ...]:
        return tuple(self.program.with_role(Role.PARAMETER))

    @cached_property
    def states(self) -> tuple[Tensor, ...]:
        return tuple(self.program.with_role(Role.STATE))

    @cached_property
    def settings(self) -> tuple[Tensor, ...]:
        return tuple(self.program.with_role(Role.SETTING))

    @cached_property
    def batch_size(self) -> str | None:
        """The name of the batch axis's size: the first axis of the first input that has one."""
        for tensor in self.inputs:
            if tensor.indices and isinstance(tensor.shape[0], Size):
                return tensor.shape[0].name
        return None

    def loss(self, batch: Values, parameters: Values) -> float:
        """The loss of one batch."""
        return float(self.module.loss(*self.arguments(batch, parameters, rows=False)))

    def gradients(self, batch: Values, parameters: Values) -> tuple[float, dict[str, np.ndarray]]:
        """The loss of one batch, and its gradient by the name of each parameter and real input."""
        loss, *values = self.module.gradients(*self.arguments(batch, parameters, rows=False))
        names = [name.removeprefix("d").lstrip("_") for name in self.gradient_program.outputs[1:]]
        return float(loss), dict(zip(names, values, strict=True))

    def mean_loss(self, data: Values, parameters: Values, batch: int) -> float:
        """The loss over all rows of the data, `batch` at a time, each row weighing the same."""
        return float(self.module.mean_loss(*self.arguments(data, parameters, rows=True), batch))

    def chunk(
        self,
        order: np.ndarray,
        settings: Values,
        data: Values,
        parameters: Values,
        states: Values,
        losses: np.ndarray,
    ) -> int:
        """len(order) steps in place on the rows order[k] of the data; how many were done (see `train_chunk`)."""
        rates = [np.ascontiguousarray(settings[tensor.name], dtype=np.float64) for tensor in self.settings]
        given = self.arguments(data, parameters, rows=True)
        kept = [self.array(tensor, states, {}) for tensor in self.states]
        rows = min((len(data[t.name]) for t in self.inputs if self.has_rows(t)), default=0)
        if order.size and not (0 <= order.min() and order.max() < rows):
            raise DataError(f"{self.program.name}: a row number is outside the data's {rows} rows")
        return int(self.module.train_chunk(order, *rates, *given, *kept, losses))

    # -- checks ----------------------------------------------------------------------------------------------------

    def arguments(self, given: Values, parameters: Values, rows: bool) -> list:
        """Inputs and parameters in the file's order, checked.  `rows`: inputs carry all rows of the data."""
        sizes: dict[str, int] = {}
        inputs = [self.array(tensor, given, sizes, rows) for tensor in self.inputs]
        arrays = inputs + [self.array(tensor, parameters, sizes) for tensor in self.parameters]
        for tensor, value in zip(self.inputs, inputs, strict=True):
            if tensor.role is Role.TOKENS:
                self.check_ids(tensor, np.asarray(value), sizes)
        return arrays

    def has_rows(self, tensor: Tensor) -> bool:
        if self.batch_size is None:
            return True
        return bool(tensor.indices) and tensor.shape[0] == Size(self.batch_size)

    def array(self, tensor: Tensor, values: Values, sizes: dict[str, int], rows: bool = False):
        name = f"{self.program.name}: {tensor.role.value} {tensor.name}"
        if tensor.name not in values:
            raise DataError(f"{name} is missing; given are {', '.join(values) or 'none'}")
        value = values[tensor.name]
        if tensor.role in (Role.INPUT, Role.TOKENS) and not tensor.indices and not rows:
            return float(value) if tensor.role is Role.INPUT else int(value)
        value = np.asarray(value)
        axes = len(tensor.indices) + (1 if rows and self.batch_size is None else 0)
        if value.ndim != axes:
            raise DataError(f"{name} has {value.ndim} axes, expected {axes}")
        for extent, length in zip(tensor.shape, value.shape, strict=False):
            if isinstance(extent, Size) and sizes.setdefault(extent.name, length) != length:
                raise DataError(f"{name} has {length} along {extent.name}, elsewhere it is {sizes[extent.name]}")
        if tensor.role is Role.TOKENS:
            if value.dtype.kind not in "iu":
                raise DataError(f"{name} holds {value.dtype}, expected integers")
            value = np.ascontiguousarray(value)
        elif tensor.role is Role.INPUT:
            value = np.ascontiguousarray(value, dtype=self.dtype)
        elif value.dtype != np.dtype(self.dtype) or not value.flags.c_contiguous:
            raise DataError(f"{name} is {value.dtype}, expected C-contiguous {self.dtype}: it is changed in place")
        return value

    def check_ids(self, tensor: Tensor, value: np.ndarray, sizes: dict[str, int]) -> None:
        """Numba reads out of bounds without a word, so an id outside the vocabulary must not get that far."""
        below = size_value(tensor.vocabulary, sizes)
        if value.size and (value.min() < 0 or value.max() >= below):
            raise DataError(
                f"{self.program.name}: tokens {tensor.name} has ids from {value.min()} to {value.max()}, "
                f"expected 0 to {below - 1}"
            )


def size_value(extent: Term, sizes: Mapping[str, int]) -> int:
    """The number that a size expression stands for."""
    match extent:
        case Const(value):
            return int(value)
        case Size(name):
            return sizes[name]
        case Add(terms):
            return sum(size_value(term, sizes) for term in terms)
        case Mul(factors):
            return math.prod(size_value(factor, sizes) for factor in factors)
    raise DataError(f"{extent} is no size")

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

from ..language.batch import batch_axis
from ..language.errors import DataError
from ..language.notation import text
from ..language.program import Program, Role, Tensor
from ..language.sizes import solved, unknown_sizes
from ..language.terms import Add, Call, Const, Mul, Size, Term

Values = Mapping[str, np.ndarray]
ROWS = "rows of the data"  # the size of the axis in front of every input of a model that reads one example at a time


@dataclass(frozen=True)
class Generated:
    """The text of an emitted file.

    `program` is the step that it computes; `differentiated` names the parameters and real inputs whose gradients its
    function `gradients` returns, in order.
    """

    source: str
    name: str
    program: Program
    differentiated: tuple[str, ...]
    dtype: str

    def write(self, folder: str | Path = "generated") -> Path:
        """Write `<name>.py` into the folder, atomically, unless it is there already with this text."""
        path = Path(folder) / f"{self.name}.py"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DataError(f"{path.parent} cannot be made a folder for {path.name}: {error.strerror}") from error
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
        return Emitted(self.program, self.differentiated, load_module(path), self.dtype)


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
    differentiated: tuple[str, ...]
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
        """The name of the batch axis's size; None where the model reads one example at a time."""
        return batch_axis(self.program)

    def loss(self, batch: Values, parameters: Values) -> float:
        """The loss of one batch."""
        return float(self.module.loss(*self.arguments(batch, parameters)))

    def gradients(self, batch: Values, parameters: Values) -> tuple[float, dict[str, np.ndarray]]:
        """The loss of one batch, and its gradient by the name of each parameter and real input."""
        loss, *values = self.module.gradients(*self.arguments(batch, parameters))
        return float(loss), dict(zip(self.differentiated, values, strict=True))

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
        given = self.arguments(data, parameters, states, rows=True)
        rates = [np.ascontiguousarray(settings[tensor.name], dtype=np.float64) for tensor in self.settings]
        for name, array in (*zip((t.name for t in self.settings), rates, strict=True), ("losses", losses)):
            if array.shape != (len(order),):
                raise DataError(f"{self.program.name}: {name} has shape {array.shape}, expected one number a step")
        if self.inputs and order.size:
            rows = len(data[self.inputs[0].name])
            if order.min() < 0 or order.max() >= rows:
                raise DataError(f"{self.program.name}: a row number is outside the data's {rows} rows")
        return int(self.module.train_chunk(order, *rates, *given, losses))

    # -- checks ----------------------------------------------------------------------------------------------------

    def arguments(
        self, given: Values, parameters: Values, states: Values | None = None, rows: bool = False
    ) -> list[np.ndarray | float]:
        """Inputs, parameters and states in the file's order, checked.  `rows`: inputs carry all rows of the data."""
        arrays = [(tensor, self.given(tensor, given)) for tensor in self.inputs]
        arrays += [(tensor, self.kept(tensor, parameters)) for tensor in self.parameters]
        arrays += [(tensor, self.kept(tensor, states)) for tensor in self.states if states is not None]
        leading = (Size(ROWS),) if rows and self.batch_size is None else ()
        shapes = [((leading if tensor in self.inputs else ()) + tensor.shape, array) for tensor, array in arrays]
        lengths = [
            (extent, Const(length))
            for shape, array in shapes
            for extent, length in zip(shape, array.shape, strict=False)
        ]
        sizes: dict[str, int] = {}
        while found := next(filter(None, (solved(*length, sizes) for length in lengths)), None):
            sizes[found[0]] = size_value(found[1], sizes)
        for (tensor, array), (shape, _) in zip(arrays, shapes, strict=True):
            expected = tuple(size_value(extent, sizes) for extent in shape)
            if array.shape != expected:
                axes = ", ".join(text(extent) for extent in shape)
                raise DataError(f"{self.named(tensor)} has shape {array.shape}, expected ({axes}) = {expected}")
            self.check_ids(tensor, array, sizes)
        return [array if array.ndim or tensor not in self.inputs else array.item() for tensor, array in arrays]

    def named(self, tensor: Tensor) -> str:
        return f"{self.program.name}: {tensor.role.value} {tensor.name}"

    def value(self, tensor: Tensor, values: Values) -> np.ndarray:
        if tensor.name not in values:
            raise DataError(f"{self.named(tensor)} is missing; given are {', '.join(values) or 'none'}")
        return np.asarray(values[tensor.name])

    def given(self, tensor: Tensor, values: Values) -> np.ndarray:
        """What is only read: integers for tokens, else an array of the file's type, copied where it must be."""
        value = self.value(tensor, values)
        if tensor.role is Role.INPUT:
            return np.asarray(value, dtype=self.dtype, order="C")
        if value.dtype.kind not in "iu":
            raise DataError(f"{self.named(tensor)} holds {value.dtype}, expected integers")
        return np.asarray(value, order="C")

    def kept(self, tensor: Tensor, values: Values) -> np.ndarray:
        """What is changed in place, and so must be as it is needed."""
        value = self.value(tensor, values)
        if values[tensor.name] is not value or value.dtype != np.dtype(self.dtype) or not value.flags.c_contiguous:
            got = f"{type(values[tensor.name]).__name__} of {value.dtype}"
            raise DataError(
                f"{self.named(tensor)} is {got}, expected a C-contiguous array of {self.dtype}: it is changed in place"
            )
        return value

    def check_ids(self, tensor: Tensor, value: np.ndarray, sizes: Mapping[str, int]) -> None:
        """Numba reads out of bounds without a word, so an id outside the vocabulary must not get that far."""
        if tensor.role is not Role.TOKENS or not value.size:
            return
        # A vocabulary that is the length of no array bounds no array's index either.
        below = None if unknown_sizes(tensor.vocabulary, sizes) else size_value(tensor.vocabulary, sizes)
        if value.min() < 0 or (below is not None and value.max() >= below):
            expected = f"0 to {below - 1}" if below is not None else "none below 0"
            raise DataError(f"{self.named(tensor)} has ids from {value.min()} to {value.max()}, expected {expected}")


def size_value(extent: Term, sizes: Mapping[str, int]) -> int:
    """The number that a size expression stands for."""
    match extent:
        case Const(value):
            return int(value)
        case Size(name):
            if name not in sizes:
                raise DataError(f"the size {name} is the length of no array that is given")
            return sizes[name]
        case Add(terms):
            return sum(size_value(term, sizes) for term in terms)
        case Mul(factors):
            return math.prod(size_value(factor, sizes) for factor in factors)
        case Call("floordiv", (left, right)):
            return size_value(left, sizes) // max(1, size_value(right, sizes))
    raise DataError(f"{extent} is no size")

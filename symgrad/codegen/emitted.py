"""A generated file and the module that it becomes: written atomically, loaded, called with arrays by name.

Generated code checks nothing inside its loops; what reaches it through `Emitted` has been checked here.
"""

from __future__ import annotations

import importlib.util
import inspect
import math
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType

import numpy as np

from ..language.batch import batch_axis
from ..language.errors import DataError
from ..language.evaluation import evaluation_form, has_evaluation_form, states_read, training_form
from ..language.notation import text
from ..language.program import Program, Role, Tensor
from ..language.sizes import Divisors, divisors, refuse_vanishing, solved, unknown_sizes
from ..language.terms import Add, Call, Const, Mul, Size, Term

Values = Mapping[str, np.ndarray]
ROWS = "rows of the data"  # the size of the axis in front of every input of a model that reads one example at a time


@dataclass(frozen=True)
class Generated:
    """The text of an emitted file.

    `model` is the program that it was made from, `program` the step that it computes; `differentiated` names the
    parameters and real inputs whose gradients its function `gradients` returns, in order.
    """

    source: str
    name: str
    model: Program
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
        return self.with_module(load_module(path))

    def with_module(self, module: ModuleType) -> Emitted:
        """The functions of a module that was made of this text."""
        return Emitted(self.model, self.program, self.differentiated, module, self.dtype)


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
class Form:
    """What a function of the file computes: the tensors that it is given and those that are kept, in its order.

    `divisors` are those formulas of sizes that must not be 0.
    """

    given: tuple[Tensor, ...]
    kept: tuple[Tensor, ...]
    divisors: Divisors


@dataclass(frozen=True)
class Emitted:
    """The functions of an emitted file, called with {name: array}; parameters and states are changed in place.

    Real arrays have `dtype` and are C-contiguous, tokens are integers; otherwise DataError is raised.  A batch also
    holds the masks.  States that a loss reads are given beside the parameters.
    """

    model: Program
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
    def masks(self) -> tuple[Tensor, ...]:
        return tuple(self.program.with_role(Role.MASK))

    @cached_property
    def training(self) -> Form:
        """Of `loss` and `gradients`."""
        program = training_form(self.model)
        return Form((*self.inputs, *self.masks), (*self.parameters, *states_read(program)), divisors(program))

    @cached_property
    def evaluation(self) -> Form:
        """Of `evaluation_loss` and `mean_loss`."""
        if not has_evaluation_form(self.model):
            return self.training
        program = evaluation_form(self.model)
        return Form(self.inputs, (*self.parameters, *states_read(program)), divisors(program))

    @cached_property
    def stepping(self) -> Form:
        """Of `train_chunk`, which draws the masks."""
        return Form(self.inputs, (*self.parameters, *self.states), divisors(self.program))

    @cached_property
    def threaded(self) -> bool:
        """Whether a step has sweeps, which can run on several threads."""
        chunk = self.module.train_chunk
        return "threads" in inspect.signature(getattr(chunk, "py_func", chunk)).parameters

    @cached_property
    def batch_size(self) -> str | None:
        """The name of the batch axis's size; None where the model reads one example at a time."""
        return batch_axis(self.program)

    def loss(self, batch: Values, parameters: Values) -> float:
        """The loss of one batch, in the training form."""
        return float(self.module.loss(*self.arguments(self.training, batch, parameters)))

    def evaluation_loss(self, batch: Values, parameters: Values) -> float:
        """The loss of one batch, in the evaluation form; without masks."""
        function = self.module.evaluation_loss if has_evaluation_form(self.model) else self.module.loss
        return float(function(*self.arguments(self.evaluation, batch, parameters)))

    def gradients(self, batch: Values, parameters: Values) -> tuple[float, dict[str, np.ndarray]]:
        """The loss of one batch, and its gradient by the name of each parameter and real input."""
        loss, *values = self.module.gradients(*self.arguments(self.training, batch, parameters))
        return float(loss), dict(zip(self.differentiated, values, strict=True))

    def mean_loss(self, data: Values, parameters: Values, batch: int) -> float:
        """The loss over all rows of the data in the evaluation form, `batch` at a time, each row weighing the same."""
        return float(self.module.mean_loss(*self.arguments(self.evaluation, data, parameters, batch), batch))

    def chunk(
        self,
        order: np.ndarray,
        settings: Values,
        data: Values,
        parameters: Values,
        states: Values,
        losses: np.ndarray,
        threads: int = 1,
    ) -> int:
        """len(order) steps in place on the rows order[k] of the data; how many were done (see `train_chunk`).

        `threads` is how many its sweeps may run on; the number of threads of BLAS is the caller's.
        """
        given = self.arguments(self.stepping, data, {**parameters, **states}, order.shape[1])
        rates = [np.ascontiguousarray(settings[tensor.name], dtype=np.float64) for tensor in self.settings]
        for name, array in (*zip((t.name for t in self.settings), rates, strict=True), ("losses", losses)):
            if array.shape != (len(order),):
                raise DataError(f"{self.program.name}: {name} has shape {array.shape}, expected one number a step")
        if self.inputs and order.size:
            rows = len(data[self.inputs[0].name])
            if order.min() < 0 or order.max() >= rows:
                raise DataError(f"{self.program.name}: a row number is outside the data's {rows} rows")
        return int(self.module.train_chunk(order, *rates, *given, losses, *([threads] if self.threaded else [])))

    # -- checks ----------------------------------------------------------------------------------------------------

    def arguments(self, form: Form, given: Values, kept: Values, batch: int | None = None) -> list[np.ndarray | float]:
        """What a form is given and what is kept, checked.

        With `batch` the inputs carry all rows of the data, which are taken so many at a time.
        """
        arrays = [(tensor, self.given(tensor, given)) for tensor in form.given]
        arrays += [(tensor, self.kept(tensor, kept)) for tensor in form.kept]
        leading = (Size(ROWS),) if batch is not None and self.batch_size is None else ()
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
        for taken in self.taken(form, sizes, batch):
            refuse_vanishing(form.divisors, {**sizes, **taken}, self.program.name)
        return [array if array.ndim or tensor not in self.inputs else array.item() for tensor, array in arrays]

    def taken(self, form: Form, sizes: Mapping[str, int], batch: int | None) -> Iterator[dict[str, int]]:
        """The sizes of the batch that a call takes: `mean_loss` ends with the rows that are left."""
        if batch is None or self.batch_size is None:
            yield {}
            return
        rows = sizes[self.batch_size]
        lengths = {batch} if form is self.stepping else {min(batch, rows), rows % batch} - {0}
        yield from ({self.batch_size: length} for length in sorted(lengths))

    def named(self, tensor: Tensor) -> str:
        return f"{self.program.name}: {tensor.role.value} {tensor.name}"

    def value(self, tensor: Tensor, values: Values) -> np.ndarray:
        if tensor.name not in values:
            raise DataError(f"{self.named(tensor)} is missing; given are {', '.join(values) or 'none'}")
        return np.asarray(values[tensor.name])

    def given(self, tensor: Tensor, values: Values) -> np.ndarray:
        """What is only read: integers for tokens, else an array of the file's type, copied where it must be."""
        value = self.value(tensor, values)
        if tensor.role is not Role.TOKENS:
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

"""A generated file and the module that it becomes: written atomically, loaded, called with arrays by name.

Generated code checks nothing inside its loops; what reaches it through `Emitted` has been checked by `Arguments`.
"""

from __future__ import annotations

import importlib.util
import inspect
import re
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise, takewhile
from pathlib import Path
from types import FrameType, ModuleType

import numpy as np

from ..language.errors import DataError, EmissionError
from ..language.evaluation import evaluation_form, has_evaluation_form, states_read, training_form
from ..language.files import write_atomically
from ..language.program import Program, Role, Tensor
from ..language.sizes import divisors
from .arguments import Arguments, Form, Values, thread_count
from .thresholds import Threshold

WHY, WHERE = 6, 6  # lines of a compiler's message: what it could not do, and in which line of the file
ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Generated:
    """The text of an emitted file; `print` shows it.

    `model` is the program that it was made from, `program` the step that it computes; `differentiated` names the
    parameters and real inputs whose gradients its function `gradients` returns, in order.  `of_tiles` and `of_threads`
    are the sizes at which the code takes another way; see `codegen.thresholds`.
    """

    source: str
    name: str
    model: Program
    program: Program
    differentiated: tuple[str, ...]
    dtype: str
    of_tiles: tuple[Threshold, ...] = ()
    of_threads: tuple[Threshold, ...] = ()

    def __str__(self) -> str:
        return self.source

    def __repr__(self) -> str:
        lines = f"{len(self.source.splitlines())} lines"
        return f"<Generated {self.name}.py: {lines}, gradients of {', '.join(self.differentiated)}>"

    def write(self, folder: str | Path = "generated") -> Path:
        """Write `<name>.py` into the folder, atomically, unless it is there already with this text.

        Raises DataError where it cannot.
        """
        path = Path(folder) / f"{self.name}.py"
        if path.is_file() and path.read_text(encoding="utf-8") == self.source:
            return path  # untouched, so that the compile cache beside it stays valid
        write_atomically(path, self.source.encode())
        return path

    def load(self, folder: str | Path = "generated") -> Emitted:
        """Write the file and import it; Numba compiles, and caches beside the file, when a function is first called.

        Raises DataError where it cannot be written, EmissionError where it does not load.
        """
        path = self.write(folder).resolve()
        return self.with_module(load_module(path))

    def with_module(self, module: ModuleType) -> Emitted:
        """The functions of a module that was made of this text."""
        return Emitted(
            self.model, self.program, self.differentiated, module, self.dtype, self.of_tiles, self.of_threads
        )


def load_module(path: Path) -> ModuleType:
    """The file as a module.  Raises EmissionError where importing it fails."""
    name = f"symgrad_generated.{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise DataError(f"{path} cannot be imported as Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise EmissionError(
            f"{path}, which symgrad emitted, does not load: {type(error).__name__}: {error}.  Where Numba itself "
            "works, this is a mistake of symgrad's, not of the model; report it with the model file"
        ) from error
    return module


def is_of_compiler(error: BaseException) -> bool:
    """Whether it was raised by Numba's compiler, and not by the code that it compiled."""
    frames = traceback.extract_tb(error.__traceback__)
    return any("/numba/core/" in Path(frame.filename).as_posix() for frame in frames)


def what_numba_says(error: BaseException) -> str:
    """Why it could not compile something, and at last which line."""
    lines = [line.rstrip() for line in ESCAPES.sub("", str(error)).splitlines() if line.strip()]
    lines = [line for line in lines if not line.startswith("Failed in nopython mode pipeline")]
    why = list(takewhile(lambda line: not line.startswith("During: "), lines))
    shown = [*why[-WHY:], *lines[len(why) :][-WHERE:]]
    return "\n".join(f"    {line}" for line in shown)


@dataclass(frozen=True)
class Emitted:
    """The functions of an emitted file, called with {name: array}; parameters and states are changed in place.

    Parameters and states are C-contiguous arrays of `dtype`; inputs are real numbers, tokens integers.  Whatever is
    wrong in an array (its name, kind, axes, lengths, ids) raises DataError before compiled code runs.  A batch also
    holds the masks.  States that a loss reads are given beside the parameters.

    `chunk` and `mean_loss` are given all rows of the data: in place of the batch axis, and where the model has none, in
    front of each input's own axes, `c` of shape (V,) as (rows, V), because a step then reads one row.
    """

    model: Program
    program: Program
    differentiated: tuple[str, ...]
    module: ModuleType
    dtype: str
    of_tiles: tuple[Threshold, ...] = ()
    of_threads: tuple[Threshold, ...] = ()

    def __repr__(self) -> str:
        name = self.module.__name__.rpartition(".")[2]
        return f"<Emitted {name}: loss, gradients, chunk, mean_loss in {self.dtype}>"

    @cached_property
    def arguments(self) -> Arguments:
        return Arguments(self.program, self.dtype)

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        return self.arguments.inputs

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
        return Form(self.inputs, (*self.parameters, *self.states), divisors(self.program), changes=True)

    @cached_property
    def threaded(self) -> bool:
        """Whether a step has sweeps, which can run on several threads."""
        chunk = self.module.train_chunk
        return "threads" in inspect.signature(getattr(chunk, "py_func", chunk)).parameters

    @property
    def batch_size(self) -> str | None:
        """The name of the batch axis's size; None where the model reads one example at a time."""
        return self.arguments.batch_size

    def loss(self, batch: Values, parameters: Values) -> float:
        """The loss of one batch, in the training form."""
        return float(self.called("loss", *self.arguments.of_batch(self.training, batch, parameters)))

    def evaluation_loss(self, batch: Values, parameters: Values) -> float:
        """The loss of one batch, in the evaluation form; without masks."""
        function = "evaluation_loss" if has_evaluation_form(self.model) else "loss"
        return float(self.called(function, *self.arguments.of_batch(self.evaluation, batch, parameters)))

    def gradients(self, batch: Values, parameters: Values) -> tuple[float, dict[str, np.ndarray]]:
        """The loss of one batch, and its gradient by the name of each parameter and real input."""
        loss, *values = self.called("gradients", *self.arguments.of_batch(self.training, batch, parameters))
        return float(loss), dict(zip(self.differentiated, values, strict=True))

    def mean_loss(self, data: Values, parameters: Values, batch: int, threads: int = 1) -> float:
        """The loss over all rows of the data in the evaluation form, `batch` at a time, each row weighing the same.

        Each of `threads` takes its share of the batches; the number of threads of BLAS is the caller's.
        """
        *arrays, batch = self.arguments.of_rows(self.evaluation, data, parameters, batch)
        given, kept = arrays[: len(self.inputs)], arrays[len(self.inputs) :]
        rows = len(given[0]) if given else 1
        several = shares(rows, batch, thread_count(threads, self.program.name))

        def of_share(share: slice) -> float:
            weight = (share.stop - share.start) / rows
            return weight * float(self.called("mean_loss", *(array[share] for array in given), *kept, batch))

        if len(several) == 1:
            return of_share(several[0])
        with ThreadPoolExecutor(len(several)) as pool:
            return sum(pool.map(of_share, several))

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

        `threads` is how many its sweeps may run on, best from 1 to the number of cores; the number of threads of BLAS
        is the caller's.
        """
        kept = {**parameters, **states}
        arguments = self.arguments.of_chunk(self.stepping, order, settings, data, kept, losses)
        threads = thread_count(threads, self.program.name)
        return int(self.called("train_chunk", *arguments, *([threads] if self.threaded else [])))

    def called(self, function: str, *arguments: object) -> object:
        """What the file's function gives.  Raises EmissionError where it cannot be compiled; Ctrl-C is never lost."""
        with noticed_interrupts() as interrupts:
            try:
                result = getattr(self.module, function)(*arguments)
            except Exception as error:
                if interrupts:
                    raise KeyboardInterrupt from error
                if not is_of_compiler(error):
                    raise
                raise EmissionError(
                    f"{self.program.name}: Numba cannot compile `{function}` of {self.module.__file__}, which symgrad "
                    "emitted.  This is a mistake of symgrad's, not of the model: report it with the model file; plain "
                    "loops (`--schedule plain`, in Python generate(..., schedule='plain')) may compile.  Numba "
                    f"says:\n{what_numba_says(error)}"
                ) from error
            if interrupts:
                raise KeyboardInterrupt
            return result


def shares(rows: int, batch: int, threads: int) -> list[slice]:
    """The rows in at most so many parts, each of whole batches, but for the last."""
    batches = max(1, -(-rows // batch))
    edges = [min(rows, batches * part // threads * batch) for part in range(threads + 1)]
    return [slice(start, stop) for start, stop in pairwise(edges) if start < stop]


@contextmanager
def noticed_interrupts() -> Iterator[list[int]]:
    """The interrupts within.  LLVM drops a KeyboardInterrupt that Python raises below it, and fails in another way."""
    seen: list[int] = []
    handler = signal.getsignal(signal.SIGINT)
    if handler is not signal.default_int_handler or threading.current_thread() is not threading.main_thread():
        yield seen
        return

    def notice(number: int, frame: FrameType | None) -> None:
        seen.append(number)
        handler(number, frame)

    signal.signal(signal.SIGINT, notice)
    try:
        yield seen
    finally:
        signal.signal(signal.SIGINT, handler)

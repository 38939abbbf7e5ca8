"""Stage 5: the emitted file.

One file holds, in this order: what it is; the functions that it carries along; `loss`; `gradients`; the optimizer's
`step`; `train_chunk`, the loop over batches; `evaluation_loss`, where the evaluation form is another one; `mean_loss`,
the loop for evaluation.  Each stands below its sweeps.  It imports modules of Python's own, numpy, numba, llvmlite.
"""

from __future__ import annotations

import hashlib
import textwrap
from dataclasses import dataclass
from functools import cached_property

from ..language.batch import batch_axis, is_total
from ..language.errors import DeclarationError
from ..language.evaluation import states_read
from ..language.notation import equation_text, text
from ..language.program import Equation, Program, Role, Tensor
from ..language.terms import reads
from .alike import Alike
from .chunk import Chunk
from .functions import FROM_NUMBA, support
from .header import header
from .linked import Linked, PartArray, arguments
from .names import Names
from .printer import Printer
from .python_text import function, indented, quoted, read_names
from .schedule.plan import Nest
from .setup import Setup, assigned
from .sweep_functions import NJIT, sweep_functions

MODULES = ("contextlib", "math", "mmap", "threading")  # of Python's own, where a file needs them
# Free reassociation of a whole function would turn r*(1 - f) + f*s into r + f*(s - r) and lose s where it is small;
# only sums that are collected in a loop may be reordered, by `plus`.
FAST = 'FAST = {"contract", "nsz"}  # multiply and add in one rounding; NaN and infinity keep their meaning'


@dataclass(frozen=True)
class Parts:
    """What a file is made of.  `model`: the textbook's equations, forward and adjoint; the nests compute its stable
    form."""

    title: str
    model: Program
    adjoints: dict[str, str]
    stable: tuple[str, ...]
    updates: tuple[Equation, ...]
    loss: Nest
    gradients: Nest
    step: Nest
    evaluation: Nest | None  # None: the loss's form
    optimizer: str
    dtype: str
    digest: str
    version: str


def emit(parts: Parts) -> str:
    """The text of the file; the same for the same program on every machine, SymPy version and hash seed."""
    return File(parts).text()


class File:
    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        program = parts.step.program
        nests = {"step": parts.step, "gradients": parts.gradients, "loss": parts.loss}
        nests |= {"evaluation_loss": parts.evaluation} if parts.evaluation else {}
        self.names = Names(name for nest in nests.values() for name in nest.program.tensors)
        self.inputs = program.with_role(Role.INPUT, Role.TOKENS)
        self.masks = program.with_role(Role.MASK)
        self.parameters = program.with_role(Role.PARAMETER)
        self.states = program.with_role(Role.STATE)
        self.settings = program.with_role(Role.SETTING)
        self.batch = batch_axis(program)
        self.used: set[str] = set()
        self.alike = Alike(parts.step, self.names, self.used)
        self.sweeps = {
            function: sweep_functions(nest, self.names, self.used, function, address)
            for function, nest in nests.items()
            for address in [self.alike.address if function == "step" else None]
        }

    @property
    def threads(self) -> list[str]:
        """The argument of a step that has sweeps."""
        return ["threads"] if self.sweeps["step"] else []

    def text(self) -> str:
        evaluation = [self.evaluation_loss()] if self.parts.evaluation else []
        functions = [self.loss(), self.gradients(), self.step(), self.train_chunk(), *evaluation, self.mean_loss()]
        imported, sources = support(self.used, self.parts.dtype)
        swept = "for_c" in self.used
        numba = [
            "njit",
            *(name for name in FROM_NUMBA if name in self.used),
            *(["cfunc", "get_num_threads"] if swept else []),
            *(["types"] if self.used & {"for_c", "product"} else []),
        ]
        body = "".join(f"\n{source.rstrip()}\n" for source in (*sources, *functions))
        head = [f'"""{self.header()}"""', ""]
        head += [f"import {module}" for module in MODULES if f"{module}." in body]
        head += [f"from math import {', '.join(imported)}"] if imported else []
        head += ["", "import numpy as np"]
        head += ["from llvmlite import binding"] if swept or "product" in self.used else []
        head += [f"from numba import {', '.join(sorted(numba))}"]
        if "@intrinsic" in body:
            head += ["from numba.core import cgutils", "from numba.extending import intrinsic"]
        head += ["", f"real = np.{self.parts.dtype}"]
        head += ["f32 = np.float32"] if "f32(" in body else []
        head += [FAST]
        if swept:
            digest = hashlib.sha256(f"{self.parts.dtype}{body}".encode()).hexdigest()[:12]
            head += [f'DIGEST = "{digest}"  # of what follows: functions of another file have other names']
            head += ["# Functions for C get the addresses of arrays, and carray makes arrays of them, of a shape."]
            head += [f"REALS = types.CPointer(types.{self.parts.dtype})", "IDS = types.CPointer(types.int32)"]
            head += ["ADDRESSES = types.CPointer(types.uintp)"]
        return "\n".join(head) + "\n" + body

    def header(self) -> str:
        parts = self.parts
        title = f"{parts.title}  Emitted by symgrad {parts.version}; do not edit."
        origin = f"Program {parts.digest}, {parts.optimizer}, {parts.dtype}, C-contiguous arrays"
        return header(title, parts.model, parts.adjoints, parts.stable, parts.updates, parts.step.program, origin)

    # -- functions -------------------------------------------------------------------------------------------------

    def loss(self) -> str:
        nest = self.parts.loss
        refuse_settings(nest.program)
        arguments = [*self.inputs, *self.masks, *self.parameters, *states_read(nest.program)]
        body = [*self.before(nest, "loss", arguments), *self.printed(nest, "loss")]
        doc = f"The loss {nest.program.outputs[0]} of one batch; nothing is changed."
        return self.function("loss", arguments, doc, [*body, f"return {self.names.tensor(nest.program.outputs[0])}"])

    def evaluation_loss(self) -> str:
        nest = self.parts.evaluation
        arguments = [*self.inputs, *self.parameters, *states_read(nest.program)]
        function = "evaluation_loss"
        body = [*self.before(nest, function, arguments), *self.printed(nest, function)]
        loss = nest.program.outputs[0]
        doc = f"The loss {loss} of one batch in the evaluation form; nothing is changed."
        return self.function("evaluation_loss", arguments, doc, [*body, f"return {self.names.tensor(loss)}"])

    def gradients(self) -> str:
        nest = self.parts.gradients
        arguments = [*self.inputs, *self.masks, *self.parameters, *states_read(nest.program)]
        outputs = nest.program.outputs
        body = [*self.before(nest, "gradients", arguments, outputs[1:]), *self.printed(nest, "gradients")]
        result = ", ".join(self.names.tensor(name) for name in outputs)
        doc = f"The loss of one batch and its gradients: ({', '.join(outputs)})."
        return self.function("gradients", arguments, doc, [*body, f"return {result}"])

    def step(self) -> str:
        """With sweeps it is linked, and called by addresses; a small one is compiled into its loop."""
        nest = self.parts.step
        arguments = [*self.inputs, *self.masks, *self.settings_of_step(), *self.parameters, *self.states]
        arguments += [nest.stored(name) for name in nest.workspace]
        doc = "One step in place; the loss before it.  A loss that is not finite leaves everything untouched."
        if not self.threads:
            sizes = assigned(self.setup(nest).sizes(arguments))
            return self.function("step", arguments, doc, [*sizes, *self.step_body])
        own = {argument.name for argument in self.linked.arguments}  # what only sweeps read goes past the step
        shapes = self.shapes([tensor for tensor in arguments if self.names.tensor(tensor.name) in own])
        alike = "".join(f"\n{source}\n\n" for source in self.alike.sources)
        return alike + self.of_sweeps("step") + "\n" + self.linked.source(quoted([doc, "", *shapes]), self.step_body)

    @cached_property
    def step_body(self) -> list[str]:
        nest = self.parts.step
        loss = self.names.tensor(nest.program.outputs[0])
        body = [*self.printed(nest, "step"), *self.copies(nest), f"return {loss}"]
        return [*self.setup(nest).shared(read_names(["while True:", *indented(body)])), *body]

    @cached_property
    def linked(self) -> Linked:
        """The step that has sweeps."""
        nest, read = self.parts.step, read_names(self.step_body)
        printer = Printer(nest, self.names, self.used)
        parts = self.part_arrays("step")
        places = self.alike.passed_on | {array.name for array in parts}
        found = arguments(nest, self.names, printer, read, parts, "threads", places)
        return Linked("step", (*found, *(sweep.at for sweep in self.sweeps["step"])), "types.float64", table=True)

    def train_chunk(self) -> str:
        kept = [*self.parameters, *self.states]
        of_step, linked = self.settings_of_step(), self.linked if self.threads else None
        sweeps, setup = self.sweeps["step"], self.setup(self.parts.step, lasting=True)
        return Chunk(setup, self.inputs, self.masks, self.settings, of_step, kept, linked, sweeps).text()

    def mean_loss(self) -> str:
        form = (self.parts.evaluation or self.parts.loss).program
        function = "evaluation_loss" if self.parts.evaluation else "loss"
        inputs = [self.names.tensor(tensor.name) for tensor in self.inputs]
        kept = [self.names.tensor(tensor.name) for tensor in (*self.parameters, *states_read(form))]

        def loss_of(part: str) -> str:
            return f"{function}({', '.join([*(name + part for name in inputs), *kept])})"

        rows, whole = [f"rows = {inputs[0]}.shape[0]" if inputs else "", "total = 0.0"], ["return total / rows"]
        if self.batch:
            doc = "The loss over all rows of the data, `batch` rows at a time, each row weighing the same."
            weight = "(stop - start) * "
            if is_total(form):
                doc, weight = (
                    "The loss, a total over the batch, over all rows of the data: the mean of a row's share.",
                    "",
                )
            turns = ["stop = min(start + batch, rows)", f"total += {weight}{loss_of('[start:stop]')}"]
            body = [*rows, "for start in range(0, rows, batch):", *(f"    {line}" for line in turns), *whole]
        elif inputs:
            doc = "The mean loss over all rows of the data; each is one example, so `batch` changes nothing."
            body = [*rows, "for row in range(rows):", f"    total += {loss_of('[row]')}", *whole]
        else:
            doc = "The loss; there are no data, so `batch` changes nothing."
            body = [f"return {loss_of('')}"]
        without_lock = NJIT.replace("cache=True", "cache=True, nogil=True")  # for threads of Python's
        return self.written("mean_loss", [*inputs, *kept, "batch"], [doc], body, without_lock)

    # -- their pieces ----------------------------------------------------------------------------------------------

    def settings_of_step(self) -> list[Tensor]:
        """The settings that the step's equations read; `train_chunk` may need others."""
        read = {read.tensor for e in self.parts.step.program.equations() for read in reads(e.body)}
        return [tensor for tensor in self.settings if tensor.name in read]

    def printed(self, nest: Nest, function: str) -> list[str]:
        calls = [sweep.call for sweep in self.sweeps[function]]
        nodes = self.alike.nodes if function == "step" else nest.nodes
        return Printer(nest, self.names, self.used, calls=calls).nodes(nodes, "")

    def part_arrays(self, function: str) -> list[PartArray]:
        """Each once: the arrays with an axis of parts that the function's sweeps use."""
        return list({array.name: array for sweep in self.sweeps[function] for array in sweep.arrays}.values())

    def function(self, name: str, arguments: list[Tensor], doc: str, body: list[str]) -> str:
        """The function after those of its sweeps."""
        names = [self.names.tensor(t.name) for t in arguments]
        return self.of_sweeps(name) + self.written(name, names, [doc, "", *self.shapes(arguments)], body)

    def of_sweeps(self, function: str) -> str:
        return "".join(f"\n{source}\n\n" for sweep in self.sweeps[function] for source in sweep.sources)

    def shapes(self, arguments: list[Tensor]) -> list[str]:
        shapes = [f"{self.names.tensor(t.name)} ({shape(t)})" for t in arguments if t.indices]
        return textwrap.wrap("Arrays: " + ", ".join(shapes), 112) if shapes else []

    @staticmethod
    def written(name: str, arguments: list[str], doc: list[str], body: list[str], decorator: str = NJIT) -> str:
        return "\n" + function(decorator, name, ", ".join(arguments), [*quoted(doc), *body])

    def setup(self, nest: Nest, lasting: bool = False) -> Setup:
        return Setup(nest, self.names, self.used, self.batch, lasting)

    def before(self, nest: Nest, function: str, arguments: list[Tensor], outputs: tuple[str, ...] = ()) -> list[str]:
        """The sizes and arrays of a function that makes them for itself."""
        setup = self.setup(nest)
        arrays = setup.arrays(self.part_arrays(function), outputs)
        return [*assigned(setup.sizes(arguments)), *assigned(arrays), *setup.shared()]

    def copies(self, nest: Nest) -> list[str]:
        return [f"{self.names.tensor(old)}[...] = {self.names.tensor(new)}" for old, new in nest.storage.copied]


def refuse_settings(loss: Program) -> None:
    """Raises DeclarationError where the loss reads a setting, which only a step is given."""
    for equation in loss.equations():
        for read in reads(equation.body):
            if loss.tensors[read.tensor].role is Role.SETTING:
                raise DeclarationError(
                    f"{loss.name}: {equation_text(equation)} reads the setting {read.tensor}, and the emitted loss is "
                    f"given inputs, parameters and states only; declare {read.tensor} as an input"
                )


def shape(tensor: Tensor) -> str:
    return ",".join(text(extent) for extent in tensor.shape)

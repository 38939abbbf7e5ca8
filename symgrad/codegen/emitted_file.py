"""Stage 5: the emitted file.

One file holds, in this order: what it is; the functions that it carries along; `loss`; `gradients`; the optimizer's
`step`; `train_chunk`, the loop over batches; `evaluation_loss`, where the evaluation form is another one; `mean_loss`,
the loop for evaluation.  Each stands below its sweeps.  It imports math, sys, threading, numpy, numba and llvmlite.
"""

from __future__ import annotations

import hashlib
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from ..language.batch import batch_axis, is_total
from ..language.errors import DeclarationError
from ..language.evaluation import states_read
from ..language.masks import DRAW
from ..language.notation import equation_text, text
from ..language.program import Equation, Program, Role, Tensor
from ..language.sizes import solved
from ..language.terms import Term, reads
from .functions import FROM_NUMBA, support
from .header import header
from .linked import Linked, PartArray, arguments
from .printer import Names, Printer
from .python_text import function, indented, quoted, read_names, wrapped
from .schedule.plan import Nest, sizes_in, sizes_named
from .sweep_functions import NJIT, sweep_functions

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
        self.sweeps = {
            function: sweep_functions(nest, self.names, self.used, function, threads=function == "step")
            for function, nest in nests.items()
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
            *(["types"] if self.used & {"for_c", "product", "in_huge_pages"} else []),
        ]
        system = [f"import {n}" for n, by in (("sys", "in_huge_pages"), ("threading", "for_c")) if by in self.used]
        head = [f'"""{self.header()}"""', "", "import math", *system, *self.math_imports(imported)]
        head += ["", "import numpy as np"]
        real = f"real = np.{self.parts.dtype}"
        short = ["f32 = np.float32"] if any("f32(" in source for source in sources) else []
        head += ["from llvmlite import binding"] if swept or "product" in self.used else []
        head += [f"from numba import {', '.join(sorted(numba))}", "", real, *short, FAST]
        body = "".join(f"\n{source.rstrip()}\n" for source in (*sources, *functions))
        if swept:
            digest = hashlib.sha256(body.encode()).hexdigest()[:12]
            head += [f'DIGEST = "{digest}"  # of what follows: functions of another file have other names']
            head += [f"REALS = types.CPointer(types.{self.parts.dtype})", "IDS = types.CPointer(types.int32)"]
        if not any("math." in function for function in functions):
            head.remove("import math")
            head.remove("")
        return "\n".join(head) + "\n" + body

    @staticmethod
    def math_imports(imported: list[str]) -> list[str]:
        return [f"from math import {', '.join(imported)}"] if imported else []

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
        body = [*self.sizes(nest, arguments), *self.allocations(nest, "loss"), *self.printed(nest, "loss")]
        doc = f"The loss {nest.program.outputs[0]} of one batch; nothing is changed."
        return self.function("loss", arguments, doc, [*body, f"return {self.names.tensor(nest.program.outputs[0])}"])

    def evaluation_loss(self) -> str:
        nest = self.parts.evaluation
        arguments = [*self.inputs, *self.parameters, *states_read(nest.program)]
        function = "evaluation_loss"
        body = [*self.sizes(nest, arguments), *self.allocations(nest, function), *self.printed(nest, function)]
        loss = nest.program.outputs[0]
        doc = f"The loss {loss} of one batch in the evaluation form; nothing is changed."
        return self.function("evaluation_loss", arguments, doc, [*body, f"return {self.names.tensor(loss)}"])

    def gradients(self) -> str:
        nest = self.parts.gradients
        arguments = [*self.inputs, *self.masks, *self.parameters, *states_read(nest.program)]
        outputs = nest.program.outputs
        allocations = self.allocations(nest, "gradients", outputs[1:])
        body = [*self.sizes(nest, arguments), *allocations, *self.printed(nest, "gradients")]
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
            return self.function("step", arguments, doc, [*self.sizes(nest, arguments), *self.step_body])
        return (
            self.of_sweeps("step")
            + "\n"
            + self.linked.source(quoted([doc, "", *self.shapes(arguments)]), self.step_body)
        )

    @cached_property
    def step_body(self) -> list[str]:
        nest = self.parts.step
        loss = self.names.tensor(nest.program.outputs[0])
        return [*self.shared(nest), *self.printed(nest, "step"), *self.copies(nest), f"return {loss}"]

    @cached_property
    def linked(self) -> Linked:
        """The step that has sweeps."""
        nest, read = self.parts.step, read_names(self.step_body)
        printer = Printer(nest, self.names, self.used)
        found = arguments(nest, self.names, printer, read, self.part_arrays("step"), "threads", updates=True)
        return Linked("step", found, "types.float64")

    def train_chunk(self) -> str:
        nest = self.parts.step
        arguments = [*self.inputs, *self.parameters, *self.states]
        batch = self.names.size(self.batch) if self.batch else ""
        rows = [f"{self.names.tensor(tensor.name)}[order[turn, 0]]" for tensor in self.inputs]
        body, gathered = [*self.sizes(nest, arguments, rows=True, arrays=self.masks), *self.mask_arrays(nest)], []
        if self.batch:
            rows = [self.names.batch(tensor.name) for tensor in self.inputs]
            for tensor, row in zip(self.inputs, rows, strict=True):
                name = self.names.tensor(tensor.name)
                shape = ", ".join([batch, *(f"{name}.shape[{k}]" for k in range(1, len(tensor.indices)))])
                comma = "," if len(tensor.indices) == 1 else ""
                number = "np.int32" if tensor.role is Role.TOKENS else "real"
                body.append(f"{row} = np.empty(({shape}{comma}), {number})")
                gathered += self.gathered_row(row, name, len(tensor.indices) - 1)
            gathered = [f"    for row in range({batch}):", *gathered]
        settings = [self.names.tensor(tensor.name) for tensor in self.settings]
        rows += [self.names.batch(mask.name) for mask in self.masks]
        rows += [f"{self.names.tensor(tensor.name)}[turn]" for tensor in self.settings_of_step()]
        of_turn = [*self.inputs, *self.masks, *self.settings_of_step()]
        given = dict(zip((self.names.tensor(tensor.name) for tensor in of_turn), rows, strict=True))
        if self.threads:
            call = self.linked.call("losses[turn] = ", given)
        else:
            lasting = (*self.parameters, *self.states, *map(nest.stored, nest.workspace))
            names = [*given.values(), *(self.names.tensor(tensor.name) for tensor in lasting)]
            call = wrapped("losses[turn] = step", ", ".join(names))
        body += [
            *self.allocations(nest, "step", shared=False),
            "for turn in range(order.shape[0]):",
            *gathered,
            *(f"    {line}" for line in self.draws()),
            *indented(call),
            "    if not math.isfinite(losses[turn]):",
            "        return turn",
            "return order.shape[0]",
        ]
        doc = [
            "len(order) steps in place, step k on rows order[k] of the data; losses[k] is the loss before step k.",
            "",
            "Returns how many steps were done: all, or those before the first loss that is not finite.",
        ]
        names = ["order", *settings, *(self.names.tensor(t.name) for t in arguments), "losses", *self.threads]
        if not self.threads:
            return self.written("train_chunk", names, doc, body)
        doc.append("Sweeps run on at most `threads` threads.")
        given = ", ".join(names)
        linked = [*quoted(doc), "link()", *wrapped("return train_steps", given)]
        steps = self.written("train_steps", names, ["What `train_chunk` does, when all is linked."], body)
        return steps + "\n\n\n" + "\n".join([*wrapped("def train_chunk", given, ":"), *indented(linked)])

    @staticmethod
    def gathered_row(batch: str, data: str, axes: int) -> list[str]:
        """One row of the batch from its row of the data, entry by entry: Numba compiles slices for seconds."""
        places = [f"axis{k}" for k in range(1, axes + 1)]
        rest = "".join(f", {place}" for place in places)
        lines = [f"for {place} in range({data}.shape[{k}]):" for k, place in enumerate(places, 1)]
        lines.append(f"{batch}[row{rest}] = {data}[order[turn, row]{rest}]")
        return ["        " + "    " * depth + line for depth, line in enumerate(lines)]

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
        return self.written("mean_loss", [*inputs, *kept, "batch"], [doc], body)

    # -- their pieces ----------------------------------------------------------------------------------------------

    def settings_of_step(self) -> list[Tensor]:
        """The settings that the step's equations read; `train_chunk` may need others."""
        read = {read.tensor for e in self.parts.step.program.equations() for read in reads(e.body)}
        return [tensor for tensor in self.settings if tensor.name in read]

    def mask_arrays(self, nest: Nest) -> list[str]:
        return [self.empty(nest, self.names.batch(mask.name), mask) for mask in self.masks]

    def draws(self) -> list[str]:
        """`draw_mask(r_batch, 0.8, draw[turn], 0)`: a line a mask."""
        if self.masks:
            self.used.add("draw_mask")
        key = f"{self.names.tensor(DRAW)}[turn]" if self.masks else ""
        return [
            f"draw_mask({self.names.batch(mask.name)}, {mask.keep!r}, {key}, {number})"
            for number, mask in enumerate(self.masks)
        ]

    def printed(self, nest: Nest, function: str) -> list[str]:
        calls = [sweep.call for sweep in self.sweeps[function]]
        return Printer(nest, self.names, self.used, calls=calls).nodes(nest.nodes, "")

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
    def written(name: str, arguments: list[str], doc: list[str], body: list[str]) -> str:
        return "\n" + function(NJIT, name, ", ".join(arguments), [*quoted(doc), *body])

    def sizes(
        self, nest: Nest, arguments: list[Tensor], rows: bool = False, arrays: Sequence[Tensor] = ()
    ) -> list[str]:
        """`B = x.shape[0]`: each size that the nest and `arrays` need, from the first argument that has it.

        `rows`: inputs carry all rows of the data, so that their first axis is not the batch.
        """
        wanted, printer = sizes_in(nest), Printer(nest, self.names, self.used)
        wanted |= set().union(*(sizes_named(extent) for tensor in arrays for extent in tensor.shape))
        wanted |= {self.batch} if rows and self.batch else set()
        lengths = []
        for tensor in arguments:
            before = 1 if rows and not self.batch and tensor in self.inputs else 0
            array = self.names.tensor(tensor.name)
            lengths += [(extent, self.names.length(array, k)) for k, extent in enumerate(tensor.shape, before)]
        values: dict[str, Term] = {self.batch: self.names.length("order", 1)} if rows and self.batch else {}
        while found := next(filter(None, (solved(*length, values) for length in lengths)), None):
            values[found[0]] = found[1]
        for name, value in reversed(values.items()):
            wanted |= sizes_named(value) & values.keys() if name in wanted else set()
        missing = sorted(wanted - values.keys())
        if missing:
            raise DeclarationError(
                f"{nest.program.name}: the size {', '.join(missing)} is the length of no array that the code is given; "
                "declare an input or parameter with that axis"
            )
        return [f"{self.names.size(n)} = {printer.term(v, 'int')[0]}" for n, v in values.items() if n in wanted]

    def allocations(self, nest: Nest, function: str, outputs: tuple[str, ...] = (), shared: bool = True) -> list[str]:
        lines = []
        for name in (*nest.workspace, *outputs):
            tensor = nest.stored(name)
            if tensor.indices and nest.storage.home[name] == name:
                lines.append(self.empty(nest, self.names.tensor(name), tensor, lasting=function == "step"))
        arrays = self.part_arrays(function)
        self.used |= {"in_huge_pages"} if arrays and function == "step" else set()
        threads = "threads" if function == "step" else "1"
        printer = Printer(nest, self.names, self.used)
        for array in arrays:
            extents = ", ".join([threads, *(printer.term(extent, "int")[0] for extent in array.shape)])
            empty = f"np.empty(({extents}), real)"
            lines.append(f"{array.name} = in_huge_pages({empty})" if function == "step" else f"{array.name} = {empty}")
        return lines + (self.shared(nest) if shared else [])

    def empty(self, nest: Nest, name: str, tensor: Tensor, lasting: bool = False) -> str:
        """`a = np.empty((B, H), real)`; what lasts for many steps and may be large in large pages."""
        printer = Printer(nest, self.names, self.used)
        extents = ", ".join(printer.term(extent, "int")[0] for extent in tensor.shape)
        kind = "np.int64" if tensor.vocabulary is not None else "real"
        comma = "," if len(tensor.indices) == 1 else ""
        empty = f"np.empty(({extents}{comma}), {kind})"
        if not lasting or len(tensor.indices) < 2:
            return f"{name} = {empty}"
        self.used.add("in_huge_pages")
        return f"{name} = in_huge_pages({empty})"

    def shared(self, nest: Nest) -> list[str]:
        """`h = a`: definitions that live in another's array."""
        local = {name for sweep in nest.sweeps for name in sweep.local}
        return [
            f"{self.names.tensor(name)} = {self.names.tensor(nest.storage.home[name])}  # in the same array"
            for name in nest.arrays
            if nest.storage.home[name] != name and name not in local
        ]

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

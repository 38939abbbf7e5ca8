"""Stage 5: the emitted file.  Only here, in `printer` and in `functions` is Python text built.

One file holds, in this order: what it is; the functions that it carries along; `loss`; `gradients`; the optimizer's
`step`; `train_chunk`, the loop over batches; `mean_loss`, the loop for evaluation.  It imports math, numpy and numba.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

from ..language.batch import batch_axis
from ..language.errors import DeclarationError
from ..language.notation import equation_text, text
from ..language.program import Equation, Program, Role, Tensor
from ..language.sizes import solved
from ..language.terms import Index, Reduce, Size, Term, reads
from .functions import support
from .header import header
from .printer import Names, Printer
from .schedule.plan import Nest

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
        nests = (parts.step, parts.gradients, parts.loss)
        self.names = Names(name for nest in nests for name in nest.program.tensors)
        self.inputs = program.with_role(Role.INPUT, Role.TOKENS)
        self.parameters = program.with_role(Role.PARAMETER)
        self.states = program.with_role(Role.STATE)
        self.settings = program.with_role(Role.SETTING)
        self.batch = batch_axis(program)
        self.used: set[str] = set()

    def text(self) -> str:
        functions = [self.loss(), self.gradients(), self.step(), self.train_chunk(), self.mean_loss()]
        imported, sources = support(self.used, self.parts.dtype)
        numba = "from numba import njit, types" if "product" in self.used else "from numba import njit"
        head = [f'"""{self.header()}"""', "", "import math", *self.math_imports(imported), "", "import numpy as np"]
        real = f"real = np.{self.parts.dtype}"
        short = ["f32 = np.float32"] if any("f32(" in source for source in sources) else []
        head += [numba, "", real, *short, FAST]
        if not any("math." in function for function in functions):
            head.remove("import math")
            head.remove("")
        return "\n".join(head) + "\n" + "".join(f"\n{source.rstrip()}\n" for source in (*sources, *functions))

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
        refuse_what_is_not_given(nest.program)
        arguments = [*self.inputs, *self.parameters]
        body = [*self.sizes(nest, arguments), *self.allocations(nest), *self.printed(nest)]
        doc = f"The loss {nest.program.outputs[0]} of one batch; nothing is changed."
        return self.function("loss", arguments, doc, [*body, f"return {self.names.tensor(nest.program.outputs[0])}"])

    def gradients(self) -> str:
        nest = self.parts.gradients
        arguments = [*self.inputs, *self.parameters]
        outputs = nest.program.outputs
        body = [*self.sizes(nest, arguments), *self.allocations(nest, outputs[1:]), *self.printed(nest)]
        result = ", ".join(self.names.tensor(name) for name in outputs)
        doc = f"The loss of one batch and its gradients: ({', '.join(outputs)})."
        return self.function("gradients", arguments, doc, [*body, f"return {result}"])

    def step(self) -> str:
        nest = self.parts.step
        arguments = [*self.inputs, *self.settings, *self.parameters, *self.states]
        workspace = [nest.program.tensors[name] for name in nest.workspace]
        body = [*self.sizes(nest, arguments + workspace), *self.shared(nest), *self.printed(nest), *self.copies(nest)]
        loss = self.names.tensor(nest.program.outputs[0])
        doc = "One step in place; the loss before it.  A loss that is not finite leaves everything untouched."
        return self.function("step", arguments + workspace, doc, [*body, f"return {loss}"])

    def train_chunk(self) -> str:
        nest = self.parts.step
        arguments = [*self.inputs, *self.parameters, *self.states]
        batch = self.names.size(self.batch) if self.batch else ""
        rows = [f"{self.names.tensor(tensor.name)}[order[turn, 0]]" for tensor in self.inputs]
        body, gathered = self.sizes(nest, arguments, rows=True), []
        if self.batch:
            rows = [self.names.batch(tensor.name) for tensor in self.inputs]
            for tensor, row in zip(self.inputs, rows, strict=True):
                name = self.names.tensor(tensor.name)
                shape = ", ".join([batch, *(f"{name}.shape[{k}]" for k in range(1, len(tensor.indices)))])
                comma, rest = "," if len(tensor.indices) == 1 else "", ", :" * (len(tensor.indices) - 1)
                body.append(f"{row} = np.empty(({shape}{comma}), {name}.dtype)")
                gathered.append(f"        {row}[row{rest}] = {name}[order[turn, row]{rest}]")
            gathered = [f"    for row in range({batch}):", *gathered]
        settings = [self.names.tensor(tensor.name) for tensor in self.settings]
        call = [*rows, *(f"{name}[turn]" for name in settings)]
        call += [self.names.tensor(name) for name in (*(t.name for t in arguments[len(rows) :]), *nest.workspace)]
        body += [
            *self.allocations(nest, shared=False),
            "for turn in range(order.shape[0]):",
            *gathered,
            f"    losses[turn] = step({', '.join(call)})",
            "    if not math.isfinite(losses[turn]):",
            "        return turn",
            "return order.shape[0]",
        ]
        doc = [
            "len(order) steps in place, step k on rows order[k] of the data; losses[k] is the loss before step k.",
            "",
            "Returns how many steps were done: all, or those before the first loss that is not finite.",
        ]
        names = ["order", *settings, *(self.names.tensor(t.name) for t in arguments), "losses"]
        return self.written("train_chunk", names, doc, body)

    def mean_loss(self) -> str:
        inputs = [self.names.tensor(tensor.name) for tensor in self.inputs]
        parameters = [self.names.tensor(tensor.name) for tensor in self.parameters]

        def loss_of(part: str) -> str:
            return f"loss({', '.join([*(name + part for name in inputs), *parameters])})"

        rows, whole = [f"rows = {inputs[0]}.shape[0]" if inputs else "", "total = 0.0"], ["return total / rows"]
        if self.batch:
            doc = "The loss over all rows of the data, `batch` rows at a time, each row weighing the same."
            weight = "(stop - start) * "
            if self.is_total():
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
        return self.written("mean_loss", [*inputs, *parameters, "batch"], [doc], body)

    def is_total(self) -> bool:
        """Whether the loss adds up over the batch: nothing in it divides by the batch's size."""
        equations = self.parts.loss.program.equations()
        return not any(node == Size(self.batch) for equation in equations for node in equation.body.walk())

    # -- their pieces ----------------------------------------------------------------------------------------------

    def printed(self, nest: Nest) -> list[str]:
        return Printer(nest, self.names, self.used).nodes(nest.nodes, "")

    def function(self, name: str, arguments: list[Tensor], doc: str, body: list[str]) -> str:
        shapes = [f"{self.names.tensor(t.name)} ({shape(t)})" for t in arguments if t.indices]
        lines = textwrap.wrap("Arrays: " + ", ".join(shapes), 112) if shapes else []
        return self.written(name, [self.names.tensor(t.name) for t in arguments], [doc, "", *lines], body)

    def written(self, name: str, arguments: list[str], doc: list[str], body: list[str]) -> str:
        head = f"def {name}({', '.join(arguments)}):"
        if len(head) > 118:
            wrapped = textwrap.wrap(", ".join(arguments) + ",", 112)
            head = "\n".join([f"def {name}(", *(f"    {line}" for line in wrapped), "):"])
        while doc and not doc[-1]:
            doc = doc[:-1]
        closing = (
            [f'    """{doc[0]}"""']
            if len(doc) == 1
            else [f'    """{doc[0]}', *(f"    {d}" if d else "" for d in doc[1:]), '    """']
        )
        decorator = '@njit(cache=True, fastmath=FAST, error_model="numpy")'
        return "\n".join(["", decorator, head, *closing, *(f"    {line}" for line in body)])

    def sizes(self, nest: Nest, arguments: list[Tensor], rows: bool = False) -> list[str]:
        """`B = x.shape[0]`: each size that the nest needs, from the first argument that has it.

        `rows`: inputs carry all rows of the data, so that their first axis is not the batch.
        """
        wanted, printer = sizes_in(nest), Printer(nest, self.names, self.used)
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

    def allocations(self, nest: Nest, outputs: tuple[str, ...] = (), shared: bool = True) -> list[str]:
        program = nest.program
        lines = []
        printer = Printer(nest, self.names, self.used)
        for name in (*nest.workspace, *outputs):
            tensor = program.tensors[name]
            if not tensor.indices or nest.storage.home[name] != name:
                continue
            extents = ", ".join(printer.term(extent, "int")[0] for extent in tensor.shape)
            kind = "np.int64" if tensor.vocabulary is not None else "real"
            comma = "," if len(tensor.indices) == 1 else ""
            lines.append(f"{self.names.tensor(name)} = np.empty(({extents}{comma}), {kind})")
        return lines + (self.shared(nest) if shared else [])

    def shared(self, nest: Nest) -> list[str]:
        """`h = a`: definitions that live in another's array."""
        return [
            f"{self.names.tensor(name)} = {self.names.tensor(nest.storage.home[name])}  # in the same array"
            for name in nest.arrays
            if nest.storage.home[name] != name
        ]

    def copies(self, nest: Nest) -> list[str]:
        return [f"{self.names.tensor(old)}[...] = {self.names.tensor(new)}" for old, new in nest.storage.copied]


def refuse_what_is_not_given(loss: Program) -> None:
    """Raises DeclarationError where the loss reads a state or a setting, which only a step is given."""
    for equation in loss.equations():
        for read in reads(equation.body):
            role = loss.tensors[read.tensor].role
            if role in (Role.STATE, Role.SETTING):
                raise DeclarationError(
                    f"{loss.name}: {equation_text(equation)} reads the {role.value} {read.tensor}, and the emitted "
                    f"loss is given inputs and parameters only; declare {read.tensor} as an input"
                )


def sizes_in(nest: Nest) -> set[str]:
    """Every size that the nest's loops, arrays and formulas name."""
    terms = [extent for name in nest.arrays for extent in nest.program.tensors[name].shape]
    for equation in nest.program.equations():
        indices = [node for node in equation.body.walk() if isinstance(node, Index)]
        indices += [index for node in equation.body.walk() if isinstance(node, Reduce) for index in node.indices]
        terms += [equation.body, *(index.extent for index in (*equation.indices, *indices))]
    return set().union(*map(sizes_named, terms))


def sizes_named(term: Term) -> set[str]:
    return {node.name for node in term.walk() if isinstance(node, Size)}


def shape(tensor: Tensor) -> str:
    return ",".join(text(extent) for extent in tensor.shape)

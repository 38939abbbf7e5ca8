"""Stage 5: the emitted file.  Only here, in `printer` and in `functions` is Python text built.

One file holds, in this order: what it is; the functions that it carries along; `loss`; `gradients`; the optimizer's
`step`; `train_chunk`, the loop over batches; `mean_loss`, the loop for evaluation.  It imports math, numpy and numba.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

from ..language.notation import declaration, equation_text, text
from ..language.program import Equation, Program, Role, Tensor
from ..language.terms import Size
from .functions import support
from .printer import Names, Printer
from .schedule.plan import Nest

# Free reassociation of a whole function would turn r*(1 - f) + f*s into r + f*(s - r) and lose s where it is small; only
# sums that are collected in a loop may be reordered, by `plus`.
FAST = 'FAST = {"contract", "nsz"}  # multiply and add in one rounding; NaN and infinity keep their meaning'


@dataclass(frozen=True)
class Parts:
    """What a file is made of.  `model`: the textbook's equations, forward and adjoint; the nests compute its stable form."""

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
        self.names = Names(list(program.tensors))
        self.inputs = program.with_role(Role.INPUT, Role.TOKENS)
        self.parameters = program.with_role(Role.PARAMETER)
        self.states = program.with_role(Role.STATE)
        self.settings = program.with_role(Role.SETTING)
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

    # -- the header ------------------------------------------------------------------------------------------------

    def header(self) -> str:
        parts, program = self.parts, self.parts.model
        adjoints = set(parts.adjoints.values())
        forward = [e for e in program.equations() if e.tensor not in adjoints]
        backward = [e for e in program.equations() if e.tensor in adjoints]
        of_parameters = {parts.adjoints[p.name] for p in self.parameters if p.name in parts.adjoints}
        lines = [f"{parts.title}  Emitted by symgrad {parts.version}; do not edit.", ""]
        lines += section("Inputs", [declared(tensor) for tensor in self.inputs])
        lines += section("Parameters", [f"{declared(tensor)} {parts.dtype}" for tensor in self.parameters])
        lines += section("States", [declared(tensor) for tensor in self.states])
        lines += section("Settings", [", ".join(tensor.name for tensor in self.settings)] if self.settings else [])
        lines += section("Notation", ["dX is dL/dX, with the shape of X;  [v == y] is 1 if true, else 0"])
        lines += [""]
        lines += section("Forward", [f"({e.label}) {equation_text(e)}" for e in forward])
        if parts.stable:
            lines += section("Stable", list(parts.stable))
        lines += section("Backward", [equation_text(e) for e in backward if e.tensor not in of_parameters])
        lines += section("Gradients", [equation_text(e) for e in backward if e.tensor in of_parameters])
        lines += section("Update", [f"({e.label}) {equation_text(e)}" for e in parts.updates])
        lines += ["", f"Program {parts.digest}, {parts.optimizer}, {parts.dtype}"]
        return "\n".join(lines) + "\n"

    # -- functions -------------------------------------------------------------------------------------------------

    def loss(self) -> str:
        nest = self.parts.loss
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
        data = [tensor for tensor in self.inputs if self.batched(tensor)]
        batch = self.batch_size()
        extra = [self.names.tensor(t.name) for t in self.settings]
        known: dict[str, str] = {batch: "order.shape[1]"} if batch else {}
        body = [f"{self.names.size(batch)} = order.shape[1]"] if batch else []
        arguments = [*self.inputs, *self.parameters, *self.states]
        body += self.sizes(nest, [t for t in arguments if t not in data], known, skip_batch=True)
        for tensor in data:
            name = self.names.tensor(tensor.name)
            if tensor.indices:
                shape = ", ".join(
                    [self.names.size(batch), *(f"{name}.shape[{k}]" for k in range(1, len(tensor.indices)))]
                )
                comma = "," if len(tensor.indices) == 1 else ""
                body.append(f"{name}_batch = np.empty(({shape}{comma}), {name}.dtype)")
        body += self.allocations(nest, shared=False)
        body.append("for turn in range(order.shape[0]):")
        with_rows = [tensor for tensor in data if tensor.indices]
        if with_rows:
            body.append(f"    for row in range({self.names.size(batch)}):")
            for tensor in with_rows:
                name, rest = self.names.tensor(tensor.name), ", :" * (len(tensor.indices) - 1)
                body.append(f"        {name}_batch[row{rest}] = {name}[order[turn, row]{rest}]")
        call = []
        for tensor in self.inputs:
            name = self.names.tensor(tensor.name)
            scalar = f"{name}[order[turn, 0]]"
            call.append(name if tensor not in data else f"{name}_batch" if tensor.indices else scalar)
        call += [f"{name}[turn]" for name in extra]
        call += [self.names.tensor(t.name) for t in (*self.parameters, *self.states)]
        call += [self.names.tensor(name) for name in nest.workspace]
        body.append(f"    losses[turn] = step({', '.join(call)})")
        body += ["    if not math.isfinite(losses[turn]):", "        return turn"]
        doc = [
            "len(order) steps in place, step k on rows order[k] of the data; losses[k] is the loss before step k.",
            "",
            "Returns how many steps were done: all, or those before the first loss that is not finite.",
        ]
        names = ["order", *extra, *(self.names.tensor(t.name) for t in arguments), "losses"]
        return self.written("train_chunk", names, doc, [*body, "return order.shape[0]"])

    def mean_loss(self) -> str:
        data = [tensor for tensor in self.inputs if self.batched(tensor)]
        names = [self.names.tensor(t.name) for t in (*self.inputs, *self.parameters)]
        first = self.names.tensor(data[0].name)
        by_row = any(not tensor.indices for tensor in data)
        part = "start" if by_row else "start:stop"
        call = [
            f"{self.names.tensor(t.name)}[{part}]" if t in data else self.names.tensor(t.name)
            for t in (*self.inputs, *self.parameters)
        ]
        body = [
            f"rows = {first}.shape[0]",
            "total = 0.0",
            f"for start in range(0, rows, {'1' if by_row else 'batch'}):",
            f"    stop = min(start + {'1' if by_row else 'batch'}, rows)",
            f"    total += (stop - start) * loss({', '.join(call)})",
            "return total / rows",
        ]
        doc = ["The loss over all rows of the data, `batch` rows at a time, each row weighing the same."]
        return self.written("mean_loss", [*names, "batch"], doc, body)

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

    def sizes(
        self, nest: Nest, arguments: list[Tensor], known: dict[str, str] | None = None, skip_batch: bool = False
    ) -> list[str]:
        """`B, N = x.shape`: each size that the nest needs, from the first argument that has it."""
        wanted = sizes_in(nest)
        seen = set(known or {})
        lines = []
        for tensor in arguments:
            new = [
                (position, extent.name)
                for position, extent in enumerate(tensor.shape)
                if isinstance(extent, Size) and extent.name in wanted and extent.name not in seen
            ]
            for position, name in new:
                if name not in seen:
                    lines.append(f"{self.names.size(name)} = {self.names.tensor(tensor.name)}.shape[{position}]")
                    seen.add(name)
        return lines

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

    def batch_size(self) -> str | None:
        """The size of the batch axis: the first axis of the first input that has one."""
        for tensor in self.inputs:
            if tensor.indices and isinstance(tensor.shape[0], Size):
                return tensor.shape[0].name
        return None

    def batched(self, tensor: Tensor) -> bool:
        batch = self.batch_size()
        if batch is None:
            return True  # a model of scalars: a row of the data is one example
        return bool(tensor.indices) and tensor.shape[0] == Size(batch)


def sizes_in(nest: Nest) -> set[str]:
    """Every size that the nest's loops, arrays and formulas name."""
    found: set[str] = set()
    for tensor in nest.program.tensors.values():
        for extent in tensor.shape:
            found |= {node.name for node in extent.walk() if isinstance(node, Size)}
    for equation in nest.program.equations():
        for node in equation.body.walk():
            if isinstance(node, Size):
                found.add(node.name)
    return found


def shape(tensor: Tensor) -> str:
    return ",".join(text(extent) for extent in tensor.shape)


def declared(tensor: Tensor) -> str:
    return declaration(tensor)


def section(title: str, lines: list[str]) -> list[str]:
    """`Title      first line`, the others below it."""
    return [f"{title if k == 0 else '':<11}{line}" for k, line in enumerate(lines)]

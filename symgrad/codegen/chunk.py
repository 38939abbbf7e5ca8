"""`train_chunk`, the loop over batches: `train_chunk` itself makes the arrays, in Python; `train_steps` is the loop,
compiled.

For arrays that compiled code makes Numba compiles much: that was a quarter of what a person waited for at first.  A
step that has sweeps is called by addresses, which `train_chunk` collects.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

from ..language.masks import DRAW
from ..language.program import Role, Tensor
from .linked import NUMBERS, TABLE, Linked
from .names import Names
from .python_text import INDENT, function, indented, quoted, read_names, wrapped
from .setup import Setup, assigned
from .sweep_functions import NJIT, SweepFunction

DOC = (
    "len(order) steps in place, step k on rows order[k] of the data; losses[k] is the loss before step k.",
    "",
    "Returns how many steps were done: all, or those before the first loss that is not finite.",
)


@dataclass(frozen=True)
class Chunk:
    """The steps that `setup` is for.

    `of_step` are the settings that its equations read; `linked` the step that has these sweeps, None without.
    """

    setup: Setup
    inputs: list[Tensor]
    masks: list[Tensor]
    settings: list[Tensor]
    of_step: list[Tensor]
    kept: list[Tensor]
    linked: Linked | None
    sweeps: list[SweepFunction]

    @property
    def names(self) -> Names:
        return self.setup.names

    def text(self) -> str:
        names = ["order", *map(self.name, (*self.settings, *self.inputs, *self.kept)), "losses"]
        names += ["threads"] if self.linked else []
        doc = quoted([*DOC, *(["Sweeps run on at most `threads` threads."] if self.linked else [])])
        loop = self.loop()
        if not self.sizes and not self.arrays and not self.linked:
            return "\n" + function(NJIT, "train_chunk", ", ".join(names), [*doc, *loop])
        read = read_names(loop)
        given = ", ".join(name for name in (*names, *self.sizes, *self.arrays, TABLE) if name in read)
        steps = function(NJIT, "train_steps", given, ['"""The steps of `train_chunk`, when all is made."""', *loop])
        body = [
            *doc,
            *assigned(self.sizes),
            *assigned(self.arrays),
            *self.linking,
            *wrapped("steps = train_steps", given),
            *(wrapped("spare", ", ".join(self.arrays)) if self.arrays else []),
            "return steps",
        ]
        return f"\n{steps}\n\n\n" + "\n".join([*wrapped("def train_chunk", ", ".join(names), ":"), *indented(body)])

    @cached_property
    def arrays(self) -> dict[str, str]:
        """What is made before the loop: the rows of one batch, the masks, the workspace."""
        setup = self.setup
        made = {self.names.batch(tensor.name): self.row_array(tensor) for tensor in self.gathered_inputs}
        for mask in self.masks:
            made[self.names.batch(mask.name)] = setup.empty(map(setup.extent, mask.shape))
        return made | setup.arrays(array for sweep in self.sweeps for array in sweep.arrays)

    @cached_property
    def sizes(self) -> dict[str, str]:
        """Those that the arrays and the loop need."""
        sizes = self.setup.sizes([*self.inputs, *self.kept], rows=True, arrays=self.masks)
        read = read_names([*self.arrays.values(), *self.loop()])
        for name, value in reversed(sizes.items()):
            read |= read_names([value]) if name in read else set()
        return {name: value for name, value in sizes.items() if name in read}

    def row_array(self, tensor: Tensor) -> str:
        batch = self.setup.batch
        lengths = [self.names.size(batch)] if batch else []
        lengths += [f"{self.name(tensor)}.shape[{k}]" for k in range(1, len(tensor.indices) + (0 if batch else 1))]
        return self.setup.empty(lengths, "np.int32" if tensor.role is Role.TOKENS else "real")

    @cached_property
    def linking(self) -> list[str]:
        """The tables of addresses: each sweep's, and the step's, `at`; the linked functions."""
        if not self.linked:
            return []
        lines = [line for sweep in self.sweeps for line in self.collected(sweep.at.name, sweep.linked)]
        return [*lines, *self.collected(TABLE, self.linked), "link()"]

    def collected(self, at: str, linked: Linked) -> list[str]:
        """The table of a function's addresses, in its order."""
        lines: list[str] = []
        for kind, arrays in groupby(linked.arrays, key=lambda argument: argument.kind):
            names = ", ".join([NUMBERS[kind], *(self.rows.get(argument.name, argument.given) for argument in arrays)])
            lines += wrapped(f"{at} {'+=' if lines else '='} addresses", names)
        return [*lines, f"{at} = np.array({at}, np.uintp)"]

    def loop(self) -> list[str]:
        """The steps, one after the other, until a loss is not finite."""
        return [
            "for turn in range(order.shape[0]):",
            *indented(self.gathered()),
            *indented(self.draws()),
            *indented(self.call()),
            "    if not math.isfinite(losses[turn]):",
            "        return turn",
            "return order.shape[0]",
        ]

    def call(self) -> list[str]:
        """`losses[turn] = step(...)`"""
        given = {self.name(tensor): f"{self.name(tensor)}[order[turn, 0]]" for tensor in self.inputs} | self.rows
        given |= {self.name(tensor): f"{self.name(tensor)}[turn]" for tensor in self.of_step}
        if not self.linked:
            workspace = map(self.setup.nest.stored, self.setup.nest.workspace)
            arrays = map(self.name, (*self.kept, *workspace))
            return wrapped("losses[turn] = step", ", ".join([*given.values(), *arrays]))
        self.setup.used.add("address")
        return self.linked.call("losses[turn] = ", given | {TABLE: f"address({TABLE})"})

    @property
    def gathered_inputs(self) -> list[Tensor]:
        """Those whose rows a step is given as an array of their own: a batch of them, or, where it is linked, one."""
        return [tensor for tensor in self.inputs if self.setup.batch or (self.linked and tensor.indices)]

    @cached_property
    def rows(self) -> dict[str, str]:
        """The arrays of a step's rows, and its masks, by the names that they have in the step."""
        return {self.name(tensor): self.names.batch(tensor.name) for tensor in (*self.gathered_inputs, *self.masks)}

    def gathered(self) -> list[str]:
        """The step's rows of the data, entry by entry: Numba compiles slices for seconds."""
        batch, lines = self.setup.batch, []
        row, source = (["row"], "order[turn, row]") if batch else ([], "order[turn, 0]")
        for tensor in self.gathered_inputs:
            name = self.name(tensor)
            places = [f"axis{k}" for k in range(1, len(tensor.indices) + 1 - len(row))]
            loops = [f"for {place} in range({name}.shape[{k}]):" for k, place in enumerate(places, 1)]
            loops.append(f"{self.rows[name]}[{', '.join([*row, *places])}] = {name}[{', '.join([source, *places])}]")
            lines += [INDENT * depth + line for depth, line in enumerate(loops)]
        return [f"for row in range({self.names.size(batch)}):", *indented(lines)] if batch else lines

    def draws(self) -> list[str]:
        """`draw_mask(r_batch, 0.8, draw[turn], 0)`: a line a mask."""
        if not self.masks:
            return []
        self.setup.used.add("draw_mask")
        key = f"{self.names.tensor(DRAW)}[turn]"
        return [
            f"draw_mask({self.names.batch(mask.name)}, {mask.keep!r}, {key}, {number})"
            for number, mask in enumerate(self.masks)
        ]

    # -- names -----------------------------------------------------------------------------------------------------

    def name(self, tensor: Tensor) -> str:
        return self.names.tensor(tensor.name)

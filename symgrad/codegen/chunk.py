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
from .linked import NUMBERS, Linked, PartArray
from .printer import Names
from .python_text import INDENT, function, indented, quoted, read_names, wrapped
from .setup import Setup, assigned
from .sweep_functions import NJIT

DOC = (
    "len(order) steps in place, step k on rows order[k] of the data; losses[k] is the loss before step k.",
    "",
    "Returns how many steps were done: all, or those before the first loss that is not finite.",
)


@dataclass(frozen=True)
class Chunk:
    """The steps that `setup` is for.

    `of_step` are the settings that its equations read; `linked` the step that has sweeps, and `parts` their arrays with
    an axis of parts; without sweeps it is None.
    """

    setup: Setup
    inputs: list[Tensor]
    masks: list[Tensor]
    settings: list[Tensor]
    of_step: list[Tensor]
    kept: list[Tensor]
    linked: Linked | None
    parts: list[PartArray]

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
        given = ", ".join(name for name in (*names, *self.sizes, *self.arrays, "at") if name in read)
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
        setup, batched = self.setup, self.inputs if self.setup.batch else []
        made = {self.names.batch(tensor.name): self.batch_of(tensor) for tensor in batched}
        for mask in self.masks:
            made[self.names.batch(mask.name)] = setup.empty(map(setup.extent, mask.shape))
        return made | setup.arrays(self.parts)

    @cached_property
    def sizes(self) -> dict[str, str]:
        """Those that the arrays and the loop need."""
        sizes = self.setup.sizes([*self.inputs, *self.kept], rows=True, arrays=self.masks)
        read = read_names([*self.arrays.values(), *self.loop()])
        for name, value in reversed(sizes.items()):
            read |= read_names([value]) if name in read else set()
        return {name: value for name, value in sizes.items() if name in read}

    def batch_of(self, tensor: Tensor) -> str:
        name = self.name(tensor)
        lengths = [f"{name}.shape[{k}]" for k in range(1, len(tensor.indices))]
        number = "np.int32" if tensor.role is Role.TOKENS else "real"
        return self.setup.empty([self.names.size(self.setup.batch), *lengths], number)

    @cached_property
    def linking(self) -> list[str]:
        """The addresses `at` of the arrays that a linked step is given, in its order; the linked functions."""
        if not self.linked:
            return []
        rows = {self.name(t): self.names.batch(t.name) for t in self.inputs if self.setup.batch} | self.mask_rows
        lines: list[str] = []
        for kind, arrays in groupby(self.linked.arrays, key=lambda argument: argument.kind):
            names = ", ".join([NUMBERS[kind], *(rows.get(argument.name, argument.given) for argument in arrays)])
            lines += wrapped(f"at {'+=' if lines else '='} addresses", names)
        return [*lines, "at = np.array(at, np.uintp)", "link()"]

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
        rates = {self.name(tensor): f"{self.name(tensor)}[turn]" for tensor in self.of_step}
        given = {self.name(tensor): self.batch(tensor) for tensor in self.inputs} | self.mask_rows | rates
        if not self.linked:
            workspace = map(self.setup.nest.stored, self.setup.nest.workspace)
            return wrapped(
                "losses[turn] = step", ", ".join([*given.values(), *map(self.name, (*self.kept, *workspace))])
            )
        return self.linked.call("losses[turn] = ", given | self.places)

    @cached_property
    def places(self) -> dict[str, str]:
        """Of the arrays that a linked step is given: `at[k]`, or, of an input that is read row by row, from there."""
        found = {argument.name: f"at[{k}]" for k, argument in enumerate(self.linked.arrays)}
        if not self.setup.batch:
            for name in map(self.name, self.inputs):
                if name in found:
                    found[name] += f" + np.uintp(order[turn, 0] * {name}.strides[0])"
        return found

    def gathered(self) -> list[str]:
        """The batch's rows of the data, entry by entry: Numba compiles slices for seconds."""
        if not self.setup.batch:
            return []
        lines = [f"for row in range({self.names.size(self.setup.batch)}):"]
        for tensor in self.inputs:
            name, places = self.name(tensor), [f"axis{k}" for k in range(1, len(tensor.indices))]
            rest = "".join(f", {place}" for place in places)
            nested = [f"for {place} in range({name}.shape[{k}]):" for k, place in enumerate(places, 1)]
            nested.append(f"{self.names.batch(tensor.name)}[row{rest}] = {name}[order[turn, row]{rest}]")
            lines += [INDENT * depth + line for depth, line in enumerate(nested, 1)]
        return lines

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

    def batch(self, tensor: Tensor) -> str:
        """What a step is given of an input: its rows of the batch; without a batch one row of the data."""
        return self.names.batch(tensor.name) if self.setup.batch else f"{self.name(tensor)}[order[turn, 0]]"

    @property
    def mask_rows(self) -> dict[str, str]:
        return {self.name(mask): self.names.batch(mask.name) for mask in self.masks}

"""A `Program`: tensors, and equations that define one from others, in the order of their evaluation.

    Program    = tensors, items, outputs, updates, evaluation
    item       = Equation                        X[i, j] = body
               | Recurrence(index, items)        items that refer to earlier slices of each other along one axis
               | Use(part, arguments, prefix)    a program used as a part, perhaps many times; its meaning is `flatten`
    updates    = state or parameter -> the tensor that holds its value after the step
    evaluation = definition -> its right side in the evaluation form, where that differs (see `evaluation.py`)

A model, its gradients, an optimizer's rule and a whole training step are all Programs: what can be derived can be
derived again, and everything is printed, checked, interpreted and emitted by the same code.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import Enum

from .terms import Index, Read, Term


class Role(Enum):
    """What a tensor is to a program; the value is the word used in messages."""

    PARAMETER = "parameter"  # learned
    INPUT = "input"  # real numbers given with each batch
    TOKENS = "tokens"  # integers given with each batch, 0 <= id < vocabulary
    MASK = "mask"  # drawn anew for each step: 1/keep with probability keep, else 0; 1 in the evaluation form
    STATE = "state"  # kept from step to step, not learned: Adam's m, running statistics
    SETTING = "setting"  # a real scalar given with each step: learning rate, step count
    DEFINITION = "definition"  # made by an equation


@dataclass(frozen=True)
class Initial:
    """How a parameter starts: `normal` (scale = standard deviation), `uniform` (within +-scale) or `constant`."""

    kind: str = "normal"
    scale: float = 0.1

    def __str__(self) -> str:
        return f"{self.kind}({self.scale:g})"


@dataclass(frozen=True)
class Tensor:
    """A named array; `indices` are one per axis and give its shape (their extents)."""

    name: str
    indices: tuple[Index, ...]
    role: Role
    vocabulary: Term | None = None  # the extent that tokens, and definitions that are an argmax, stay below
    initial: Initial = Initial()
    keep: float | None = None  # of a mask: the probability that an entry is not 0

    @property
    def shape(self) -> tuple[Term, ...]:
        return tuple(index.extent for index in self.indices)

    @property
    def entry(self) -> Read:
        """The general entry: `h[b,i]`."""
        return Read(self.name, self.indices)


@dataclass(frozen=True)
class Equation:
    """`tensor[indices] = body` for every value of the indices.  `label` numbers it: F3, dW2."""

    tensor: str
    indices: tuple[Index, ...]
    body: Term
    label: str = ""

    @property
    def left(self) -> Read:
        return Read(self.tensor, self.indices)


@dataclass(frozen=True)
class Recurrence:
    """Items evaluated slice by slice along `index`: from 0 up, or from the last down where `reverse`.

    Within, a read at an earlier slice (`h[b, t-1, j]`; `t+1` in reverse) has its value from a former turn.
    """

    index: Index
    items: tuple[Item, ...]
    reverse: bool = False


@dataclass(frozen=True)
class Use:
    """`part`, with its inputs bound to this program's tensors; its definitions appear as `prefix` + their name."""

    part: Program
    arguments: tuple[tuple[str, str], ...]
    prefix: str


Item = Equation | Recurrence | Use


@dataclass(frozen=True, eq=False)
class Program:
    """See the module's docstring.  `outputs[0]` is the loss where there is one.  A program is equal to itself alone."""

    name: str
    tensors: dict[str, Tensor]
    items: tuple[Item, ...]
    outputs: tuple[str, ...]
    updates: dict[str, str] = field(default_factory=dict)
    evaluation: dict[str, Term] = field(default_factory=dict)

    def with_role(self, *roles: Role) -> list[Tensor]:
        return [tensor for tensor in self.tensors.values() if tensor.role in roles]

    @property
    def parameters(self) -> list[Tensor]:
        return self.with_role(Role.PARAMETER)

    def equations(self) -> Iterator[Equation]:
        """The equations in order, those of recurrences too; a `Use` has to be flattened before."""
        return equations_of(self.items)

    def equation(self, tensor: str) -> Equation:
        """The equation that defines `tensor`."""
        for equation in self.equations():
            if equation.tensor == tensor:
                return equation
        raise KeyError(f"no equation defines {tensor}")

    def with_items(self, items: tuple[Item, ...]) -> Program:
        return replace(self, items=items)

    def __str__(self) -> str:
        from .notation import program_text

        return program_text(self)


def equations_of(items: tuple[Item, ...]) -> Iterator[Equation]:
    for item in items:
        if isinstance(item, Equation):
            yield item
        elif isinstance(item, Recurrence):
            yield from equations_of(item.items)
        else:
            raise TypeError(f"part {item.prefix!r} is not flattened: call language.parts.flatten(program) first")

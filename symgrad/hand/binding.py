"""What the names in a derivation mean: the model's tensors, their adjoints, its sizes.

    h, W_1, th            the tensor of that name, also with its underscores left out
    dh, d_h, grad_h, h_grad, h_bar, delta_h, dL_dh, grads["h"]     dL/dh, unless the model has a tensor of that name
    B, H                  sizes; n, N, m or batch_size is the size that leads every input, where nothing else has it
    what a stated map says: `# G = dW`

A name that means nothing of this is the file's own.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum

import numpy as np

from ..checking.points import size_names
from ..language.errors import ClaimError
from ..language.program import Program, Role
from ..language.terms import Size
from .layout import Layout, declared, natural
from .truth import At

COUNTING = tuple("tnibkj")  # the letters that people count with
BATCH_NAMES = ("n", "N", "m", "M", "B", "batch_size", "bs", "num_examples", "batch")
ADJOINTS = (
    r"d_?(?P<x>\w+)",
    r"(?:grad|delta|g)_(?P<x>\w+)",
    r"(?P<x>\w+?)_?(?:bar|grad)",
    r"d(?P<loss>[A-Za-z]+?)_?d_?(?P<x>\w+)",
    r"(?:grads?|gradients|dparams)\.(?P<x>\w+)",
)
LOSSES = ("L", "J", "E", "loss", "Loss", "cost", "nll", "ell")


class Meaning(Enum):
    VALUE = "value"
    ADJOINT = "adjoint"
    SIZE = "size"


@dataclass(frozen=True)
class Bound:
    """What a name means: the value or the adjoint of `tensor` in the file's layout, or a size."""

    meaning: Meaning
    tensor: str
    layout: Layout | None = None
    note: str = ""

    def at(self, at: At) -> np.ndarray | int:
        """Its right value at a point."""
        if self.meaning is Meaning.SIZE:
            return at.sizes[self.tensor]
        array = at.value(self.tensor) if self.meaning is Meaning.VALUE else at.adjoint(self.tensor)
        if self.meaning is Meaning.VALUE and at.truth.model.tensors[self.tensor].vocabulary is not None:
            array = array.astype(np.int64)
        return self.layout.to_claim(array, at.sizes) if self.layout is not None else array

    def spread(self, part: np.ndarray, at: At) -> np.ndarray:
        """An array of the model's axes in the file's layout."""
        return self.layout.to_claim(part, at.sizes) if self.layout is not None else part

    @property
    def given(self) -> bool:
        """Whether the model is given it, so that no line can define it."""
        return (
            self.meaning is not Meaning.ADJOINT
            and self.layout is not None
            and (self.layout.tensor.role is not Role.DEFINITION)
        )


class Names:
    """The meanings of names; `differentiable` are the tensors that have an adjoint; `shapes`, `stated` and `said` are
    what the file says of them (see `remarks.py`)."""

    def __init__(
        self,
        program: Program,
        differentiable: Collection[str],
        shapes: Mapping[str, tuple[str, ...]] | None = None,
        stated: Mapping[str, str] | None = None,
        said: Mapping[str, str] | None = None,
    ) -> None:
        self.program = program
        # dy for targets y, which no path joins to the loss, is a name of the file's own
        self.differentiable = {*differentiable, *(p.name for p in program.parameters)}
        self.sizes = size_names(program)
        self.stated = {**self.sensible(said or {}), **(stated or {})}
        self.layouts: dict[str, Layout] = {}
        self.memo: dict[str, Bound | None] = {}
        for name, axes in (shapes or {}).items():
            bound = self.meaning(name)
            if bound is None or bound.meaning is Meaning.SIZE:
                raise ClaimError(f"the shape of {name} is declared, which {self.unknown(name)}")
            self.layouts[bound.tensor] = declared(program.tensors[bound.tensor], axes)
        self.memo.clear()

    def meaning(self, name: str) -> Bound | None:
        """What the name means; None for a name of the file's own."""
        if name not in self.memo:
            self.memo[name] = self.found(name)
        return self.memo[name]

    def sensible(self, said: Mapping[str, str]) -> dict[str, str]:
        """What text says of names where it says a name of the model: "z is large" says none."""
        known = set(self.all())
        return {self.without_index(name, meaning): meaning for name, meaning in said.items() if meaning in known}

    def without_index(self, name: str, meaning: str) -> str:
        """x of "x_i is X": a letter that counts, and is nothing else, is the index of an entry of an array."""
        base, _, letter = name.rpartition("_")
        axes = len(self.program.tensors[meaning].indices) if meaning in self.program.tensors else 0
        other = letter in self.program.tensors or letter in self.sizes or meaning.replace("_", "") == base + letter
        return base if base and axes and letter in COUNTING and not other else name

    def release(self, names: Collection[str]) -> None:
        """These are the file's own."""
        self.memo |= dict.fromkeys(names)

    def found(self, name: str) -> Bound | None:
        if name in self.stated and self.stated[name] != name:
            bound = self.meaning(self.stated[name])
            if bound is None:
                raise ClaimError(f"{name} is said to be {self.stated[name]}, which {self.unknown(self.stated[name])}")
            return bound
        tensor = self.tensor(name)
        if tensor is not None:
            return self.bound(Meaning.VALUE, tensor)
        if name in self.sizes:
            return Bound(Meaning.SIZE, name)
        for pattern in ADJOINTS:
            match = re.fullmatch(pattern, name)
            if match is None:
                continue
            over = match.groupdict().get("loss")
            if over is not None and over not in (*LOSSES, self.program.outputs[0]):
                continue
            tensor = self.tensor(match["x"])
            if tensor is not None and tensor in self.differentiable:
                return self.bound(Meaning.ADJOINT, tensor)
        if name in LOSSES:
            return self.bound(Meaning.VALUE, self.program.outputs[0])
        batch = self.batch()
        if name in BATCH_NAMES and batch is not None:
            return Bound(Meaning.SIZE, batch, note=f"{name} is read as {batch}")
        return None

    def bound(self, meaning: Meaning, tensor: str) -> Bound:
        layout = self.layouts.get(tensor) or natural(self.program.tensors[tensor])
        return Bound(meaning, tensor, layout)

    def tensor(self, name: str) -> str | None:
        """The tensor of that name, or the only one that has it without underscores."""
        if name in self.program.tensors:
            return name
        plain = [tensor for tensor in self.program.tensors if tensor.replace("_", "") == name.replace("_", "")]
        return plain[0] if len(plain) == 1 else None

    def batch(self) -> str | None:
        """The size that leads every input and all tokens, where there is one."""
        given = self.program.with_role(Role.INPUT, Role.TOKENS)
        leading = {tensor.shape[0] for tensor in given if tensor.shape}
        only = leading.pop() if len(leading) == 1 else None
        return only.name if isinstance(only, Size) else None

    def all(self) -> Iterator[str]:
        """Every name that the model gives a meaning, as it spells it."""
        yield from self.program.tensors
        yield from (f"d{name}" for name in self.program.tensors)
        yield from self.sizes

    def unknown(self, name: str) -> str:
        """The end of a sentence that says that `name` is not known."""
        near = get_close_matches(name, list(self.all()), n=3, cutoff=0.5)
        nearest = f"; nearest: {', '.join(near)}" if near else ""
        advice = f"make it in a line before, or say which name of the model it is: `# {name} = ...`"
        return f"is no name of the model {self.program.name}{nearest} ({advice})"

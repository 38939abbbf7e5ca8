"""The lines before the work: the sizes, from the shapes of arrays; the arrays that a function makes for itself."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from ..language.errors import DeclarationError
from ..language.program import Role, Tensor
from ..language.sizes import solved
from ..language.terms import Term
from .linked import PartArray
from .names import Names
from .printer import INT, Printer
from .schedule.plan import Nest, sizes_in, sizes_named


@dataclass(frozen=True)
class Setup:
    """Of a function that does what `nest` says.  `used` collects the carried functions that its lines call.

    `lasting`: the arrays are kept for many steps, and made in Python; otherwise within compiled code, for each call.
    """

    nest: Nest
    names: Names
    used: set[str]
    batch: str | None
    lasting: bool = False

    def sizes(self, arguments: Sequence[Tensor], rows: bool = False, arrays: Sequence[Tensor] = ()) -> dict[str, str]:
        """{B: x.shape[0]}: each size that the nest and `arrays` need, from the first argument that has it.

        `rows`: inputs carry all rows of the data, so that their first axis is not the batch.
        """
        wanted = sizes_in(self.nest)
        wanted |= set().union(*(sizes_named(extent) for tensor in arrays for extent in tensor.shape))
        wanted |= {self.batch} if rows and self.batch else set()
        lengths = []
        for tensor in arguments:
            before = 1 if rows and not self.batch and tensor.role in (Role.INPUT, Role.TOKENS) else 0
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
                f"{self.nest.program.name}: the size {', '.join(missing)} is the length of no array that the code is "
                "given; declare an input or parameter with that axis"
            )
        return {self.names.size(n): self.extent(v) for n, v in values.items() if n in wanted}

    def arrays(self, parts: Iterable[PartArray], outputs: tuple[str, ...] = ()) -> dict[str, str]:
        """{a: np.empty((B, H), real)}: the nest's own, its `outputs`, and `parts`, with an axis of parts in front."""
        found = {}
        for name in (*self.nest.workspace, *outputs):
            tensor = self.nest.stored(name)
            if tensor.indices and self.nest.storage.home[name] == name:
                number = "np.int64" if tensor.vocabulary is not None else "real"
                found[self.names.tensor(name)] = self.empty(map(self.extent, tensor.shape), number)
        count = "threads" if self.lasting else "1"
        for array in parts:
            found[array.name] = self.empty([count, *map(self.extent, array.shape)])
        return found

    def empty(self, extents: Iterable[str], number: str = "real") -> str:
        """`np.empty((B, H), real)`"""
        *first, last = extents
        shape = f"({', '.join([*first, last])}{'' if first else ','})"
        if not self.lasting:
            return f"np.empty({shape}, {number})"
        self.used.add("workspace")
        return f"workspace({shape})" if number == "real" else f"workspace({shape}, {number})"

    def shared(self, read: Collection[str] | None = None) -> list[str]:
        """`h = a`: definitions that live in another's array; those of `read`, if it is given."""
        local = {name for sweep in self.nest.sweeps for name in sweep.local}
        home = self.nest.storage.home
        return [
            f"{self.names.tensor(name)} = {self.names.tensor(home[name])}  # in the same array"
            for name in self.nest.arrays
            if home[name] != name and name not in local and (read is None or self.names.tensor(name) in read)
        ]

    def extent(self, term: Term) -> str:
        return Printer(self.nest, self.names, self.used).term(term, INT)[0]


def assigned(values: dict[str, str]) -> list[str]:
    return [f"{name} = {value}" for name, value in values.items()]

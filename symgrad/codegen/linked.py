"""Functions that are compiled once, for C, when a training begins, and that their callers know by name.

Numba compiles a function again with each that calls it, and the arrays among its arguments are many numbers each: of a
large step that is most of what a person waits for at first.  So a step and its sweeps get sizes, numbers and a table
`at` of addresses, and give the addresses their shapes; callers find them through the linker.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..language.program import Role
from ..language.terms import Term
from .names import Names
from .printer import INT, Printer
from .python_text import indented, read_names, wrapped
from .schedule.plan import Nest

SIZE, NUMBER, ID, LONG_ID, REAL = "types.intp", "types.float64", "IDS", "types.CPointer(types.int64)", "REALS"
ADDRESS, PLACE = "ADDRESSES", "types.uintp"  # a table of addresses; the place of a real array that is only passed on
TABLE = "at"
KINDS = (SIZE, NUMBER, ID, LONG_ID, PLACE, REAL, ADDRESS)  # what C knows arguments as, in their order
NUMBERS = {PLACE: "real", REAL: "real", ID: "np.int32", LONG_ID: "np.int64", ADDRESS: "np.uintp"}  # of arrays


@dataclass(frozen=True)
class PartArray:
    """`name` holds for each part a tensor's entries; `shape` are those of its axes that a part has."""

    name: str
    shape: tuple[Term, ...]


@dataclass(frozen=True)
class Argument:
    """`given` is what callers write unless they say otherwise; arrays have a shape, as text."""

    kind: str
    name: str
    given: str
    shape: str = ""


@dataclass(frozen=True)
class Linked:
    """A function that gives `result`: nothing, or a loss.

    It gets each address as an argument, or, with a `table`, all of them as one: many take Numba long, wherever they are
    passed on.
    """

    name: str
    arguments: tuple[Argument, ...]
    result: str = "types.void"
    table: bool = False

    @property
    def plain(self) -> list[Argument]:
        """What is no array."""
        return [argument for argument in self.arguments if argument.kind not in NUMBERS]

    @property
    def arrays(self) -> list[Argument]:
        return [argument for argument in self.arguments if argument.kind in NUMBERS]

    @property
    def taken(self) -> Sequence[Argument]:
        """What it is called with."""
        return [*self.plain, Argument(ADDRESS, TABLE, TABLE)] if self.table else self.arguments

    def source(self, doc: Sequence[str], body: Sequence[str]) -> str:
        counts = {kind: sum(argument.kind == kind for argument in self.taken) for kind in KINDS}
        signature = ", ".join(f"*[{kind}] * {count}" for kind, count in counts.items() if count)
        lines = [
            f"@for_c({self.result}({signature}))",
            *wrapped(f"def {self.name}", ", ".join(argument.name for argument in self.taken), ":"),
            *indented([*doc, *self.arrays_made(), *body]),
        ]
        return "\n".join(lines)

    def arrays_made(self) -> Iterator[str]:
        """The lines that make arrays of addresses."""
        for place, array in enumerate(self.arrays):
            given = f"{TABLE}[{place}]" if self.table else array.name
            if array.kind not in (PLACE, ADDRESS):
                given = f"pointer({given})" if self.table else given
                yield f"{array.name} = carray({given}, ({array.shape}), {NUMBERS[array.kind]})"
            elif self.table:
                yield f"{array.name} = {given}"

    def call(self, before: str, given: Mapping[str, str]) -> list[str]:
        """`before + step(...)` with `given` for the arguments of those names, and for the table."""
        return wrapped(before + self.name, ", ".join(given.get(a.name, a.given) for a in self.taken))


def arguments(
    nest: Nest,
    names: Names,
    printer: Printer,
    read: set[str],
    parts: Iterable[PartArray],
    count: str,
    places: Container[str] | None = None,
) -> tuple[Argument, ...]:
    """Of a function that reads these names: sizes, numbers, tokens and arrays, and the sizes of those arrays.

    `count` is how many parts a part array has.  A step has `places`, the names of those arrays that it only passes on;
    it gets the arrays of parameters without an axis too, another function the numbers in them.
    """
    updates, places = places is not None, places or ()
    of_part = {array.name: array for array in parts}

    def array(name: str, extents: Sequence[str], kind: str) -> Argument:
        return Argument(kind, name, name, ", ".join(extents) + ("," if len(extents) == 1 else ""))

    def shape(extents: Iterable[Term]) -> list[str]:
        return [printer.term(extent, INT)[0] for extent in extents]

    found: list[Argument] = []
    for (kind, name), written in list(names.given.items()):
        if written not in read or kind == "size":
            continue
        if written in places:
            found.append(Argument(PLACE, written, written))
        elif written in of_part:
            found.append(array(written, (count, *shape(of_part[written].shape)), REAL))
        elif kind == "tensor":
            tensor = nest.stored(name)
            ids = ID if tensor.role is Role.TOKENS else LONG_ID
            lasts = tensor.role in (Role.PARAMETER, Role.STATE)
            if tensor.indices or (lasts and updates):
                found.append(array(written, shape(tensor.shape), REAL if tensor.vocabulary is None else ids))
            else:
                number = NUMBER if tensor.vocabulary is None else SIZE
                found.append(Argument(number, written, f"{written}[()]" if lasts else written))
    read = read | read_names([f"({argument.shape})" for argument in found if argument.shape])
    sizes = (written for (kind, _), written in names.given.items() if kind == "size" and written in read)
    found += [Argument(SIZE, written, written) for written in sizes]
    found += [Argument(SIZE, count, count)] if count in read else []
    return tuple(sorted(found, key=lambda argument: KINDS.index(argument.kind)))

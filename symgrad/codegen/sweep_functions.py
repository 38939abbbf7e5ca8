"""Sweeps as functions of their own: `step_sweep_1(part, parts, ...)` does the tiles, or the rows, of one part.

Those of the step, which hold most of its work, are linked: compiled once, and not with each caller.  `run_step_sweep_1`
calls one for each part, where the work pays for it on several threads: a `prange` with nothing else in it, for what is
in it Numba compiles twice.  The addresses of a sweep's arrays are a table, which the step finds as `at_1`.

Every second sweep goes from its last tile to its first: what the one before touched last may still be in cache.

Part arrays have an axis of parts in front: what a sweep keeps for the tile at hand, and the sums that are added up when
all parts are done.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..language.algebra import mul
from ..language.notation import text
from ..language.terms import ONE, Const, Term
from .linked import ADDRESS, SIZE, TABLE, Argument, Linked, PartArray, arguments
from .names import Names
from .nests import Assign, Loop, MatrixProduct, Node, Sweep, Within
from .printer import INT, Printer
from .python_text import INDENT, function, indented, read_names, wrapped
from .schedule.plan import Nest

NJIT = '@njit(cache=True, fastmath=FAST, error_model="numpy")'


@dataclass(frozen=True)
class SweepFunction:
    """The text of the function (and of the one that runs it on threads), the lines that call it, its part arrays.

    `at` is the table of addresses that these lines pass on, and `linked` the function that reads it.
    """

    sources: tuple[str, ...]
    call: list[str]
    arrays: tuple[PartArray, ...]
    linked: Linked
    at: Argument | None


def sweep_functions(
    nest: Nest, names: Names, used: set[str], function: str, address: Callable[[str], str] | None = None
) -> list[SweepFunction]:
    """One for each sweep of the nest, in order; `function` is the name of the one that calls them.

    They run on threads where that function has `address`, which tells where it finds the array of a tensor.
    """
    return [
        Writer(nest, names, used, sweep, f"{function}_sweep_{n}", f"at_{n}", address, n % 2 == 0).written()
        for n, sweep in enumerate(nest.sweeps, 1)
    ]


class Writer:
    """`at`: what its table of addresses is called where it runs on threads."""

    def __init__(
        self,
        nest: Nest,
        names: Names,
        used: set[str],
        sweep: Sweep,
        name: str,
        at: str,
        address: Callable[[str], str] | None,
        backwards: bool,
    ) -> None:
        self.nest, self.names, self.used, self.sweep, self.backwards = nest, names, used, sweep, backwards
        self.at = names.identifier("addresses", at) if address else ""
        self.address = address
        self.name = names.identifier("function", name)
        self.printer = Printer(nest, names, used, sweep)

    def written(self) -> SweepFunction:
        sweep = self.sweep
        own = [self.part_array(name, self.shape(name)) for name in (*sweep.held, *sweep.partial)]
        local = [self.part_array(self.nest.storage.home[name], self.shape(name)) for name in sweep.local]
        of_part = dict(zip((*sweep.held, *sweep.partial, *sweep.local), (*own, *local), strict=True))
        doc, *body = self.body(of_part)
        parts = (Argument(SIZE, "part", "part"), Argument(SIZE, "parts", "parts"))
        found = arguments(self.nest, self.names, self.printer, read_names(body), (*own, *local), "parts")
        given = (*parts, *(argument for argument in found if argument.name != "parts"))
        function = Linked(self.name, given, table=bool(self.at))
        sources, calls = self.on_threads(function, [doc], body) if self.at else self.alone(function, [doc, *body])
        for name in sweep.partial:
            calls += self.sum_of_parts(name, of_part[name])
        at = Argument(ADDRESS, self.at, self.at, f"{len(function.arrays)},") if self.at else None
        return SweepFunction(sources, calls, tuple(dict.fromkeys((*own, *local))), function, at)

    def sum_of_parts(self, name: str, array: PartArray) -> list[str]:
        """The lines that add what each part has summed to the tensor."""
        if self.address:
            self.used |= {"add_parts", "address"}
            count = self.printer.term(mul(*array.shape), INT)[0]
            return wrapped("add_parts", f"parts, {count}, {self.address(name)}, {array.name}")
        indices = self.nest.program.tensors[name].indices
        places = ", ".join(self.names.index(index) for index in indices)
        loops = [(self.names.index(index), self.printer.term(index.extent, INT)[0]) for index in indices]
        lines = [f"for {place} in range({extent}):" for place, extent in [("part", "parts"), *loops]]
        lines.append(f"{self.names.tensor(name)}[{places}] += {array.name}[part, {places}]")
        return [INDENT * depth + line for depth, line in enumerate(lines)]

    @staticmethod
    def alone(linked: Linked, body: list[str]) -> tuple[tuple[str, ...], list[str]]:
        """The function, compiled with its caller, and the lines that call it for its only part."""
        names, given = zip(*((argument.name, argument.given) for argument in linked.arguments[1:]), strict=True)
        source = function(NJIT, linked.name, ", ".join(("part", *names)), body)
        # a 0 would be another type
        return (source,), ["parts = 1", *wrapped(linked.name, ", ".join(("parts - 1", *given)))]

    def on_threads(self, linked: Linked, doc: list[str], body: list[str]) -> tuple[tuple[str, ...], list[str]]:
        """The function, the one that calls it for each part, and the lines that call that one."""
        self.used |= {"for_c", "carray", "parts_for", "prange"}
        run = self.names.identifier("function", f"run_{linked.name}")
        names, given = ([getattr(a, told) for a in linked.plain[2:]] for told in ("name", "given"))
        lines = [
            "if parts == 1:",
            *indented([*linked.call("", {"part": "parts - 1"}), "return"]),
            "for part in prange(parts):",
            *indented(linked.call("", {"part": "np.int64(part)"})),
        ]
        source = function("@njit(cache=True, parallel=True)", run, ", ".join(["parts", *names, TABLE]), lines)
        calls = wrapped(run, ", ".join(["parts", *given, self.at]))
        return (linked.source(doc, body), source), [f"parts = parts_for({self.work()}, threads)", *calls]

    def body(self, of_part: dict[str, PartArray]) -> list[str]:
        """The part's own arrays, then its tiles."""
        sweep, names, term = self.sweep, self.names, self.printer.term
        by_tile = sweep.tile is not None
        loop = self.printer.nodes(sweep.body, INDENT if by_tile else "", 0)
        lines = [f"{names.tensor(name)} = {array.name}[part]" for name, array in of_part.items()]
        used = read_names(["while True:", *loop] if by_tile else loop)
        for name, home in self.nest.storage.home.items():  # so that LLVM knows the two names to be one array's
            if home != name and name not in of_part and names.tensor(name) in used:
                lines.append(f"{names.tensor(name)} = {names.tensor(home)}")
        lines += [f"{names.tensor(name)}[...] = 0" for name in sweep.partial]
        extent = term(sweep.axis, INT)[0]
        if not by_tile:
            doc = (
                f'"""Part `part` of `parts`: some rows of the {text(sweep.axis)}, through all that goes row by row."""'
            )
            return [doc, f"start, stop = {extent} * part // parts, {extent} * (part + 1) // parts", *lines, *loop]
        tile, size = names.index(sweep.tile), sweep.size
        first, end = "tiles * part // parts", "tiles * (part + 1) // parts"
        order = f"{end} - 1, {first} - 1, -1" if self.backwards else f"{first}, {end}"
        back = ", from the last to the first" if self.backwards else ""
        return [
            f'"""Part `part` of `parts`: {text(sweep.axis)}, {size} at a time{back}, and all that needs only these."""',
            *lines,
            f"tiles = {term(sweep.tile.extent, INT)[0]}",
            f"for {tile} in range({order}):",
            f"{INDENT}start, stop = {tile} * {size}, min({tile} * {size} + {size}, {extent})",
            *loop,
        ]

    def part_array(self, tensor: str, shape: list[Term]) -> PartArray:
        return PartArray(self.names.identifier("parts", f"{self.names.tensor(tensor)}_parts"), tuple(shape))

    def shape(self, tensor: str) -> list[Term]:
        """What a part has of the tensor."""
        extents = list(self.nest.stored(tensor).shape)
        if tensor in self.sweep.held and self.sweep.tile is not None:
            extents.remove(self.sweep.tile.extent)
        return [Const(self.sweep.size), *extents[1:]] if tensor in self.sweep.local else extents

    def work(self) -> str:
        """The largest number of multiplications or entries that one of its statements goes through."""
        products = [self.printer.term(mul(*space), INT)[0] for space in largest_spaces(self.sweep.body)]
        return products[0] if len(products) == 1 else f"max({', '.join(products)})"


def largest_spaces(nodes: list[Node]) -> list[tuple[Term, ...]]:
    """The extents of the loops around the statements, without those that another's are more than."""
    spaces = list({frozenset(Counter(space).items()): space for space in reversed([*spaces_of(nodes, ())])}.values())
    return [space for space in reversed(spaces) if not any(contains(o, space) for o in spaces if o is not space)]


def contains(space: tuple[Term, ...], other: tuple[Term, ...]) -> bool:
    return not Counter(other) - Counter(space)


def spaces_of(nodes: list[Node], around: tuple[Term, ...]) -> Iterator[tuple[Term, ...]]:
    """The extents of the loops around each statement, a product's own among them."""
    for node in nodes:
        match node:
            case Within(_, body):
                yield from spaces_of(list(body), around)
            case Loop(index, body):
                yield from spaces_of(body, (*around, index.extent))
            case MatrixProduct(p, _):
                yield (*around, *(index.extent for index in (*p.rows, *p.columns, *p.inner)))
            case Assign():
                yield around or (ONE,)

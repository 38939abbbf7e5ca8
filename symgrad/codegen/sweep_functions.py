"""Sweeps as functions of their own: `step_sweep_1(part, parts, ...)` does the tiles, or the rows, of one part.

Numba compiles a function again with each that calls it.  So a sweep of the step, which holds most of its work, is
called by a name that the linker knows, as C would call it: `step_sweep_1_for_c` gets addresses, and `run_step_sweep_1`
calls that for one part, or where the work pays for it on several threads, from a `prange` with nothing else in it.

Part arrays have an axis of parts in front: what a sweep keeps for the tile at hand, and the sums that are added up when
all parts are done.
"""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ..language.algebra import mul
from ..language.notation import text
from ..language.program import Role
from ..language.terms import ONE, Const, Term
from .nests import Assign, Loop, MatrixProduct, Node, Sweep, Within
from .printer import INT, Names, Printer
from .schedule.plan import Nest

INDENT = "    "
KINDS = {  # what C knows them as, in the order of arguments
    "size": "types.intp",
    "number": "types.float64",
    "np.int32": "IDS",
    "np.int64": "types.CPointer(types.int64)",
    "real": "REALS",
}
SIZES = {"real": "", "np.int32": ",~4", "np.int64": ",~8"}  # what is not the file's own number
NJIT = '@njit(cache=True, fastmath=FAST, error_model="numpy")'


@dataclass(frozen=True)
class PartArray:
    """`name` holds for each part a tensor's entries; `shape` are those of its axes that a part has."""

    name: str
    shape: tuple[Term, ...]


@dataclass(frozen=True)
class SweepFunction:
    """The text of the function (and of the one that runs it on threads), the lines that call it, its part arrays."""

    sources: tuple[str, ...]
    call: list[str]
    arrays: tuple[PartArray, ...]


def sweep_functions(nest: Nest, names: Names, used: set[str], function: str, threads: bool) -> list[SweepFunction]:
    """One for each sweep of the nest, in order; `function` is the name of the one that calls them."""
    return [
        Writer(nest, names, used, sweep, f"{function}_sweep_{n}", threads).written()
        for n, sweep in enumerate(nest.sweeps, 1)
    ]


@dataclass(frozen=True)
class Argument:
    """What a sweep is given as C knows it; `given` is what its caller writes; arrays have a shape and `number`s."""

    kind: str
    name: str
    given: str
    shape: str = ""
    number: str = ""


class Writer:
    def __init__(self, nest: Nest, names: Names, used: set[str], sweep: Sweep, name: str, threads: bool) -> None:
        self.nest, self.names, self.used, self.sweep, self.threads = nest, names, used, sweep, threads
        self.name = names.identifier("function", name)
        self.printer = Printer(nest, names, used, sweep)

    def written(self) -> SweepFunction:
        sweep = self.sweep
        own = [self.part_array(name, self.shape(name)) for name in (*sweep.held, *sweep.partial)]
        local = [self.part_array(self.nest.storage.home[name], self.shape(name)) for name in sweep.local]
        of_part = dict(zip((*sweep.held, *sweep.partial, *sweep.local), (*own, *local), strict=True))
        body = self.body(of_part)
        arguments = self.arguments(read_names(body[1:]), (*own, *local))
        names = ", ".join(argument.name for argument in arguments)
        sources = [function(NJIT, self.name, f"part, parts, {names}", body)]
        given = ", ".join(argument.given for argument in arguments)
        if not self.threads:
            calls = ["parts = 1", *wrapped(self.name, f"parts - 1, parts, {given}")]  # a 0 would be another type
        else:
            self.used |= {"by_name", "address", "carray", "parts_for", "prange"}
            run = self.names.identifier("function", f"run_{self.name}")
            sources += [self.for_c(arguments), self.runner(run, arguments)]
            calls = [f"parts = parts_for({self.work()}, threads)", *wrapped(run, f"parts, {given}")]
        for name in sweep.partial:
            self.used.add("add_parts")
            calls.append(f"add_parts({self.names.tensor(name)}, {of_part[name].name}, parts)")
        return SweepFunction(tuple(sources), calls, tuple(dict.fromkeys((*own, *local))))

    def for_c(self, arguments: list[Argument]) -> str:
        """The function by addresses; its arrays get their shapes."""
        counts = {kind: sum(a.kind == kind for a in arguments) for kind in KINDS.values()}
        counts["types.intp"] += 2  # part, parts
        signature = ", ".join(f"*[{kind}] * {count}" for kind, count in counts.items() if count)
        decorator = f"@cfunc(types.void({signature}), cache=True)"
        names = ", ".join(("part", "parts", *(a.name for a in arguments)))
        given = [f"carray({a.name}, ({a.shape}), {a.number})" if a.number else a.name for a in arguments]
        return function(
            decorator, f"{self.name}_for_c", names, wrapped(self.name, ", ".join(("part", "parts", *given)))
        )

    def runner(self, run: str, arguments: list[Argument]) -> str:
        """The function that calls it for each part; arrays that it is given live until it has ended."""
        linked = f"_{self.name}"
        addresses = ", ".join(f"address({a.name}{SIZES[a.number]})" for a in arguments if a.number) + ","
        at = ["at = (", *indented([line.replace("~", " ") for line in textwrap.wrap(addresses, 100)]), ")"]
        plain = [argument.name for argument in arguments if not argument.number]

        def call(part: str) -> list[str]:
            return indented(wrapped(linked, ", ".join((part, "parts", *plain, "*at"))))

        loop = ["    for part in prange(parts):", *indented(call("np.int64(part)"))]
        body = [*at, "if parts == 1:", *call("parts - 1"), "else:", *loop]
        names = ", ".join(("parts", *(argument.name for argument in arguments)))
        text_of_it = function("@njit(cache=True, parallel=True)", run, names, body)
        return f"{linked} = by_name({self.name}_for_c, DIGEST)\n\n\n{text_of_it}"

    def arguments(self, read: set[str], parts: Iterable[PartArray]) -> list[Argument]:
        """Sizes, numbers, tokens and arrays, in this order, of what the body reads, and the sizes of those arrays."""
        of_part = {array.name: array for array in parts}
        found: list[Argument] = []
        for (kind, name), written in list(self.names.given.items()):
            if written not in read or kind == "size":
                continue
            if written in of_part:
                found.append(self.array(written, ("parts", *self.extents(of_part[written].shape)), "real"))
            elif kind == "tensor" and (tensor := self.nest.stored(name)).indices:
                ids = "np.int32" if tensor.role is Role.TOKENS else "np.int64"
                found.append(
                    self.array(written, self.extents(tensor.shape), "real" if tensor.vocabulary is None else ids)
                )
            elif kind == "tensor":
                lasts = tensor.role in (Role.PARAMETER, Role.STATE)
                found.append(Argument(KINDS["number"], written, f"{written}[()]" if lasts else written))
        read = read | read_names([f"({argument.shape})" for argument in found])
        sizes = (written for (kind, _), written in self.names.given.items() if kind == "size" and written in read)
        found += [Argument(KINDS["size"], written, written) for written in sizes]
        return sorted(found, key=lambda argument: list(KINDS.values()).index(argument.kind))

    @staticmethod
    def array(name: str, extents: Sequence[str], number: str) -> Argument:
        shape = ", ".join(extents) + ("," if len(extents) == 1 else "")
        return Argument(KINDS[number], name, name, shape, number)

    def extents(self, shape: Iterable[Term]) -> list[str]:
        return [self.printer.term(extent, INT)[0] for extent in shape]

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
        return [
            f'"""Part `part` of `parts`: {text(sweep.axis)}, {size} at a time, and all that needs only these."""',
            *lines,
            f"tiles = {term(sweep.tile.extent, INT)[0]}",
            f"for {tile} in range(tiles * part // parts, tiles * (part + 1) // parts):",
            f"{INDENT}start, stop = {tile} * {size}, min({tile} * {size} + {size}, {extent})",
            *loop,
        ]

    def part_array(self, tensor: str, shape: list[Term]) -> PartArray:
        return PartArray(self.names.identifier("parts", f"{self.names.tensor(tensor)}_parts"), tuple(shape))

    def shape(self, tensor: str) -> list[Term]:
        """What a part has of the tensor."""
        extents = list(self.nest.program.tensors[tensor].shape)
        if tensor in self.sweep.held:
            extents.remove(self.sweep.tile.extent)
        return [Const(self.sweep.size), *extents[1:]] if tensor in self.sweep.local else extents

    def work(self) -> str:
        """The largest number of multiplications or entries that one of its statements goes through."""
        largest = max(spaces_of(self.sweep.body, ()), key=len)
        return self.printer.term(mul(*largest), INT)[0]


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


def read_names(lines: list[str]) -> set[str]:
    """The names that the lines read and do not make."""
    names = [node for node in ast.walk(ast.parse("\n".join(lines))) if isinstance(node, ast.Name)]
    return {node.id for node in names} - {node.id for node in names if isinstance(node.ctx, ast.Store)}


def function(decorator: str, name: str, arguments: str, body: list[str]) -> str:
    return "\n".join([decorator, *wrapped(f"def {name}", arguments, ":"), *indented(body)])


def indented(lines: list[str]) -> list[str]:
    return [INDENT + line for line in lines]


def wrapped(name: str, arguments: str, end: str = "") -> list[str]:
    """`name(arguments)` on one line, or with the arguments on lines of their own."""
    line = f"{name}({arguments}){end}"
    if len(line) <= 108:
        return [line]
    return [f"{name}(", *indented(textwrap.wrap(arguments + ",", 100)), f"){end}"]

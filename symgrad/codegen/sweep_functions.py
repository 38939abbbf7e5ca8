"""Sweeps as functions of their own: `step_sweep_1(part, parts, ...)` does the tiles of one part of the axis.

Where the work pays for it the parts run on several threads, one call each, through a function with one `prange` and
nothing else in it, which is quick to compile.  Part arrays have an axis of parts in front: what a sweep keeps for the
tile at hand, and the sums that are added up when all parts are done.
"""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from ..language.algebra import mul
from ..language.notation import text
from ..language.terms import ONE, Const, Term
from .nests import Assign, Loop, MatrixProduct, Node, Sweep, Within
from .printer import INT, Names, Printer
from .schedule.plan import Nest

INDENT = "    "


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
        read = read_names(body)
        arguments = ", ".join(name for name in self.names.given.values() if name in read)

        def call(function: str, *part: str) -> list[str]:
            return wrapped(function, ", ".join((*part, arguments)))

        compiled = '@njit(cache=True, fastmath=FAST, error_model="numpy")'
        sources = [function(compiled, self.name, f"part, parts, {arguments}", body)]
        alone = call(self.name, "parts - 1", "parts")  # 0 and 1 would be of types of their own
        calls = ["parts = 1", *alone]
        if self.threads:
            self.used |= {"parts_for", "prange"}
            loop = ["for part in prange(parts):", *indented(call(self.name, "np.int64(part)", "parts"))]
            together = f"{self.name}_on_threads"
            sources.append(function("@njit(cache=True, parallel=True)", together, f"parts, {arguments}", loop))
            calls = [f"parts = parts_for({self.work()}, threads)", "if parts == 1:", *indented(alone)]
            calls += ["else:", *indented(call(together, "parts"))]
        for name in sweep.partial:
            self.used.add("add_parts")
            calls.append(f"add_parts({self.names.tensor(name)}, {of_part[name].name}, parts)")
        return SweepFunction(tuple(sources), calls, tuple(dict.fromkeys((*own, *local))))

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

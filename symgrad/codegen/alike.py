"""Loops that are the same but for their arrays: one function, compiled once and called for each of them.

    for v .. for d ..   m_C[v,d] = beta1*m_C[v,d] + ...        each_1(V * D, lr, beta1, .., dC, m_C, v_C, C)
    for i ..            m_k[i] = beta1*m_k[i] + ...            each_1(H, lr, beta1, .., dk, m_k, v_k, k)

What a step does to every parameter, zeros, the norm, the optimizer's rule, goes through whole arrays entry by entry, so
that it is one loop over their entries, however many axes they have.  Such a function gets their addresses.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from ..language.algebra import mul
from ..language.rewriting import rebuild
from ..language.terms import Const, Index, Read, Size, Term
from .linked import NUMBER, REAL, SIZE, Argument, Linked
from .names import Names
from .nests import Assign, Comment, Lines, Loop, Node, StopIfNotFinite, Sweep, Zero, accesses
from .printer import INT, Printer
from .python_text import read_names, wrapped
from .schedule.plan import Nest
from .schedule.storage import PERSISTENT

ENOUGH = 4  # so many of them are worth a function
COUNT = "(entries)"  # a size that no model has


@dataclass(frozen=True)
class Flat:
    """`body` for each entry of arrays of these extents; `start` is the number that it collects, and what from.

    `above` are the comments that stand before it.
    """

    extents: tuple[Term, ...]
    body: tuple[Node, ...]
    start: Assign | None = None
    above: tuple[Comment, ...] = ()

    @property
    def reads(self) -> Iterator[Read]:
        """The arrays' entries and numbers of the body, in their order."""
        for node in self.body:
            if isinstance(node, Assign):
                yield node.target
                yield from (term for term in node.value.walk() if isinstance(term, Read))


@dataclass
class Alike:
    """The nest's `nodes`, those that are alike as calls, and the `sources` of the functions.

    `arrays` are the tensors whose arrays other nodes read or write.  Where no sweep is, the step is compiled with its
    caller and knows no addresses: there all stays as it is.
    """

    nest: Nest
    names: Names
    used: set[str]
    sources: list[str] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    arrays: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        if not self.nest.sweeps:
            self.nodes = self.nest.nodes
            return
        pieces = [(nodes, flat, self.pattern(flat) if flat else None) for nodes, flat in self.pieces()]
        groups: dict[object, list[Flat]] = {}
        for _, flat, pattern in pieces:
            if flat is not None:
                groups.setdefault(pattern, []).append(flat)
        found = {pattern: flats for pattern, flats in groups.items() if len(flats) >= ENOUGH}
        others = [n for nodes, _, pattern in pieces if pattern not in found for n in nodes]
        touched = [
            access.tensor for n in others if not isinstance(n, Sweep | StopIfNotFinite) for access in accesses(n)
        ]
        touched += [name for pair in self.nest.storage.copied for name in pair]
        self.arrays = {self.home(name) for name in touched}
        functions = {pattern: self.function(flats) for pattern, flats in found.items()}
        for nodes, flat, pattern in pieces:
            calls = pattern in found
            self.nodes += [*comments(nodes), Lines(self.call(functions[pattern], flat))] if calls else nodes

    @property
    def passed_on(self) -> set[str]:
        """The names of arrays of which the step needs only the addresses."""
        tensors = self.nest.program.tensors.values()
        return {self.names.tensor(t.name) for t in tensors if t.indices and t.name not in self.arrays}

    def address(self, tensor: str) -> str:
        """What a step writes for where the tensor's array begins."""
        home, name = self.home(tensor), self.names.tensor(self.home(tensor))
        return f"address({name})" if home in self.arrays else name

    def home(self, tensor: str) -> str:
        return self.nest.storage.home.get(tensor, tensor)

    def pieces(self) -> Iterator[tuple[list[Node], Flat | None]]:
        """The nodes in their order, those of a flat loop together with the number that it collects."""
        nodes = self.nest.nodes
        position = 0
        while position < len(nodes):
            for length in (2, 1):
                flat = self.flat(nodes[position : position + length])
                if flat is not None:
                    break
            if flat is not None and position > 0 and isinstance(nodes[position - 1], Comment):
                flat = replace(flat, above=(nodes[position - 1],))
            yield nodes[position : position + length], flat
            position += length

    def flat(self, nodes: Sequence[Node]) -> Flat | None:
        match nodes:
            case (Zero(name),) if self.nest.program.tensors[name].indices:
                target = self.nest.program.equation(name).left
                flat = Flat(tuple(i.extent for i in target.indices), (Assign(target, "=", Const(0)),))
                return flat if self.is_whole(target, target.indices) else None
            case (Assign(Read(_, ()), "=", Const(0)) as start, Loop() as loop):
                return self.flat_loop(loop, start)
            case (Loop() as loop,):
                return self.flat_loop(loop)
        return None

    def flat_loop(self, loop: Loop, start: Assign | None = None) -> Flat | None:
        """The loop with those in it as one; None where it does more than go through whole arrays."""
        indices, body = [], [loop]
        while len(inner := without_comments(body)) == 1 and isinstance(inner[0], Loop) and inner[0].order == "any":
            indices.append(inner[0].index)
            body = inner[0].body
        flat = Flat(tuple(index.extent for index in indices), tuple(body), start)
        assigned = [node for node in inner if isinstance(node, Assign) and node.op in ("=", "+=")]
        numbers = {node.target for node in assigned if not node.target.indices}
        if len(assigned) < len(inner) or numbers != ({start.target} if start else set()):
            return None
        if not all(read in numbers or self.is_whole(read, tuple(indices)) for read in flat.reads):
            return None
        within = sum(len(read.indices) for read in flat.reads)
        every = [n for node in assigned for side in (node.target, node.value) for n in side.walk()]
        return flat if sum(isinstance(node, Index) for node in every) == within else None

    def is_whole(self, read: Read, indices: tuple[Index, ...]) -> bool:
        """Whether it is a real number, or the entry at these indices of a real array that has no other axes."""
        tensor = self.nest.program.tensors.get(read.tensor)
        if tensor is None or tensor.vocabulary is not None:
            return False
        if not tensor.indices:
            return self.nest.program.tensors[self.home(read.tensor)].role not in PERSISTENT  # those are arrays
        shape = self.nest.stored(read.tensor).shape
        return read.indices == indices and shape == tuple(index.extent for index in indices)

    # -- functions -------------------------------------------------------------------------------------------------

    def pattern(self, flat: Flat) -> object:
        """The same for loops that differ in their arrays, in the number that they collect, and in their axes."""
        places: dict[str, int] = {}

        def visit(term: Term) -> Term:
            if not isinstance(term, Read):
                return rebuild(term, visit)
            own = term.indices or (flat.start is not None and term.tensor == flat.start.target.tensor)
            place = places.setdefault(self.home(term.tensor), len(places)) if own else None
            name = f"{'number' if self.is_local(term) else 'array'} {place}" if own else term.tensor
            return Read(name, (Const(0),) if term.indices else ())

        of_body = [(n.op, visit(n.target), visit(n.value)) for n in flat.body if isinstance(n, Assign)]
        return (flat.start is not None, *of_body)

    def homes(self, flat: Flat) -> list[str]:
        """The arrays of a loop, in the order in which it names them first."""
        return list(dict.fromkeys(self.home(r.tensor) for r in flat.reads if r.indices and not self.is_local(r)))

    def is_local(self, read: Read) -> bool:
        return read.tensor in self.nest.numbers

    def function(self, flats: list[Flat]) -> Linked:
        """The function, written for the first of them."""
        flat, names = flats[0], self.names
        names.given["size", COUNT] = count = names.identifier("count", "count")
        entry = Index("entry", Size(COUNT))
        printer = Printer(self.nest, names, self.used)
        body = [at_entry(node, entry) for node in flat.body]
        zeros = len(flat.body) == 1 and flat.body[0].value == Const(0)
        above = () if zeros else flat.above
        lines = printer.nodes([*above, *([flat.start] if flat.start else []), Loop(entry, body)], "")
        homes = self.homes(flat)
        others = dict.fromkeys(r.tensor for r in flat.reads if r.indices and not self.is_local(r))
        shared = [(names.tensor(n), names.tensor(self.home(n))) for n in others if n not in homes]
        aliases = [f"{name} = {home}  # in the same array" for name, home in shared]
        found = [Argument(SIZE, count, count), *self.plain_arguments(read_names(lines) - {count})]
        found += [Argument(REAL, names.tensor(name), names.tensor(name), f"{count},") for name in homes]
        result = [f"return {names.tensor(flat.start.target.tensor)}"] if flat.start else []
        kind = "types.float64" if flat.start else "types.void"
        name = "zero" if zeros else f"each_{sum('def each_' in source for source in self.sources) + 1}"
        linked = Linked(names.identifier("function", name), tuple(found), kind)
        doc = f'"""Entry by entry, whatever the axes: done {len(flats)} times, and written as for the first of them."""'
        self.used |= {"for_c", "carray"}
        self.sources.append(linked.source([doc], [*aliases, *lines, *result]))
        return linked

    def plain_arguments(self, read: set[str]) -> list[Argument]:
        """The sizes and the numbers among these names."""
        given = [(kind, name, written) for (kind, name), written in self.names.given.items() if written in read]
        sizes = [Argument(SIZE, written, written) for kind, _, written in given if kind == "size"]
        tensors = self.nest.program.tensors
        numbers = [w for kind, name, w in given if kind == "tensor" and not tensors[name].indices]
        return [*sizes, *(Argument(NUMBER, written, written) for written in numbers)]

    def call(self, function: Linked, flat: Flat) -> list[str]:
        """`total = each_2(V * D, dC)`"""
        extent = Printer(self.nest, self.names, self.used).term(mul(*flat.extents), INT)[0]
        numbers = [argument.given for argument in function.plain[1:]]
        self.used.add("address")
        given = ", ".join([extent, *numbers, *map(self.address, self.homes(flat))])
        before = f"{self.names.tensor(flat.start.target.tensor)} = " if flat.start else ""
        return wrapped(before + function.name, given)


def without_comments(nodes: Sequence[Node]) -> list[Node]:
    return [node for node in nodes if not isinstance(node, Comment)]


def comments(nodes: Sequence[Node]) -> Iterator[Comment]:
    for node in nodes:
        if isinstance(node, Comment):
            yield node
        elif isinstance(node, Loop):
            yield from comments(node.body)


def at_entry(node: Node, entry: Index) -> Node:
    """The node with every array as a row of entries."""

    def visit(term: Term) -> Term:
        if isinstance(term, Read):
            return Read(term.tensor, (entry,) if term.indices else ())
        return rebuild(term, visit)

    return Assign(visit(node.target), node.op, visit(node.value)) if isinstance(node, Assign) else node

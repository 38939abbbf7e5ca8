"""Loop nests: what the schedule makes and the printer writes.

    Node = Comment(lines)  |  Zero(tensor)  |  Assign(target, op, value)  |  MatrixProduct(product, accumulate)
         | Loop(index, body)  |  Sweep(axis, tile, size, body)  |  Within(place, body)  |  StopIfNotFinite(loss)
         | Lines(lines)

A `Read` without indices whose name is in `Nest.locals_` is a local number.  Bodies are lists while nests are put
together; afterwards nobody changes them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..language.terms import Index, Read, Term
from .schedule.contractions import Product


@dataclass(frozen=True)
class Comment:
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Zero:
    tensor: str


@dataclass(frozen=True)
class Assign:
    """target = value, target += value, or target = the larger of both; `where_larger` remembers at which index."""

    target: Read
    op: str  # "=", "+=", "max", "argmax"
    value: Term
    index: Index | None = None  # argmax: the index that is remembered when value exceeds the best so far


@dataclass(frozen=True)
class MatrixProduct:
    product: Product
    accumulate: bool


@dataclass(frozen=True)
class StopIfNotFinite:
    """Return before anything that outlives the step is touched."""

    loss: str
    kept: tuple[str, ...]


@dataclass(frozen=True)
class Loop:
    """`order`: "any", or that of a recurrence, "up" or "down"; "tile" runs over the tile of the sweep around."""

    index: Index
    body: list[Node]
    order: str = "any"


@dataclass(frozen=True)
class Sweep:
    """The tiles of an axis one after another, `size` entries each; several parts of them may run at the same time.

    Without a `tile`, all of a part's entries of the axis at once.  Only the tile at hand, or one turn's entries, are
    kept of `held`, without that axis, and the tile of `local`, whose first axis is the one that is swept.  `partial`
    are sums over the axis, which each part makes for itself and which are added to the tensor's value in the end.
    """

    axis: Term
    tile: Index | None
    size: int
    body: list[Node]
    held: tuple[str, ...] = ()
    partial: tuple[str, ...] = ()
    local: tuple[str, ...] = ()


@dataclass(frozen=True)
class Within:
    """Done where the place lies in the tile of the sweep around."""

    place: Term
    body: tuple[Node, ...]


@dataclass(frozen=True)
class Lines:
    """What is written already, with which nothing else can be done."""

    lines: list[str]


Node = Lines | Comment | Zero | Assign | MatrixProduct | StopIfNotFinite | Loop | Sweep | Within


@dataclass(frozen=True)
class Access:
    """One use of a tensor: which entry, and whether it is written."""

    tensor: str
    indices: tuple[Term, ...] | None  # None: the whole tensor
    writes: bool


def accesses(node: Node, entries: bool = False) -> Iterator[Access]:
    """A product uses whole tensors, or the `entries` that its indices tell: those that a turn of a loop around has."""
    match node:
        case Zero(tensor):
            yield Access(tensor, None, True)
        case Assign(target, op, value):
            yield Access(target.tensor, target.indices, True)
            if op != "=":
                yield Access(target.tensor, target.indices, False)
            for term in (*target.indices, value):
                yield from reads_of(term)
        case MatrixProduct(product, accumulate):
            uses = [(product.target, True), (product.left, False), (product.right, False)]
            for read, writes in [*uses, *([(product.target, False)] if accumulate else [])]:
                yield Access(read.tensor, read.indices if entries else None, writes)
            yield from reads_of(product.alpha)
        case StopIfNotFinite(loss, kept):
            yield Access(loss, (), False)
            for tensor in kept:
                yield Access(tensor, None, False)
        case Loop(_, body) | Sweep(_, _, _, body) | Within(_, body):
            for inner in body:
                yield from accesses(inner, entries)


def reads_of(term: Term) -> Iterator[Access]:
    for node in term.walk():
        if isinstance(node, Read):
            yield Access(node.tensor, node.indices, False)


def walk(nodes: list[Node]) -> Iterator[Node]:
    for node in nodes:
        yield node
        if isinstance(node, Loop | Sweep | Within):
            yield from walk(node.body)

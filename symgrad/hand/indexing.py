"""Is a line written with all its indices, or are its products of matrices?"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from .statements import Apply, Binary, Derivative, Expression, Item, Name, Node, Number, Reduction, Slice, Total

OF_MATRICES = frozenset(("transpose", "inv", "trace", "det", "diag", "norm", "ones", "outer", "sum", "eye"))


def is_indexed(sides: Sequence[Expression], known: Collection[str]) -> bool:
    """Whether every array carries its indices.

    By the numbers of axes where `known` maps names to them; otherwise there have to be entries with index letters or
    sums over indices, no operation of matrices, and no name both with indices and without.
    """
    nodes = [node for side in sides for node in side.walk()]
    if any(isinstance(node, Apply) and node.function in OF_MATRICES for node in nodes):
        return False
    if any(isinstance(node, Binary) and node.operator == "@" for node in nodes):
        return False
    if any(isinstance(node, Slice) for node in nodes):
        return False
    entries = [entry for side in sides for entry in read(side)]
    if isinstance(known, Mapping):
        return all(places == axes_of(name, known) for name, places in entries if axes_of(name, known) is not None)
    lettered = any(
        isinstance(node, Item) and any(not isinstance(place, Number) for place in node.places) for node in nodes
    )
    summed = any(isinstance(node, Total | Reduction) for node in nodes)
    places: dict[str, set[int]] = {}
    for name, count in entries:
        places.setdefault(name, set()).add(count)
    return (lettered or summed) and all(len(counts) == 1 for counts in places.values())


def axes_of(name: str, known: Mapping[str, int]) -> int | None:
    """The number of axes of a name, or of the tensor whose adjoint it is."""
    return known.get(name, known.get(name[1:]) if name.startswith("d") else None)


def read(node: Node) -> Iterator[tuple[str, int]]:
    """(name, number of its indices) of every name that is read."""
    match node:
        case Item(Name(name), places):
            yield name, len(places)
            for place in places:
                if place is not None:
                    yield from read(place)
        case Name(name):
            yield name, 0
        case Derivative(of, by):
            yield from read(of)
            yield from read(by)
        case _:
            for child in node.children:
                yield from read(child)

"""Is a line written with all its indices, or are its products of matrices?"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from .statements import (
    Apply,
    Binary,
    Chain,
    Derivative,
    Expression,
    Item,
    Name,
    Node,
    Number,
    Reduction,
    Slice,
    Total,
    target_name,
)

OF_MATRICES = frozenset(("transpose", "inv", "trace", "det", "diag", "norm", "ones", "outer", "sum", "mean", "eye"))
WHOLE = -1  # the axes of a name that a formula among matrices has defined: some, and known only by its value


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
        return all(carries(places, axes_of(name, known)) for name, places in entries)
    lettered = any(
        isinstance(node, Item) and any(not isinstance(place, Number) for place in node.places) for node in nodes
    )
    summed = any(isinstance(node, Total | Reduction) for node in nodes)
    places: dict[str, set[int]] = {}
    for name, count in entries:
        places.setdefault(name, set()).add(count)
    return (lettered or summed) and all(len(counts) == 1 for counts in places.values())


def carries(places: int, axes: int | None) -> bool:
    """Whether so many indices are all of a name's; of a name that is not known, any are."""
    return axes is None or (places > 0 if axes == WHOLE else places == axes)


def own_axes(chain: Chain) -> int:
    """The number of axes of the name that the chain defines."""
    if not chain.indexed:
        return WHOLE
    return len(chain.subject.places) if isinstance(chain.subject, Item) else 0


def with_axes(known: Collection[str], met: Mapping[str, int]) -> Collection[str]:
    """What is known, with what formulas have defined; numbers of axes only where `known` has them."""
    return {**known, **met} if isinstance(known, Mapping) else known


def defines(chain: Chain, known: Collection[str]) -> str | None:
    """The name that the chain defines where it is not known before."""
    if isinstance(chain.subject, Derivative):
        return None
    name = target_name(chain.subject)
    return name if name not in known else None


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

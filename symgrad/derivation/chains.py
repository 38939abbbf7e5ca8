"""The chain rule for scalars: for each parameter the paths to it from the loss, and what is used again.

    dL/dw1 = dL/do * do/da * da/dh * dh/db * db/dw1          a path, as local derivatives
           = dL/da * da/dh * dh/db * db/dw1                  dL/da is known since dL/dw2

Where several paths lead to a parameter, its derivative is their sum.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..language.algebra import add, mul
from ..language.terms import Term
from .local_derivatives import LocalDerivative

Path = tuple[LocalDerivative, ...]


@dataclass(frozen=True)
class Link:
    """A product in a sum: the derivative of the loss by `start`, where that is known, times those on `path`."""

    start: str | None
    path: Path


@dataclass(frozen=True)
class Chain:
    """d loss / d `parameter`: the sum over `paths` of the products of their local derivatives.

    `reuse` is the shorter form over derivatives that are known already; `known_from` tells whose chain computed each.
    """

    loss: str
    parameter: str
    paths: tuple[Path, ...]
    reuse: tuple[Link, ...]
    known_from: tuple[tuple[str, str], ...]

    @property
    def formula(self) -> Term:
        """The sum of the products, in the order of the paths and never multiplied out."""
        return add(*(mul(*(local.value for local in path)) for path in self.paths))


@dataclass(frozen=True)
class Products:
    """How many multiplications of derivatives the chain rule takes, with each dL/dX kept and without."""

    cached: int
    uncached: int


def chains(loss: str, parameters: Sequence[str], locals_: Sequence[LocalDerivative]) -> tuple[Chain, ...]:
    """A chain for each parameter, those nearest to the loss first, so that the others can use what they computed."""
    order = {local.by.tensor: position for position, local in enumerate(locals_)}
    known: dict[str, str] = {}
    result = []
    for parameter in sorted(parameters, key=lambda name: order[name]):
        paths = tuple(paths_to(parameter, loss, locals_))
        links = tuple(links_to(parameter, loss, locals_, known))
        starts = dict.fromkeys(link.start for link in links if link.start is not None)
        result.append(Chain(loss, parameter, paths, links, tuple((start, known[start]) for start in starts)))
        for path in paths:
            for local in path[:-1]:
                # what the loss reads itself is a local derivative already: nothing was computed for it
                if any(len(p) > 1 for p in paths_to(local.by.tensor, loss, locals_)):
                    known.setdefault(local.by.tensor, parameter)
    return tuple(result)


def paths_to(target: str, loss: str, locals_: Sequence[LocalDerivative]) -> Iterator[Path]:
    """Every way from the loss down to `target`, the readers of the target in the order of `locals_`."""
    for local in locals_:
        if local.by.tensor == target:
            reader = local.of.tensor
            if reader == loss:
                yield (local,)
            else:
                yield from ((*path, local) for path in paths_to(reader, loss, locals_))


def links_to(target: str, loss: str, locals_: Sequence[LocalDerivative], known: dict[str, str]) -> Iterator[Link]:
    """The same, each way begun at the last known derivative on it; ways that begin alike are one."""
    for local in locals_:
        if local.by.tensor == target:
            reader = local.of.tensor
            if reader in known:
                yield Link(reader, (local,))
            elif reader == loss:
                yield Link(None, (local,))
            else:
                yield from (Link(link.start, (*link.path, local)) for link in links_to(reader, loss, locals_, known))


def number_of_paths(target: str, loss: str, locals_: Sequence[LocalDerivative]) -> int:
    """len(paths_to(...)) without walking them: there may be exponentially many."""
    counts = {loss: 1}
    for local in locals_:
        # from the loss down: when a tensor is read, all of its own readers have been counted
        counts[local.by.tensor] = counts.get(local.by.tensor, 0) + counts.get(local.of.tensor, 0)
    return counts.get(target, 0)


def products(loss: str, chains_: Sequence[Chain]) -> Products:
    """Cached: one for each local derivative but those of the loss itself.  Uncached: all of each path."""
    used = {local.name: local for chain in chains_ for path in chain.paths for local in path}
    cached = sum(1 for local in used.values() if local.of.tensor != loss)
    return Products(cached, sum(len(path) - 1 for chain in chains_ for path in chain.paths))

"""What is made, read and forgotten within one turn of a loop is kept for one turn: its array lacks the loop's axis.

    for b .. for k ..                            score (T,T), masked (T,), p (B,K,T,T)
        score[t,s] = sum_e q[b,t,k,e]*key[b,s,k,e]
        for t ..
            masked[s] = score[t,s] if [s <= t] else -1000000000.0
            p[b,k,t,s] = ...

So the scores of one head are still in cache where they are read, however many heads and examples there are.  Every
entry that a turn reads it has written itself, for no other turn touches it: of all loops around, those of recurrences
too, for what one of their turns leaves for the next must stay.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace

from ...language.terms import Index, Term
from ..nests import Loop, Node, Sweep, accesses
from .storage import Storage

Uses = dict[str, list[tuple[Term, ...]]]
# Positions of an array's axes, and the loops around all its uses that go along them.
Loops = dict[int, Loop]


def with_arrays_of_a_turn(
    storage: Storage, nodes: Sequence[Node], candidates: Collection[str]
) -> tuple[Storage, list[Node]]:
    """The storage without such axes of `candidates`, and the nodes, in which each part of rows has its own arrays.

    Of tensors that share an array all must be candidates.
    """
    fixed = {storage.home[name] for name in storage.home if name not in candidates}
    found = {home: loops for home, loops in loops_around(storage, nodes).items() if home not in fixed}
    sliced = dict(storage.sliced)
    for name, home in storage.home.items():
        if home in found:
            sliced[name] = sliced.get(name, frozenset()) | found[home].keys()
    own = [home for home, loops in found.items() if any(loop.order == "tile" for loop in loops.values())]
    return replace(storage, sliced=sliced), [with_own(node, own, storage) for node in nodes]


def loops_around(storage: Storage, nodes: Sequence[Node]) -> dict[str, Loops]:
    """{array: its axes along which each turn of a loop around all its uses touches one entry}."""
    uses = {home: len(found) for home, found in by_array(nodes, storage).items()}
    found: dict[str, Loops] = {home: {} for home in uses}

    def visit(body: Sequence[Node], homes: Collection[str]) -> None:
        """`homes`: the arrays of which each turn of the loops around has entries of its own."""
        for node in body:
            if isinstance(node, Sweep) and node.tile is None:
                visit(node.body, homes)
            elif isinstance(node, Loop):
                inside = {home: indices for home, indices in by_array([node], storage).items() if home in homes}
                own = {home: axes_at(node.index, of) for home, of in inside.items() if len(of) == uses[home]}
                own = {home: axes for home, axes in own.items() if axes and fewer(home, axes, inside)}
                for home, axes in own.items():
                    found[home] |= dict.fromkeys(axes, node)
                visit(node.body, own)

    def fewer(home: str, axes: list[int], inside: Uses) -> bool:
        """Whether an axis is left."""
        return len(found[home].keys() | set(axes)) < len(inside[home][0])

    visit(nodes, uses)
    return {home: loops for home, loops in found.items() if loops}


def by_array(nodes: Sequence[Node], storage: Storage) -> Uses:
    """{array: the indices of each of its uses}; numbers of a statement's own are no tensors."""
    found: Uses = defaultdict(list)
    for node in nodes:
        for access in accesses(node, entries=True):
            if access.tensor in storage.home:
                found[storage.home[access.tensor]].append(access.indices or ())
    return found


def axes_at(index: Index, uses: Sequence[tuple[Term, ...]]) -> list[int]:
    """The axes at which every use has the index."""
    return [k for k in range(min(map(len, uses))) if all(indices[k] == index for indices in uses)]


def with_own(node: Node, own: Sequence[str], storage: Storage) -> Node:
    """A sweep over rows holds those of the arrays that it uses: each of its parts has one."""
    if not isinstance(node, Sweep) or node.tile is not None:
        return node
    used = by_array([node], storage)
    return replace(node, held=tuple(home for home in own if home in used))

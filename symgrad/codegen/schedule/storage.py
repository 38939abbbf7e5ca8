"""What shares memory: updates in place, elementwise results over arrays that nobody reads again, slices, local numbers.

W' = W - lr*dW      in W, where no later equation reads the old W
h = tanh(a)         in a's array, where a is read nowhere else from here on
a[b,t] = z[b,t] + sum_j R[i,j]*h[b,t-1,j]    in z's array, where z was made for all slices of a recurrence before it
da[b,t,i]           in an array of its shape that nobody uses any more
df[b,t,i]           one slice, for b and i, where a turn of the recurrence along t reads it and no other does
o_max[b]            a local number, where it is made and read within one turn of the loop over b
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from ...language.algebra import terms_of
from ...language.program import Equation, Program, Recurrence, Role, equations_of
from ...language.ranges import same_extent
from ...language.recurrences import cycles
from ...language.terms import Index, Read, Reduce, Term, reads
from ..nests import Access, Assign, Loop, Node, Sweep, accesses, walk
from .by_tile import is_tile_extent
from .forms import holds_reduction, scatter_of

T = TypeVar("T")
PERSISTENT = (Role.PARAMETER, Role.STATE)


@dataclass(frozen=True)
class Storage:
    """`home[T]` is the tensor in whose array T lives; `copied` are updates that need a copy at the end.

    `sliced[T]` are the axes that T's array does not have: that of the recurrence, of which one slice is kept, and those
    of loops of which one turn's entries are.
    """

    home: Mapping[str, str]
    copied: tuple[tuple[str, str], ...]
    sliced: Mapping[str, frozenset[int]]

    def kept(self, tensor: str, axes: Iterable[T]) -> list[T]:
        """Of what there is one of for each axis of the tensor, those of its array."""
        sliced = self.sliced.get(tensor, ())
        return [axis for position, axis in enumerate(axes) if position not in sliced]


def assign_storage(program: Program) -> Storage:
    equations = list(program.equations())
    home = {name: name for name in program.tensors}
    copied = []
    new_of = {new: old for old, new in program.updates.items()}
    recurring = cycles(program)
    late = made_of(program, set(program.updates.values()))  # these may wait until all else is done
    for position, equation in enumerate(equations):
        name = equation.tensor
        if name in recurring:  # later turns read what this one would overwrite
            given = begun_before(equation, program, recurring[name], home)
            home[name] = given if given is not None else name
            continue
        if name in new_of:
            old = new_of[name]
            if may_overwrite(equation, old, equations[position + 1 :]):
                home[name] = old
            else:
                copied.append((old, name))
            continue
        if name in program.outputs or not equation.indices or not is_elementwise(equation):
            continue
        if any(is_tile_extent(index.extent) for index in equation.indices):
            continue  # small, and a sweep that reads the one should not have to end before the other is written
        later = equations[position + 1 :]
        if name not in late:
            later = [*later, *(e for e in equations[:position] if e.tensor in late)]
        for candidate in dict.fromkeys(node.tensor for node in equation.body.walk() if isinstance(node, Read)):
            tensor = program.tensors[candidate]
            shape = tuple(index.extent for index in equation.indices)
            if (
                tensor.role is Role.DEFINITION
                and tensor.vocabulary is None
                and candidate not in program.outputs
                and home[candidate] not in new_of.values()
                and len(shape) == len(tensor.shape)
                and all(map(same_extent, shape, tensor.shape))
                and may_overwrite(equation, candidate, later)
                and not shared_later(candidate, home, later)
            ):
                home[name] = home[candidate]
                break
    lone = {name for name in home if list(home.values()).count(home[name]) == 1}
    return Storage(home, tuple(copied), {n: frozenset({k}) for n, k in slices(program).items() if n in lone})


def made_of(program: Program, names: set[str]) -> set[str]:
    """These tensors, and all that is made of them."""
    equations, found = list(program.equations()), set(names)
    while more := {e.tensor for e in equations if e.tensor not in found and found & {r.tensor for r in reads(e.body)}}:
        found |= more
    return found


def begun_before(equation: Equation, program: Program, cycle: set[str], home: Mapping[str, str]) -> str | None:
    """The definition from before the recurrence that the equation adds to, if it alone reads it."""
    for term in terms_of(equation.body):
        if not isinstance(term, Read) or term.tensor in cycle or term.indices != equation.indices:
            continue
        of_all = [read for e in program.equations() for read in reads(e.body) if read.tensor == term.tensor]
        own = program.tensors[term.tensor].role is Role.DEFINITION and term.tensor not in program.outputs
        if own and len(of_all) == 1 and list(home.values()).count(home[term.tensor]) == 1:
            return term.tensor
    return None


def slices(program: Program) -> dict[str, int]:
    """What is read in the turn of a recurrence that makes it and nowhere else -> its axis along the recurrence."""
    found: dict[str, int] = {}
    every = [read for equation in program.equations() for read in reads(equation.body)]
    lasting = {*program.outputs, *program.updates.values()}
    for item in program.items:
        if not isinstance(item, Recurrence):
            continue
        within = [read for equation in equations_of((item,)) for read in reads(equation.body)]
        for equation in equations_of((item,)):
            name = equation.tensor
            own = [read for read in within if read.tensor == name]
            if name in lasting or len(equation.indices) < 2 or len(own) != sum(read.tensor == name for read in every):
                continue
            position = equation.indices.index(item.index)
            if all(read.indices[position] == item.index for read in own):
                found[name] = position
    return found


def is_elementwise(equation: Equation) -> bool:
    return not holds_reduction(equation.body)


def may_overwrite(equation: Equation, old: str, later: list[Equation]) -> bool:
    """Whether `old` is read at the equation's own entry only, outside sums, and by nobody afterwards.

    A term that is added to one entry a row, `f[b,v]*[v == y[b]]`, comes when the others have been written.
    """
    for other in later:
        if any(isinstance(node, Read) and node.tensor == old for node in other.body.walk()):
            return False
    own = [
        (read, inside)
        for term in terms_of(equation.body)
        for read, inside in reads_inside(term, scatter_of(term, equation.indices) is not None)
        if read.tensor == old
    ]
    return all(read.indices == equation.indices and not inside for read, inside in own)


def reads_inside(term: Term, inside: bool):
    if isinstance(term, Read):
        yield term, inside
    inside = inside or isinstance(term, Reduce)
    for child in term.children:
        yield from reads_inside(child, inside)


def shared_later(candidate: str, home: Mapping[str, str], later: list[Equation]) -> bool:
    """Whether another tensor that lives in the same array is still read."""
    mates = {name for name, place in home.items() if place == home[candidate]}
    return any(isinstance(n, Read) and n.tensor in mates for e in later for n in e.body.walk())


def local_numbers(nodes: list[Node], candidates: set[str]) -> set[str]:
    """Of `candidates`, those made and read only within one turn of the loops over their own indices."""
    found: set[str] = set()

    def visit(body: list[Node], around: tuple[Index, ...]) -> None:
        here = {
            node.target.tensor
            for node in body
            if isinstance(node, Assign) and node.op == "=" and in_any_order(node.target.indices, around)
        }
        for name in here & candidates:
            inside = [a for node in body for a in accesses(node) if a.tensor == name]
            same_entry = len({a.indices for a in inside}) == 1
            if len(inside) == total[name] and same_entry and in_any_order(inside[0].indices, around):
                found.add(name)
        for node in body:
            if isinstance(node, Loop):
                visit(node.body, (*around, node.index))
            elif isinstance(node, Sweep):
                visit(node.body, () if node.tile is None else (node.tile,))

    every: list[Access] = [access for node in nodes for access in accesses(node)]
    total = {name: sum(1 for access in every if access.tensor == name) for name in candidates}
    visit(nodes, ())
    return found


def in_any_order(indices: tuple[Term, ...] | None, around: tuple[Index, ...]) -> bool:
    """Whether the entry is that of one turn of all loops around."""
    return indices is not None and len(indices) == len(around) and set(indices) == set(around)


def with_arrays_used_again(
    storage: Storage, nodes: list[Node], candidates: Iterable[str], shapes: Mapping[str, tuple[Term, ...]]
) -> Storage:
    """Of `candidates`, one whose first use comes after another's last has that one's array, if `shapes` agree.

    What is copied at the end is used until then.
    Each thread that sweeps rows goes through the sweep's nodes in their order, and touches its own rows only; tiles of
    an axis come back to the same nodes, so such a sweep counts as one use.
    """
    uses: dict[str, list[int]] = {}
    for position, node in enumerate(in_turn(nodes)):
        for access in accesses(node):
            uses.setdefault(storage.home.get(access.tensor, access.tensor), []).append(position)
    for _, new in storage.copied:
        uses.setdefault(storage.home[new], []).append(sys.maxsize)
    home = dict(storage.home)
    free: list[tuple[str, int]] = []  # an array and its last use
    for name in sorted((name for name in candidates if name in uses), key=lambda name: uses[name][0]):
        fitting = (
            k
            for k, (other, last) in enumerate(free)
            if last < uses[name][0] and shapes[other] == shapes[name] and len(set(shapes[name])) == len(shapes[name])
        )
        found = next(fitting, None)
        if found is None:
            free.append((name, uses[name][-1]))
        else:
            other, _ = free[found]
            free[found] = other, uses[name][-1]
            home = {tensor: other if place == name else place for tensor, place in home.items()}
    return replace(storage, home=home)


def in_turn(nodes: list[Node]) -> Iterator[Node]:
    """The nodes one after another, those of a sweep over rows among them."""
    for node in nodes:
        if isinstance(node, Sweep) and node.tile is None:
            yield from node.body
        else:
            yield node


def without_copies(nodes: list[Node], numbers: set[str]) -> list[Node]:
    """`T = T_total` for a local number T: the accumulator is called T from the start."""
    renamed = {
        node.value.tensor: node.target.tensor
        for node in walk(nodes)
        if isinstance(node, Assign)
        and node.op == "="
        and node.target.tensor in numbers
        and isinstance(node.value, Read)
        and node.value.tensor == f"{node.target.tensor}.total"
    }

    def visit(body: list[Node]) -> list[Node]:
        result: list[Node] = []
        for node in body:
            if isinstance(node, Loop | Sweep):
                result.append(replace(node, body=visit(node.body)))
            elif isinstance(node, Assign) and node.target.tensor in renamed:
                result.append(replace(node, target=Read(renamed[node.target.tensor])))
            elif isinstance(node, Assign) and isinstance(node.value, Read) and node.value.tensor in renamed:
                continue
            else:
                result.append(node)
        return result

    return visit(nodes)

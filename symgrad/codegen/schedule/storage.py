"""What shares memory: updates in place, elementwise results over arrays that nobody reads again, local numbers.

W' = W - lr*dW      in W, where no later equation reads the old W
h = tanh(a)         in a's array, where a is read nowhere else from here on
o_max[b]            a local number, where it is made and read within one turn of the loop over b
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ...language.algebra import terms_of
from ...language.program import Equation, Program, Role
from ...language.ranges import same_extent
from ...language.recurrences import cycles
from ...language.terms import Index, Read, Reduce, Term
from ..nests import Access, Assign, Loop, Node, Sweep, accesses, walk
from .by_tile import is_tile_extent
from .forms import holds_reduction, scatter_of

PERSISTENT = (Role.PARAMETER, Role.STATE)


@dataclass(frozen=True)
class Storage:
    """`home[T]` is the tensor in whose array T lives; `copied` are updates that need a copy at the end."""

    home: Mapping[str, str]
    copied: tuple[tuple[str, str], ...]


def assign_storage(program: Program) -> Storage:
    equations = list(program.equations())
    home = {name: name for name in program.tensors}
    copied = []
    new_of = {new: old for old, new in program.updates.items()}
    recurring = cycles(program)
    for position, equation in enumerate(equations):
        name = equation.tensor
        if name in recurring:
            continue  # later turns read what this one would overwrite
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
                and may_overwrite(equation, candidate, equations[position + 1 :])
                and not shared_later(candidate, home, equations[position + 1 :])
            ):
                home[name] = home[candidate]
                break
    return Storage(home, tuple(copied))


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
            if isinstance(node, Assign) and node.op == "=" and node.target.indices == around
        }
        for name in here & candidates:
            inside = [a for node in body for a in accesses(node) if a.tensor == name]
            if len(inside) == total[name] and all(a.indices == around for a in inside):
                found.add(name)
        for node in body:
            if isinstance(node, Loop):
                visit(node.body, (*around, node.index))
            elif isinstance(node, Sweep):
                visit(node.body, (node.tile,))

    every: list[Access] = [access for node in nodes for access in accesses(node)]
    total = {name: sum(1 for access in every if access.tensor == name) for name in candidates}
    visit(nodes, ())
    return found


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

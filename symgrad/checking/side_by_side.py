"""A program at many points at once: one more axis, in front of every tensor that differs between them.

    h[b,i] = tanh(a[b,i])   ->   h[point,b,i] = tanh(a[point,b,i])       where `a` is moved, or depends on what is

The interpreter then does for all points what it does for one, at little more than the cost of one while tensors are
small.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

from ..language.program import Equation, Item, Program, Recurrence, Role, Tensor, equations_of
from ..language.rewriting import rebuild
from ..language.terms import Index, Read, Size, Term, reads

POINTS = "%points"  # the size of the axis: no axis of a person is called so
POINT = Index("%point", Size(POINTS))


def side_by_side(program: Program, moved: Collection[str]) -> Program:
    """The program where the tensors of `moved` are given at many points, and only what depends on them is made.

    All else that it reads is given, and the same at every point.
    """
    differing = {*moved, *dependents(program, moved)}

    def tensor(one: Tensor) -> Tensor:
        if one.role is Role.DEFINITION and (one.name in moved or one.name not in differing):
            one = replace(one, role=Role.INPUT if one.vocabulary is None else Role.TOKENS)
        return replace(one, indices=(POINT, *one.indices)) if one.name in differing else one

    def body(node: Term) -> Term:
        node = rebuild(node, body)
        differs = isinstance(node, Read) and node.tensor in differing
        return Read(node.tensor, (POINT, *node.indices)) if differs else node

    def made(items: tuple[Item, ...]) -> Iterator[Item]:
        for item in items:
            if isinstance(item, Recurrence):
                yield replace(item, items=tuple(made(item.items)))
            elif isinstance(item, Equation) and item.tensor in differing and item.tensor not in moved:
                yield replace(item, indices=(POINT, *item.indices), body=body(item.body))

    items = tuple(made(program.items))
    used = {*differing, *program.outputs, *(read.tensor for e in equations_of(items) for read in reads(e.body))}
    tensors = {name: tensor(program.tensors[name]) for name in sorted(used)}
    return Program(program.name, tensors, items, program.outputs)


def dependents(program: Program, moved: Collection[str]) -> set[str]:
    """The definitions that read one of `moved`, or another that does."""
    read = {equation.tensor: {read.tensor for read in reads(equation.body)} for equation in program.equations()}
    found: set[str] = set()
    grown = True
    while grown:  # a recurrence reads what stands below
        more = {name for name, by in read.items() if not by.isdisjoint({*moved, *found})}
        grown, found = more > found, more
    return found

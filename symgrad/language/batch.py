"""Which axis is the batch: the one along which training cuts its data into rows."""

from __future__ import annotations

from .program import Program, Recurrence, Role
from .terms import Reduce, Size


def batch_axis(program: Program) -> str | None:
    """The size that the first axis of every input and token tensor runs over, where that is the batch.

    It is not where a parameter or a state has an axis of that size, or a recurrence runs along it: then, and where
    inputs share no first axis, the model reads one example at a time.
    """
    shapes = [tensor.shape for tensor in program.with_role(Role.INPUT, Role.TOKENS)]
    if not shapes or not all(shape and shape[0] == shapes[0][0] for shape in shapes):
        return None
    first = shapes[0][0]
    if not isinstance(first, Size):
        return None
    kept = [extent for t in program.with_role(Role.PARAMETER, Role.STATE) for extent in t.shape]
    runs = [item.index.extent for item in program.items if isinstance(item, Recurrence)]
    return None if any(first in extent.walk() for extent in kept + runs) else first.name


def is_total(program: Program) -> bool:
    """Whether the loss adds up over the batch: something sums over it, and nothing divides by its size."""
    axis = batch_axis(program)
    nodes = [node for equation in program.equations() for node in equation.body.walk()]
    sums = (index.extent for node in nodes if isinstance(node, Reduce) for index in node.indices)
    return axis is not None and Size(axis) in sums and Size(axis) not in nodes

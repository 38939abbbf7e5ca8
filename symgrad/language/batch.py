"""Which axis is the batch: the one along which training cuts its data into rows."""

from __future__ import annotations

from .notation import text
from .program import Program, Recurrence, Role
from .terms import Reduce, Size


def batch_axis(program: Program) -> str | None:
    """The size that the first axis of every input and token tensor runs over, where that is the batch.

    It is not where a parameter or a state has an axis of that size, or a recurrence runs along it: then, and where
    inputs share no first axis, the model reads one example at a time; `why_no_batch` says which of these it is.
    """
    return None if why_no_batch(program) else program.with_role(Role.INPUT, Role.TOKENS)[0].shape[0].name


def why_no_batch(program: Program) -> str:
    """What keeps the model from having a batch axis; nothing where it has one."""
    inputs = program.with_role(Role.INPUT, Role.TOKENS)
    if not inputs:
        return "the model has no inputs"
    if not any(tensor.shape for tensor in inputs):
        return "its inputs have no axes"
    if not all(tensor.shape and tensor.shape[0] == inputs[0].shape[0] for tensor in inputs):
        starts = (f"{t.name} with {text(t.shape[0]) if t.shape else 'none'}" for t in inputs)
        return f"the inputs begin with different axes ({', '.join(starts)})"
    first = inputs[0].shape[0]
    if not isinstance(first, Size):
        return f"the first axis of the inputs has the size {text(first)}, a formula"
    for tensor in program.with_role(Role.PARAMETER, Role.STATE):
        if any(first in extent.walk() for extent in tensor.shape):
            return f"{tensor.role.value} {tensor.name} has an axis of the size {first.name} too"
    if any(first in item.index.extent.walk() for item in program.items if isinstance(item, Recurrence)):
        return f"a recurrence runs along the first axis of the inputs, of size {first.name}"
    return ""


def is_total(program: Program) -> bool:
    """Whether the loss adds up over the batch: something sums over it, and nothing divides by its size."""
    axis = batch_axis(program)
    nodes = [node for equation in program.equations() for node in equation.body.walk()]
    sums = (index.extent for node in nodes if isinstance(node, Reduce) for index in node.indices)
    return axis is not None and Size(axis) in sums and Size(axis) not in nodes

"""What one tensor of a model is to another that is taken for it."""

from __future__ import annotations

from ...language.program import Program, Role
from ...language.terms import Call, Where, reads

OTHER = "a wrong variable of the same shape"


def mistaken_for(old: str, new: str, program: Program) -> str:
    """In what way `old` is written for `new`: a preactivation, another layer's, the target without its smoothing."""
    if old.rstrip("0123456789") == new.rstrip("0123456789"):
        return "a wrong index of the layer, or of the step"
    if len(old) == len(new) == 2 and old[0] == new[0] and old[0].isupper():
        return "a wrong variable: that of another gate or head"
    if old not in program.tensors or new not in program.tensors:
        return OTHER
    if made_from_data(old, program) and made_from_data(new, program) and read_by(new, old, program):
        return f"a wrong target: {new} is what the loss compares with (smoothing ignored)"
    if activates(old, new, program):
        return "the preactivation for the activation"
    if activates(new, old, program):
        return "the activation for the preactivation"
    return OTHER


def activates(before: str, after: str, program: Program) -> bool:
    """Whether `after` is a function of `before` alone, entry by entry or as a softmax."""
    if program.tensors[after].role is not Role.DEFINITION:
        return False
    body = program.equation(after).body
    return {read.tensor for read in reads(body)} == {before} and any(
        isinstance(node, Call | Where) for node in body.walk()
    )


def made_from_data(name: str, program: Program) -> bool:
    """Whether nothing that is learned goes into it."""
    tensor = program.tensors[name]
    if tensor.role is not Role.DEFINITION:
        return tensor.role is not Role.PARAMETER
    body = program.equation(name).body
    return all(made_from_data(read.tensor, program) for read in reads(body) if read.tensor != name)


def read_by(reader: str, name: str, program: Program) -> bool:
    made = program.tensors[reader].role is Role.DEFINITION
    return made and any(read.tensor == name for read in reads(program.equation(reader).body))

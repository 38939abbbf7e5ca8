"""What a tensor depends on, and a program without what nobody reads."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from .program import Program
from .recurrences import grouped
from .terms import reads


def reachable(program: Program, *names: str) -> set[str]:
    """Every tensor that one of `names` depends on, they themselves included."""
    equations = {equation.tensor: equation for equation in program.equations()}
    seen: set[str] = set()
    waiting = list(names)
    while waiting:
        current = waiting.pop()
        if current not in seen:
            seen.add(current)
            waiting += [read.tensor for read in reads(equations[current].body)] if current in equations else []
    return seen


def without_dead(program: Program, given: Iterable[str] = ()) -> Program:
    """The program without definitions, and without what is named in `given`, that no output or update depends on."""
    equations = {equation.tensor: equation for equation in program.equations()}
    needed = reachable(program, *program.outputs, *program.updates.values())
    kept = [equation for equation in equations.values() if equation.tensor in needed]
    droppable = {*equations, *given}
    tensors = {name: tensor for name, tensor in program.tensors.items() if name in needed or name not in droppable}
    return replace(program, items=grouped(kept, program.name), tensors=tensors)

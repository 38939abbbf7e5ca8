"""A stable Program -> a `Nest`: the passes in their order, then statements, storage and fusion.

plan(program)                     the schedule
plan(program, fuse=False)         plain: one nest an equation, for reading and as a second oracle
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ...language.errors import DerivativeError
from ...language.notation import equation_text
from ...language.program import Equation, Program
from ...language.terms import reads
from ...language.typecheck import typecheck
from ..nests import Comment, Node, StopIfNotFinite, Zero, accesses
from .contractions import materialize_operands
from .forms import PASSES, fold_into_updates
from .fusion import place
from .statements import statements
from .storage import PERSISTENT, Storage, assign_storage, local_numbers, without_copies

Quotes = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Nest:
    """`nodes` compute `program`; `numbers` are local scalars, `arrays` the definitions that need an array."""

    program: Program
    nodes: list[Node]
    storage: Storage
    numbers: frozenset[str]
    arrays: tuple[str, ...]

    @property
    def workspace(self) -> tuple[str, ...]:
        """The definitions that have an array of their own, without outputs."""
        return tuple(n for n in self.arrays if self.storage.home[n] == n and n not in self.program.outputs)


def scheduled_equations(program: Program) -> Program:
    """The program after every rewriting pass, typechecked after each."""
    for rewrite in (*PASSES, materialize_operands, fold_into_updates):
        program = typecheck(rewrite(program))
    return program


def plan(program: Program, quotes: Quotes | None = None, fuse: bool = True) -> Nest:
    """The loop nests of a program.  `quotes`: lines that stand above an equation's own in its comment."""
    if any(not isinstance(item, Equation) for item in program.items):
        names = ", ".join(e.tensor for item in program.items if not isinstance(item, Equation) for e in item.items)
        raise DerivativeError(
            f"{program.name}: {names} form a recurrence, which is derived and interpreted, but not emitted yet"
        )
    program = scheduled_equations(program)
    storage = assign_storage(program)
    kept = tuple(t.name for t in program.tensors.values() if t.role in PERSISTENT)
    nodes: list[Node] = []
    guarded = not program.updates
    for equation in in_order_of_effect(program, storage):
        in_place = storage.home[equation.tensor] != equation.tensor
        pending: tuple[str, ...] = ()
        for number, statement in enumerate(statements(equation, in_place)):
            if not guarded and writes(statement.inside + statement.after, storage, kept):
                nodes.append(StopIfNotFinite(program.outputs[0], kept))
                guarded = True
            lines = (*(quotes or {}).get(equation.tensor, ()), comment_line(equation)) if number == 0 else ()
            if statement.inside and isinstance(statement.inside[0], Zero) and not statement.loops:
                nodes.append(statement.inside[0])
                pending = lines
                continue
            lines, pending = (*pending, *lines), ()
            place(nodes, statement, Comment(lines) if lines else None, storage.home, fuse)
    if not guarded:  # every update is copied at the end
        nodes.append(StopIfNotFinite(program.outputs[0], kept))
    definitions = [e.tensor for e in program.equations()]
    candidates = {
        name
        for name in definitions
        if name not in (*program.outputs, *program.updates.values())
        and program.tensors[name].indices
        and list(storage.home.values()).count(storage.home[name]) == 1
    }
    numbers = local_numbers(nodes, candidates)
    nodes = without_copies(nodes, numbers)
    arrays = tuple(n for n in definitions if program.tensors[n].indices and n not in numbers)
    return Nest(program, nodes, storage, frozenset(numbers), arrays)


def in_order_of_effect(program: Program, storage: Storage) -> list[Equation]:
    """The equations in order, those that change parameters or states last: everything else reads the old values."""
    lasting = {t.name for t in program.tensors.values() if t.role in PERSISTENT}
    equations = list(program.equations())
    late = [e for e in equations if storage.home[e.tensor] in lasting]
    tensors = {e.tensor for e in late}
    # what reads an updated value comes after it: states before the parameters that use them
    changed = True
    while changed:
        changed = False
        for equation in equations:
            used = {read.tensor for read in reads(equation.body)}
            if equation.tensor not in tensors and used & tensors:
                tensors.add(equation.tensor)
                changed = True
    return [e for e in equations if e.tensor not in tensors] + [e for e in equations if e.tensor in tensors]


def writes(nodes: tuple[Node, ...], storage: Storage, kept: tuple[str, ...]) -> bool:
    return any(a.writes and storage.home.get(a.tensor, a.tensor) in kept for node in nodes for a in accesses(node))


def comment_line(equation: Equation) -> str:
    """`(F2) h[b,i] = tanh(a[b,i])`; scheduled equations without a number stand as they are."""
    label = f"({equation.label}) " if equation.label else ""
    return label + equation_text(equation)

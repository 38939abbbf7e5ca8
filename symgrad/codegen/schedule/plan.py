"""A stable Program -> a `Nest`: the passes in their order, then statements, storage and fusion.

plan(program)                     the schedule
plan(program, fuse=False)         plain: one nest an equation, for reading and as a second oracle
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ...language.errors import DeclarationError
from ...language.notation import equation_text, text
from ...language.program import Equation, Item, Program, Recurrence, equations_of
from ...language.terms import DETERMINANTS, Index, Inverse, Reduce, reads
from ...language.typecheck import typecheck
from ..nests import Comment, Loop, Node, StopIfNotFinite, Zero, accesses
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


def refuse_whole_matrices(program: Program) -> None:
    """Raises DeclarationError for inverses and determinants: they are derived and interpreted, and not emitted."""
    for equation in program.equations():
        for node in equation.body.walk():
            if isinstance(node, Inverse) or (isinstance(node, Reduce) and node.op in DETERMINANTS):
                raise DeclarationError(
                    f"{program.name}: {equation.tensor} holds {text(node)}; inverses and determinants can be derived, "
                    "printed and checked, but no training code is emitted for them"
                )


def plan(program: Program, quotes: Quotes | None = None, fuse: bool = True) -> Nest:
    """The loop nests of a program.  `quotes`: lines that stand above an equation's own in its comment."""
    refuse_whole_matrices(program)
    program = scheduled_equations(program)
    storage = assign_storage(program)
    nodes = Planner(program, storage, quotes or {}, fuse).run()
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


class Planner:
    """Places every statement; recurrences get a loop of their own, whose slices hold their equations' statements."""

    def __init__(self, program: Program, storage: Storage, quotes: Quotes, fuse: bool) -> None:
        self.program, self.storage, self.quotes, self.fuse = program, storage, quotes, fuse
        self.kept = tuple(t.name for t in program.tensors.values() if t.role in PERSISTENT)
        self.guarded = not program.updates
        self.nodes: list[Node] = []

    def run(self) -> list[Node]:
        for item in in_order_of_effect(self.program, self.storage):
            if isinstance(item, Recurrence):
                body: list[Node] = []
                for equation in equations_of(item.items):
                    self.place(equation, body, item.index)
                self.nodes.append(Loop(item.index, body, "down" if item.reverse else "up"))
            else:
                self.place(item, self.nodes, None)
        if not self.guarded:  # every update is copied at the end
            self.guard()
        return self.nodes

    def guard(self) -> None:
        self.nodes.append(StopIfNotFinite(self.program.outputs[0], self.kept))
        self.guarded = True

    def place(self, equation: Equation, body: list[Node], along: Index | None) -> None:
        in_place = self.storage.home[equation.tensor] != equation.tensor
        lines = (*self.quotes.get(equation.tensor, ()), comment_line(equation))
        for statement in statements(equation, in_place, along):
            if not self.guarded and writes(statement.inside + statement.after, self.storage, self.kept):
                self.guard()
            if statement.inside and isinstance(statement.inside[0], Zero):
                self.nodes.append(statement.inside[0])  # outside of a recurrence: all slices at once
                continue
            place(body, statement, Comment(lines) if lines else None, self.storage.home, self.fuse)
            lines = ()


def in_order_of_effect(program: Program, storage: Storage) -> list[Item]:
    """The items in order, those that change parameters or states last: everything else reads the old values."""
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

    def late_item(item: Item) -> bool:
        return any(equation.tensor in tensors for equation in equations_of((item,)))

    return sorted(program.items, key=late_item)


def writes(nodes: tuple[Node, ...], storage: Storage, kept: tuple[str, ...]) -> bool:
    return any(a.writes and storage.home.get(a.tensor, a.tensor) in kept for node in nodes for a in accesses(node))


def comment_line(equation: Equation) -> str:
    """`(F2) h[b,i] = tanh(a[b,i])`; scheduled equations without a number stand as they are."""
    label = f"({equation.label}) " if equation.label else ""
    return label + equation_text(equation)

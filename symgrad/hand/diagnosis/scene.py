"""Where a change is tried: the values of the nodes at one point, and the arrays that could stand in their place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from ...language.program import Program, Role
from ..binding import Names
from ..interpretation import Value
from ..statements import Assign, Binary, Expression, Item, Name, Node, Number, Statement
from ..truth import At
from .likeness import OTHER, mistaken_for
from .quoting import written


@dataclass(frozen=True)
class Edit:
    """Nodes and what stands in their place; a `sentence` of its own, or a remark for the usual one."""

    kind: str
    changes: tuple[tuple[Node, Node], ...]
    remark: str = ""
    sentence: str = ""


@dataclass(frozen=True)
class Scene:
    """One statement at one point: `values` of its nodes by identity, the file's arrays by name, the source."""

    statement: Statement
    at: At
    names: Names
    values: Mapping[int, Value]
    own: Mapping[str, np.ndarray]
    lines: tuple[Statement, ...]  # of the whole file
    source: str
    claimed: str  # the name that the claim is about
    tensors: dict[str, str | None] = field(default_factory=dict, compare=False)  # what `tensor` has found

    @property
    def program(self) -> Program:
        return self.names.program

    def value(self, node: Node) -> np.ndarray | None:
        """The node's array at the point; None where it has none."""
        value = self.values.get(id(node))
        if isinstance(value, bool | int | float | np.number):
            return np.asarray(value)
        return value if isinstance(value, np.ndarray) else None

    def shape(self, node: Node) -> tuple[int, ...] | None:
        value = self.value(node)
        return None if value is None else value.shape

    def text(self, node: Node) -> str:
        return written(node, self.source)

    @cached_property
    def nodes(self) -> list[tuple[Expression, Node | None]]:
        """Every expression that is read in the statement, outermost first, with the node above it."""
        found: list[tuple[Expression, Node | None]] = []

        def visit(node: Node, above: Node | None, written: Node | None) -> None:
            if node is written:  # `hs.append(h)` reads the very node that it assigns to
                return
            if isinstance(node, Expression):
                found.append((node, above))
            written = node.target if isinstance(node, Assign) else written
            for child in node.children:
                if child is written:
                    for place in places_of(child):
                        visit(place, child, written)
                else:
                    visit(child, node, written)

        visit(self.statement, None, None)
        return found

    @cached_property
    def misfits(self) -> bool:
        """Whether a line of the statement has no value, as where shapes do not fit."""
        return any(isinstance(node, Assign) and self.value(node.value) is None for node in self.statement.walk())

    def applies(self, *functions: str) -> bool:
        """Whether the model, or a derivative of it, has one of the functions."""
        return not self.at.truth.functions.isdisjoint(functions)

    @cached_property
    def arrays(self) -> list[tuple[str, np.ndarray]]:
        """What a name could mean here: the file's arrays, then the model's tensors, then their adjoints."""
        found = {name: array for name, array in self.own.items() if name != self.claimed and " " not in name}
        program = self.program
        for name, tensor in program.tensors.items():
            if name not in found and name != program.outputs[0] and tensor.role is not Role.TOKENS:
                found[name] = np.asarray(self.at_name(name))
        for name in program.tensors:
            adjoint = f"d{name}"
            bound = self.names.meaning(adjoint)
            if (
                adjoint not in found
                and adjoint != self.claimed
                and name in self.at.truth.adjoints
                and bound is not None
            ):
                found[adjoint] = np.asarray(bound.at(self.at))
        claimed = self.names.meaning(self.claimed)
        return [
            (name, array)
            for name, array in found.items()
            if claimed is None or self.names.meaning(name) != claimed  # the right answer explains nothing
        ]

    def at_name(self, name: str) -> np.ndarray:
        bound = self.names.meaning(name)
        return np.asarray(bound.at(self.at)) if bound is not None else np.asarray(self.at.value(name))

    def alike(self, array: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
        """The names whose arrays have the shape of this one, and other values."""
        for name, other in self.arrays:
            if other.shape == array.shape and not np.array_equal(other, array):
                yield name, other

    def tensor(self, name: str) -> str | None:
        """The model's tensor whose value a name of the file is: by name, or because it is equal to it."""
        if name in self.program.tensors:
            return name
        if name not in self.tensors:
            array = self.own.get(name)
            alike = (t for t in self.program.tensors if array is not None and self.equal(t, array))
            self.tensors[name] = next(alike, None)
        return self.tensors[name]

    def equal(self, tensor: str, array: np.ndarray) -> bool:
        value = self.at.value(tensor)
        return value.shape == array.shape and bool(np.allclose(value, array, rtol=1e-9, atol=1e-12))

    def definition(self, name: str) -> Assign | None:
        """The line of the file that makes a name, before this statement."""
        found = None
        for line in self.lines:
            if line.span[0] >= self.statement.span[0]:
                break
            if isinstance(line, Assign) and isinstance(line.target, Name) and line.name == name:
                found = line
        return found

    # -- what one name is to another -------------------------------------------------------------------------------

    def between(self, old: str, new: str) -> str:
        """In what way the name `old` is mistaken for `new`."""
        first, second = self.tensor(old), self.tensor(new)
        said = mistaken_for(old, new, self.program)
        if said == OTHER and first and second and first != second:
            said = mistaken_for(first, second, self.program)
        line = self.definition(new)
        if said == OTHER and line is not None and isinstance(line.value, Binary) and line.value.operator == "*":
            parts = (line.value.left, line.value.right)
            for part, other in (parts, parts[::-1]):
                if isinstance(part, Name) and part.name == old:
                    return f"{self.text(line)}: the factor {self.text(other)} is missing"
        return said


def places_of(target: Node) -> Iterator[Expression]:
    """The indices of the entries that are assigned."""
    while isinstance(target, Item):
        yield from (place for place in target.places if place is not None)
        target = target.array


def single(kind: str, old: Node, new: Node, remark: str = "", sentence: str = "") -> Edit:
    return Edit(kind, ((old, new),), remark, sentence)


def array_nodes(scene: Scene, least: int = 0) -> Iterator[tuple[Expression, Node | None, np.ndarray]]:
    """The nodes that are arrays of at least so many axes, with the node above and the value."""
    for node, above in scene.nodes:
        value = scene.value(node)
        if value is not None and value.ndim >= least and not isinstance(node, Number):
            yield node, above, value

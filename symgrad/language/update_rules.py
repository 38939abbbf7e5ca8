"""The equations of an optimizer's step while they are written: new tensors, states and settings behind a Program.

    step = StepEquations(program)
    m = step.state("m", X)                      declares m_W1[i,t,d], 0 at first, and returns it as SymPy
    m_new = step.becomes(m, mu*m + g)           defines m_W1_new[i,t,d] and records the update m_W1 -> m_W1_new
    step.becomes(X, X - lr*m_new)               W1_new[i,t,d] = W1[i,t,d] - lr*m_W1_new[i,t,d]

A rule names no tensor itself: an entry such as `W1[i,t,d]` carries its name and its axes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from sympy import Expr, Idx, Indexed, Symbol

from .lifting import tensor_axes
from .lowering import lower, lower_index
from .model import handle
from .program import Equation, Initial, Program, Role, Tensor
from .terms import Index, Size


def entry(tensor: Tensor) -> Expr:
    """The tensor's general entry: `W1[i, t, d]`, or a `Symbol` for a scalar."""
    return at(tensor.name, tensor_axes(tensor))


def at(name: str, axes: tuple[Idx, ...]) -> Expr:
    """The entry of the tensor `name` at `axes`."""
    base = handle(name, axes)
    return base[axes] if axes else base


def axes_of(entry: Expr) -> tuple[Idx, ...]:
    """The axes of an entry; none for a scalar."""
    return entry.indices if isinstance(entry, Indexed) else ()


def name_of(entry: Expr) -> str:
    return str(entry.base.label) if isinstance(entry, Indexed) else entry.name


def sizes_of(program: Program) -> dict[str, Index]:
    """The name of each size of the program's tensors, with an index that it belongs to."""
    indices = (index for tensor in program.tensors.values() for index in tensor.indices)
    return {node.name: index for index in indices for node in index.extent.walk() if isinstance(node, Size)}


class StepEquations:
    """A program under extension; `program` is what it has become.

    Equations are labelled U1, U2, ... in their order.  A new tensor whose name is taken, by a tensor or a
    size, gets `_2`, `_3`, ... behind it.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.count = 0
        self.shared: dict[str, Expr] = {}
        self.sizes = sizes_of(program)

    def setting(self, name: str) -> Expr:
        """A real scalar given with each step; one that the program has already is shared.

        The model has the name for nothing else: see `setting_names`.
        """
        if name not in self.program.tensors:
            self.declare(Tensor(name, (), Role.SETTING))
        return at(name, ())

    def settings(self, names: str) -> tuple[Expr, ...]:
        """`settings("lr beta1")`: several of them."""
        return tuple(map(self.setting, names.split()))

    def state(self, stem: str, entry: Expr, axes: Iterable[Idx] | None = None) -> Expr:
        """A state `stem_X` that starts at 0, over the axes of the entry X unless others are given."""
        axes = axes_of(entry) if axes is None else tuple(axes)
        name = self.free_name(f"{stem}_{name_of(entry)}")
        self.declare(Tensor(name, tuple(map(lower_index, axes)), Role.STATE, initial=Initial("constant", 0.0)))
        return at(name, axes)

    def define(self, name: str, axes: Iterable[Idx], body: Expr) -> Expr:
        """`name[axes] = body` as the next equation; returns the entry `name[axes]`."""
        axes, name = tuple(axes), self.free_name(name)
        indices = tuple(map(lower_index, axes))
        # Settings stand first among the tensors here, so that lowering writes lr*dX and not dX*lr.
        tensors = {tensor.name: tensor for tensor in self.program.with_role(Role.SETTING)} | self.program.tensors
        term = lower(body, tensors, f"{self.program.name}: in {name}")
        self.count += 1
        self.declare(Tensor(name, indices, Role.DEFINITION))
        equation = Equation(name, indices, term, f"U{self.count}")
        self.program = self.program.with_items((*self.program.items, equation))
        return at(name, axes)

    def once(self, name: str, body: Expr) -> Expr:
        """The scalar `name`, the same for every parameter: defined when it is first asked for."""
        if name not in self.shared:
            self.shared[name] = self.define(name, (), body)
        return self.shared[name]

    def named(self, name: str, entry: Expr, value: Expr) -> Expr:
        """`value` itself where it is an entry already, else a definition of it over the axes of `entry`."""
        if isinstance(value, Indexed | Symbol):
            return value
        return self.define(f"{name}_{name_of(entry)}", axes_of(entry), value)

    def becomes(self, entry: Expr, body: Expr) -> Expr:
        """After the step the parameter or state `entry` has the value `body`; returns the new entry."""
        new = self.define(f"{name_of(entry)}_new", axes_of(entry), body)
        updates = {**self.program.updates, name_of(entry): name_of(new)}
        self.program = replace(self.program, updates=updates)
        return new

    def declare(self, tensor: Tensor) -> None:
        self.program = replace(self.program, tensors={**self.program.tensors, tensor.name: tensor})

    def free_name(self, name: str) -> str:
        number, candidate = 2, name
        while candidate in self.program.tensors or candidate in self.sizes:
            candidate = f"{name}_{number}"
            number += 1
        return candidate

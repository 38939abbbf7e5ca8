"""The settings that an optimizer reads, and a model that has their names for something else: refused at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from sympy import Expr, Idx

from .errors import DeclarationError
from .program import Program, Role
from .update_rules import StepEquations, at, axes_of, entry, sizes_of

if TYPE_CHECKING:
    from .optimizers import Optimizer


class Rehearsal(StepEquations):
    """The equations of a step asked for and not written: what is left are the names of the settings."""

    def define(self, name: str, axes: Iterable[Idx], body: Expr) -> Expr:
        return at(name, tuple(axes))


def settings_read(program: Program, optimizer: Optimizer) -> tuple[str, ...]:
    """The names under which the rule reads settings, for the program's parameters, in its order."""
    rehearsal = Rehearsal(Program(program.name, {}, (), ()))
    for parameter in program.parameters:
        X = entry(parameter)
        optimizer.write(rehearsal, X, at(f"d{parameter.name}", axes_of(X)))
    return tuple(setting.name for setting in rehearsal.program.with_role(Role.SETTING))


def refuse_setting_names(program: Program, optimizer: Optimizer) -> None:
    """Raises DeclarationError where a tensor or a size of the model has the name of one of the rule's settings.

    A setting of the model is shared with the rule, and an index is told apart from it wherever it stands.
    """
    sizes = sizes_of(program)
    read = settings_read(program, optimizer)
    for name in read:
        tensor = program.tensors.get(name)
        if tensor is not None and tensor.role is not Role.SETTING:
            what = f"{'an' if tensor.role is Role.INPUT else 'a'} {tensor.role.value}"
        elif name in sizes:
            what = f"the size of index {sizes[name].name}"
        else:
            continue
        raise DeclarationError(
            f"{program.name}: {name} is {what} of the model, and {optimizer.name} reads the settings "
            f"{', '.join(read)}, expected another name; rename {name} in the model"
        )

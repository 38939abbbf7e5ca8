"""Two forms of one model: the training form, whose loss is minimized, and the evaluation form, whose loss is reported.

    m = model.define("m", i, mean(z[b, i], b), evaluation=m_run[i])     m is the batch's mean, and later the running one
    model.update(m_run, i, 0.999 * m_run[i] + 0.001 * m[i])             after each step, outside the gradient
    r = model.masks(r=(b, i), keep=0.8)                                 drawn for each step; 1 in the evaluation form

The evaluation form differs in the definitions that say so and in its masks, and changes no state.
"""

from __future__ import annotations

from dataclasses import replace

from .algebra import construct
from .dependence import reachable, without_dead
from .program import Equation, Program, Role, Tensor
from .recurrences import with_equations
from .rewriting import rebuild
from .terms import ONE, Read, Term


def has_evaluation_form(program: Program) -> bool:
    """Whether the evaluation form is another one than the training form."""
    return bool(program.evaluation or program.with_role(Role.MASK))


def evaluation_form(program: Program) -> Program:
    """The program that gives the loss of a trained model: no masks, no updates, nothing that only training needs."""
    masks = [tensor.name for tensor in program.with_role(Role.MASK)]
    whole = with_equations(replace(program, updates={}, evaluation={}), evaluation_equations(program))
    return without_dead(whole, given=masks)


def training_form(program: Program) -> Program:
    """The program that gives the loss of a training step: without the updates of states and what only they need."""
    return without_dead(replace(program, updates={}, evaluation={}))


def evaluation_equations(program: Program) -> list[Equation]:
    """Every equation as it stands in the evaluation form, in the order of the program's."""
    masks = {tensor.name for tensor in program.with_role(Role.MASK)}

    def without_masks(node: Term) -> Term:
        if isinstance(node, Read) and node.tensor in masks:
            return ONE
        new = rebuild(node, without_masks)
        return node if new is node else construct(new)

    return [replace(e, body=without_masks(program.evaluation.get(e.tensor, e.body))) for e in program.equations()]


def evaluation_lines(program: Program) -> list[Equation]:
    """What a person is told about the evaluation form: the definitions that differ in it, and each mask as 1."""
    tensors = program.tensors
    masks = [Equation(mask.name, mask.indices, ONE) for mask in program.with_role(Role.MASK)]
    changed = [Equation(name, tensors[name].indices, body) for name, body in program.evaluation.items()]
    return [*changed, *masks]


def states_read(program: Program) -> list[Tensor]:
    """The states that the loss depends on."""
    needed = reachable(program, program.outputs[0])
    return [state for state in program.with_role(Role.STATE) if state.name in needed]


def state_updates(program: Program) -> list[Equation]:
    """The equations that give the states' next values."""
    states = {state.name for state in program.with_role(Role.STATE)}
    return [program.equation(new) for old, new in program.updates.items() if old in states]

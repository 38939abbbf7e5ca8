"""What stands outside the gradient: states and their updates, the evaluation form, and what `stop_gradient` holds.

d stop_gradient(x[i]**2)/dx[i] = 0        from F1: a constant to the chain rule
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..language.dependence import reachable
from ..language.functions import STOP_GRADIENT
from ..language.notation import text
from ..language.program import Equation, Program
from ..language.terms import Call, Read, reads

STATE_TITLE = "State, changed after each step and outside the gradient"
EVALUATION_TITLE = "In evaluation"
MASKS = "drawn for each step: 1/keep with probability keep, else 0"


@dataclass(frozen=True)
class Stopped:
    """`value`, a stop_gradient in `equation`, reads `by`, through which the loss would depend on what is learned."""

    equation: Equation
    value: Call
    by: Read

    @property
    def name(self) -> str:
        return f"d {text(self.value)}/d{text(self.by)}"

    @property
    def reason(self) -> str:
        return f"from {self.equation.label}: a constant to the chain rule"


def stopped_parts(program: Program, forward: Iterable[Equation], wrt: Iterable[str]) -> tuple[Stopped, ...]:
    """Every stop_gradient and tensor in it that depends on one of `wrt`, in the order of writing."""
    found: dict[Stopped, None] = {}
    for equation in forward:
        for node in equation.body.walk():
            if isinstance(node, Call) and node.function == STOP_GRADIENT:
                for read in reads(node):
                    integral = program.tensors[read.tensor].vocabulary is not None
                    if not integral and not reachable(program, read.tensor).isdisjoint(wrt):
                        found.setdefault(Stopped(equation, node, read))
    return tuple(found)


def starting(program: Program, update: Equation) -> str:
    """`m_run starts as constant(0)`."""
    state = next(old for old, new in program.updates.items() if new == update.tensor)
    initial = program.tensors[state].initial
    value = f"at {initial.scale:g}" if initial.kind == "constant" else f"as {initial}"
    return f"{state} starts {value}"

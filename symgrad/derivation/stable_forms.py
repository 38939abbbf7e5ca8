"""The equations that are computed in another form than the textbook's: no overflow, no 1/0, no digit lost.

    o_max[b] = max_v o[b,v]
    p[b,v]   = exp(o[b,v] - o_max[b])/(sum_v2 exp(o[b,v2] - o_max[b]))     no exponential overflows

An emitted file computes these.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..calculus.stability import stabilize
from ..calculus.steps import Reason
from ..language.program import Program
from ..language.terms import Read, Term
from .naming import presented
from .reasons import joined, spelled


@dataclass(frozen=True)
class StableForm:
    """`left` = `value` is what is computed; `because` is empty for a definition that only the others need."""

    left: Read
    value: Term
    because: Reason

    @property
    def reason(self) -> str:
        return spelled(self.because)


def stable_forms(program: Program) -> tuple[StableForm, ...]:
    """The equations of the program's stable form that it has not itself, in the order of their evaluation."""
    stable, steps = stabilize(program)
    before = {equation.tensor: equation.body for equation in program.equations()}
    forms = []
    for equation in stable.equations():
        if before.get(equation.tensor) != equation.body:
            because = joined(dict.fromkeys(s.reason for s in steps if s.tensor == equation.tensor), "; ")
            forms.append(StableForm(equation.left, presented(equation.body, equation.indices), because))
    return tuple(forms)

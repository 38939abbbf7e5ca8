"""Stable forms, found by rewriting: the same values, without overflow, 1/0 or lost digits on the way.

    reciprocals    p*(r + s/p)                     ->  p*r + s
    logarithms     log(exp(a)/S)                   ->  a - log(S)
    shifts         exp(f)/sum_v exp(f)             ->  exp(f - m)/sum_v exp(f - m)         m = max_v f
    norms          sqrt(sum_v x[v]**2)             ->  m * sqrt(sum_v |x[v]/m|**2)         m = max_v |x[v]|
    digits         exp(u) - 1, log(1 + x)          ->  expm1(u), log1p(x)

Each line is a module; its docstring has the rules.  They run after the calculus: a maximum that cancels is a constant
to it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ..language.program import Program
from ..language.recurrences import with_equations
from .digits import with_digits
from .norms import scale_norms
from .reciprocals import cancel_reciprocals
from .shifts import shift_exponentials
from .steps import Step


def stabilize(program: Program, leave: Iterable[str] = ()) -> tuple[Program, tuple[Step, ...]]:
    """The program in stable form, with its maxima as definitions of their own, and what was rewritten.

    The definitions to `leave` keep their norms as they are.
    """
    program, cancelled = cancel_reciprocals(program)
    program, shifted = shift_exponentials(program)
    program, scaled = scale_norms(program, leave)
    program, kept = keep_digits(program)
    return program, (*cancelled, *shifted, *scaled, *kept)


def keep_digits(program: Program) -> tuple[Program, tuple[Step, ...]]:
    """The program with the forms of `digits`, and what was rewritten."""
    steps, equations = [], []
    for equation in program.equations():
        body = with_digits(equation.body)
        if body != equation.body:
            steps.append(Step(equation.tensor, equation.body, body, ("no digit is lost",)))
        equations.append(replace(equation, body=body))
    return (with_equations(program, equations), tuple(steps)) if steps else (program, ())

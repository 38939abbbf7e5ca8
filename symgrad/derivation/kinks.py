"""What is taken for the derivative at each kink of a model, in words.

    max(0, a[b,i])              where both are equal that of the first, here 0
    abs(x[i])                   its derivative is sign(x[i]), 0 at 0
    max_v o[b,v]                the first entry that reaches it has the derivative 1, the others 0
    f if [0 < x[i]] else g      only the branch that is taken counts, and that the condition changes does not

A difference quotient across a kink is none of these, so checks keep away from it: see `checking.points`.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..calculus.paths import real_part
from ..checking.kinks import kink_at_zero
from ..language.notation import text
from ..language.program import Equation, Program
from ..language.terms import Call, Compare, Reduce, Term, Where


def kink_texts(equations: Iterable[Equation], program: Program) -> tuple[str, ...]:
    """A sentence for each kink of the equations through which a derivative may pass, each once."""
    found: dict[str, None] = {}
    for equation in equations:
        for node in real_part(equation.body):
            said = sentence(node, program)
            if said:
                found[said] = None
    return tuple(found)


def sentence(term: Term, program: Program) -> str:
    match term:
        case Reduce("max"):
            return f"{text(term)}: the first entry that reaches it has the derivative 1, the others 0"
        case Where(condition) if any(kink_at_zero(node, program) is not None for node in (term, *condition.walk())):
            return f"where {text(condition)} changes: the derivative of the branch that is taken, no other"
    if kink_at_zero(term, program) is None:
        return ""
    match term:
        case Call("max" | "min", (first, _)):
            return f"{text(term)}: where both are equal the derivative is that of {text(first)}"
        case Call("abs", (argument,)):
            return f"{text(term)}: the derivative is sign({text(argument)}), 0 at 0"
        case Call("sign") | Compare():
            return f"{text(term)}: the derivative is 0, at the step too"
    return ""

"""How far every term with a kink is from it: max(a, b) from a = b, |x| from 0, a maximum over an axis from a tie."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..language.algebra import subtract
from ..language.functions import STOP_GRADIENT
from ..language.program import Program
from ..language.terms import Binder, Call, Compare, Index, Reduce, Term, Where
from ..language.typecheck import is_integral
from .interpreter import Evaluation, Sizes, Values, evaluate, extent_value

Scope = tuple[Index, ...]


def gaps(program: Program, values: Values, sizes: Sizes) -> list[tuple[Term, np.ndarray]]:
    """(term, distance of each of its entries from the kink) for every term with a kink, in program order."""
    made = evaluate(program, values, sizes)
    found = []
    for equation in program.equations():
        evaluation = Evaluation(made, {**sizes}, {})
        for term, scope in with_scope(equation.body, equation.indices):
            if isinstance(term, Reduce):
                if term.op in ("max", "argmax"):
                    found.append((term, below_maximum(term, scope, evaluation, sizes)))
                continue
            difference = kink_at_zero(term, program)
            if difference is not None:
                found.append((term, np.abs(evaluation.value(difference, scope))))
    return found


def with_scope(term: Term, scope: Scope) -> Iterator[tuple[Term, Scope]]:
    """Every node that a derivative may meet, with the indices in scope there."""
    yield term, scope
    if isinstance(term, Call) and term.function == STOP_GRADIENT:
        return
    inner = scope + term.indices if isinstance(term, Binder) else scope
    for child in term.children:
        yield from with_scope(child, inner)


def kink_at_zero(term: Term, program: Program) -> Term | None:
    """The real term at whose zeros `term` has a kink or a jump; None where it has none."""
    match term:
        case Call("max" | "min", (left, right)):
            return subtract(left, right)
        case Call("abs" | "sign", (argument,)):
            return argument
        case Compare(_, left, right) if not (is_integral(left, program) and is_integral(right, program)):
            return subtract(left, right)
        case Where(condition, _, _) if not any(isinstance(node, Compare) for node in condition.walk()):
            return None if is_integral(condition, program) else condition
    return None


def below_maximum(term: Reduce, scope: Scope, evaluation: Evaluation, sizes: Sizes) -> np.ndarray:
    """How far the second largest entry is below the largest; infinite where there is one entry only."""
    inner = evaluation.value(term.body, scope + term.indices)
    lengths = tuple(extent_value(index.extent, sizes) for index in term.indices)
    inner = np.broadcast_to(inner, inner.shape[: len(scope)] + lengths)
    flat = np.sort(inner.reshape(*inner.shape[: len(scope)], -1), axis=-1)
    return flat[..., -1] - flat[..., -2] if flat.shape[-1] > 1 else np.full(flat.shape[:-1], np.inf)

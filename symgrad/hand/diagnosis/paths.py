"""The paths that an adjoint is the sum of, each by itself, and what people call them."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ...calculus.steps import Local
from ...language.algebra import factors_of, terms_of
from ...language.notation import text
from ...language.program import Program, Role
from ...language.terms import ONE, Call, Const, Pow, Read, Reduce, Size, Term, reads
from ..binding import Bound
from ..truth import At, Truth


@dataclass(frozen=True)
class Part:
    """One path's share of an adjoint at a point, in the layout of the claim."""

    local: Local
    value: np.ndarray


def parts(bound: Bound, at: At) -> list[Part]:
    """One part for each read of the tensor."""
    return [Part(share.local, bound.spread(value.astype(np.float64), at)) for share, value in at.shares(bound.tensor)]


def described(local: Local, truth: Truth) -> str:
    """`the path through num`; the word for it where it has one: the regularizer, the residual connection, the mean."""
    equation, read, program = local.equation, local.read, truth.model
    through = equation.tensor
    role = program.tensors[read.tensor].role
    if through == truth.loss and role is Role.PARAMETER and read.indices and own_term(local):
        return f"the regularizer's term {text(local.share)}"
    named = statistic(equation.body, program)
    called = f" (the {named})" if named else ""
    if local.local == ONE and len(terms_of(equation.body)) > 1 and read in terms_of(equation.body):
        return (
            f"the direct path ({read.tensor} is added in {through}{': a residual connection' if read.indices else ''})"
        )
    others = siblings(local, truth)
    if not others:
        return f"the path through {through}{called}"
    return f"the path through {own_function(local, others)} in {through}{called}"


def siblings(local: Local, truth: Truth) -> list[Local]:
    """The other paths from the same tensor into the same equation."""
    found = [share.local for share in truth.shares.get(local.read.tensor, ())]
    return [other for other in found if other is not local and other.equation.tensor == local.equation.tensor]


def own_term(local: Local) -> bool:
    """Whether the share is a function of the tensor alone, and of scalars."""
    return all(read.tensor == local.read.tensor or not read.indices for read in reads(local.share))


def own_function(local: Local, others: list[Local]) -> str:
    """What tells a path from the others of its equation: a function that is on it alone, or the term that it is in.

    Within a function that the others share it is a part of the inner derivative.
    """
    shared = {rule.function for other in others for rule in other.rules}
    for position, rule in enumerate(local.rules):
        if rule.function not in shared:
            inner = f", the inner derivative {text(rule.derivative)}," if position else ""
            return f"{text(rule.function)}{inner}"
    for term in terms_of(local.equation.body):
        if local.read in reads(term):
            return text(term)
    return text(local.read)


def statistic(term: Term, program: Program) -> str:
    """mean, variance, norm, standard deviation or normalizer; empty for anything else."""
    kept = [factor for factor in factors_of(term) if not scale(factor)]
    if len(kept) != 1:
        return ""
    divided = any(isinstance(factor, Pow) and scale(factor) for factor in factors_of(term))
    match kept[0]:
        case Pow(base, Const(exponent)) if abs(exponent) == Fraction(1, 2) or exponent in (-1, 0.5, -0.5):
            inner = {statistic(part, program) for part in terms_of(base)} - {""}
            words = {"variance": "standard deviation", "sum of squares": "norm", "mean of squares": "norm"}
            words = words if abs(exponent) != 1 else {word: word for word in ("norm", "normalizer of the softmax")}
            return next((words[word] for word in inner if word in words), "")
        case Reduce("sum", _, Pow(base, Const(2))):
            deviation = len(terms_of(base)) > 1
            return (
                ("variance" if deviation else "mean of squares") if divided else "" if deviation else "sum of squares"
            )
        case Reduce("sum", _, Call("exp", _)):
            return "normalizer of the softmax"
        case Reduce("sum", _, Read()) if divided:
            return "mean"
        case Reduce("max", _, _):
            return "maximum"
        case Read(name) if name in program.tensors and program.tensors[name].role is Role.DEFINITION:
            return statistic(program.equation(name).body, program)
    return ""


def scale(factor: Term) -> bool:
    """A number made of constants and sizes alone."""
    return (
        all(isinstance(node, Const | Size) or node.children for node in factor.walk())
        and not reads(factor)
        and not (isinstance(factor, Reduce))
    )

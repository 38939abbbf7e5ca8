"""Difference quotients in float64: what a gradient is compared with.

    f'(x) = (8*(f(x+h) - f(x-h)) - (f(x+2*h) - f(x-2*h)))/(12*h) + O(h**4)

With h = 1e-3 truncation (about 1e-12/30 of the fifth derivative) and rounding (about 1e-13 of the value) meet.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from ..language.algebra import construct
from ..language.functions import STOP_GRADIENT
from ..language.program import Equation, Program, Role, Tensor
from ..language.rewriting import fresh_name, rebuild
from ..language.terms import Call, Index, Read, Term
from .interpreter import Evaluation, Sizes, Values, evaluate
from .kinks import with_scope
from .side_by_side import POINTS, side_by_side

STEP = 1e-3
STEPS = (STEP, STEP / 8, STEP / 64, STEP / 512, STEP / 4096)
WEIGHTS = ((1, 8 / 12), (-1, -8 / 12), (2, -1 / 12), (-2, 1 / 12))
ENTRIES = 2**22  # of a tensor, at all points that are evaluated at once: what memory bears
FLOOR = 1e-5  # of the value that is differentiated: the smallest gradient whose relative error can be told

Function = Callable[[Values], np.ndarray | float]


class Loss(Protocol):
    """A number that depends on tensors: at their values here, and beside them.

    values    the tensors here
    """

    values: Values

    @property
    def value(self) -> float:
        """The number here."""
        ...

    def beside(self, places: Values) -> np.ndarray:
        """(points,): the number at other values of some tensors, (points, *shape) each."""
        ...


@dataclass(frozen=True)
class InterpretedLoss:
    """The loss of a program in the interpreter; `values` are those of all its tensors, as `interpreted_loss` makes."""

    program: Program
    values: Values
    sizes: Sizes

    @property
    def value(self) -> float:
        return float(self.values[self.program.outputs[0]])

    def beside(self, places: Values) -> np.ndarray:
        many = side_by_side(self.program, places)
        given = {t.name: self.values[t.name] for t in many.tensors.values() if t.role is not Role.DEFINITION}
        points = len(next(iter(places.values())))
        losses = evaluate(many, {**given, **places}, {**self.sizes, POINTS: points})[many.outputs[0]]
        return np.broadcast_to(losses, points)  # one number where the loss depends on none of them


def interpreted_loss(program: Program, given: Values, sizes: Sizes) -> InterpretedLoss:
    return InterpretedLoss(program, evaluate(program, given, sizes), sizes)


@dataclass(frozen=True)
class CalledLoss:
    """A function of all values, called for one point after another."""

    function: Callable[[Values], float]
    values: Values

    @property
    def value(self) -> float:
        return float(self.function(self.values))

    def beside(self, places: Values) -> np.ndarray:
        points = zip(*places.values(), strict=True)
        return np.array([self.function({**self.values, **dict(zip(places, p, strict=True))}) for p in points])


def along(function: Function, at: Values, direction: Mapping[str, np.ndarray], step: float = STEP) -> np.ndarray:
    """d function(at + s*direction)/ds at s = 0, of the function's shape."""
    quotient = 0.0
    for shift, weight in WEIGHTS:
        moved = {**at, **{name: at[name] + shift * step * d for name, d in direction.items()}}
        quotient = quotient + weight / step * np.asarray(function(moved))
    return np.asarray(quotient)


def gradient(loss: Loss, name: str, entries: np.ndarray, step: float = STEP, proportional: bool = False) -> np.ndarray:
    """d loss/d name[entry] for each of the flat `entries`.

    `proportional`: an entry moves by `step` times its own size, so that a small probability stays one.
    """
    value = np.reshape(loss.values[name], -1)
    shifts, weights = np.array(WEIGHTS).T
    largest = max(np.size(tensor) for tensor in loss.values.values())
    at_once = max(1, ENTRIES // (len(shifts) * largest))
    quotients = [np.empty(0)]
    for some in (entries[first : first + at_once] for first in range(0, len(entries), at_once)):
        own = np.abs(value[some])
        sizes = np.where(own > 0, np.minimum(own, 1.0), 1.0) if proportional else np.ones(len(some))
        places = np.tile(value, (len(shifts), len(some), 1))  # for each entry and shift a point where it alone is moved
        places[:, np.arange(len(some)), some] += step * np.outer(shifts, sizes)
        losses = loss.beside({name: places.reshape(len(shifts) * len(some), *np.shape(loss.values[name]))})
        pairs = weights[:, None] * losses.reshape(len(shifts), len(some))
        quotients.append(sum(pairs) / (step * sizes))  # one after another: the weights of equal losses leave exactly 0
    return np.concatenate(quotients)


def some_entries(shape: tuple[int, ...], most: int, seed: int = 0) -> np.ndarray:
    """At most `most` different flat positions in an array of this shape, the first and the last among them."""
    count = int(np.prod(shape))
    if count <= most:
        return np.arange(count)
    inner = np.random.default_rng(seed).choice(np.arange(1, count - 1), most - 2, replace=False)
    return np.sort(np.concatenate(([0, count - 1], inner)))


def relative_error(found: np.ndarray, expected: np.ndarray, scale: float = 1.0) -> float:
    """max|found - expected| / max(max|expected|, 1e-5*max(1, |scale|)), over the tensor; infinite where not finite.

    `scale` is the value of what was differentiated: below the floor a difference quotient has no digits left.
    """
    if not (np.isfinite(found).all() and np.isfinite(expected).all()):
        return float("inf")
    if np.size(expected) == 0:
        return 0.0
    return float(np.max(np.abs(found - expected)) / max(np.max(np.abs(expected)), FLOOR * max(1.0, abs(scale))))


def gradient_error(loss: Loss, name: str, found: np.ndarray, tolerance: float, most: int = 12, seed: int = 0) -> float:
    """The relative error of `found` as d loss/d name, over at most `most` of its entries."""
    entries = some_entries(np.shape(found), most, seed)
    chosen, scale = np.reshape(found, -1)[entries], loss.value

    def least(proportional: bool) -> float:
        def error_at(step: float) -> float:
            return relative_error(chosen, gradient(loss, name, entries, step, proportional), scale)

        return least_error(error_at, tolerance)

    error = least(False)
    return error if error <= tolerance else min(error, least(True))


def least_error(error_at: Callable[[float], float], tolerance: float) -> float:
    """The error with the first step that keeps to the tolerance, else the least of them.

    A function too bent for one step, such as log(p) at p = 1e-3 or 1/sqrt(s + 1e-5) at s = 0, is smooth for a smaller
    one; a wrong gradient stays wrong with each.
    """
    least = float("inf")
    for step in STEPS:
        least = min(least, error_at(step))
        if least <= tolerance:
            break
    return least


def stopped(program: Program, values: Values, sizes: Sizes) -> tuple[Program, Values]:
    """The program with every stop_gradient(e) an input that holds e's value here, and the values with those inputs.

    A difference quotient moves what is under stop_gradient; a gradient does not.  Of this program both are the same.
    """
    made: Values | None = None
    inputs: dict[str, Tensor] = {}
    held: Values = {}
    items = []
    for item in program.items:
        if not isinstance(item, Equation) or not any(is_stopped(node) for node in item.body.walk()):
            items.append(item)
            continue
        made = made if made is not None else evaluate(program, values, sizes)
        replaced: dict[Term, Term] = {}
        for node, scope in with_scope(item.body, item.indices):
            if is_stopped(node) and node not in replaced:
                name = fresh_name(f"held{len(inputs) + 1}", {*program.tensors, *inputs})
                indices = tuple(index for index in scope if index in node.free)
                inputs[name] = Tensor(name, indices, Role.INPUT)
                held[name] = np.array(held_value(node.children[0], indices, made, sizes))
                replaced[node] = Read(name, indices)
        items.append(replace(item, body=put(item.body, replaced)))
    tensors = {**inputs, **program.tensors}
    return replace(program, tensors=tensors, items=tuple(items)), {**values, **held}


def is_stopped(term: Term) -> bool:
    return isinstance(term, Call) and term.function == STOP_GRADIENT


def held_value(term: Term, indices: tuple[Index, ...], made: Values, sizes: Sizes) -> np.ndarray:
    evaluation = Evaluation(made, sizes, {})
    lengths = [int(Evaluation({}, sizes, {}).value(index.extent, ())) for index in indices]
    return np.broadcast_to(evaluation.value(term, indices), lengths).astype(np.float64)


def put(term: Term, replaced: Mapping[Term, Term]) -> Term:
    """The term with whole nodes replaced; the replacements hold the same indices, so nothing can be captured."""
    return replaced[term] if term in replaced else construct(rebuild(term, lambda child: put(child, replaced)))

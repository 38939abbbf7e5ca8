"""A program evaluated at many points at once: one more axis in front of every real tensor."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from symgrad.checking.differences import STEPS, along, relative_error, some_entries
from symgrad.checking.interpreter import Values, evaluate
from symgrad.language.program import Equation, Item, Program, Recurrence, Role
from symgrad.language.rewriting import rebuild
from symgrad.language.terms import Index, Read, Size, Term

POINT = Index("%point", Size("%points"))


def side_by_side(program: Program) -> Program:
    """The program over a further axis; tokens are the same at every point."""
    tokens = {tensor.name for tensor in program.with_role(Role.TOKENS)}

    def body(node: Term) -> Term:
        node = rebuild(node, body)
        real = isinstance(node, Read) and node.tensor not in tokens
        return Read(node.tensor, (POINT, *node.indices)) if real else node

    def item(one: Item) -> Item:
        if isinstance(one, Recurrence):
            return replace(one, items=tuple(map(item, one.items)))
        assert isinstance(one, Equation)
        return replace(one, indices=(POINT, *one.indices), body=body(one.body))

    tensors = {
        name: tensor if name in tokens else replace(tensor, indices=(POINT, *tensor.indices))
        for name, tensor in program.tensors.items()
    }
    return replace(program, tensors=tensors, items=tuple(map(item, program.items)))


def gradient_errors(
    program: Program,
    values: Values,
    sizes: dict[str, int],
    found: dict[str, np.ndarray],
    most: int,
    tolerance: float,
    seed: int = 0,
) -> dict[str, float]:
    """The relative error of each d loss/d tensor in `found`, over at most `most` entries, by difference quotients.

    As `differences.gradient_error`, but all entries of all tensors are moved at once, each at a point of its own.
    """
    places = [(name, entry) for name, array in found.items() for entry in some_entries(np.shape(array), most, seed)]
    many = side_by_side(program)
    sizes = {**sizes, "%points": len(places)}
    real = {name: np.asarray(value) for name, value in values.items() if np.asarray(value).dtype == np.float64}
    at = {name: np.repeat(value[None], len(places), axis=0) for name, value in real.items()}
    directions = {name: np.zeros(value.shape) for name, value in at.items()}
    for point, (name, entry) in enumerate(places):
        directions[name].reshape(len(places), -1)[point, entry] = 1

    def losses(moved: Values) -> np.ndarray:
        return evaluate(many, {**values, **moved}, sizes)[program.outputs[0]]

    scale = float(losses(at)[0])
    errors = dict.fromkeys(found, np.inf)
    for step in STEPS:
        quotients = along(losses, at, directions, step)
        for name, array in found.items():
            rows = [(point, entry) for point, (owner, entry) in enumerate(places) if owner == name]
            points, entries = (list(part) for part in zip(*rows, strict=True))
            error = relative_error(np.reshape(array, -1)[entries], quotients[points], scale)
            errors[name] = min(errors[name], error)
        if max(errors.values()) <= tolerance:
            break
    return errors

"""The difference quotients of all entries of all tensors in one evaluation, each at a point of its own."""

from __future__ import annotations

import numpy as np

from symgrad.checking.differences import STEPS, along, interpreted_loss, relative_error, some_entries
from symgrad.checking.interpreter import Values
from symgrad.language.program import Program


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

    As `differences.gradient_error`, for many tensors.
    """
    places = [(name, entry) for name, array in found.items() for entry in some_entries(np.shape(array), most, seed)]
    loss = interpreted_loss(program, values, sizes)
    at = {name: np.repeat(loss.values[name][None], len(places), axis=0) for name in found}
    directions = {name: np.zeros(value.shape) for name, value in at.items()}
    for point, (name, entry) in enumerate(places):
        directions[name].reshape(len(places), -1)[point, entry] = 1
    errors = dict.fromkeys(found, np.inf)
    for step in STEPS:
        quotients = along(loss.beside, at, directions, step)
        for name, array in found.items():
            rows = [(point, entry) for point, (owner, entry) in enumerate(places) if owner == name]
            points, entries = (list(part) for part in zip(*rows, strict=True))
            error = relative_error(np.reshape(array, -1)[entries], quotients[points], loss.value)
            errors[name] = min(errors[name], error)
        if max(errors.values()) <= tolerance:
            break
    return errors

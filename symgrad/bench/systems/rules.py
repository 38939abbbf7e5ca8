"""Optimizers as functions of arrays, for systems that have none of their own; `xp` is the module of the arrays.

    rule(xp, X, g, state, t, s) -> (X after the step, the state after it)

X is a parameter, g its gradient, t counts steps from 1, s holds the learning rate `lr` and the rule's constants.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from types import ModuleType
from typing import Any

Array = Any
Step = tuple[Array, list[Array]]


def sgd(xp: ModuleType, X: Array, g: Array, state: list[Array], t: Array, s: dict) -> Step:
    return X - s["lr"] * g, []


def momentum(xp: ModuleType, X: Array, g: Array, state: list[Array], t: Array, s: dict) -> Step:
    u = s["mu"] * state[0] + g
    return X - s["lr"] * u, [u]


def nesterov(xp: ModuleType, X: Array, g: Array, state: list[Array], t: Array, s: dict) -> Step:
    u = s["mu"] * state[0] + g
    return X - s["lr"] * (g + s["mu"] * u), [u]


def adam(xp: ModuleType, X: Array, g: Array, state: list[Array], t: Array, s: dict) -> Step:
    m = s["beta1"] * state[0] + (1 - s["beta1"]) * g
    v = s["beta2"] * state[1] + (1 - s["beta2"]) * g * g
    m_hat, v_hat = m / (1 - s["beta1"] ** t), v / (1 - s["beta2"] ** t)
    return X - s["lr"] * m_hat / (xp.sqrt(v_hat) + s["eps"]), [m, v]


def adamw(xp: ModuleType, X: Array, g: Array, state: list[Array], t: Array, s: dict) -> Step:
    return adam(xp, X * (1 - s["lr"] * s["weight_decay"]), g, state, t, s)


def adafactor(xp: ModuleType, X: Array, g: Array, state: list[Array], t: Array, s: dict) -> Step:
    """Shazeer & Stern 2018; of more than two axes the first is one side, and all others are the other."""
    if g.ndim > 2:
        table = (g.shape[0], -1)
        new, state = adafactor(xp, X.reshape(table), g.reshape(table), state, t, s)
        return new.reshape(X.shape), state
    fresh, squares = t**-0.8, g * g + s["eps1"]
    means = [squares.sum(1), squares.sum(0)] if g.ndim > 1 else [squares]
    state = [(1 - fresh) * old + fresh * new for old, new in zip(state, means, strict=True)]
    if g.ndim > 1:
        R, S = state
        U = g * (xp.sqrt(R.sum()) / xp.sqrt(R))[:, None] / xp.sqrt(S)
    else:
        U = g / xp.sqrt(state[0])
    rate = s["lr"] * xp.maximum(s["eps2"], xp.sqrt((X * X).mean()))
    return X - rate * U / xp.maximum(1.0, xp.sqrt((U * U).mean()) / s["clip_threshold"]), state


RULES: dict[str, Callable[..., Step]] = {
    rule.__name__: rule for rule in (sgd, momentum, nesterov, adam, adamw, adafactor)
}
USUAL = {
    "sgd": {},
    "momentum": {"mu": 0.9},
    "nesterov": {"mu": 0.9},
    "adam": {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8},
    "adamw": {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 1e-2},
    "adafactor": {"eps1": 1e-30, "eps2": 1e-3, "clip_threshold": 1.0},
}


def initial_shapes(optimizer: str, shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    """The shapes of a parameter's states, which start as zeros."""
    if optimizer == "adafactor":
        return [shape[:1], (math.prod(shape[1:]),)] if len(shape) > 1 else [shape]
    return [shape] * {"sgd": 0, "momentum": 1, "nesterov": 1, "adam": 2, "adamw": 2}[optimizer]

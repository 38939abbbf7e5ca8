"""Models and a NumPy stand-in for emitted code, for tests of what surrounds it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sympy import Expr, log

from symgrad.language.model import Model, normal, zeros
from symgrad.language.program import Program, Role
from symgrad.language.surface import axes, mean, softmax, total
from symgrad.training import Arrays, Training

DATA = Path(__file__).parents[3] / "shared" / "data"
needs_brown = pytest.mark.skipif(not (DATA / "brown.txt").exists(), reason="needs ../shared/data/brown.txt")
needs_names = pytest.mark.skipif(not (DATA / "names.txt").exists(), reason="needs ../shared/data/names.txt")

CYCLE = "a b c d " * 100


def cycle() -> str:
    """A text whose next word is certain: a b c d a b c d ..."""
    return CYCLE


def bigram() -> Model:
    """p(next word | word) from a table of logits: L = mean -log softmax(W[x])[y]."""
    model = Model("bigram")
    b, v, w = axes("b:B v:V w:V")
    W = model.parameters(W=normal((w, v), 0.1))
    x, y = model.tokens(x=(b,), y=(b,), vocabulary=v)
    p = model.define("p", (b, v), softmax(W[x[b], v], v))
    model.minimize("L", mean(-log(p[b, y[b]]), b))
    return model


def ngram() -> Model:
    """A linear model of the N words before: contexts (B, N)."""
    model = Model("ngram")
    b, t, d, v = axes("b:B t:N d:D v:V")
    C, W, k = model.parameters(C=(v, d), W=(v, t, d), k=zeros(v))
    x, y = model.tokens(x=(b, t), y=(b,), vocabulary=v)
    o = model.define("o", (b, v), k[v] + total(W[v, t, d] * C[x[b, t], d], t, d))
    p = model.define("p", (b, v), softmax(o[b, v], v))
    model.minimize("L", mean(-log(p[b, y[b]]), b))
    return model


def tagger() -> Model:
    """A target at each position: contexts and targets (B, N)."""
    model = Model("tagger")
    b, t, v, w = axes("b:B t:N v:V w:V")
    W = model.parameters(W=(w, v))
    x, y = model.tokens(x=(b, t), y=(b, t), vocabulary=v)
    p = model.define("p", (b, t, v), softmax(W[x[b, t], v], v))
    model.minimize("L", mean(-log(p[b, t, y[b, t]]), b, t))
    return model


def regression(over: Callable[..., Expr] = mean) -> Model:
    """L = mean (y - sum_d w[d] x[d])**2 with real inputs, or what else is taken `over` the rows."""
    model = Model("regression")
    b, d = axes("b:B d:D")
    w = model.parameters(w=zeros(d))
    x, y = model.inputs(x=(b, d), y=(b,))
    model.minimize("L", over((y[b] - total(w[d] * x[b, d], d)) ** 2, b))
    return model


def scalar() -> Model:
    """L = (y - w x)**2 / 2: no axes, so one example a step."""
    model = Model("scalar")
    w = model.parameters(w=zeros(()))
    x, y = model.inputs(x=(), y=())
    model.minimize("L", (y - w * x) ** 2 / 2)
    return model


class PlainSGD:
    """An optimizer without constants."""

    def __repr__(self) -> str:
        return "SGD()"

    def settings(self) -> dict[str, float]:
        return {}


def plan(**changes: object) -> Training:
    """A training of anything, for tests of its values."""
    given = {"rate": 0.1, "epochs": 1, "optimizer": PlainSGD(), **changes}
    return Training(given.pop("data", Arrays({})), **given)


class Bigram:
    """The emitted module of `bigram` with plain SGD, in NumPy; it records what it was asked for."""

    threaded = False

    def __init__(self, program: Program, before_step: Callable[[int], None] = lambda step: None) -> None:
        self.inputs = tuple(program.with_role(Role.INPUT, Role.TOKENS))
        self.parameters = tuple(program.parameters)
        self.states = ()
        model = Model("settings")
        model.settings("lr", "t")
        self.settings = tuple(model._program.with_role(Role.SETTING))
        self.before_step = before_step
        self.chunks: list[int] = []
        self.rates: list[float] = []
        self.numbers: list[float] = []

    def load(self) -> Bigram:
        return self

    def chunk(self, order, settings, data, parameters, states, losses) -> int:
        self.chunks.append(len(order))
        for step, rows in enumerate(order):
            batch = {name: value[rows] for name, value in data.items()}
            self.before_step(int(settings["t"][step]))
            loss, gradient = loss_and_gradient(parameters["W"], batch)
            losses[step] = loss
            if not np.isfinite(loss):
                return step
            self.rates.append(settings["lr"][step])
            self.numbers.append(settings["t"][step])
            parameters["W"] -= (settings["lr"][step] * gradient).astype(parameters["W"].dtype)
        return len(order)

    def loss(self, batch, parameters) -> float:
        return loss_and_gradient(parameters["W"], batch)[0]

    def mean_loss(self, data, parameters, batch, threads=1) -> float:
        rows = len(data["x"])
        slices = [slice(start, min(start + batch, rows)) for start in range(0, rows, batch)]
        total = sum(self.loss({k: v[s] for k, v in data.items()}, parameters) * (s.stop - s.start) for s in slices)
        return total / rows


def loss_and_gradient(W: np.ndarray, batch: dict[str, np.ndarray]) -> tuple[float, np.ndarray]:
    """Mean -log softmax(W[x])[y] and its gradient."""
    x, y = batch["x"], batch["y"]
    logits = W[x].astype(np.float64)
    logits -= logits.max(axis=1, keepdims=True)
    p = np.exp(logits)
    p /= p.sum(axis=1, keepdims=True)
    rows = np.arange(len(x))
    loss = float(-np.log(p[rows, y]).mean())
    p[rows, y] -= 1
    gradient = np.zeros_like(W, dtype=np.float64)
    np.add.at(gradient, x, p / len(x))
    return loss, gradient


def generates(module: object) -> Callable[..., object]:
    """A `generate` that returns this module whatever it is asked for."""
    return lambda model, optimizer, **options: module

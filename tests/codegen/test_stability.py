"""float32 losses and gradients of exponentials at large arguments: finite, and right against mpmath."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import mpmath
import numpy as np
import pytest
from mpmath import mpf
from sympy import exp, log, sqrt

from symgrad.language.model import Model
from symgrad.language.surface import axes, log_softmax, mean, sigmoid, softmax, total
from symgrad.pipeline import generate

from .running import plain

SCALES = (5, 8, 20, 40, 87, 90, 200, 1e4)
# Logits in units of the scale: large at the target, elsewhere, all alike, all large, all small.
LOGITS = np.array([[1, 0, -1, 0.5], [0, 0, 0, -1], [-1, -1, -1, -1], [1, 1, 1, 1], [-1, 0, 1, 0.5]])
TARGETS = np.array([0, 3, 1, 2, 0])
b, v = axes("b:B v:V")
Row = Sequence[mpf]


def by_softmax(model: Model, o, y):
    p = model.define("p", (b, v), softmax(o[b, v], v))
    return mean(-log(p[b, y[b]]), b)


def spelled_out(model: Model, o, y):
    return mean(-log(exp(o[b, y[b]]) / total(exp(o[b, v]), v)), b)


def by_log_softmax(model: Model, o, y):
    q = model.define("q", (b, v), log_softmax(o[b, v], v))
    return mean(-q[b, y[b]], b)


def by_log_sum(model: Model, o, y):
    s = model.define("s", (b,), log(total(exp(o[b, v]), v)))
    return mean(s[b] - o[b, y[b]], b)


def with_temperature(model: Model, o, y):
    p = model.define("p", (b, v), softmax(o[b, v] / 3, v))
    return mean(-log(p[b, y[b]]), b)


def sum_of_squares(model: Model, o, y):
    p = model.define("p", (b, v), softmax(o[b, v], v))
    return mean(total(p[b, v] ** 2, v) - p[b, y[b]], b)


def softmax_of_softmax(model: Model, o, y):
    p = model.define("p", (b, v), softmax(o[b, v], v))
    q = model.define("q", (b, v), softmax(5 * p[b, v], v))
    return mean(-log(q[b, y[b]]), b)


def by_sigmoid(model: Model, o, y):
    g = model.define("g", (b, v), sigmoid(o[b, v]))
    return mean(total(g[b, v], v) - g[b, y[b]] ** 2, b)


def softplus(model: Model, o, y):
    return mean(total(log(1 + exp(o[b, v])), v) - o[b, y[b]], b)


def log_of_sigmoid(model: Model, o, y):
    g = model.define("g", (b, v), sigmoid(o[b, v]))
    return mean(-log(g[b, y[b]]), b)


def entropy(model: Model, o, y):
    p = model.define("p", (b, v), softmax(o[b, v], v))
    return mean(-total(p[b, v] * log(p[b, v]), v) - p[b, y[b]], b)


def root_of_squares(model: Model, o, y):
    return mean(sqrt(1 + total(o[b, v] ** 2, v)) - o[b, y[b]], b)


def cross_entropy(row: Row, y: int) -> mpf:
    return mpmath.log(sum(map(mpmath.exp, row))) - row[y]


def probabilities(row: Row) -> Row:
    terms = [mpmath.exp(x) for x in row]
    return [x / sum(terms) for x in terms]


def entropy_of(row: Row) -> mpf:
    return -sum(p * mpmath.log(p) for p in probabilities(row))


def logistic(x: mpf) -> mpf:
    return 1 / (1 + mpmath.exp(-x))


# declaration -> one row's loss in mpmath; the loss is the mean over rows
CASES: dict[Callable, Callable[[Row, int], mpf]] = {
    by_softmax: cross_entropy,
    spelled_out: cross_entropy,
    by_log_softmax: cross_entropy,
    by_log_sum: cross_entropy,
    with_temperature: lambda row, y: cross_entropy([x / 3 for x in row], y),
    sum_of_squares: lambda row, y: sum(p**2 for p in probabilities(row)) - probabilities(row)[y],
    softmax_of_softmax: lambda row, y: cross_entropy([5 * p for p in probabilities(row)], y),
    by_sigmoid: lambda row, y: sum(map(logistic, row)) - logistic(row[y]) ** 2,
    softplus: lambda row, y: sum(mpmath.log(1 + mpmath.exp(x)) for x in row) - row[y],
    log_of_sigmoid: lambda row, y: -mpmath.log(logistic(row[y])),
    entropy: lambda row, y: entropy_of(row) - probabilities(row)[y],
    root_of_squares: lambda row, y: mpmath.sqrt(1 + sum(x**2 for x in row)) - row[y],
}


def exact(loss: Callable[[Row, int], mpf], logits: np.ndarray) -> tuple[float, np.ndarray]:
    """The mean loss and its gradient, by a central difference with a hundred digits."""
    with mpmath.workdps(100):
        rows = [[mpf(float(x)) for x in row] for row in logits]
        step = mpf(10) ** -40
        total_, gradient = mpf(0), np.zeros(logits.shape)
        for k, (row, y) in enumerate(zip(rows, TARGETS, strict=True)):
            total_ += loss(row, y)
            for j in range(len(row)):
                up, down = ([*row[:j], row[j] + s * step, *row[j + 1 :]] for s in (1, -1))
                gradient[k, j] = (loss(up, y) - loss(down, y)) / (2 * step) / len(rows)
        return float(total_ / len(rows)), gradient


@pytest.mark.parametrize("declare", CASES, ids=lambda declare: declare.__name__)
def test_finite_and_right(declare: Callable) -> None:
    model = Model(declare.__name__)
    o, y = model.parameters(o=(b, v)), model.tokens(y=(b,), vocabulary=v)
    model.minimize("L", declare(model, o, y))
    emitted = plain(generate(model, dtype="float32"))
    for scale in SCALES:
        logits = (scale * LOGITS).astype(np.float32)
        with np.errstate(over="ignore", under="ignore"):
            loss, gradients = emitted.gradients({"y": TARGETS}, {"o": logits})
        expected, gradient = exact(CASES[declare], logits)
        np.testing.assert_allclose(loss, expected, rtol=3e-7, atol=3e-7, err_msg=f"loss at {scale}")
        np.testing.assert_allclose(gradients["o"], gradient, rtol=0, atol=1e-7, err_msg=f"do at {scale}")

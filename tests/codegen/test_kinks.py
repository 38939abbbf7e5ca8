"""Kinks and branches, at the kink itself: derived, interpreted, and emitted; no NaN from a branch that is not taken."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from sympy import (
    Abs,
    And,
    Eq,
    Expr,
    Heaviside,
    Max,
    Min,
    Ne,
    Piecewise,
    Rational,
    exp,
    log,
    sin,
    sqrt,
)

from symgrad import Model, axes, derive, log_softmax, maximum, mean, relu, softmax, total
from symgrad.calculus.reverse import differentiate
from symgrad.calculus.simplify import simplify
from symgrad.checking.interpreter import evaluate
from symgrad.language.program import Program
from symgrad.pipeline import generate

b, i, k, v = axes("b:B i:H k:K v:V")


SINC = np.cos(1) - np.sin(1)  # the derivative of sin(x)/x at 1

# f, where it is evaluated, its derivative there
CASES: dict[str, tuple[Callable[[Expr], Expr], tuple[float, ...], tuple[float, ...]]] = {
    "root": (lambda x: Piecewise((sqrt(x), x > 0), (0, True)), (-1, 0, 4), (0, 0, 1 / 4)),
    "sinc": (lambda x: Piecewise((sin(x) / x, Ne(x, 0)), (1, True)), (0, 1, -1), (0, SINC, -SINC)),
    "sinc, turned around": (lambda x: Piecewise((1, Eq(x, 0)), (sin(x) / x, True)), (0, 1, 0), (0, SINC, 0)),
    "logarithm in the other branch": (lambda x: Piecewise((0, x <= 0), (log(x), True)), (-1, 0, 2), (0, 0, 1 / 2)),
    "logarithm, else linear": (lambda x: Piecewise((log(x), x > 0), (x, True)), (-1, 0, 2), (1, 1, 1 / 2)),
    "x log x": (lambda x: Piecewise((x * log(x), x > 0), (0, True)), (0, 1, 2), (0, 1, 1 + np.log(2))),
    "within each other": (
        lambda x: Piecewise((sqrt(Piecewise((log(x), x > 1), (0, True))), x > 2), (x, True)),
        (-1, 1.5, 3), (1, 1, 1 / (6 * np.sqrt(np.log(3)))),
    ),
    "an exponential that overflows": (lambda x: Piecewise((exp(x), x < 10), (x, True)), (1000, 1, 800), (1, np.e, 1)),
    "elu": (lambda x: Piecewise((x, x > 0), (exp(x) - 1, True)), (1000, -1, 0), (1, np.exp(-1), 1)),
    "power": (lambda x: Piecewise((x ** Rational(3, 2), x > 0), (0, True)), (-1, 0, 4), (0, 0, 3)),
    "reciprocal": (lambda x: Piecewise((1 / x, Ne(x, 0)), (0, True)), (0, 2, -1), (0, -1 / 4, -1)),
    "two conditions": (lambda x: Piecewise((log(x), And(x > 0, x < 3)), (0, True)), (-1, 1, 4), (0, 1, 0)),
    "a sum in the branch": (
        lambda x: Piecewise((log(x) * total(sin(k * x), k), x > 0), (0, True)),
        (-1, 0, 1), (0, 0, np.sin(range(5)).sum()),
    ),
    "huber": (lambda x: Piecewise((x**2 / 2, Abs(x) <= 1), (Abs(x) - Rational(1, 2), True)), (0, 1, -4), (0, 1, -1)),
    "step": (lambda x: Heaviside(x) * x**2, (0, -1, 2), (0, 0, 4)),
    "absolute": (Abs, (0, -1, 2), (0, -1, 1)),
    "relu": (relu, (0, -1, 2), (0, 0, 1)),
    "smaller": (lambda x: Min(x, 1), (1, -1, 2), (0, 1, 0)),
    "root of the larger": (lambda x: sqrt(Max(x, 0)), (-1, 0, 4), (0, 0, 1 / 4)),
    "logarithm of the larger": (lambda x: log(Max(x, 1)), (-1, 1, 4), (0, 0, 1 / 4)),
    "reciprocal of the smaller": (lambda x: 1 / Min(x, 0), (-2, 0, 4), (-1 / 4, 0, 0)),
}  # fmt: skip
INFINITE = ("reciprocal of the smaller",)  # its value is, where its derivative is 0: then the loss is no number either


def everything(cases: tuple[str, ...]) -> Program:
    """A parameter for each case, and the sum of all; half of them through a definition."""
    model = Model("kinks")
    sizes = model.inputs(unused=(k,))
    terms = [total(sizes[k] ** 2, k)]
    for number, name in enumerate(cases):
        x, (f, _, _) = model.parameters(**{f"x{number}": (i,)}), CASES[name]
        if number % 2:
            made = model.define(f"f{number}", (i,), f(x[i]))
            terms.append(total(made[i], i))
        else:
            terms.append(total(f(x[i]), i))
    model.minimize("L", sum(terms))
    return model.program


def given(cases: tuple[str, ...]) -> dict[str, np.ndarray]:
    return {f"x{number}": np.array(CASES[name][1], dtype=np.float64) for number, name in enumerate(cases)}


def assert_right(cases: tuple[str, ...], found: dict[str, np.ndarray]) -> None:
    for number, name in enumerate(cases):
        np.testing.assert_allclose(found[f"x{number}"], CASES[name][2], rtol=1e-12, atol=1e-15, err_msg=name)


def test_interpreted() -> None:
    cases = tuple(CASES)
    program = everything(cases)
    raw = differentiate(program)
    for gradients in (raw, simplify(raw)):
        made = evaluate(gradients.program, {**given(cases), "unused": np.zeros(5)})
        assert_right(cases, {name: made[adjoint] for name, adjoint in gradients.of_parameters.items()})


@pytest.mark.parametrize(
    ("schedule", "cases"),
    [
        ("auto", tuple(name for name in CASES if name not in INFINITE)),
        ("plain", ("root", "a sum in the branch", "huber")),
    ],
    ids=["auto", "plain"],
)
def test_emitted(schedule: str, cases: tuple[str, ...], tmp_path) -> None:
    """Compiled: Python's own logarithm of 0 is an error where Numba's is a value that nobody uses."""
    emitted = generate(everything(cases), dtype="float64", schedule=schedule).load(tmp_path)
    loss, found = emitted.gradients({"unused": np.zeros(5)}, given(cases))
    assert np.isfinite(loss)
    assert_right(cases, found)


def test_where_two_sides_are_equal_one_of_them_has_the_derivative() -> None:
    """max(x[0], x[0]) is x[0]: at a tie the two derivatives add up to 1, as those of a subgradient do."""
    model = Model("equal")
    x, y = model.parameters(x=(v,), y=(v,))
    model.minimize("L", total(Max(x[v], x[0]) + Max(x[v], y[v]), v))
    gradients = differentiate(model.program)
    made = evaluate(gradients.program, {"x": np.array([2.0, 1.0, 3.0]), "y": np.array([2.0, 1.0, 4.0])})
    np.testing.assert_array_equal(made[gradients.adjoints["x"]], [1 + 1 + 1, 1, 1])
    np.testing.assert_array_equal(made[gradients.adjoints["y"]], [0, 0, 1])


def test_a_maximum_over_an_axis_goes_to_the_first_entry_that_reaches_it() -> None:
    model = Model("tie")
    x = model.parameters(x=(v,))
    model.minimize("L", maximum(x[v], v))
    gradients = differentiate(model.program)
    made = evaluate(gradients.program, {"x": np.array([1.0, 3.0, 3.0, 2.0])})
    np.testing.assert_array_equal(made[gradients.adjoints["x"]], [0, 1, 0, 0])


def shifted(way: str) -> Model:
    """Cross-entropy of scores minus their maximum."""
    model = Model("shifted")
    o, y = model.parameters(o=(b, v)), model.tokens(y=(b,), vocabulary=v)
    w = axes("w:V")
    if way == "in the formula":
        p = model.define("p", (b, v), softmax(o[b, v] - maximum(o[b, w], w), v))
        model.minimize("L", mean(-log(p[b, y[b]]), b))
        return model
    m = model.define("m", (b,), maximum(o[b, v], v))
    if way == "a definition":
        p = model.define("p", (b, v), softmax(o[b, v] - m[b], v))
        model.minimize("L", mean(-log(p[b, y[b]]), b))
    else:
        p = model.define("p", (b, v), log_softmax(o[b, v] - m[b], v))
        model.minimize("L", mean(-p[b, y[b]], b))
    return model


@pytest.mark.parametrize("way", ["in the formula", "a definition", "a logarithm"])
def test_a_maximum_taken_out_of_a_softmax_has_no_gradient(way: str) -> None:
    derivation = derive(shifted(way))
    if way != "in the formula":
        (of_maximum,) = (adjoint for adjoint in derivation.adjoints if adjoint.of.tensor == "m")
        assert derivation.data()["adjoints"][derivation.adjoints.index(of_maximum)]["forms"][-1]["value"] == "0"
    assert "argmax" not in derivation.formulas["o"]
    if way != "a logarithm":
        assert derivation.formulas["o"] == "do[b,v] = (p[b,v] - [v == y[b]])/B"


def test_the_derivation_says_what_it_takes_at_a_kink() -> None:
    model = Model("said")
    x, w = model.parameters(x=(i,), w=(i,))
    h = model.define("h", (i,), Max(x[i], 0) + Abs(w[i]) * Heaviside(x[i]))
    g = model.define("g", (i,), Piecewise((log(x[i]), x[i] > 1), (0, True)) + Piecewise((h[i], i < 2), (0, True)))
    model.minimize("L", total(g[i], i) + maximum(h[i], i))
    derivation = derive(model)
    assert derivation.kinks == (
        "max(0, x[i]): where both are equal the derivative is that of 0",
        "abs(w[i]): the derivative is sign(w[i]), 0 at 0",
        "[0 < x[i]]: the derivative is 0, at the step too",
        "where [1 < x[i]] changes: the derivative of the branch that is taken, no other",
        "max_i h[i]: the first entry that reaches it has the derivative 1, the others 0",
    )
    for document in (derivation.text(), derivation.matrix_text()):
        assert document.endswith("Kinks\n" + "\n".join(f"  {line}" for line in derivation.kinks))
    assert "abs(w[i]): the derivative is sign(w[i]), 0 at 0" in derivation.latex()
    smooth = Model("smooth")
    x = smooth.parameters(x=(i,))
    smooth.minimize("L", total(x[i] ** 2, i))
    assert derive(smooth).kinks == ()
    assert "Kinks" not in derive(smooth).text()

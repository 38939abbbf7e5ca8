"""What stands outside the gradient is printed: states and updates, the evaluation form, what stop_gradient holds."""

from __future__ import annotations

import pytest
from sympy import Trace, tanh

from symgrad.derivation import Derivation, derive
from symgrad.language.matrix_model import MatrixModel
from symgrad.language.model import Model
from symgrad.language.surface import axes, stop_gradient

from ..calculus.programs import PROGRAMS


def scalar() -> Derivation:
    """A state that the loss reads, a stopped path to w, another loss in evaluation."""
    model = Model("scalar")
    w, u = model.parameters(w=(), u=())
    x, m = model.inputs(x=()), model.states(m=())
    h = model.define("h", (), tanh(w * x))
    o = model.define("o", (), u * stop_gradient(h) + h - m, evaluation=u * h)
    model.minimize("L", o**2)
    model.update(m, (), (m + h) / 2)
    return derive(model)


SECTIONS = {
    "scalar": (
        scalar,
        [
            "Forward",
            "  (F1) h = tanh(w*x)",
            "  (F2) o = h + u*stop_gradient(h) - m",
            "  (F3) L = o**2",
            "",
            "State, changed after each step and outside the gradient",
            "  (S1) m_new = h/2 + m/2        m starts at 0",
            "",
            "In evaluation",
            "  o = u*h",
            "",
            "Local derivatives",
        ],
    ),
    "statistics_in_two_forms": (
        lambda: derive(PROGRAMS["statistics_in_two_forms"]()),
        [
            "State, changed after each step and outside the gradient",
            "  (S1) m_run_new[i] = 0.1*m[i] + 0.9*m_run[i]       m_run starts at 0",
            "  (S2) s_run_new[i] = 0.1*s[i] + 0.9*s_run[i]       s_run starts at 1",
            "",
            "In evaluation",
            "  m[i] = m_run[i]",
            "  s[i] = s_run[i]",
        ],
    ),
    "dropout": (
        lambda: derive(PROGRAMS["dropout"]()),
        [
            "In evaluation",
            "  L = 1/B * sum_b ((sum_i V[i]*h[b,i]) - y[b])**2",
            "  r[b,i] = 1",
            "  q[i,d] = 1",
        ],
    ),
}


@pytest.mark.parametrize(("make", "expected"), SECTIONS.values(), ids=SECTIONS)
def test_the_sections(make, expected: list[str]) -> None:
    lines = make().text().splitlines()
    start = lines.index(expected[0])
    assert lines[start : start + len(expected)] == expected


def test_no_derivative_passes_stop_gradient() -> None:
    derivation = scalar()
    (line,) = [line for line in str(derivation).splitlines() if line.startswith("  d stop_gradient")]
    assert line.split() == [
        "d",
        "stop_gradient(h)/dh",
        "=",
        "0",
        "from",
        "F2:",
        "a",
        "constant",
        "to",
        "the",
        "chain",
        "rule",
    ]
    assert "do/dh                 = 1 " in str(derivation), "through u*stop_gradient(h) nothing passes"
    assert derivation.formulas["w"] == "dw = 2*o*(1 - h**2)*x"


def test_what_depends_on_nothing_learned_is_not_told() -> None:
    model = Model("m")
    w, x = model.parameters(w=()), model.inputs(x=())
    model.minimize("L", (w - stop_gradient(x)) ** 2)
    assert derive(model).stopped == ()


def test_the_other_faces_have_them_too() -> None:
    derivation = scalar()
    data = derivation.data()
    assert [update["equation"] for update in data["updates"]] == ["m_new = h/2 + m/2"]
    assert data["evaluation"] == ["o = u*h"]
    assert [(part["value"], part["by"], part["from"]) for part in data["stopped"]] == [("stop_gradient(h)", "h", "F2")]
    assert r"\frac{\partial \operatorname{stopgradient}(h)}{\partial h} &= 0" in derivation.latex()
    assert r"m_{\mathrm{new}} &= \frac{h}{2} + \frac{m}{2} && \text{(S1), m starts at 0}" in derivation.latex()
    assert "In evaluation\n  o = u h" in derivation.matrix_text()


def test_numbers_move_the_states() -> None:
    numbers = scalar().numbers({"w": 0.5, "u": 1.0, "x": 0.0, "m": 8.0}, rate=0.1, updates=2)
    assert [update.after["m"] for update in numbers.updates] == [4.0, 2.0]
    assert "m = 8 -> 4 " in str(numbers)


def test_matrices_have_an_evaluation_form() -> None:
    model = MatrixModel("m")
    b, d, i = axes("b:B d:D i:H")
    W, X, R = model.parameters(W=(i, d)), model.inputs(X=(b, d)), model.states(R=(b, i))
    Z = model.define("Z", X * W.T, evaluation=2 * R)
    model.minimize("L", Trace(Z.T * Z))
    model.update(R, (b, i), Z[b, i])
    assert "In evaluation\n  Z[b,i] = 2*R[b,i]" in str(derive(model))
    assert "In evaluation\n  Z = 2 R" in derive(model).matrix_text()

"""The printed documents: two in full, and what holds for all of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from sympy import log

from symgrad.derivation import derive
from symgrad.derivation.layout import WIDTH, Row, block, wrap
from symgrad.language.errors import DerivativeError
from symgrad.language.model import Model
from symgrad.language.surface import axes, mean, softmax, total

from ..examples.files import NAMES, example
from .models import MODELS, concatenation, used_twice

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("name", ["scalar_tanh", "concat_lm"])
def test_the_whole_document(name: str) -> None:
    assert derive(example(name)).text() + "\n" == (GOLDEN / f"{name}.txt").read_text()


@pytest.mark.parametrize("name", [*NAMES, *MODELS])
def test_it_fits_a_hundred_columns(name: str) -> None:
    derivation = derive(MODELS[name]() if name in MODELS else example(name))
    assert max(map(len, str(derivation).splitlines())) <= WIDTH
    assert not any(line != line.rstrip() for line in str(derivation).splitlines())


def test_a_product_that_starts_negative_is_subtracted() -> None:
    lines = derive(used_twice()).text().splitlines()
    start = lines.index("  dL/dw = dL/dw|F3")
    assert lines[start : start + 6] == [
        "  dL/dw = dL/dw|F3",
        "        + dL/do * do/dw",
        "        + dL/do * do/dh * dh/dw",
        "        = w/5",
        "        - (y - o)*(-1)",
        "        - (y - o)*(2*h + u)*((1 - tanh(w*x)**2)*x + 1)",
    ]


def test_one_parameter_has_only_what_leads_to_it() -> None:
    text = derive(concatenation(), ["W2"]).text()
    assert "dW2[v,i]" in text
    for other in ("dC", "dW1", "dh[b,i]"):
        assert other not in text


def test_a_reciprocal_that_cancels_is_said_to() -> None:
    model = Model("penalized")
    b, v = axes("b:B v:V")
    o, y = model.parameters(o=(b, v)), model.tokens(y=(b,), vocabulary=v)
    p = model.define("p", (b, v), softmax(o[b, v], v))
    model.minimize("L", mean(-log(p[b, y[b]]) + total(p[b, v] ** 2, v), b))
    text = derive(model).text()
    assert text.endswith("""
  dp_rest[b,v] = 2*p[b,v]/B
  do[b,v]      = p[b,v]/B + p[b,v]*(dp_rest[b,v] - sum_v2 p[b,v2]*dp_rest[b,v2]) - [v == y[b]]/B
                     dp is dp_rest[b,v] - [v == y[b]]/(B*p[b,y[b]]), and p cancels

Gradients
  dp[b,v] = (2*p[b,v] - [v == y[b]]/p[b,y[b]])/B
  do[b,v] = p[b,v]*(dp[b,v] - sum_v2 p[b,v2]*dp[b,v2])""")


def test_an_input_can_be_derived_by() -> None:
    assert derive(example("scalar_tanh"), ["x"]).formulas == {"x": "dx = -(y - o)*(1 - o**2)*w2*(1 - h**2)*w1"}


def test_tokens_cannot() -> None:
    with pytest.raises(DerivativeError, match="y is tokens"):
        derive(concatenation(), ["y"])


def test_a_reason_that_does_not_fit_goes_below() -> None:
    lines = block([Row("a", "x" * 60, "because " + "y" * 40)])
    assert lines == ["  a = " + "x" * 60, " " * 10 + "because " + "y" * 40]


def test_reasons_stand_in_one_column() -> None:
    assert block([Row("a", "1", "one"), Row("long", "12345", "two")]) == [
        "  a    = 1          one",
        "  long = 12345      two",
    ]


def test_formulas_break_at_the_outermost_sign() -> None:
    assert wrap("f(a + b + c)*d + g(e + f)", 20) == ["f(a + b + c)*d", "  + g(e + f)"]

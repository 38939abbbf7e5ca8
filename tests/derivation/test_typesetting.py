"""Derivations as LaTeX: every formula parses, every environment closes, and the board example reads as it should."""

from __future__ import annotations

import html
import re

import pytest

from symgrad.derivation import Derivation, derive
from symgrad.derivation.typesetting import sections, words

from ..examples.files import NAMES, example
from .models import MODELS, concatenation, used_twice


def derivation(name: str) -> Derivation:
    return derive(MODELS[name]() if name in MODELS else example(name))


@pytest.mark.parametrize("name", ["scalar_tanh", "concat_lm", "used_twice", "layer_norm"])
def test_every_formula_parses(name: str) -> None:
    mathtext = pytest.importorskip("matplotlib.mathtext", reason="parses single formulas")
    parser = mathtext.MathTextParser("path")
    lines = [line for section in sections(derivation(name)) for line in section.lines]
    for part in {part for line in lines for part in (line.left, line.right, line.reason) if part}:
        parser.parse(f"${part}$")


@pytest.mark.parametrize("name", [*NAMES, *MODELS])
def test_a_document_is_balanced(name: str) -> None:
    text = derivation(name).latex(standalone=True)
    assert re.findall(r"\\begin\{(.*?)\}", text)[0] == "document"
    open_: list[str] = []
    for kind, environment in re.findall(r"\\(begin|end)\{(.*?)\}", text):
        if kind == "begin":
            open_.append(environment)
        else:
            assert open_.pop() == environment
    assert open_ == []
    assert text.count(r"\left") == text.count(r"\right")
    plain = re.sub(r"\\[{}]", "", text)
    assert plain.count("{") == plain.count("}")


@pytest.mark.parametrize("name", [*NAMES, *MODELS])
def test_rows_have_the_columns_of_align(name: str) -> None:
    for section in sections(derivation(name)):
        assert section.lines
    for block in re.findall(r"\\begin\{align\*\}(.*?)\\end\{align\*\}", derivation(name).latex(), re.DOTALL):
        without_cases = re.sub(r"\\begin\{cases\}.*?\\end\{cases\}", "", block)
        for row in without_cases.split("\\\\\n"):
            assert row.count("&") in (1, 3), row


def test_the_board_example() -> None:
    text = derivation("scalar_tanh").latex()
    assert r"\frac{\partial o}{\partial a} &= 1 - o^{2}" in text
    assert r"&= -(y - o) \cdot (1 - o^{2}) \cdot w_{2} \cdot (1 - h^{2}) \cdot x" in text
    assert "Backpropagation: 5 products with caching, 6 without." in text


def test_a_tensor_model() -> None:
    text = derive(concatenation()).latex()
    assert r"\mathrm{d}o_{b,v} &= \sum_{v_{2}} \frac{\partial L}{\partial p_{b,v_{2}}}" in text
    assert r"&= \frac{p_{b,v} - \mathbb{1}[v = y_{b}]}{B}" in text


def test_paths_stand_below_one_another_with_their_signs() -> None:
    text = derive(used_twice()).latex()
    assert r"\left.\frac{\partial L}{\partial w}\right|_{\mathrm{F3}}" in text
    assert r"&\quad - (y - o) \cdot (-1)" in text


def test_in_a_notebook() -> None:
    page = derivation("concat_lm")._repr_html_()
    assert "<h4>Forward</h4>" in page
    assert page.count("$$") == 2 * page.count("<h4>")
    assert r"\begin{aligned}" in html.unescape(page)


def test_special_characters_of_text() -> None:
    assert words("a_b 50% {x} < 1") == r"a\_b 50\% \{x\} $<$ 1"

r"""Formulas as LaTeX: a table, their value read back from the text, and a parser for every formula of every program."""

from __future__ import annotations

import math
import random
import re
from fractions import Fraction

import pytest

from symgrad.calculus.reverse import differentiate
from symgrad.calculus.simplify import simplify
from symgrad.derivation.latex import equation_latex, latex, name_latex, product_latex
from symgrad.language.optimizers import OPTIMIZERS, with_optimizer
from symgrad.language.program import Equation
from symgrad.language.terms import (
    MINUS_ONE,
    ONE,
    ZERO,
    Add,
    Call,
    Compare,
    Const,
    Index,
    Mul,
    Pow,
    Read,
    Reduce,
    Size,
    Term,
    Where,
    delta,
)

from ..calculus.programs import PROGRAMS
from ..language.random_terms import SCALARS, random_term, value

B, D, N, V = map(Size, "BDNV")
b, t, d, i, v = Index("b", B), Index("t", N), Index("d", D), Index("i", Size("H")), Index("v", V)
v2 = Index("v2", V)
a, h, o, p = Read("a", (b, i)), Read("h", (b, i)), Read("o", (b, v)), Read("p", (b, v))
x, y = Read("x", (b, t)), Read("y", (b,))
W1, C, dh, c = Read("W1", (i, t, d)), Read("C", (x, d)), Read("dh", (b, i)), Read("c")
half = Const(Fraction(1, 2))


def minus(term: Term) -> Term:
    return Mul((MINUS_ONE, term))


def exp_of(term: Term) -> Term:
    return Call("exp", (term,))


TABLE: list[tuple[Term, str]] = [
    (a, "a_{b,i}"),
    (c, "c"),
    (W1, "W_{1;i,t,d}"),
    (C, "C_{x_{b,t},d}"),
    (Read("w1"), "w_{1}"),
    (Read("w", (ONE,)), "w_{;1}"),
    (Read("W1", (Const(2), d)), "W_{1;2,d}"),
    (Read("h", (b, Add((t, MINUS_ONE)))), "h_{b,t - 1}"),
    (Read("o", (b, v2)), "o_{b,v_{2}}"),
    (dh, r"\mathrm{d}h_{b,i}"),
    (Read("dW1", (i, t, d)), r"\mathrm{d}W_{1;i,t,d}"),
    (Read("dgamma"), r"\mathrm{d}\gamma"),
    (Read("data"), r"\mathrm{data}"),
    (Read("decay", (i,)), r"\mathrm{decay}_{i}"),
    (Read("beta1"), r"\beta_{1}"),
    (Read("eps"), r"\epsilon"),
    (Read("lr"), r"\mathrm{lr}"),
    (Read("m_W1_new", (i, t)), r"m_{W_{1},\mathrm{new};i,t}"),
    (Const(3), "3"),
    (Const(Fraction(-2, 3)), r"-\frac{2}{3}"),
    (Const(0.25), "0.25"),
    (Const(1e-8), "10^{-8}"),
    (Const(2.5e-7), r"2.5 \times 10^{-7}"),
    (Call("tanh", (a,)), r"\tanh(a_{b,i})"),
    (Call("abs", (c,)), r"\left|c\right|"),
    (Call("asin", (c,)), r"\arcsin(c)"),
    (Call("erf", (c,)), r"\operatorname{erf}(c)"),
    (Call("max", (ZERO, c)), r"\max(0, c)"),
    (Call("stop_gradient", (c,)), r"\operatorname{stopgradient}(c)"),
    (Call("pi"), r"\pi"),
    (Read("g", (Call("floordiv", (i, D)), Call("mod", (i, D)))), r"g_{\lfloor i / D \rfloor,i \;\mathrm{mod}\; D}"),
    (delta(v, y), r"\mathbb{1}[v = y_{b}]"),
    (Compare("<=", i, t), r"\mathbb{1}[i \leq t]"),
    (Compare("!=", i, t), r"\mathbb{1}[i \neq t]"),
    (Add((Read("y"), minus(Read("o")))), "y - o"),
    (Add((minus(Read("o")), Read("y"))), "y - o"),
    (minus(Add((Read("y"), minus(Read("o"))))), "-(y - o)"),
    (Add((c, minus(Add((h, ONE))))), "c - (h_{b,i} + 1)"),
    (Mul((Add((ONE, minus(Pow(h, Const(2))))), dh)), r"(1 - h_{b,i}^{2}) \, \mathrm{d}h_{b,i}"),
    (Pow(dh, Const(2)), r"(\mathrm{d}h_{b,i})^{2}"),
    (Pow(Add((c, ONE)), Const(2)), "(c + 1)^{2}"),
    (Pow(c, half), r"\sqrt{c}"),
    (Pow(c, Const(Fraction(-1, 2))), r"\frac{1}{\sqrt{c}}"),
    (Pow(Mul((c, h)), Const(2)), r"(c \, h_{b,i})^{2}"),
    (Pow(Pow(c, Const(2)), Const(0.3)), "(c^{2})^{0.3}"),
    (Mul((Add((p, minus(delta(v, y)))), Pow(B, MINUS_ONE))), r"\frac{p_{b,v} - \mathbb{1}[v = y_{b}]}{B}"),
    (Mul((Const(Fraction(3, 4)), c)), r"\frac{3 \, c}{4}"),
    (Mul((MINUS_ONE, Pow(Mul((B, V)), MINUS_ONE), c)), r"-\frac{c}{B \, V}"),
    (
        Mul((exp_of(o), Pow(Reduce("sum", (v2,), exp_of(Read("o", (b, v2)))), MINUS_ONE))),
        r"\frac{\exp(o_{b,v})}{\sum_{v_{2}} \exp(o_{b,v_{2}})}",
    ),
    (Reduce("sum", (t, d), Mul((W1, C))), r"\sum_{t,d} W_{1;i,t,d} \, C_{x_{b,t},d}"),
    (Reduce("sum", (i,), Add((h, c))), r"\sum_{i} (h_{b,i} + c)"),
    (Add((Reduce("sum", (i,), h), c)), r"\sum_{i} h_{b,i} + c"),
    (Mul((Reduce("sum", (i,), h), c)), r"c \sum_{i} h_{b,i}"),
    (Pow(Reduce("sum", (i,), h), Const(2)), r"\left(\sum_{i} h_{b,i}\right)^{2}"),
    (
        Mul((MINUS_ONE, Pow(B, MINUS_ONE), Reduce("sum", (b,), Call("log", (Read("p", (b, y)),))))),
        r"-\frac{1}{B} \sum_{b} \log(p_{b,y_{b}})",
    ),
    (Reduce("max", (v,), o), r"\max_{v} o_{b,v}"),
    (Read("C", (Reduce("argmax", (v,), o), d)), r"C_{\mathrm{arg\,max}_{v} o_{b,v},d}"),
    (
        Where(Compare("<", i, Const(2)), h, Where(Mul((Compare("<", i, t), delta(t, d))), ONE, c)),
        r"\begin{cases} h_{b,i} & \text{if } i < 2 \\ 1 & \text{if } i < t \text{ and } t = d \\ "
        r"c & \text{else} \end{cases}",
    ),
]


@pytest.mark.parametrize(("term", "written"), TABLE)
def test_table(term: Term, written: str) -> None:
    assert latex(term) == written


def test_adjoints_in_their_three_forms() -> None:
    gradient = Read("dW1", (i, t, d))
    assert latex(gradient, {"dW1": "W1"}, "short") == r"\mathrm{d}W_{1;i,t,d}"
    assert latex(gradient, {"dW1": "W1"}, "bar") == r"\bar{W}_{1;i,t,d}"
    assert latex(gradient, {"dW1": "W1"}, "fraction") == r"\frac{\partial L}{\partial W_{1;i,t,d}}"
    assert latex(Pow(Read("dc"), Const(2)), form="fraction") == r"\left(\frac{\partial L}{\partial c}\right)^{2}"
    assert latex(Read("dt"), adjoints={}) == r"\mathrm{dt}"  # of no tensor: a name like others
    assert latex(Read("grad_C", (v, d)), {"grad_C": "C"}) == r"\mathrm{d}C_{v,d}"


def test_equations_and_chains() -> None:
    equation = Equation("da", (b, i), Mul((Add((ONE, minus(Pow(h, Const(2))))), dh)), "da")
    assert equation_latex(equation) == r"\mathrm{d}a_{b,i} = (1 - h_{b,i}^{2}) \, \mathrm{d}h_{b,i}"
    assert equation_latex(equation, relation="&=").startswith(r"\mathrm{d}a_{b,i} &= (1")
    factors = [minus(Add((Read("y"), minus(Read("o"))))), Add((ONE, minus(Pow(Read("o"), Const(2))))), Read("h")]
    assert product_latex(factors) == r"(-(y - o)) \cdot (1 - o^{2}) \cdot h"
    assert product_latex(factors[1:2]) == "1 - o^{2}"


def test_different_names_are_written_differently() -> None:
    names = ["W", "W1", "W_1", "W11", "w1", "dW", "d_W", "W_new", "Wnew", "W1_new", "beta", "Beta", "eps", "epsilon1"]
    written = [name_latex(name) for name in names]
    assert {w for w in written if written.count(w) > 1} == {"W_{1}"}  # W1 and W_1: nobody has both


# -- read back --------------------------------------------------------------------------------------------------------


def read_back(written: str) -> float:
    """The value of LaTeX without indices, by turning it into Python from the innermost braces outwards."""
    written = written.replace(r"\left(", "(").replace(r"\right)", ")").replace(r" \, ", "*").replace(r" \times ", "*")
    written = written.replace(r"\sum_{k} ", "3*")
    written = re.sub(r"(?<=[\w)}]) (?=[\w(\\])", "*", written)  # what stands side by side is multiplied
    patterns = [(r"\\frac{([^{}]*)}{([^{}]*)}", r"((\1)/(\2))"), (r"\\sqrt{([^{}]*)}", r"((\1)**0.5)")]
    patterns += [(r"\^{([^{}]*)}", r"**(\1)"), (r"\\(\w+)\(", r"\1(")]
    while "{" in written:
        before = written
        for pattern, replacement in patterns:
            written = re.sub(pattern, replacement, written)
        assert written != before, written
    written = re.sub(r"\\(\w+)\(", r"\1(", written)
    return eval(written, {"exp": math.exp, "tanh": math.tanh, "cosh": math.cosh}, SCALARS)  # our own text


@pytest.mark.parametrize("seed", range(40))
def test_the_text_has_the_value_of_the_term(seed: int) -> None:
    draw = random.Random(seed)
    for _ in range(25):
        term = random_term(draw, draw.choice([1, 2, 3, 4]))
        try:
            expected = value(term)
        except (OverflowError, ZeroDivisionError):
            continue
        assert read_back(latex(term)) == pytest.approx(expected, rel=1e-8), latex(term)


# -- every formula ----------------------------------------------------------------------------------------------------


def formulas(name: str) -> list[str]:
    """Of a program, its gradients, and for one of them of every optimizer's step."""
    gradients = simplify(differentiate(PROGRAMS[name]()))
    programs = [gradients.program]
    if name == "concatenation_lm":
        wrt = gradients.of_parameters
        programs += [with_optimizer(gradients.program, wrt, rule(), clip=1.0) for rule in OPTIMIZERS.values()]
    forms = ("short", "bar", "fraction") if len(programs) > 1 else ("short",)
    return [equation_latex(e, None, form) for program in programs for e in program.equations() for form in forms]


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_brace_is_closed(name: str) -> None:
    for formula in formulas(name):
        assert formula.count("{") == formula.count("}")
        assert formula.count(r"\left") == formula.count(r"\right")


@pytest.mark.slow
def test_every_formula_of_every_program_can_be_typeset() -> None:
    mathtext = pytest.importorskip("matplotlib.mathtext")
    parser = mathtext.MathTextParser("path")
    for name in PROGRAMS:
        for formula in dict.fromkeys(formulas(name)):
            # mathtext knows no environments: a brace and spaces take up the place of the cases
            plain = formula.replace(r"\begin{cases}", r"\left\{").replace(r"\end{cases}", r"\right.")
            parser.parse(f"${plain.replace('&', ' ').replace(chr(92) * 2, ' ')}$")

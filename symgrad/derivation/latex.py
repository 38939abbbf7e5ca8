r"""Equations as LaTeX: `h_{b,i} = \tanh(a_{b,i})`, in the order in which they were built.

    W1[i,t,d]            W_{1;i,t,d}                    what belongs to the name, a semicolon, then the indices
    m_W1_new[i]          m_{W_{1},\mathrm{new};i}
    C[x[b,t],d]          C_{x_{b,t},d}
    dW1[i,t,d]           \mathrm{d}W_{1;i,t,d}          dX is dL/dX, and can be written out as such a fraction
    [v == y[b]]          \mathbb{1}[v = y_{b}]
    sum_b log(p[b])/B    \frac{1}{B} \sum_{b} \log(p_{b})

The text needs amsmath and a blackboard bold 1 (amssymb shows it in its own way, dsfont and bbm draw it).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from ..language.algebra import is_negative, negated, power, quotient
from ..language.program import Equation
from ..language.terms import (
    Add,
    Call,
    Compare,
    Const,
    Index,
    Inverse,
    Mul,
    Number,
    Pow,
    Read,
    Reduce,
    Size,
    Term,
    Where,
)

Form = Literal["short", "bar", "fraction"]

# How tightly a form binds; an operand that binds more loosely than its place asks for gets parentheses.
LOOSE, SUM, PRODUCT, POWER, ATOM = range(5)

LOWER_GREEK = """
    alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi chi psi omega
    varepsilon vartheta varphi
"""
UPPER_GREEK = "Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega"
GREEK = frozenset(f"{LOWER_GREEK} {UPPER_GREEK}".split())
ADJOINT = re.compile(rf"d((?:[A-Za-z]|{'|'.join(sorted(GREEK))})\d*(?:_\w+)?)")
REDUCTIONS = {"sum": r"\sum", "max": r"\max", "argmax": r"\mathrm{arg\,max}", "det": r"\det", "logdet": r"\log\det"}
RELATIONS = {"==": "=", "!=": r"\neq", "<": "<", "<=": r"\leq"}
FUNCTIONS = {
    **{name: rf"\{name}" for name in ("exp", "log", "sin", "cos", "tan", "sinh", "cosh", "tanh", "max", "min")},
    **{f"a{name}": rf"\arc{name}" for name in ("sin", "cos", "tan")},
    **{name: rf"\operatorname{{{name}}}" for name in ("erf", "sign", "expm1", "log1p")},
    "stop_gradient": r"\operatorname{stopgradient}",
}


def latex(term: Term, adjoints: Mapping[str, str] | None = None, form: Form = "short") -> str:
    r"""The term.

    `adjoints` tells which tensors hold the gradient of which: {"dW1": "W1"}; without it a d before a letter does.
    `form` writes those as \mathrm{d}W_{1}, \bar{W}_{1} or \frac{\partial L}{\partial W_{1}}.
    """
    return Typesetter(adjoints, form).text(term)


def equation_latex(
    equation: Equation, adjoints: Mapping[str, str] | None = None, form: Form = "short", relation: str = "="
) -> str:
    """left = right; with `relation="&="` for an aligned block."""
    setter = Typesetter(adjoints, form)
    return f"{setter.text(equation.left)} {relation} {setter.text(equation.body)}"


def product_latex(factors: Iterable[Term], adjoints: Mapping[str, str] | None = None, form: Form = "short") -> str:
    """Factors side by side, not collected: the chain rule as it is written on a board."""
    setter = Typesetter(adjoints, form)
    factors = list(factors)
    if len(factors) == 1:
        return setter.text(factors[0])
    return r" \cdot ".join(setter.within(factor, POWER) for factor in factors)


def name_latex(name: str, indices: Iterable[str] = ()) -> str:
    r"""A name and its subscript: W1 at i, t is `W_{1;i,t}`, beta2 `\beta_{2}`, m_W1 `m_{W_{1}}`, lr `\mathrm{lr}`."""
    first, *rest = [part for part in name.split("_") if part] or [r"\_"]
    stem = first.rstrip("0123456789") or first
    marks = [first[len(stem) :]] if len(stem) < len(first) else []
    marks += [name_latex(part) for part in rest]
    places = list(indices)
    subscript = ",".join(marks)
    if places:
        # W[1] is not W1
        separated = bool(marks) or places[0][0].isdigit()
        subscript += f"{';' if separated else ''}{','.join(places)}"
    return f"{letters(stem)}_{{{subscript}}}" if subscript else letters(stem)


def letters(stem: str) -> str:
    if stem == "eps":
        return r"\epsilon"
    if stem in GREEK:
        return rf"\{stem}"
    return stem if len(stem) == 1 or not stem.isascii() or not stem.isalnum() else rf"\mathrm{{{stem}}}"


def number_latex(value: Number) -> tuple[str, int]:
    if isinstance(value, Fraction):
        sign = "-" if value < 0 else ""
        return rf"{sign}\frac{{{abs(value.numerator)}}}{{{value.denominator}}}", SUM if sign else PRODUCT
    mantissa, _, exponent = repr(value).partition("e")
    binding = SUM if value < 0 else ATOM
    if not exponent:
        return mantissa, binding
    scale = f"10^{{{int(exponent)}}}"
    if mantissa in ("1", "1.0"):
        return scale, POWER
    return rf"{mantissa} \times {scale}", min(binding, PRODUCT)


@dataclass(frozen=True)
class Typesetter:
    """Terms to LaTeX, each with how tightly it binds."""

    adjoints: Mapping[str, str] | None
    form: Form

    def text(self, term: Term) -> str:
        return self.render(term)[0]

    def within(self, term: Term, place: int) -> str:
        written, binding = self.render(term)
        return written if binding >= place else enclosed(written)

    def render(self, term: Term) -> tuple[str, int]:
        match term:
            case Const(value):
                return number_latex(value)
            case Size(name) | Index(name):
                return name_latex(name), ATOM
            case Read(name, indices):
                return self.read(name, [self.text(index) for index in indices])
            case Add(terms):
                return self.sum(terms), SUM
            case Mul(factors):
                return self.product(factors)
            case Pow(base, exponent):
                return self.power(base, exponent)
            case Call(function, arguments):
                return self.call(function, arguments)
            case Compare():
                return rf"\mathbb{{1}}[{self.relation(term)}]", ATOM
            case Where():
                return self.cases(term), LOOSE
            case Reduce(op, indices, body):
                names = ",".join(name_latex(index.name) for index in indices)
                sign = {
                    "sum": r"\sum",
                    "max": r"\max",
                    "argmax": r"\mathrm{arg\,max}",
                    "det": r"\det",
                    "logdet": r"\log\det",
                }[op]
                return rf"{sign}_{{{names}}} {self.within(body, PRODUCT)}", PRODUCT
            case Inverse(indices, body, at):
                names = ",".join(name_latex(index.name) for index in indices)
                places = ",".join(map(self.text, at))
                return rf"\left(\left[{self.text(body)}\right]_{{{names}}}^{{-1}}\right)_{{{places}}}", ATOM
        raise TypeError(f"no LaTeX for {type(term).__name__}")

    def read(self, name: str, indices: list[str]) -> tuple[str, int]:
        of = self.derived(name)
        if of is None:
            return name_latex(name, indices), ATOM
        match self.form:
            case "short":
                return rf"\mathrm{{d}}{name_latex(of, indices)}", POWER
            case "bar":
                head, underscore, subscript = name_latex(of, indices).partition("_")
                return rf"\bar{{{head}}}{underscore}{subscript}", ATOM
        return rf"\frac{{\partial L}}{{\partial {name_latex(of, indices)}}}", POWER

    def derived(self, name: str) -> str | None:
        """The tensor whose gradient `name` holds."""
        if self.adjoints is not None:
            return self.adjoints.get(name)
        found = ADJOINT.fullmatch(name)
        return found[1] if found else None

    def power(self, base: Term, exponent: Term) -> tuple[str, int]:
        if is_negative(exponent):
            return rf"\frac{{1}}{{{self.text(power(base, negated(exponent)))}}}", PRODUCT
        if exponent == Const(Fraction(1, 2)):
            return rf"\sqrt{{{self.text(base)}}}", ATOM
        return f"{self.within(base, ATOM)}^{{{self.text(exponent)}}}", POWER

    def call(self, function: str, arguments: tuple[Term, ...]) -> tuple[str, int]:
        match function:
            case "pi":
                return r"\pi", ATOM
            case "abs":
                return rf"\left|{self.text(*arguments)}\right|", ATOM
            case "floordiv":
                left, right = (self.within(argument, POWER) for argument in arguments)
                return rf"\lfloor {left} / {right} \rfloor", ATOM
            case "mod":
                left, right = (self.within(argument, POWER) for argument in arguments)
                return rf"{left} \;\mathrm{{mod}}\; {right}", SUM
        inner = ", ".join(self.text(argument) for argument in arguments)
        return f"{FUNCTIONS.get(function) or name_latex(function)}{enclosed(inner)}", ATOM

    def relation(self, term: Compare) -> str:
        return f"{self.text(term.left)} {RELATIONS[term.relation]} {self.text(term.right)}"

    def condition(self, term: Term) -> str:
        """A bracket without its 1, brackets multiplied as `and`, any other number as what is not 0."""
        match term:
            case Compare():
                return self.relation(term)
            case Mul(factors) if all(isinstance(factor, Compare) for factor in factors):
                return r" \text{ and } ".join(map(self.relation, factors))
        return rf"{self.text(term)} \neq 0"

    def cases(self, term: Where) -> str:
        rows, rest = [], term
        while isinstance(rest, Where):
            rows.append(rf"{self.text(rest.then)} & \text{{if }} {self.condition(rest.condition)}")
            rest = rest.other
        rows.append(rf"{self.text(rest)} & \text{{else}}")
        return r"\begin{cases} " + r" \\ ".join(rows) + r" \end{cases}"

    def sum(self, terms: tuple[Term, ...]) -> str:
        # Positive terms are written first where the first would be negative: y - o, never -o + y.
        if is_negative(terms[0]):
            terms = tuple(sorted(terms, key=is_negative))
        written = self.text(terms[0]) if is_negative(terms[0]) else self.within(terms[0], PRODUCT)
        for term in terms[1:]:
            sign, positive = ("-", negated(term)) if is_negative(term) else ("+", term)
            written += f" {sign} {self.within(positive, PRODUCT)}"
        return written

    def product(self, factors: tuple[Term, ...]) -> tuple[str, int]:
        """Factors with a negative exponent below the fraction line; a sum goes last, where it needs no parentheses."""
        sign, above, below = quotient(factors)
        sums = [factor for factor in above if isinstance(factor, Reduce)]
        plain = [factor for factor in above if not isinstance(factor, Reduce)]
        head = self.side_by_side(plain)
        if below:  # the line of a fraction encloses what stands alone above or below it
            over, under = (self.text(f[0]) if len(f) == 1 else self.side_by_side(f) for f in (plain, below))
            head = rf"\frac{{{over or '1'}}}{{{under}}}"
        tail = [self.within(factor, POWER) for factor in sums[:-1]] + [self.text(factor) for factor in sums[-1:]]
        written = " ".join(part for part in (head, *tail) if part) or "1"
        return sign + written, SUM if sign else PRODUCT

    def side_by_side(self, factors: list[Term]) -> str:
        return r" \, ".join(self.within(factor, POWER) for factor in factors)


def enclosed(written: str) -> str:
    tall = re.search(r"\\(frac|sum|sqrt|begin|max_|left)", written)
    return rf"\left({written}\right)" if tall else f"({written})"

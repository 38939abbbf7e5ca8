r"""Matrix notation as text and as LaTeX.

    (p - Y)^T h / B             \frac{1}{B} (p - Y)^{\top} h
    A^-T diag(u) (S o D)        A^{-\top} \operatorname{diag}(u) (S \circ D)

`o`, `/` by a matrix, powers `^o3` and functions act on each entry; `1_B` is a column of B ones, `I` the unit matrix,
diag(u) the matrix with u on its diagonal, diag(A) the diagonal of A as a column.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from ..language.algebra import factors_of, is_negative, negated, power
from ..language.notation import render
from ..language.terms import ONE, Const, Pow, Read, Term
from . import matrix_algebra as ma
from . import matrix_terms as mt
from .latex import FUNCTIONS, REDUCTIONS, RELATIONS, enclosed, latex, name_latex
from .matrix_terms import SCALAR, Matrix, Number

# How tightly a form binds; an operand that binds more loosely than its place asks for gets parentheses.
LOOSE, SUM, HADAMARD, PRODUCT, POWER, ATOM = range(6)
FROM_TERM = (LOOSE, SUM, PRODUCT, POWER, ATOM)  # the levels of `notation.render`
HALF = Const(Fraction(1, 2))


@dataclass(frozen=True)
class Printer:
    """A matrix as text; `hot` names the one-hot matrix of each token tensor, {"y": "Y"}."""

    hot: Mapping[str, str] = field(default_factory=dict)

    circle, top, diagonal, trace, identity, maximum = " o ", "T", "diag", "tr", "I", "rowmax"

    def text(self, matrix: Matrix) -> str:
        return self.render(matrix)[0]

    def within(self, matrix: Matrix, place: int) -> str:
        written, binding = self.render(matrix)
        return written if binding >= place else self.enclosed(written)

    def render(self, matrix: Matrix) -> tuple[str, int]:
        """The text and how tightly it binds."""
        match matrix:
            case mt.Sum(terms):
                return self.sum(terms), SUM
            case mt.Scaled(Number(Const(0))):
                return "0", ATOM
            case Number() | mt.Scaled() | mt.Hadamard() | mt.Power():
                positive = ma.minus(matrix)
                if positive is not None:
                    return f"-{self.within(positive, HADAMARD)}", SUM
                return self.quotient(matrix)
            case mt.Product(factors):
                return " ".join(self.within(factor, POWER) for factor in factors), PRODUCT
            case mt.Named(name):
                return self.name(name), ATOM
            case mt.OneHot(tokens):
                return self.name(self.hot.get(tokens, f"onehot_{tokens}")), ATOM
            case mt.Ones(rows):
                return self.ones(rows), ATOM
            case mt.Identity():
                return self.identity, ATOM
            case mt.Transpose(mt.Inverted(body)):
                return self.raised(self.within(body, ATOM), f"-{self.top}"), POWER
            case mt.Transpose(body):
                return self.raised(self.within(body, ATOM), self.top), POWER
            case mt.Inverted(body):
                return self.raised(self.within(body, ATOM), "-1"), POWER
            case mt.Diagonal(body) | mt.DiagonalOf(body):
                return self.applied(self.diagonal, body), ATOM
            case mt.Trace(body):
                return self.applied(self.trace, body), ATOM
            case mt.Determinant(op, body):
                return self.applied(self.determinant(op), body), ATOM
            case mt.RowMaximum(body):
                return self.applied(self.maximum, body), ATOM
            case mt.Apply(function, arguments):
                return self.applied(self.function(function), *arguments), ATOM
            case mt.Bracket(relation, left, right):
                return self.bracket(relation, self.text(left), self.text(right)), ATOM
            case mt.Choice(condition, then, other):
                return self.choice(*(self.within(part, SUM) for part in (then, condition, other))), LOOSE
        raise TypeError(f"no notation for {type(matrix).__name__}")

    # -- sums, products, quotients ---------------------------------------------------------------------------------

    def sum(self, terms: tuple[Matrix, ...]) -> str:
        # Positive terms are written first where the first would be negative: Y - A, never -A + Y.
        first, *others = sorted(terms, key=lambda t: ma.minus(t) is not None) if ma.minus(terms[0]) else terms
        written = self.within(first, SUM)
        for term in others:
            positive = ma.minus(term)
            sign, term = ("-", positive) if positive is not None else ("+", term)
            written += f" {sign} {self.within(term, HADAMARD)}"
        return written

    def quotient(self, matrix: Matrix) -> tuple[str, int]:
        """Numbers in front, then what is multiplied entry by entry or as matrices; negative powers below a stroke."""
        numbers, bodies = taken_apart(matrix)
        above, below = split(numbers)
        over, under = split(bodies)
        binding = PRODUCT if len(over) <= 1 else HADAMARD
        if len(above + over) == 1 and not (below or under):
            return self.powered(*above, *over)
        body = self.circle.join(self.within(factor, PRODUCT if binding == PRODUCT else POWER) for factor in over)
        if len(above + over) == 1:
            return self.divided(self.numerator(*above, *over), self.strokes(below, under))
        front = [self.within(number, POWER) for number in above]
        if body:
            front.append(body)
        written = " ".join(front) or "1"
        if not (below or under):
            return written, binding
        return self.divided(written, self.strokes(below, under))

    def strokes(self, numbers: list[Matrix], matrices: list[Matrix]) -> list[tuple[str, int]]:
        """What stands below: the numbers together, each matrix for itself."""
        return [self.beneath(numbers)] * bool(numbers) + [self.beneath([matrix]) for matrix in matrices]

    def beneath(self, factors: list[Matrix]) -> tuple[str, int]:
        if len(factors) == 1:
            return self.render(factors[0])
        return " ".join(self.within(factor, POWER) for factor in factors), PRODUCT

    def powered(self, matrix: Matrix) -> tuple[str, int]:
        if isinstance(matrix, Number):
            return self.number(matrix.term)
        if not isinstance(matrix, mt.Power):
            return self.render(matrix)
        base, exponent = matrix.base, matrix.exponent
        if exponent == Number(HALF):
            return self.root(base)
        if base.shape == SCALAR and exponent.shape == SCALAR:
            return self.raised(self.within(base, ATOM), self.text(exponent)), POWER
        written = self.within(base, ATOM)
        if exponent == Number(Const(2)) and self.render(base)[1] == ATOM:
            return f"{written}{self.circle}{written}", HADAMARD
        return self.raised(written, f"{self.circle.strip()} {self.within(exponent, ATOM)}".replace("o ", "o")), POWER

    def numerator(self, matrix: Matrix) -> str:
        """What stands alone above a stroke."""
        return self.within(matrix, PRODUCT)

    # -- the spelling, which LaTeX has its own of ------------------------------------------------------------------

    def enclosed(self, written: str) -> str:
        return f"({written})"

    def number(self, term: Term) -> tuple[str, int]:
        written, binding = render(term)
        return written, FROM_TERM[binding]

    def name(self, name: str) -> str:
        return name

    def ones(self, rows: Term) -> str:
        written, binding = render(rows)
        return f"1_{written}" if FROM_TERM[binding] == ATOM else f"1_({written})"

    def raised(self, base: str, exponent: str) -> str:
        return f"{base}^{exponent}" if exponent.replace("-", "").isalnum() else f"{base}^({exponent})"

    def root(self, base: Matrix) -> tuple[str, int]:
        return f"sqrt({self.text(base)})", ATOM

    def applied(self, function: str, *arguments: Matrix) -> str:
        return f"{function}({', '.join(map(self.text, arguments))})"

    def function(self, name: str) -> str:
        return name

    def determinant(self, op: str) -> str:
        return {"det": "det", "logdet": "log det"}[op]

    def bracket(self, relation: str, left: str, right: str) -> str:
        return f"[{left} {relation} {right}]"

    def choice(self, then: str, condition: str, other: str) -> str:
        return f"{then} where {condition} else {other}"

    def divided(self, above: str, below: list[tuple[str, int]]) -> tuple[str, int]:
        divisors = [text if binding >= POWER else f"({text})" for text, binding in below]
        return " / ".join([above, *divisors]), HADAMARD


class LatexPrinter(Printer):
    """The same in LaTeX."""

    circle, top = r" \circ ", r"\top"
    diagonal, trace, identity, maximum = r"\operatorname{diag}", r"\operatorname{tr}", "I", r"\operatorname{rowmax}"

    def enclosed(self, written: str) -> str:
        return enclosed(written)

    def number(self, term: Term) -> tuple[str, int]:
        return latex(term, {}), FROM_TERM[render(term)[1]]

    def name(self, name: str) -> str:
        return latex(Read(name))  # dX as an adjoint

    def numerator(self, matrix: Matrix) -> str:
        return self.text(matrix)

    def ones(self, rows: Term) -> str:
        return rf"\mathbf{{1}}_{{{latex(rows, {})}}}"

    def raised(self, base: str, exponent: str) -> str:
        return f"{base}^{{{exponent}}}"

    def root(self, base: Matrix) -> tuple[str, int]:
        return rf"\sqrt{{{self.text(base)}}}", ATOM

    def applied(self, function: str, *arguments: Matrix) -> str:
        return f"{function}{enclosed(', '.join(map(self.text, arguments)))}"

    def function(self, name: str) -> str:
        return FUNCTIONS.get(name) or name_latex(name)

    def determinant(self, op: str) -> str:
        return REDUCTIONS[op]

    def bracket(self, relation: str, left: str, right: str) -> str:
        return rf"\mathbb{{1}}[{left} {RELATIONS[relation]} {right}]"

    def choice(self, then: str, condition: str, other: str) -> str:
        return rf"\begin{{cases}} {then} & \text{{where }} {condition} \\ {other} & \text{{else}} \end{{cases}}"

    def divided(self, above: str, below: list[tuple[str, int]]) -> tuple[str, int]:
        for divisor, _ in below:
            above = rf"\frac{{{above}}}{{{divisor}}}"
        return above, PRODUCT


def taken_apart(matrix: Matrix) -> tuple[list[Matrix], list[Matrix]]:
    """(numbers, matrices) whose product entry by entry it is; a matrix product is one of the latter."""
    if isinstance(matrix, mt.Scaled):
        numbers, bodies = taken_apart(matrix.factor)
        inner = taken_apart(matrix.body)
        return numbers + bodies + inner[0], inner[1]
    if isinstance(matrix, mt.Hadamard):
        parts = list(matrix.factors)
        return [p for p in parts if p.shape == SCALAR], [p for p in parts if p.shape != SCALAR]
    return ([matrix], []) if matrix.shape == SCALAR else ([], [matrix])


def split(factors: Iterable[Matrix]) -> tuple[list[Matrix], list[Matrix]]:
    """(above, below) the stroke; a number is taken apart into its own factors."""
    above: list[Matrix] = []
    below: list[Matrix] = []
    for factor in factors:
        match factor:
            case Number(term):
                over, under = [], []
                for part in factors_of(term):
                    if isinstance(part, Const) and isinstance(part.value, Fraction):
                        over.append(Const(part.value.numerator))
                        under.append(Const(part.value.denominator))
                    elif isinstance(part, Pow) and is_negative(part.exponent):
                        under.append(power(part.base, negated(part.exponent)))
                    else:
                        over.append(part)
                above += [Number(part) for part in over if part != ONE]
                below += [Number(part) for part in under if part != ONE]
            case mt.Power(base, Number(exponent)) if is_negative(exponent):
                positive = negated(exponent)
                below.append(base if positive == ONE else mt.Power(base, Number(positive)))
            case _:
                above.append(factor)
    return above, below


def matrix_text(matrix: Matrix, hot: Mapping[str, str] | None = None) -> str:
    return Printer(hot or {}).text(matrix)

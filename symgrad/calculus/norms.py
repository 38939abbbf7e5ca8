"""Roots of sums of squares, measured from the largest entry: no square overflows, and none is lost below the range.

    sqrt(sum_v x[v]**2)    ->  m * sqrt(sum_v |x[v]/m|**2)        m = max_v |x[v]|, and 1 where that is 0
    1/sqrt(x**2 + y**2)    ->  1/(m*sqrt(|x/m|**2 + |y/m|**2))     m = max(|x|, |y|)

A root with a number beside its squares, such as that of a layer norm's variance + 1e-5, is left: it is not meant for
entries beside which that number is nothing.  Powers of m are collected as all powers are: x*y/m**2, in the derivative
of a quotient by a norm, keeps its range only where m**2 has one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import reduce

from ..language.algebra import add, construct, factors_of, is_positive, mul, power, terms_of, where
from ..language.program import Equation, Program, Role, Tensor
from ..language.ranges import narrowed
from ..language.recurrences import with_equations
from ..language.rewriting import fresh_name, rebuild
from ..language.terms import MINUS_ONE, ZERO, Call, Compare, Const, Index, Pow, Read, Reduce, Term, Where
from .guarded import guarded
from .paths import opposite
from .saved import Reuse
from .shifts import ordered
from .steps import Step

ROOTS = (Const(Fraction(1, 2)), Const(Fraction(-1, 2)))


def scale_norms(program: Program, leave: Iterable[str] = ()) -> tuple[Program, tuple[Step, ...]]:
    """The program with every root of squares scaled, but for the equations to `leave`, and what was rewritten."""
    scaling = Scaling(program, dict(program.tensors))
    equations, steps = [], []
    for equation in program.equations():
        body = equation.body
        if equation.tensor not in leave:
            body = scaling.scaled(body, equation)
            equations += scaling.new
            scaling.new.clear()
        if body != equation.body:
            steps.append(Step(equation.tensor, equation.body, body, ("no square leaves the range of floats",)))
        equations.append(replace(equation, body=body))
    if not steps:
        return program, ()
    return with_equations(replace(program, tensors=scaling.tensors), equations), tuple(steps)


@dataclass(frozen=True)
class Square:
    """coefficient * sum over `bound` of base**2."""

    coefficient: Term
    base: Term
    bound: tuple[Index, ...] = ()

    @property
    def size(self) -> Term:
        size = Call("abs", (self.base,))
        return Reduce("max", self.bound, size) if self.bound else size

    def over(self, scale: Term) -> Term:
        # of |x/m| the square is not taken apart again
        square = Pow(Call("abs", (mul(self.base, power(scale, MINUS_ONE)),)), Const(2))
        return mul(self.coefficient, Reduce("sum", self.bound, square) if self.bound else square)


@dataclass
class Scaling:
    """`scales` are the numbers so far from which norms are measured, `new` the definitions that are to be placed."""

    program: Program
    tensors: dict[str, Tensor]
    scales: list[Equation] = field(default_factory=list)
    new: list[Equation] = field(default_factory=list)

    def scaled(self, term: Term, equation: Equation, conditions: tuple[Term, ...] = ()) -> Term:
        """The term of an equation, which stands where the conditions hold."""
        if isinstance(term, Where):
            branches = ((term.then, term.condition), (term.other, opposite(term.condition)))
            then, other = (self.scaled(branch, equation, (*conditions, holds)) for branch, holds in branches)
            return where(self.scaled(term.condition, equation, conditions), then, other)
        node = construct(rebuild(term, lambda child: self.scaled(child, equation, conditions)))
        if not (isinstance(node, Pow) and node.exponent in ROOTS):
            return node
        squares = [square_of(part) for part in terms_of(node.base)]
        if None in squares:
            return node
        scale = self.scale(squares, node.base, equation, conditions)
        root = power(add(*(square.over(scale) for square in squares)), node.exponent)
        return mul(scale if node.exponent == ROOTS[0] else power(scale, MINUS_ONE), root)

    def scale(self, squares: list[Square], whole: Term, equation: Equation, conditions: tuple[Term, ...]) -> Read:
        greatest = reduce(lambda a, b: Call("max", (a, b)), dict.fromkeys(square.size for square in squares))
        body = add(greatest, Compare("==", greatest, ZERO))
        known = reduce(lambda known, condition: narrowed(condition, known, True), conditions, {})
        read = next((reused for reused, found in [Reuse(self.scales)(body, known)] if found), None)
        if read is not None:
            return read
        indices = ordered(whole.free, equation.indices)
        name = fresh_name(f"{equation.tensor}_scale", self.tensors)
        self.tensors[name] = Tensor(name, indices, Role.DEFINITION)
        self.scales.append(Equation(name, indices, body, name))
        self.new.append(replace(self.scales[-1], body=guarded(body, conditions, self.program)))
        return self.scales[-1].left


def square_of(term: Term) -> Square | None:
    """The term as a Square with a coefficient that is not negative; None where it is none."""
    known = [factor for factor in factors_of(term) if is_number(factor)]
    rest = mul(*(factor for factor in factors_of(term) if not is_number(factor)))
    bound: tuple[Index, ...] = ()
    if isinstance(rest, Reduce) and rest.op == "sum":
        bound, inner = rest.indices, rest.body
        known += [factor for factor in factors_of(inner) if is_number(factor)]
        rest = mul(*(factor for factor in factors_of(inner) if not is_number(factor)))
    if not (isinstance(rest, Pow) and rest.exponent == Const(2) and set(bound) <= rest.free):
        return None
    if any(isinstance(node, Reduce) for node in rest.base.walk()):
        return None  # a base with a sum of its own would be computed twice
    return Square(mul(*known), rest.base, bound)


def is_number(factor: Term) -> bool:
    return is_positive(factor.base if isinstance(factor, Pow) else factor)

"""Terms -> SymPy: the inverse of lowering, for people who go on with a formula in SymPy.

    lower(to_sympy(term, program)) is the tidy `term`, up to the order of sums and products, and of a relation's sides

Nothing is evaluated on the way: SymPy would rewrite `-(y - o)` as `o - y` and `exp(a)*exp(b)` as `exp(a + b)`.  Apply
`.doit()` or any SymPy operation to have its own normal form.
"""

from __future__ import annotations

import sympy
from sympy import Expr, Idx, Symbol
from sympy.logic.boolalg import Boolean

from .errors import DeclarationError
from .functions import ELEMENTARY, STOP_GRADIENT
from .model import Handle, handle
from .notation import text
from .program import Equation, Program, Tensor
from .surface import argmaximum, determinant, inverse, log_determinant, maximum, stop_gradient
from .terms import (
    DETERMINANTS,
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

RELATIONS = {"==": sympy.Eq, "!=": sympy.Ne, "<": sympy.Lt, "<=": sympy.Le}


def to_sympy(term: Term, program: Program) -> Expr:
    """The term as SymPy, over the same `Idx`, `IndexedBase` and `Symbol` objects with which a model is declared.

    Raises DeclarationError for a tensor that `program` does not have.
    """
    return Lifting(program).expression(term)


def equation_to_sympy(equation: Equation, program: Program) -> sympy.Eq:
    """`Eq(h[b, i], tanh(a[b, i]))`."""
    return sympy.Eq(to_sympy(equation.left, program), to_sympy(equation.body, program), evaluate=False)


def tensor_handle(tensor: Tensor) -> Handle:
    """What stands for the tensor in SymPy expressions: an `IndexedBase`, or a `Symbol` for a scalar."""
    return handle(tensor.name, tensor_axes(tensor))


def tensor_axes(tensor: Tensor) -> tuple[Idx, ...]:
    """The tensor's indices with their ranges, as `axes(...)` makes them."""
    return tuple(map(lift_index, tensor.indices))


def lift_index(index: Index) -> Idx:
    """The index with its range; in extents SymPy's own normal form is taken, so that equal indices are equal."""
    return Idx(index.name, lift_size(index.extent))


def lift_size(extent: Term) -> Expr:
    """A number of elements, a polynomial in sizes."""
    match extent:
        case Const(value):
            return lift_number(value)
        case Size(name):
            return Symbol(name, integer=True, positive=True)
        case Add(terms):
            return sympy.Add(*map(lift_size, terms))
        case Mul(factors):
            return sympy.Mul(*map(lift_size, factors))
        case Pow(base, exponent):
            return lift_size(base) ** lift_size(exponent)
    raise DeclarationError(f"{text(extent)} is no size; an axis has a number, a name, or sums and products of them")


def lift_number(value: Number) -> sympy.Number:
    if isinstance(value, float):
        return sympy.Float(value)
    return sympy.Rational(value.numerator, value.denominator)


class Lifting:
    """One program's terms on their way to SymPy."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.memo: dict[Term, Expr] = {}

    def expression(self, term: Term) -> Expr:
        if term not in self.memo:
            self.memo[term] = self.convert(term)
        return self.memo[term]

    def convert(self, term: Term) -> Expr:
        match term:
            case Const(value):
                return lift_number(value)
            case Size():
                return lift_size(term)
            case Index():
                return lift_index(term)
            case Read(name, indices):
                return self.read(name, indices)
            case Add():
                return sympy.Add(*self.below(term), evaluate=False)
            case Mul():
                return sympy.Mul(*self.below(term), evaluate=False)
            case Pow():
                return sympy.Pow(*self.below(term), evaluate=False)
            case Call(function):
                return call(function, self.below(term))
            case Compare("==", left, right):
                return sympy.KroneckerDelta(self.expression(left), self.expression(right), evaluate=False)
            case Compare():
                return sympy.Piecewise((1, self.condition(term)), (0, True), evaluate=False)
            case Where(condition, then, other):
                pieces = (self.expression(then), self.condition(condition)), (self.expression(other), True)
                return sympy.Piecewise(*pieces, evaluate=False)
            case Reduce(op, indices, body):
                return reduction(op, tuple(map(lift_index, indices)), self.expression(body))
            case Inverse(indices, body, at):
                places = tuple(map(self.expression, at))
                return inverse(self.expression(body), *map(lift_index, indices), places)
        raise TypeError(f"no SymPy form for {type(term).__name__}")

    def below(self, term: Term) -> tuple[Expr, ...]:
        return tuple(map(self.expression, term.children))

    def read(self, name: str, indices: tuple[Term, ...]) -> Expr:
        tensor = self.program.tensors.get(name)
        if tensor is None:
            known = ", ".join(self.program.tensors)
            raise DeclarationError(f"{self.program.name}: {name} is not declared; there are {known}")
        base = tensor_handle(tensor)
        return base[tuple(map(self.expression, indices))] if indices else base

    def condition(self, term: Term) -> Boolean:
        """A bracket as a relation, a product of brackets as `And`; any other number holds where it is not 0."""
        match term:
            case Compare(relation, left, right):
                return RELATIONS[relation](self.expression(left), self.expression(right), evaluate=False)
            case Mul(factors) if all(isinstance(factor, Compare) for factor in factors):
                return sympy.And(*map(self.condition, factors), evaluate=False)
        return sympy.Ne(self.expression(term), 0, evaluate=False)


def call(function: str, arguments: tuple[Expr, ...]) -> Expr:
    match function:
        case "floordiv":
            numerator, divisor = arguments
            return sympy.floor(sympy.Mul(numerator, sympy.Pow(divisor, -1), evaluate=False), evaluate=False)
        case "mod":
            return sympy.Mod(*arguments, evaluate=False)
        case "pi":
            return sympy.pi
        case _ if function == STOP_GRADIENT:
            return stop_gradient(*arguments)
    return ELEMENTARY[function].sympy(*arguments, evaluate=False)


def reduction(op: str, indices: tuple[Idx, ...], body: Expr) -> Expr:
    if op == "sum":
        return sympy.Sum(body, *indices)
    if op == "argmax":
        return argmaximum(body, *indices)
    if op in DETERMINANTS:
        return (determinant if op == "det" else log_determinant)(body, *indices)
    for index in reversed(indices):
        body = maximum(body, index)
    return body

"""The derivative of an elementary scalar function: whatever `sympy.diff` says of fresh real symbols.

    derivative(tanh(a), 0) = 1 - tanh(a)**2

`sympy.diff` never sees a sum or an index: of expressions that hold them it returns silent zeros.
"""

from __future__ import annotations

from functools import cache

import sympy

from ..language.algebra import tidy
from ..language.errors import DeclarationError, DerivativeError
from ..language.functions import ELEMENTARY
from ..language.lowering import lower
from ..language.notation import text
from ..language.program import Role, Tensor
from ..language.rewriting import substitute
from ..language.terms import Call, Const, Pow, Read, Term

NAMES = ("s0", "s1")
SYMBOLS = {name: Tensor(name, (), Role.INPUT) for name in NAMES}
CONSTANT_ALMOST_EVERYWHERE = ("sign",)


def derivative(term: Call | Pow, position: int) -> Term:
    """d term / d (its argument at `position`).  Raises DerivativeError, naming the term, where there is none."""
    if isinstance(term, Pow):
        # the exponent stays a number where it is one, so that s**3 gives 3*s**2 and not s**e*e/s
        exponent = term.exponent.value if isinstance(term.exponent, Const) else None
        pattern = power_derivative(exponent, position)
    else:
        if term.function not in ELEMENTARY:
            raise DerivativeError(f"{text(term)}: {term.function} has no derivative")
        pattern = function_derivative(term.function, position)
    arguments = term.children
    return tidy(substitute(pattern, {Read(name): value for name, value in zip(NAMES, arguments, strict=False)}))


@cache
def function_derivative(function: str, position: int) -> Term:
    row = ELEMENTARY[function]
    symbols = [sympy.Symbol(name, real=True) for name in NAMES[: row.arity]]
    if function in CONSTANT_ALMOST_EVERYWHERE:
        return Const(0)
    return lowered(stepped(sympy.diff(row.sympy(*symbols), symbols[position]), symbols, position), function)


def stepped(expression: sympy.Expr, symbols: list[sympy.Symbol], position: int) -> sympy.Expr:
    """Heaviside(s0 - s1), which SymPy leaves open at 0, as a bracket: at a tie the first argument has it."""

    def bracket(difference: sympy.Expr, _: sympy.Expr) -> sympy.Expr:
        above, below = symbols if difference.coeff(symbols[0]) > 0 else symbols[::-1]
        return sympy.Piecewise((1, above >= below if position == 0 else above > below), (0, True))

    return expression.replace(sympy.Heaviside, bracket)


@cache
def power_derivative(exponent, position: int) -> Term:
    base, free = (sympy.Symbol(name, real=True) for name in NAMES)
    power = base ** (free if exponent is None else sympy.sympify(exponent))
    return lowered(sympy.diff(power, (base, free)[position]), "a power")


def lowered(expression: sympy.Expr, name: str) -> Term:
    try:
        return lower(expression, SYMBOLS, f"the derivative of {name}")
    except DeclarationError as error:
        raise DerivativeError(f"the derivative of {name} is {expression}, which is no function here") from error

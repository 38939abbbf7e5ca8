"""The elementary functions of the language: one row each, its SymPy class and its meaning in NumPy.

There is no column of derivatives: `calculus.local` takes them from `sympy.diff`.
At a kink the derivative is fixed: d max(a, b) is that of a where a = b, so that of 0 for max(0, x) at x = 0; for |x| it
is sign(x), 0 at 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import sympy
from sympy.codegen.cfunctions import expm1, log1p


@dataclass(frozen=True)
class Function:
    """`sympy(*arguments)` on real symbols; `numpy(*arrays)` elementwise in float64."""

    name: str
    sympy: Callable
    numpy: Callable
    arity: int = 1


def erf(x: np.ndarray) -> np.ndarray:
    from scipy.special import erf as scipy_erf  # loaded only by models that use it

    return scipy_erf(x)


ELEMENTARY = {
    row.name: row
    for row in (
        Function("exp", sympy.exp, np.exp),
        Function("log", sympy.log, np.log),
        Function("expm1", expm1, np.expm1),
        Function("log1p", log1p, np.log1p),
        Function("sin", sympy.sin, np.sin),
        Function("cos", sympy.cos, np.cos),
        Function("tan", sympy.tan, np.tan),
        Function("asin", sympy.asin, np.arcsin),
        Function("acos", sympy.acos, np.arccos),
        Function("atan", sympy.atan, np.arctan),
        Function("sinh", sympy.sinh, np.sinh),
        Function("cosh", sympy.cosh, np.cosh),
        Function("tanh", sympy.tanh, np.tanh),
        Function("erf", sympy.erf, erf),
        Function("abs", sympy.Abs, np.abs),
        Function("sign", sympy.sign, np.sign),
        Function("max", sympy.Max, np.maximum, arity=2),
        Function("min", sympy.Min, np.minimum, arity=2),
    )
}

# Integer functions of indices, and the identity that hides its argument from the calculus.
INTEGER = ("floordiv", "mod")
STOP_GRADIENT = "stop_gradient"

# Numbers that no `Const` holds: of the file's type where they are emitted, and `least` the least finite one of it.
CONSTANTS = ("pi", "least")

BY_SYMPY_CLASS = {row.sympy: row.name for row in ELEMENTARY.values()}

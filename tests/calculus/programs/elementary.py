"""Elementary functions of an array, and scalar models."""

from __future__ import annotations

from collections.abc import Callable

from sympy import (
    Abs,
    Float,
    Max,
    Min,
    Piecewise,
    Rational,
    atan,
    cos,
    cosh,
    erf,
    exp,
    log,
    pi,
    sin,
    sinh,
    sqrt,
    tan,
    tanh,
)
from sympy import acos as arccos
from sympy import asin as arcsin

from symgrad.language.model import Model
from symgrad.language.surface import (
    relu,
    sigmoid,
    total,
)

from .table import i, program


def elementwise(name: str, function: Callable) -> None:
    def declare(model: Model) -> None:
        x, u = model.parameters(x=(i,)), model.inputs(u=(i,))
        y = model.define("y", (i,), function(x[i]))
        model.minimize("L", total(u[i] * y[i], i))

    declare.__name__ = name
    program(declare)


for name, function in {
    "exp_of_sin": lambda x: exp(sin(x)),
    "cos_times_x": lambda x: x * cos(x),
    "tan_": tan,
    "log_": log,
    "square_root": sqrt,
    "cube": lambda x: x**3,
    "inverse_square": lambda x: x**-2,
    "x_to_2_5": lambda x: x ** Rational(5, 2),
    "x_to_x": lambda x: x**x,
    "two_to_x": lambda x: 2**x,
    "fraction": lambda x: (1 + x) / (2 + x**2),
    "tanh_of_tanh": lambda x: tanh(tanh(x)),
    "sinh_cosh": lambda x: sinh(x) * cosh(x),
    "arcs": lambda x: arcsin(x) + 2 * arccos(x) + atan(x),
    "error_function": erf,
    "gelu": lambda x: x * (1 + erf(x / sqrt(2))) / 2,
    "gelu_by_tanh": lambda x: x * (1 + tanh(sqrt(2 / pi) * (x + Float("0.044715") * x**3))) / 2,
    "silu": lambda x: x * sigmoid(x),
    "elu": lambda x: Piecewise((x, x > 0), (exp(x) - 1, True)),
    "softplus": lambda x: log(1 + exp(x)),
    "sigmoid_": sigmoid,
    "log_sigmoid": lambda x: log(sigmoid(x)),
    "absolute": Abs,
    "relu_": relu,
    "clipped": lambda x: Min(Max(x, -1), Rational(1, 2)),
    "leaky": lambda x: Piecewise((x, x > 0), (x / 10, True)),
    "three_pieces": lambda x: Piecewise((x**2, x < -Rational(1, 2)), (sin(x), x < 1), (exp(x), True)),
    "huber": lambda x: Piecewise((x**2 / 2, Abs(x) < 1), (Abs(x) - Rational(1, 2), True)),
    "safe_log": lambda x: Piecewise((log(x), x > 0), (-x, True)),
}.items():
    elementwise(name, function)


@program
def scalar_tanh(model: Model) -> None:
    w1, w2 = model.parameters(w1=(), w2=())
    x, y = model.inputs(x=(), y=())
    h = model.define("h", (), tanh(w1 * x))
    o = model.define("o", (), tanh(w2 * h))
    model.minimize("L", (y - o) ** 2 / 2)


@program
def scalar_shared(model: Model) -> None:
    p, q = model.parameters(p=(), q=())
    r = model.define("r", (), p * q + sin(p))
    model.minimize("L", r**2 * p / (1 + q**2))


@program
def symbolic_exponent(model: Model) -> None:
    x, p = model.parameters(x=(i,), p=())
    u = model.inputs(u=(i,))
    model.minimize("L", total(u[i] * (1 + x[i] ** 2) ** p, i))

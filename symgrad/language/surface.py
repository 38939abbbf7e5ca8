"""What a person writes: plain SymPy under thin constructors.

    b, i, v = axes("b:B i:H v:V")          `Idx` objects; a letter is an index, the word after it its axis's size
    total(W[v,i]*h[b,i], i)                a sum;  mean(...), maximum(...) likewise
    softmax(o[b,v], v)                     exp(o[b,v]) / Sum(exp(o[b,v2]), v2): a definition, nothing more

No constructor is known to the calculus: each only writes the formula in its docstring.
"""

from __future__ import annotations

import re

import sympy
from sympy import Expr, Idx, Piecewise, Sum, Symbol, exp, floor, log
from sympy import Mod as SymPyMod

from .errors import DeclarationError

SIZE = r"([A-Za-z_]\w*|0*[1-9]\d*)"  # a name, or a number from 1 on


class TensorBase(sympy.IndexedBase):
    """An `IndexedBase` that refuses a wrong number of indices by the tensor's name."""

    def __getitem__(self, indices: object, **options: object) -> sympy.Indexed:
        given = indices if isinstance(indices, tuple | list | sympy.Tuple) else (indices,)
        if self.shape is not None and len(given) != len(self.shape):
            raise DeclarationError(
                f"{self.label} has {len(self.shape)} axes, of sizes ({', '.join(map(str, self.shape))}), and is read "
                f"with {len(given)}: {self.label}[{', '.join(map(str, given))}]"
            )
        return super().__getitem__(indices, **options)


class stop_gradient(sympy.Function):
    """The value of its argument; a constant to the calculus."""

    nargs = 1


class maximum(Expr):
    """max over `index` of `body`; its gradient goes to the first index at which the maximum is reached."""

    # SymPy takes what it knows nothing of for not commutative, and then i - maximum(...) for never 0.
    is_commutative = True
    is_extended_real = True

    def __new__(cls, body: Expr, index: Idx) -> maximum:
        return Expr.__new__(cls, sympy.sympify(body), index)

    @property
    def body(self) -> Expr:
        return self.args[0]

    @property
    def index(self) -> Idx:
        return self.args[1]

    def _sympystr(self, printer) -> str:
        return f"{type(self).__name__}({printer._print(self.body)}, {self.index.label})"


class argmaximum(maximum):
    """The first value of `index` at which `body` is largest: an integer, to be used as an index."""

    is_integer = True
    is_nonnegative = True


class determinant(Expr):
    """The determinant of the square matrix whose entry at (row, column) is `body`."""

    is_commutative = True
    is_extended_real = True

    def __new__(cls, body: Expr, row: Idx, column: Idx) -> determinant:
        return Expr.__new__(cls, sympy.sympify(body), row, column)

    @property
    def body(self) -> Expr:
        return self.args[0]

    @property
    def indices(self) -> tuple[Idx, Idx]:
        return self.args[1:3]


class log_determinant(determinant):
    """The logarithm of a determinant, which must be positive."""


class inverse(determinant):
    """The entry `at` of the inverse of the square matrix whose entry at (row, column) is `body`."""

    def __new__(cls, body: Expr, row: Idx, column: Idx, at: tuple[Expr, Expr]) -> inverse:
        return Expr.__new__(cls, sympy.sympify(body), row, column, sympy.Tuple(*at))

    @property
    def at(self) -> tuple[Expr, Expr]:
        return tuple(self.args[3])


def size(axis: Idx) -> Expr:
    """The number of elements along an axis, a positive integer symbol (or an expression of such)."""
    if not isinstance(axis, Idx) or axis.upper is None:
        raise DeclarationError(f"{axis} is no index with an axis; make it with axes('{axis}:SIZE')")
    return sympy.expand(axis.upper + 1)


def axes(declaration: str) -> Idx | tuple[Idx, ...]:
    """Indices and their axes: `"b:B i:H j:H v:V"`; `i` and `j` run over the same axis.

    A size may be a number (`k:4`), a product (`k:N*D`, merged axes) or a sum (`k:D+E`, concatenated ones).
    Raises DeclarationError with the part that does not read as letter:SIZE, and for a letter given twice.
    """
    result: dict[str, Idx] = {}
    for part in declaration.split():
        name, colon, extent = part.partition(":")
        if not colon or not name.isidentifier() or not re.fullmatch(f"{SIZE}([*+]{SIZE})*", extent):
            raise DeclarationError(f"axes: cannot read {part!r}; write index:SIZE, for example b:B, k:4 or k:N*D")
        if name in result:
            raise DeclarationError(f"axes: index {name} is declared twice; give each index one axis")
        result[name] = Idx(name, size_expression(extent))
    if not result:
        raise DeclarationError("axes: nothing is declared; write index:SIZE, for example 'b:B v:V'")
    return next(iter(result.values())) if len(result) == 1 else tuple(result.values())


def size_expression(text: str) -> Expr:
    summands = []
    for summand in text.split("+"):
        parts = [
            sympy.Integer(p) if p.isdigit() else Symbol(p, integer=True, positive=True) for p in summand.split("*")
        ]
        summands.append(sympy.Mul(*parts))
    return sympy.Add(*summands)


def another(axis: Idx, *avoid: Expr) -> Idx:
    """An index over the same axis whose name none of `avoid` uses."""
    taken = {str(index.label) for expression in avoid for index in sympy.sympify(expression).atoms(Idx)}
    number = 2
    while f"{axis.label}{number}" in taken:
        number += 1
    return Idx(f"{axis.label}{number}", size(axis))


def total(body: Expr, *indices: Idx) -> Expr:
    """The sum of `body` over `indices`."""
    for index in indices:
        size(index)  # refuses what is no index; SymPy's own message names neither it nor the way out
    return Sum(body, *indices) if indices else sympy.sympify(body)


def mean(body: Expr, *indices: Idx) -> Expr:
    """The sum over `indices`, divided by the number of terms."""
    return total(body, *indices) / sympy.Mul(*(size(index) for index in indices))


def softmax(logits: Expr, *axes_: Idx) -> Expr:
    """exp(logits) / sum over the axes of exp(logits)."""
    return exp(logits) / normalizer(logits, axes_)


def log_softmax(logits: Expr, *axes_: Idx) -> Expr:
    """logits - log(sum over the axes of exp(logits))."""
    return logits - log(normalizer(logits, axes_))


def normalizer(logits: Expr, axes_: tuple[Idx, ...]) -> Expr:
    """The sum of exp(logits) over other indices of the same axes."""
    if not axes_:
        raise DeclarationError(f"softmax of {logits}: no axis is given; name one or more indices, softmax(o[b, v], v)")
    others = {axis: another(axis, logits) for axis in axes_}
    return Sum(exp(logits.xreplace(others)), *others.values())


def sigmoid(x: Expr) -> Expr:
    """1 / (1 + exp(-x))."""
    return 1 / (1 + exp(-x))


def relu(x: Expr) -> Expr:
    """max(x, 0)."""
    return sympy.Max(x, 0)


def merged(*indices: Idx) -> Expr:
    """The one index that runs over several axes, the last fastest: `merged(t, d) = t*D + d`, below N*D."""
    result = sympy.Integer(0)
    for index in indices:
        result = result * size(index) + index
    return sympy.expand(result)


def split(index: Expr, *axes_: Idx) -> tuple[Expr, ...]:
    """The indices that `merged` would have made it from: `split(k, t, d) = (k // D, k % D)`."""
    parts, rest = [], index
    for axis in reversed(axes_[1:]):
        parts.append(SymPyMod(rest, size(axis)))
        rest = floor(rest / size(axis))
    return (rest, *reversed(parts))


def concatenated(index: Idx, *parts: tuple) -> Expr:
    """Pieces laid end to end along `index`: `concatenated(k, (lambda i: u[b, i], D), (lambda i: v[b, i], E))`."""
    pieces, start = [], sympy.Integer(0)
    for make, extent in parts:
        extent = size(extent) if isinstance(extent, Idx) else sympy.sympify(extent)
        pieces.append((make(index - start), index < start + extent))
        start = start + extent
    if sympy.expand(start - size(index)) != 0:
        raise DeclarationError(
            f"concatenated: the pieces have {start} elements together, {index.label} has {size(index)}"
        )
    return Piecewise(*pieces[:-1], (pieces[-1][0], True))

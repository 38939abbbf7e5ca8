"""`MatrixModel`: the declaration of a model in matrix notation, mixed with index notation where that says more.

    model = MatrixModel("two_layers")
    b, d, i, v = axes("b:B d:D i:H v:V")
    X, Y = model.inputs(X=(b, d), Y=(b, v))
    W1, W2 = model.parameters(W1=(i, d), W2=(v, i))
    Z = model.define("Z", (X * W1.T).applyfunc(tanh))        its shape, (B, H), is inferred
    E = model.define("E", Z * W2.T - Y)
    model.minimize("L", Trace(E.T * E) / 2)

What comes back is a `MatrixSymbol` (a column vector for one axis), so any SymPy matrix expression can be written with
it; `Z[b, i]` is an entry, for index notation: `model.define("P", (b, v), softmax(O[b, v], v))`.
"""

from __future__ import annotations

import sympy
from sympy import Expr, Idx
from sympy.matrices.expressions import MatrixExpr, MatrixSymbol

from .lifting import tensor_axes
from .matrices import MatrixReader
from .matrix_shapes import FIRST, has_matrices, is_matrix, symbol_of, written
from .model import Axes, Handle, Model, handle
from .program import Initial, Role

Symbols = MatrixSymbol | Handle


class MatrixModel(Model):
    """A `Model` whose tensors of one or two axes are matrices; tokens stay indexed, as does all with more axes."""

    def define(
        self, name: str, *definition: Axes | Idx | Expr | MatrixExpr, evaluation: Expr | MatrixExpr | None = None
    ) -> Symbols:
        """`define(name, matrix)`, its axes inferred, or `define(name, axes, expression)` as in a Model.

        `evaluation` is written as the expression is.  Raises DeclarationError where shapes do not fit, naming both.
        """
        *axes, expression = definition
        reader = self._reader(name)
        if not axes and is_matrix(expression):
            row, column = reader.axes_of(expression)
            own = tuple(place for place in (row, column) if place is not FIRST and isinstance(place, Idx))

            def read(form: MatrixExpr) -> Expr:
                shapes = [reader.shape(each) for each in (expression, form)]
                if shapes[0] != shapes[1]:
                    expected, got = map(written, shapes)
                    raise reader.fail(f"{form} is {got}, the definition that it stands for in evaluation {expected}")
                return reader.entry(form, row, column, frozenset())
        else:
            own = axes[0] if axes else ()

            def read(form: Expr) -> Expr:
                return reader.number(sympy.sympify(form))

        super().define(name, own, read(expression), None if evaluation is None else read(evaluation))
        return self._symbol(name)

    def minimize(
        self, name: str, expression: Expr | MatrixExpr, evaluation: Expr | MatrixExpr | None = None
    ) -> Symbols:
        """Define the scalar loss and make it the first output."""
        forms = (expression, evaluation)
        read = [self._reader(name).number(f) if f is not None and has_matrices(f) else f for f in forms]
        return super().minimize(name, *read)

    def update(self, state: Symbols, axes: Axes | Idx, expression: Expr) -> None:
        """After each step `state[axes]` takes the value of the expression; it is outside the gradient."""
        if isinstance(state, MatrixSymbol):
            state = handle(state.name, tensor_axes(self._program.tensors[state.name]))
        super().update(state, axes, self._reader(f"{state}_new").number(sympy.sympify(expression)))

    def _declare(
        self, shapes: dict[str, Axes], role: Role, initial: dict[str, Initial] | None = None, **values: object
    ) -> Symbols | tuple[Symbols, ...]:
        handles = super()._declare(shapes, role, initial, **values)
        if role is Role.TOKENS:
            return handles
        symbols = tuple(map(self._symbol, shapes))
        return symbols[0] if len(symbols) == 1 else symbols

    def _symbol(self, name: str) -> Symbols:
        return symbol_of(name, tensor_axes(self._program.tensors[name]))

    def _reader(self, name: str) -> MatrixReader:
        tensors = self._program.tensors.values()
        return MatrixReader({tensor.name: tensor_axes(tensor) for tensor in tensors}, f"{self.name}: in {name}")

"""Gradients in matrix notation, with what they rest on: `dW2 = (p - Y)^T h / B`, `dX = -X^-T a b^T X^-T`.

gradient(Trace(A*X*B*X), X)          one gradient of one expression, for SymPy's `MatrixSymbol`s
matrix_forms(program, names)         the equations of a derived program, each with its form or with why it has none
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import sympy
from sympy.matrices.expressions import MatrixExpr, MatrixSymbol

from ..calculus.collection import collect
from ..calculus.inlining import inline
from ..calculus.reverse import differentiate
from ..calculus.simplify import simplify
from ..language.errors import DerivativeError
from ..language.lowering import lower, lower_size
from ..language.matrices import MatrixReader
from ..language.matrix_shapes import size_symbols, with_sizes
from ..language.notation import equation_text
from ..language.program import Equation, Program, Role, Tensor
from ..language.terms import Index, Term, reads
from ..language.typecheck import typecheck
from . import matrix_terms as mt
from .conditions import condition_texts
from .latex import equation_latex
from .matrix_lifting import NoMatrixForm, lift
from .matrix_terms import Matrix
from .matrix_text import LatexPrinter, Printer
from .matrix_values import matrix_sympy
from .naming import presented


@dataclass(frozen=True)
class MatrixForm:
    """An equation in matrix notation: `matrix` is its right side, or None and `reason` says why there is none."""

    equation: Equation
    matrix: Matrix | None
    reason: str
    program: Program

    @property
    def hot(self) -> dict[str, str]:
        """{"y": "Y"}: what the one-hot matrices of tokens are called."""
        taken, names = set(self.program.tensors), {}
        for node in walk(self.matrix):
            if isinstance(node, mt.OneHot) and node.tokens not in names:
                name = node.tokens.upper()
                names[node.tokens] = f"onehot_{node.tokens}" if name in taken else name
                taken.add(names[node.tokens])
        return names

    @property
    def conditions(self) -> tuple[str, ...]:
        """What the formula rests on: `X is invertible`, `det(X) > 0`."""
        return condition_texts((self.equation.body,), self.program.tensors)

    @property
    def legend(self) -> tuple[str, ...]:
        """What the names of one-hot matrices stand for."""
        lines = []
        for tokens, name in self.hot.items():
            tensor = self.program.tensors[tokens]
            row = tensor.indices[0].name
            lines.append(f"{name}[{row},k] = [k == {tokens}[{row}]]")
        return tuple(lines)

    def text(self) -> str:
        """`dX = A^T B`; without a matrix form the index form, which says so."""
        if self.matrix is None:
            body = presented(self.equation.body, self.equation.indices)
            return f"{equation_text(replace(self.equation, body=body))}    (index form: {self.reason})"
        return f"{self.equation.tensor} = {Printer(self.hot).text(self.matrix)}"

    def latex(self) -> str:
        """The same in LaTeX (needs amsmath)."""
        if self.matrix is None:
            body = presented(self.equation.body, self.equation.indices)
            return equation_latex(replace(self.equation, body=body))
        printer = LatexPrinter(self.hot)
        return f"{printer.name(self.equation.tensor)} = {printer.text(self.matrix)}"

    @property
    def sympy(self) -> MatrixExpr | sympy.Expr | None:
        """The right side as a SymPy expression over `MatrixSymbol`s, where SymPy can say it."""
        return None if self.matrix is None else matrix_sympy(self.matrix, self.program, self.hot)

    def __str__(self) -> str:
        notes = [*self.legend, *self.conditions]
        return self.text() + (f"    where {', '.join(notes)}" if notes else "")

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"


def walk(matrix: Matrix | None) -> Iterable[Matrix]:
    """The matrix and everything below it, parents first."""
    if matrix is not None:
        yield matrix
        for child in matrix.children:
            yield from walk(child)


def matrix_form(equation: Equation, program: Program) -> MatrixForm:
    """The equation in matrix notation, or with the reason why it has no such form."""
    try:
        return MatrixForm(equation, lift(equation, program.tensors), "", program)
    except NoMatrixForm as missing:
        return MatrixForm(equation, None, str(missing), program)


# -- one gradient of one expression ------------------------------------------------------------------------------------

LETTERS = "ijklpqrstuvwxyzabcdefgh"


def gradient(expression: sympy.Expr, variable: MatrixSymbol | sympy.Symbol) -> MatrixForm:
    """d expression / d variable, in the shape of the variable: `gradient(Trace(A*X*B*X), X)`.

    The expression is a number (a 1 x 1 matrix is one).  Raises DeclarationError where shapes do not fit, and
    DerivativeError where it does not depend on the variable or has no derivative.
    """
    program = expression_program(expression, variable)
    simple = simplify(differentiate(program, (variable.name,)))
    equation = simple.program.equation(simple.adjoints[variable.name])
    return matrix_form(inlined(equation, simple.program), simple.program)


def expression_program(expression: sympy.Expr, variable: MatrixSymbol | sympy.Symbol | None = None) -> Program:
    """A number over `MatrixSymbol`s and real symbols as a program: the variable its parameter, the rest its inputs."""
    expression = sympy.sympify(expression)
    if variable is not None and not expression.has(variable):
        raise DerivativeError(f"{expression} does not depend on {variable}")
    expression = with_sizes(expression)
    matrices = sorted(expression.atoms(MatrixSymbol), key=lambda symbol: symbol.name)
    sizes = size_symbols(expression)
    others = expression.free_symbols - sizes - set(matrices)
    numbers = sorted((symbol for symbol in others if not isinstance(symbol, sympy.Idx)), key=str)
    expression = expression.xreplace({number: sympy.Symbol(number.name, real=True) for number in numbers})
    axes = letters(matrices, {symbol.name for symbol in (*sizes, *numbers)})
    tensors = {}
    for name, indices in (*axes.items(), *((number.name, ()) for number in numbers)):
        role = Role.PARAMETER if variable is not None and name == variable.name else Role.INPUT
        tensors[name] = Tensor(name, tuple(Index(str(i.label), lower_size(i.upper + 1)) for i in indices), role)
    loss = next(name for name in ("f", "L", "value") if name not in tensors)
    reader = MatrixReader({name: axes.get(name, ()) for name in tensors}, f"in {expression}")
    body = lower(reader.number(expression), tensors, f"in {expression}")
    tensors[loss] = Tensor(loss, (), Role.DEFINITION)
    return typecheck(Program("expression", tensors, (Equation(loss, (), body, "F1"),), (loss,)))


def letters(matrices: list[MatrixSymbol], taken: set[str]) -> dict[str, tuple[sympy.Idx, ...]]:
    """Indices for each matrix: a letter for each size, another one for a second axis of the same size."""
    taken = taken | {matrix.name for matrix in matrices}
    free = iter(letter for letter in (*LETTERS, *(f"i{k}" for k in range(2, 1000))) if letter not in taken)
    of_size: dict[sympy.Expr, list[sympy.Idx]] = {}
    axes: dict[str, tuple[sympy.Idx, ...]] = {}
    for matrix in matrices:
        used: list[sympy.Idx] = []
        for extent in matrix.shape:
            if extent == 1:
                continue
            known = of_size.setdefault(extent, [])
            index = next((index for index in known if index not in used), None)
            if index is None:
                index = sympy.Idx(next(free), extent)
                known.append(index)
            used.append(index)
        axes[matrix.name] = tuple(used)
    return axes


def inlined(equation: Equation, program: Program) -> Equation:
    """The equation with every definition that it reads written out."""
    made = {e.tensor: e for e in program.equations()}
    body: Term = equation.body
    while former := next((read.tensor for read in reads(body) if read.tensor in made), None):
        body = inline(body, made[former])
    return replace(equation, body=collect(body))

"""A derivation in matrix notation: forward, the adjoints from the loss down, and the gradients in forward values.

    dW2 = do^T h
        = (p - Y)^T h / B

What has no matrix form stands in index notation and says so.
"""

from __future__ import annotations

from dataclasses import replace

from ..language.program import Equation
from . import matrix_terms as mt
from .document import Derivation
from .matrix_algebra import replaced
from .matrix_form import MatrixForm, matrix_form, walk
from .matrix_terms import Matrix
from .outside import EVALUATION_TITLE, STATE_TITLE
from .text import header

SHORT = 60  # a gradient in forward values of more characters teaches nothing
SIGNS = (
    ((mt.Hadamard, mt.Power, mt.Apply), "A o B, A / B, f(A)", "entry by entry"),
    ((mt.Ones,), "1_n", "a column of n ones"),
    ((mt.Diagonal,), "diag(u)", "the matrix with u on its diagonal"),
    ((mt.DiagonalOf,), "diag(A)", "the diagonal of A, as a column"),
    ((mt.RowMaximum,), "rowmax(A)", "the largest entry of each row, as a column"),
)


def gradient_forms(derivation: Derivation) -> dict[str, tuple[MatrixForm, ...]]:
    """{parameter: its gradient as it is computed, and in forward values where that is another, short formula}."""
    written: dict[str, Matrix] = {}  # the adjoints that have a matrix form, in forward values
    made = {}
    for equation in adjoint_equations(derivation):
        form = matrix_form(equation, derivation.program)
        made[equation.tensor] = (form,)
        if form.matrix is not None:
            opened = replace(form, matrix=replaced(form.matrix, written))
            written[equation.tensor] = opened.matrix
            if opened.matrix != form.matrix and len(opened.text()) <= SHORT and in_forward_values(opened, derivation):
                made[equation.tensor] = (form, opened)
    chosen = {}
    for name, equation in derivation.gradients.items():
        own = made[equation.tensor]
        same = own[0].equation == equation  # for scalars the document writes the whole product
        chosen[name] = own if same else (matrix_form(equation, derivation.program),)
    return chosen


def in_forward_values(form: MatrixForm, derivation: Derivation) -> bool:
    adjoints = {equation.tensor for equation in adjoint_equations(derivation)}
    return not any(isinstance(node, mt.Named) and node.name in adjoints for node in walk(form.matrix))


def derivation_matrix_text(derivation: Derivation) -> str:
    """The document of the module's docstring, as text."""
    program, gradients = derivation.program, gradient_forms(derivation)
    forward = [replace(matrix_form(e, program), equation=e) for e in derivation.forward]
    own = {equation.tensor for equation in derivation.gradients.values()}
    backward = [matrix_form(e, program) for e in adjoint_equations(derivation) if e.tensor not in own]
    everything = [*forward, *backward, *(form for forms in gradients.values() for form in forms)]
    lines = [*header(derivation), "", *notation(everything, derivation.sign), "", "Forward"]
    lines += [f"  ({form.equation.label}) {form.text()}" for form in forward]
    if derivation.updates:
        updates = [replace(matrix_form(e, program), equation=e) for e in derivation.updates]
        lines += ["", STATE_TITLE, *(f"  ({form.equation.label}) {form.text()}" for form in updates)]
    if derivation.evaluation:
        evaluation = [matrix_form(e, program) for e in derivation.evaluation]
        lines += ["", EVALUATION_TITLE, *(f"  {form.text()}" for form in evaluation)]
    if backward:
        lines += ["", "Backward", *(f"  {form.text()}" for form in backward)]
    lines += ["", "Gradients"]
    for first, *others in gradients.values():
        lines.append(f"  {first.text()}")
        lines += [" " * len(first.equation.tensor) + f"   = {form.text().split(' = ', 1)[1]}" for form in others]
    if derivation.kinks:
        lines += ["", "Kinks", *(f"  {line}" for line in derivation.kinks)]
    if derivation.conditions:
        lines += ["", "Conditions", *(f"  {line}" for line in derivation.conditions)]
    return "\n".join(lines)


def derivation_matrix_latex(derivation: Derivation) -> str:
    """The formulas as one aligned block (needs amsmath)."""
    program = derivation.program
    own = {equation.tensor for equation in derivation.gradients.values()}
    equations = [*derivation.forward, *(e for e in adjoint_equations(derivation) if e.tensor not in own)]
    rows = [aligned(matrix_form(equation, program)) for equation in equations]
    for first, *others in gradient_forms(derivation).values():
        rows.append(aligned(first))
        rows += ["&" + aligned(form).split("&", 1)[1] for form in others]
    return "\\begin{align*}\n" + " \\\\\n".join(rows) + "\n\\end{align*}"


def aligned(form: MatrixForm) -> str:
    return form.latex().replace(" = ", " &= ", 1)


def adjoint_equations(derivation: Derivation) -> list[Equation]:
    forward = {equation.tensor for equation in (*derivation.forward, *derivation.updates)}
    return [equation for equation in derivation.program.equations() if equation.tensor not in forward]


def notation(forms: list[MatrixForm], adjoint: str) -> list[str]:
    """The signs that occur, and what the one-hot matrices are."""
    kinds = {type(node) for form in forms for node in walk(form.matrix)}
    rows = [(adjoint, "the adjoint of X; it has X's shape")]
    rows += [(sign, meaning) for signs, sign, meaning in SIGNS if kinds & set(signs)]
    rows += [tuple(line.split(" = ", 1)) for line in dict.fromkeys(line for form in forms for line in form.legend)]
    width = max(len(sign) for sign, _ in rows)
    return ["Notation", *(f"  {sign:<{width}}   {meaning}" for sign, meaning in rows)]

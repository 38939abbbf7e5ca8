"""A Jacobian or a Hessian as plain text: the equations on the way, their local derivatives, the result."""

from __future__ import annotations

from ..language.notation import equation_text, text
from .jacobians import Jacobian
from .layout import Row, block
from .local_derivatives import reasons
from .reasons import spelled


def jacobian_text(jacobian: Jacobian) -> str:
    """The whole document, its sections separated by empty lines."""
    locals_ = jacobian.locals_
    equations = {local.equation.tensor: local.equation for local in reversed(locals_)}
    steps = [Row(x.name, text(x.value), spelled(reason)) for x, reason in zip(locals_, reasons(locals_), strict=True)]
    between = [Row(text(e.left), text(e.body)) for e in jacobian.between]
    title = "Second derivatives" if jacobian.loss else "Jacobian"
    sections = [
        [f"Model {jacobian.name}"],
        ["Equations", *(f"  ({e.label}) {equation_text(e)}" for e in equations.values())] if equations else [],
        ["Local derivatives", *block(steps)] if steps else [],
        ["Between", *block(between)] if between else [],
        [title, *block([Row(jacobian.left, text(jacobian.value), ", ".join(jacobian.notes))])],
    ]
    if jacobian.value.free and jacobian.matrix.matrix is not None:
        sections.append(["Matrix notation", *(f"  {line}" for line in matrix_lines(jacobian))])
    return "\n\n".join("\n".join(section) for section in sections if section)


def matrix_lines(jacobian: Jacobian) -> list[str]:
    """`dp/do = diag(p) - p p^T    for each b`; the index form, saying why, where there is no matrix form."""
    form = jacobian.matrix
    if form.matrix is None:
        return [f"{jacobian.formula}    (index form: {form.reason})"]
    each = f"    for each {', '.join(index.name for index in jacobian.shared)}" if jacobian.shared else ""
    return [form.text() + each, *form.legend]

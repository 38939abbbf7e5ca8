"""What a derivation rests on, in words: `X + A is invertible`, `det(X) > 0`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..calculus.matrix_rules import conditions
from ..language.notation import text
from ..language.program import Tensor
from ..language.terms import Inverse, Reduce, Term
from .matrix_lifting import Lifting, NoMatrixForm
from .matrix_text import matrix_text


def condition_texts(terms: Iterable[Term], tensors: Mapping[str, Tensor]) -> tuple[str, ...]:
    """Each condition of the terms once, its matrix in matrix notation where there is one."""
    return tuple(dict.fromkeys(condition_text(node, tensors) for node in conditions(terms)))


def condition_text(node: Inverse | Reduce, tensors: Mapping[str, Tensor]) -> str:
    try:
        written = matrix_text(Lifting(tensors).whole(node.body, *node.indices))
    except NoMatrixForm:
        written = f"[{text(node.body)}]_{','.join(index.name for index in node.indices)}"
    return f"{written} is invertible" if isinstance(node, Inverse) else f"det({written}) > 0"

"""Claims in SymPy: dL/dX as an expression in the model's own indices, by X.

verify(model, {"W2": Sum((p[b, v] - KroneckerDelta(v, y[b])) * h[b, i], b) / B})
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sympy import Expr

from ..language.errors import ClaimError, SymgradError
from ..language.lowering import lower
from ..language.surface import size_expression
from .binding import Bound, Meaning, Names
from .diagnosis import Diagnosis
from .indexed_claims import IndexedClaims
from .subjects import Subject, Subjects
from .truth import Truth
from .verdicts import Status, Verdict


def sympy_verdicts(truth: Truth, names: Names, claims: Mapping[str, Expr]) -> list[tuple[int, Verdict]]:
    """(place, verdict) of each claim; the place is negative, before all code."""
    indexed = IndexedClaims(truth, names, "", Subjects(truth, names, ""), Diagnosis(truth, names))
    found = []
    for k, (name, expression) in enumerate(claims.items()):
        verdict = Verdict(k + 1, f"d{name} = {expression}", f"d{name}", Status.UNREAD)
        try:
            verdict = sympy_verdict(truth, names, indexed, name, expression, verdict)
        except SymgradError as error:
            verdict = replace(verdict, error=str(error))
        found.append((k - len(claims), verdict))
    return found


def sympy_verdict(
    truth: Truth, names: Names, indexed: IndexedClaims, name: str, expression: Expr, shown: Verdict
) -> Verdict:
    meaning = names.meaning(name)
    if meaning is None or meaning.meaning is not Meaning.VALUE:
        raise ClaimError(f"{name} {names.unknown(name)}")
    tensor = truth.model.tensors[meaning.tensor]
    subject = Subject(f"d{name}", Bound(Meaning.ADJOINT, meaning.tensor, meaning.layout))
    body = lower(with_sizes(expression, names), indexed.tensors, shown.target)
    strange = [index.name for index in body.free - set(tensor.indices)]
    if strange:
        own = ", ".join(index.name for index in tensor.indices) or "none"
        raise ClaimError(f"d{name} has the indices {own} of {name}; {', '.join(strange)} is neither one nor summed")
    verdict = indexed.verdict_on(body, tensor.indices, subject)
    return replace(verdict, line=shown.line, source=shown.source, target=shown.target)


def with_sizes(expression: Expr, names: Names) -> Expr:
    """The expression with plain symbols B, H, ... taken for the sizes of those names."""
    tensors = names.program.tensors
    plain = [s for s in getattr(expression, "free_symbols", ()) if s.name in names.sizes and s.name not in tensors]
    return expression.xreplace({symbol: size_expression(symbol.name) for symbol in plain})

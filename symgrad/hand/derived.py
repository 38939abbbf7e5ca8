"""The derived formula of a name, as the derivation prints it."""

from __future__ import annotations

from ..language.notation import equation_text
from .binding import Bound, Meaning
from .truth import Truth


def derived_text(truth: Truth, bound: Bound) -> str:
    """`dh[b,i] = (1 - h[b,i]**2)*...`; a definition's own equation for a value."""
    if bound.meaning is Meaning.VALUE:
        return equation_text(truth.model.equation(bound.tensor))
    name = truth.adjoints.get(bound.tensor)
    if name is None:
        return f"d{bound.tensor} = 0: the loss does not depend on it"
    for program in (truth.simplified, truth.program):  # simplifying inlines some
        try:
            return equation_text(program.equation(name))
        except KeyError:
            continue
    raise KeyError(name)

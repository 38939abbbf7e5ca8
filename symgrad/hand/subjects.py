"""What a chain of formulas is about: a tensor's value, its adjoint, or the derivative of one tensor by another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..language.errors import ClaimError
from .binding import Bound, Meaning, Names
from .derived import derived_text
from .statements import Chain, Derivative, Item, Name, target_name
from .truth import At, Truth


@dataclass(frozen=True)
class Subject:
    """`name` is what the file, or the model, calls it; `of` is set for d of/d the bound tensor."""

    name: str
    bound: Bound
    of: str = ""

    def right(self, at: At, numerator: bool = True) -> np.ndarray:
        """Its value; a Jacobian has the axes of `of` first in numerator layout, last in the other."""
        if not self.of:
            return np.asarray(self.bound.at(at), dtype=np.float64)
        value = at.jacobian(self.of, self.bound.tensor)
        return value if numerator or value.ndim != 2 else value.T


class Subjects:
    def __init__(self, truth: Truth, names: Names, source: str) -> None:
        self.truth, self.names, self.source = truth, names, source

    def subject(self, chain: Chain) -> Subject:
        """Raises ClaimError, with its place, for what the model does not have."""
        node = chain.subject
        if not isinstance(node, Derivative):
            return Subject(target_name(node), self.meaning(node))
        whole, by = self.meaning(node.of), self.meaning(node.by)
        for bound in (whole, by):
            if bound.meaning is not Meaning.VALUE:
                raise placed(ClaimError("only tensors of the model are differentiated, and by tensors of it"), node)
        if whole.tensor == self.truth.loss:
            return Subject(f"d{by.tensor}", Bound(Meaning.ADJOINT, by.tensor, by.layout))
        return Subject(self.source[slice(*node.span)], by, whole.tensor)

    def meaning(self, node: Name | Item) -> Bound:
        name = target_name(node)
        bound = self.names.meaning(name)
        if bound is None or bound.meaning is Meaning.SIZE:
            raise placed(ClaimError(f"{name} {self.names.unknown(name)}"), node)
        return bound

    def derived(self, subject: Subject) -> str:
        """The derived formula of the subject."""
        if not subject.of:
            return derived_text(self.truth, subject.bound)
        found = self.truth.jacobian(subject.of, subject.bound.tensor)
        return found.formula if found is not None else f"{subject.name} = 0: it does not depend on it"


def placed(error: ClaimError, node: Derivative | Name | Item) -> ClaimError:
    error.span = node.span
    return error

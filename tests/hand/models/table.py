"""The table of hand-derivation models: an identifier, the model that the NumPy code computes, the variable it is for.

Names, and the order of axes, are those of the NumPy code, so that its lines bind to the model by name: inputs,
parameters, intermediates, and the sizes that the code counts with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from symgrad.language.matrix_model import MatrixModel
from symgrad.language.model import Model


@dataclass(frozen=True)
class HandCase:
    """`build()` makes the model whose loss L is differentiated by `wrt`; `sizes` are those of the NumPy setup.

    `names` maps a NumPy name to the model's where they differ.  A name of the setup that the model lacks is none of
    its business: the code draws it and the loss does not read it.
    """

    id: str
    build: Callable[[], Model]
    wrt: str
    sizes: Mapping[str, int]
    names: Mapping[str, str] = field(default_factory=dict)

    def of_model(self, name: str) -> str:
        """What the model calls the NumPy variable `name`."""
        return self.names.get(name, name)


CASES: dict[str, HandCase] = {}

Declare = Callable[[Model], None]


def hand(
    wrt: Mapping[str, str],
    names: Mapping[str, str] | None = None,
    kind: type[Model] = Model,
    **sizes: int,
) -> Callable[[Declare], Declare]:
    """Enter a declaration under each identifier of `wrt`, derived by the tensor that stands with it."""

    def enter(declare: Declare) -> Declare:
        def build() -> Model:
            model = kind(declare.__name__)
            declare(model)
            return model

        for identifier, variable in wrt.items():
            assert identifier not in CASES, identifier
            CASES[identifier] = HandCase(identifier, build, variable, sizes, names or {})
        return declare

    return enter


def hand_matrix(wrt: Mapping[str, str], **sizes: int) -> Callable[[Declare], Declare]:
    """The same for a declaration in matrix notation."""
    return hand(wrt, kind=MatrixModel, **sizes)

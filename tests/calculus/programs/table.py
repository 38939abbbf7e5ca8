"""The table of programs, and the axes that they share."""

from __future__ import annotations

from collections.abc import Callable

from symgrad.language.model import Model
from symgrad.language.program import Program
from symgrad.language.surface import axes

PROGRAMS: dict[str, Callable[[], Program]] = {}
b, t, s, d, e, i, j, v, w = axes("b:B t:N s:N d:D e:D i:H j:H v:V w:V")


def program(declare: Callable[[Model], None]) -> Callable[[Model], None]:
    """Enter a declaration into the table under its name."""

    def declared() -> Program:
        model = Model(declare.__name__)
        declare(model)
        return model.program

    PROGRAMS[declare.__name__] = declared
    return declare

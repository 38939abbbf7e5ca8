"""The calculus reads no names: under names that mean nothing the same gradients come out."""

from __future__ import annotations

import pytest

from symgrad.calculus.reverse import differentiate
from symgrad.calculus.simplify import simplify
from symgrad.language.notation import text
from symgrad.language.rewriting import canonical

from .programs import PROGRAMS
from .renaming import Names, declared_again, renamed


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_same_gradients_come_out_under_other_names(name: str) -> None:
    program, names = PROGRAMS[name](), Names()
    anonymous = declared_again(renamed(program, names))
    expected = renamed(simplify(differentiate(program)).program, str)
    found = renamed(simplify(differentiate(anonymous)).program, names.back)
    assert [equation.left for equation in found.equations()] == [equation.left for equation in expected.equations()]
    for equation, other in zip(expected.equations(), found.equations(), strict=True):
        assert canonical(equation.body) == canonical(other.body), f"{text(equation.body)}  |  {text(other.body)}"

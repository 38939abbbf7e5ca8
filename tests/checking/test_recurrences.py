"""The check of a recurrence: each step alone, and the adjoint of every slice through all later ones."""

from __future__ import annotations

import pytest

from symgrad.checking.calculus_check import check_calculus

from ..calculus.programs import PROGRAMS


@pytest.mark.parametrize("name", ["residual_stack", "two_slices_backwards"])
def test_a_recurrence_is_right_definition_by_definition(name: str) -> None:
    rows = check_calculus(PROGRAMS[name]())
    assert {row.tensor for row in rows} >= {"h", "L"}
    assert [row for row in rows if not row.ok] == []

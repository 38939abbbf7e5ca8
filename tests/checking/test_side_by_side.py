"""Many points at once are the same points one after another."""

from __future__ import annotations

import numpy as np
import pytest

from symgrad.checking import differences
from symgrad.checking.differences import CalledLoss, gradient, interpreted_loss, some_entries, stopped
from symgrad.checking.interpreter import evaluate
from symgrad.checking.points import point, size_table
from symgrad.checking.side_by_side import side_by_side
from symgrad.language.evaluation import training_form
from symgrad.language.program import Role

from ..calculus.programs import PROGRAMS
from .planted import two_layer_model


@pytest.mark.parametrize("name", PROGRAMS)
def test_losses_side_by_side_are_the_losses_one_by_one(name: str) -> None:
    program = training_form(PROGRAMS[name]())
    sizes = size_table(program)[-1 if len(size_table(program)) < 2 else 1]
    held, values = stopped(program, point(program, sizes).values, sizes)
    together = interpreted_loss(held, values, sizes)
    one_by_one = CalledLoss(lambda given: float(evaluate(held, given, sizes)[held.outputs[0]]), values)
    real = [tensor.name for tensor in held.with_role(Role.PARAMETER, Role.INPUT)]
    places = {name: np.multiply.outer([0.99, 1.0, 1.01], values[name]) for name in real}
    for moved in [*([name] for name in real), real]:
        some = {name: places[name] for name in moved}
        np.testing.assert_allclose(together.beside(some), one_by_one.beside(some), rtol=1e-11, err_msg=str(moved))


def test_a_definition_is_moved_where_it_is_read() -> None:
    program = two_layer_model()
    sizes = size_table(program)[1]
    loss = interpreted_loss(program, point(program, sizes).values, sizes)
    many = side_by_side(program, ["h"])
    assert [equation.tensor for equation in many.equations()] == ["o", "p", "L"]
    assert {name for name, tensor in many.tensors.items() if tensor.role is Role.INPUT} == {"e", "h"}
    assert loss.beside({"h": loss.values["h"][None]}) == pytest.approx([loss.value], rel=1e-13)
    assert loss.beside({"a": 2 * loss.values["a"][None]}) != pytest.approx([loss.value], rel=1e-3)


def test_what_does_not_fit_at_once_is_evaluated_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    program = two_layer_model()
    sizes = size_table(program)[1]
    loss = interpreted_loss(program, point(program, sizes).values, sizes)
    entries = some_entries(loss.values["W"].shape, 7)
    expected = gradient(loss, "W", entries)
    for most in (1, 4 * 3 * max(value.size for value in loss.values.values())):
        monkeypatch.setattr(differences, "ENTRIES", most)
        np.testing.assert_allclose(gradient(loss, "W", entries), expected, rtol=1e-9)

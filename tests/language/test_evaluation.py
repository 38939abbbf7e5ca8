"""The evaluation form of a program, what masks hold, and sizes at which a formula has no value."""

from __future__ import annotations

import numpy as np
import pytest

from symgrad.language.errors import DataError, DeclarationError
from symgrad.language.evaluation import evaluation_form, has_evaluation_form, states_read, training_form
from symgrad.language.masks import drawn, keys, with_draws
from symgrad.language.model import Model
from symgrad.language.notation import equation_text
from symgrad.language.program import Recurrence, Role
from symgrad.language.sizes import divisors, have_values, refuse_vanishing
from symgrad.language.surface import axes, mean, size, total
from symgrad.language.typecheck import typecheck

from ..calculus.programs import PROGRAMS

FORMS = {
    "statistics_in_two_forms": [
        "z[b,i] = sum_d W[i,d]*x[b,d]",
        "m[i] = m_run[i]",
        "s[i] = s_run[i]",
        "n[b,i] = g[i]*(z[b,i] - m[i])/sqrt(s[i] + 1/100)",
        "L = 1/B * sum_i,b u[b,i]*n[b,i]",
    ],
    "dropout": [
        "h[b,i] = tanh(sum_d W[i,d]*x[b,d])",
        "L = 1/B * sum_b ((sum_i V[i]*h[b,i]) - y[b])**2",
    ],
    "dropout_along_a_recurrence": [
        "a[b,t,i] = sum_j R[i,j]*h_run[j]",
        "h[b,t,i] = tanh(x[b,t,i] + a[b,t,i])",
        "L = sum_b,t,i u[b,t,i]*h[b,t,i]",
    ],
}


@pytest.mark.parametrize("name", FORMS)
def test_the_evaluation_form(name: str) -> None:
    form = typecheck(evaluation_form(PROGRAMS[name]()))
    assert sorted(map(equation_text, form.equations())) == sorted(FORMS[name])
    assert not form.updates
    assert not form.with_role(Role.MASK)
    assert not has_evaluation_form(form)
    assert not any(isinstance(item, Recurrence) for item in form.items)


def test_the_training_form_changes_no_state() -> None:
    form = training_form(PROGRAMS["loss_that_reads_a_state"]())
    assert not form.updates
    assert {equation.tensor for equation in form.equations()} == {"o", "k", "L"}
    assert [state.name for state in states_read(form)] == ["c"]


def test_print_tells_both_forms() -> None:
    written = str(PROGRAMS["statistics_in_two_forms"]())
    assert "  m_run' = m_run_new\n" in written
    assert "  in evaluation m[i] = m_run[i]\n" in written
    assert "masks       r (B,H) keep 0.75   q (H,D) keep 0.5" in str(PROGRAMS["dropout"]())


# -- masks -------------------------------------------------------------------------------------------------------------


def test_entries_are_kept_with_their_probability() -> None:
    mask = drawn((300, 500), 0.8, keys(seed=3, first=7, last=7)[0], number=0)
    assert set(np.unique(mask)) == {0.0, 1 / 0.8}
    assert abs((mask > 0).mean() - 0.8) < 5 * (0.8 * 0.2 / mask.size) ** 0.5
    assert np.all(drawn((4, 5), 1.0, 12.0, 0) == 1)


def test_each_step_mask_and_seed_has_numbers_of_its_own() -> None:
    step_7, step_8 = keys(seed=3, first=7, last=8)
    assert keys(seed=3, first=1, last=9)[6] == step_7, "a step's key depends on the cut into chunks"
    draws = [drawn((40_000,), 0.5, key, number) > 0 for key in (step_7, step_8) for number in (0, 1)]
    draws.append(drawn((40_000,), 0.5, keys(seed=4, first=7, last=7)[0], 0) > 0)
    equal = [np.mean(a == b) for k, a in enumerate(draws) for b in draws[:k]]
    assert np.max(np.abs(np.array(equal) - 0.5)) < 5 * 0.5 / 200


def test_a_tensor_called_draw_is_refused_beside_masks() -> None:
    model = Model("m")
    i = axes("i:H")
    draw, r = model.parameters(draw=(i,)), model.masks(r=(i,), keep=0.5)
    model.minimize("L", total(r[i] * draw[i] ** 2, i))
    with pytest.raises(DeclarationError, match="drawn from the setting draw, but draw is a parameter of the model"):
        with_draws(model.program)


# -- sizes without a value ---------------------------------------------------------------------------------------------


def unbiased() -> Model:
    """The unbiased variance of B numbers, and a mean."""
    model = Model("unbiased")
    b = axes("b:B")
    w, x = model.parameters(w=()), model.inputs(x=(b,))
    m = model.define("m", (), mean(x[b], b))
    s = model.define("s", (), total((x[b] - m) ** 2, b) / (size(b) - 1))
    model.minimize("L", (w - s) ** 2 / size(b))
    return model


def test_a_divisor_of_sizes_that_is_0() -> None:
    found = divisors(unbiased().program)
    assert [tensor for tensor, _ in found] == ["s"], "B itself is never 0"
    assert have_values(found, {"B": 2})
    refuse_vanishing(found, {"B": 2}, "unbiased")
    with pytest.raises(DataError, match=r"unbiased: s divides by B - 1, which is 0 for B = 1; give a larger size"):
        refuse_vanishing(found, {"B": 1}, "unbiased")

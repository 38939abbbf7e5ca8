"""`check` finds nothing in what is right, and every planted mistake in what is not."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from sympy import log

from symgrad.calculus import local, paths
from symgrad.checking.api import check
from symgrad.checking.calculus_check import check_calculus
from symgrad.checking.emitted_check import check_emitted, sizes_to_check, threshold_sizes
from symgrad.checking.evaluation_check import check_evaluation
from symgrad.checking.points import size_table
from symgrad.checking.report import EVALUATION, PARTS, Report
from symgrad.checking.step_check import check_step
from symgrad.language.algebra import mul, negated
from symgrad.language.evaluation import has_evaluation_form, training_form
from symgrad.language.model import Model, ones
from symgrad.language.optimizers import OPTIMIZERS
from symgrad.language.program import Program
from symgrad.language.surface import axes, mean, size, softmax, total
from symgrad.language.terms import Const

from ..calculus.programs import PROGRAMS
from .planted import MISTAKES, Mistake, two_layer_model
from .standins import Interpreted

FEW = 3  # entries a tensor: enough to find a mistake


@pytest.mark.parametrize(
    "name",
    [
        "scalar_tanh", "stopped_maximum", "concatenation", "maximum_over_an_axis", "safe_log", "masked_by_tokens",
        "statistics_in_two_forms", "dropout", "loss_that_reads_a_state",
    ],
)  # fmt: skip
def test_what_is_right_is_found_right(name: str) -> None:
    program = PROGRAMS[name]()
    report = check(program, lambda dtype: Interpreted(program, dtype=dtype), entries=FEW)
    assert report.ok, report.summary()
    assert {row.part for row in report.rows} == {*PARTS, *([EVALUATION] if has_evaluation_form(program) else [])}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_step_of_each_optimizer_agrees_with_itself_in_float32(name: str) -> None:
    emitted = Interpreted(two_layer_model(), OPTIMIZERS[name](), "float32")
    report = Report(emitted.program, check_step(emitted, table=size_table(emitted.program)[::2]))
    assert report.ok, report.summary()


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_planted_mistakes_are_found_in_gradients_and_in_the_step(mistake: Mistake) -> None:
    program = two_layer_model()
    table = size_table(program)[1:2]
    found = check_emitted(program, Interpreted(program, wrong=mistake), FEW, table=table)
    assert not Report(program, found).ok
    assert not Report(program, check_step(Interpreted(program, dtype="float32", wrong=mistake), table=table)).ok


@pytest.mark.parametrize(
    ("name", "target", "attribute", "wrong"),
    [
        ("a sign", paths, "derivative", lambda t, k: negated(local.derivative(t, k))),
        ("a factor", paths, "derivative", lambda t, k: mul(Const(1.001), local.derivative(t, k))),
        ("the function for its derivative", paths, "derivative", lambda t, k: t),
        ("a condition not turned around", paths, "opposite", lambda condition: condition),
    ],
)
def test_mistakes_in_the_calculus_are_found(
    name: str, target: object, attribute: str, wrong: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = PROGRAMS["safe_log"]()
    monkeypatch.setattr(target, attribute, wrong)
    report = Report(program, check_calculus(program, FEW, table=[{"H": 5}]))
    tests = {row.test for row in report.wrong}
    assert {"definition", "adjoint identity", "gradient", "taylor"} <= tests, f"{name} is found by {tests} only"


def test_what_overflows_only_before_it_is_simplified_is_found_right() -> None:
    """1/S**2, S = sum(exp(o)), is 0 for a float64 at o = 400; the gradient of a softmax in p is as good as ever."""
    model = Model("large_scores")
    b, v = axes("b:B v:V")
    o, y = model.parameters(o=(b, v)), model.tokens(y=(b,), vocabulary=v)
    p = model.define("p", (b, v), softmax(o[b, v], v))
    model.minimize("L", mean(-log(p[b, y[b]]), b))
    at = {"o": 400 + np.array([[0.3, -0.7, 1.1], [0.9, -0.2, 0.4]]), "y": np.array([2, 0])}
    report = check(model, lambda dtype: Interpreted(model.program, dtype=dtype), entries=FEW, at=at)
    assert report.ok, report.summary()


def test_training_statistics_in_evaluation_are_found() -> None:
    program = PROGRAMS["statistics_in_two_forms"]()

    class Confused(Interpreted):
        @property
        def evaluated(self) -> Program:
            return training_form(self.model)

    rows = check_evaluation(program, Confused(program), table=size_table(program)[:2])
    assert {row.test for row in rows if not row.ok} == {"loss", "slices"}
    assert [line.role for line in Report(program, rows).lines() if not line.ok] == ["evaluation"]
    assert "evaluation" in str(Report(program, rows))


def test_a_state_that_is_not_updated_is_found() -> None:
    program = PROGRAMS["statistics_in_two_forms"]()

    def forgets(step: Program) -> Program:
        return replace(step, updates={old: new for old, new in step.updates.items() if old != "s_run"})

    rows = check_step(Interpreted(program, dtype="float32", wrong=forgets), table=size_table(program)[1:2])
    assert {row.tensor for row in rows if not row.ok} == {"s_run"}


def test_masks_that_are_not_drawn_are_found() -> None:
    program = PROGRAMS["dropout"]()

    class Lazy(Interpreted):
        def chunk(self, order, settings, *rest):
            return super().chunk(order, {**settings, "draw": np.zeros(len(order))}, *rest)

    assert not Report(program, check_step(Lazy(program), table=size_table(program)[1:2])).ok


def test_sizes_without_a_value_are_left_out() -> None:
    model = Model("unbiased")
    b, i = axes("b:B i:H")
    w, x, s_run = model.parameters(w=(i,)), model.inputs(x=(b, i)), model.states(s_run=ones(i))
    m = model.define("m", (i,), mean(w[i] * x[b, i], b))
    s = model.define("s", (i,), total((w[i] * x[b, i] - m[i]) ** 2, b) / (size(b) - 1), evaluation=s_run[i])
    model.minimize("L", mean(s[i] ** 2, i))
    model.update(s_run, i, s[i])
    report = check(model, lambda dtype: Interpreted(model.program, dtype=dtype), entries=FEW)
    assert report.ok, report.summary()
    batches = {part: {row.sizes["B"] for row in report.rows if row.part == part} for part in (*PARTS, EVALUATION)}
    assert all(1 not in batches[part] for part in PARTS)
    assert 1 in batches[EVALUATION]


def test_an_input_that_the_loss_does_not_depend_on_has_gradient_zero() -> None:
    rows = check_calculus(PROGRAMS["piecewise_by_another_tensor"](), FEW)
    assert any(row.tensor == "c" and row.test == "gradient" for row in rows)


def test_a_step_that_was_not_taken_or_is_not_finite_is_wrong() -> None:
    class Lazy(Interpreted):
        def chunk(self, *arguments: object) -> int:
            return super().chunk(*arguments) - 1

    class Broken(Interpreted):
        def chunk(self, order, settings, data, parameters, states, losses) -> int:
            losses[:] = np.nan
            return len(order)

    for kind in (Lazy, Broken):
        rows = check_step(kind(two_layer_model()), table=size_table(two_layer_model())[:1])
        assert not Report(two_layer_model(), rows).ok


def test_sizes_lie_on_both_sides_of_each_threshold() -> None:
    program = two_layer_model()
    rows = threshold_sizes(program, ((("V",), 100), (("B", "V"), 1000)))
    assert [row["V"] for row in rows[:3]] == [99, 100, 101]
    products = [row["B"] * row["V"] for row in rows[3:]]
    assert products[0] < 1000 <= products[1] < products[2]


def test_a_branch_that_is_wrong_beyond_its_threshold_only_is_found() -> None:
    program = two_layer_model()

    class Branching(Interpreted):
        def gradients(self, batch, parameters):
            loss, found = super().gradients(batch, parameters)
            return loss, {name: -value if len(parameters["C"]) >= 40 else value for name, value in found.items()}

    assert Report(program, check_emitted(program, Branching(program), FEW, table=size_table(program)[:2])).ok
    aware = Branching(program, of_tiles=((("V",), 40),))
    assert not Report(program, check_emitted(program, aware, FEW, table=sizes_to_check(program, aware)[-3:])).ok


def test_a_report_reads_as_a_table_and_as_json() -> None:
    program = two_layer_model()
    wrong = Interpreted(program, dtype="float32", wrong=MISTAKES[0])
    report = Report(program, check_step(wrong, table=size_table(program)[:2]))
    written = str(report)
    assert repr(report) == written
    line = next(line for line in written.splitlines() if " U " in line)
    assert "(V, H)" in line and "WRONG" in line
    assert "comparisons are wrong" in written
    data = json.loads(report.json())
    assert data["model"] == "two_layers" and data["ok"] is False
    assert {row["tensor"] for row in data["rows"] if not row["ok"]} >= {"U"}
    assert [entry["tensor"] for entry in data["tensors"]] == ["C", "W", "U", "M", "L"]
    assert str(Report(program, ())).endswith("nothing was compared") and not Report(program, ()).ok


def test_not_finite_errors_are_null_in_json() -> None:
    model = Model("simple")
    i = axes("i:H")
    x = model.parameters(x=(i,))
    model.minimize("L", total(x[i] ** 2, i))

    class Empty(Interpreted):
        def gradients(self, batch, parameters):
            return super().gradients(batch, parameters)[0], {}

    program: Program = model.program
    report = Report(program, check_emitted(program, Empty(program)))
    errors = [row["error"] for row in json.loads(report.json())["rows"] if row["test"] == "interpreter"]
    assert errors and all(error is None for error in errors)

"""`symgrad check`: its table, its JSON, its exit status."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from symgrad import pipeline
from symgrad.checking.report import Report, Row
from symgrad.cli import app, main
from symgrad.language.optimizers import Adam
from symgrad.model_file import load_model_file

SCALAR = Path(__file__).parents[1] / "examples" / "scalar_tanh.py"


def invoked(*options: str) -> Result:
    return CliRunner().invoke(app, ["check", str(SCALAR), *options], env={"COLUMNS": "100"})


@pytest.fixture
def asked(monkeypatch) -> dict:
    """What `pipeline.check` is called with, where a stand-in returns `asked["report"]`."""
    program = load_model_file(SCALAR).model.program
    right = Row("calculus", "differences", {}, "w1", (), 1e-9, 1e-6)
    asked = {"report": Report(program, (right,))}

    def check(model, **options):
        asked.update(options)
        return asked["report"]

    monkeypatch.setattr(pipeline, "check", check)
    return asked


def test_every_part_is_right(tmp_path):
    result = invoked("--json", "--optimizer", "adam", "--out", str(tmp_path))
    assert result.exit_code == 0
    report = json.loads(result.output)
    assert report["model"] == "scalar_tanh"
    assert report["ok"]
    assert {row["part"] for row in report["rows"]} == {"calculus", "emitted", "step"}
    assert {"w1", "w2", "x", "y"} <= {tensor["tensor"] for tensor in report["tensors"]}
    assert {path.name for path in tmp_path.glob("*.py")} == {
        "scalar_tanh_adam_float32.py",
        "scalar_tanh_adam_float64.py",
    }


def test_an_emitted_file_that_does_not_compile(tmp_path, monkeypatch, capsys):
    def broken(*arguments, **options):
        made = generate(*arguments, **options)
        return replace(made, source=made.source.replace("return L", "return sinus(L)"))

    generate = pipeline.generate
    monkeypatch.setattr(pipeline, "generate", broken)
    monkeypatch.setattr(sys, "argv", ["symgrad", "check", str(SCALAR), "--out", str(tmp_path)])
    with pytest.raises(SystemExit) as ended:
        main()
    out, err = capsys.readouterr()
    assert (ended.value.code, out) == (1, "")
    assert err.startswith("error: scalar_tanh: Numba cannot compile `gradients` of ")
    assert f"{tmp_path / 'scalar_tanh_sgd_float64.py'}" in err
    assert "sinus" in err
    assert "Traceback" not in err


def test_the_table(asked):
    result = invoked()
    assert result.exit_code == 0
    assert "w1" in result.output
    assert "1.0e-09" in result.output
    assert "right" in result.output
    assert result.output.endswith("all 1 comparisons are right\n")


def test_a_wrong_row(asked):
    wrong = Row("step", "1 step in float32", {"B": 3}, "w2", (), 0.5, 1e-3)
    asked["report"] = Report(asked["report"].program, (*asked["report"].rows, wrong))
    result = invoked()
    assert result.exit_code == 1
    assert "w2 (step, 1 step in float32 at B=3): WRONG, relative error 5.0e-01, at most 1e-03 is right" in result.output
    assert invoked("--json").exit_code == 1


def test_the_step_is_the_one_that_trains(asked):
    invoked()
    training = load_model_file(SCALAR).training
    assert asked["optimizer"] == training.optimizer
    assert (asked["dtype"], asked["clip"], asked["schedule"]) == (training.dtype, training.clip, "auto")
    assert asked["folder"] == Path("generated")


def test_options(asked):
    given = "--optimizer adam --dtype float64 --entries 3 --seed 7 --schedule plain --without share_calls --out here"
    invoked(*given.split())
    expected = {
        "optimizer": Adam(),
        "dtype": "float64",
        "entries": 3,
        "seed": 7,
        "schedule": "plain",
        "without": ("share_calls",),
        "folder": Path("here"),
    }
    assert expected.items() <= asked.items()

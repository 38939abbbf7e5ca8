"""`symgrad verify`: its exit statuses, its report and its JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from symgrad.cli import app

EXAMPLES = Path(__file__).parents[1] / "examples"
CONCAT = str(EXAMPLES / "concat_lm.py")
RIGHT = "do = (p - one_hot(y, V)) / B\n"


def invoked(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["verify", *arguments], env={"COLUMNS": "100"})


@pytest.mark.parametrize(
    ("lines", "status", "said"),
    [
        (RIGHT, 0, "The line is right."),
        (RIGHT + "dW2 = h.T @ do\n", 1, "First wrong step: line 2."),
        (RIGHT + "dW2 = unknown.T @ do\n", 3, "1 of 2 could not be read"),
        ("q = 1\n", 3, "No line makes a claim"),
        ("do = (p -", 3, "this is no Python"),
    ],
)
def test_exit_statuses(tmp_path, lines, status, said):
    path = tmp_path / "mine.py"
    path.write_text(lines)
    result = invoked(CONCAT, str(path))
    assert result.exit_code == status, result.output
    assert said in result.output


def test_the_example_has_one_mistake_and_names_it():
    result = invoked(CONCAT, str(EXAMPLES / "verify" / "concat_lm_backward.py"), "--json")
    assert result.exit_code == 1
    data = json.loads(result.output)
    assert data["first_wrong_line"] == 12
    (wrong,) = [verdict for verdict in data["verdicts"] if verdict["status"] == "WRONG"]
    assert wrong["target"] == "da"
    assert "1 - h**2" in wrong["mistakes"][0]
    assert wrong["example"]["sizes"].keys() == {"B", "N", "D", "H", "V"}
    assert [verdict["given"] for verdict in data["verdicts"] if verdict["given"]] == [[12], [12]]


def test_a_file_that_carries_its_model_and_one_of_formulas():
    result = invoked(str(EXAMPLES / "verify" / "batchnorm_backward.py"))
    assert result.exit_code == 0
    assert "All 30 lines are right; 30 proved." in result.output
    result = invoked(str(EXAMPLES / "scalar_tanh.py"), str(EXAMPLES / "verify" / "lecture_chain.tex"))
    assert result.exit_code == 0
    assert "All 9 lines are right; 9 proved." in result.output


def test_names_and_sizes_may_be_given(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("G = (p - one_hot(y, 7)) / 3\n")
    assert invoked(CONCAT, str(path), "--name", "G=do", "--size", "V=7", "--size", "B=3").exit_code == 0
    assert invoked(CONCAT, str(path), "--name", "G=do").exit_code == 3


def test_an_update_rule(tmp_path):
    path = tmp_path / "rule.py"
    path.write_text("v = mu * v + g\nW -= lr * v\n")
    assert invoked("--optimizer", "momentum", str(path)).exit_code == 0
    assert invoked("--optimizer", "nesterov", str(path)).exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((CONCAT, "none.py"), "the file does not exist"),
        (("none.py", CONCAT), "none.py"),
        ((CONCAT,), "no model to compare with"),
        ((CONCAT, CONCAT, "--name", "G"), "does not read as NAME=MEANING"),
        ((CONCAT, CONCAT, "--optimizer", "adam"), "there is no model to compare with"),
        (("--optimizer", "adamant", CONCAT), "there is no optimizer"),
    ],
)
def test_what_cannot_be_verified_is_a_usage_error(arguments, said):
    result = invoked(*arguments)
    assert result.exit_code == 2
    assert said in result.output


def test_five_planted_mistakes_are_found_and_the_first_is_named():
    result = invoked(str(EXAMPLES / "verify" / "batchnorm_mistakes.py"), "--json")
    assert result.exit_code == 1
    data = json.loads(result.output)
    wrong = [verdict for verdict in data["verdicts"] if verdict["status"] == "WRONG"]
    assert [verdict["target"] for verdict in wrong] == ["dcounts_sum", "dhpreact", "dbngain", "dbndiff2", "dC"]
    assert "sign" in wrong[0]["mistakes"][0]

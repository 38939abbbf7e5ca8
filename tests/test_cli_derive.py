"""`symgrad derive`: its formats, one parameter, numbers, and errors as one line."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from symgrad.cli import main

EXAMPLES = Path(__file__).parents[1] / "examples"
AT = ("--at", "w1=0.5,w2=-0.3,x=3,y=0.4")

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(monkeypatch, capsys) -> Command:
    """Runs `symgrad derive ...`: exit status, output, errors."""

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["symgrad", "derive", *arguments])
        monkeypatch.setenv("COLUMNS", "200")
        with pytest.raises(SystemExit) as ended:
            main()
        written = capsys.readouterr()
        return int(ended.value.code or 0), written.out, written.err

    return run


def test_text(command: Command) -> None:
    status, out, _ = command(str(EXAMPLES / "scalar_tanh.py"))
    assert status == 0
    assert out == (Path(__file__).parent / "derivation" / "golden" / "scalar_tanh.txt").read_text()


def test_one_parameter(command: Command) -> None:
    _, out, _ = command(str(EXAMPLES / "concat_lm.py"), "--wrt", "W1")
    assert "dW1[i,t,d] = sum_b da[b,i]*C[x[b,t],d]" in out
    assert "dW2" not in out


def test_matrix_notation(command: Command) -> None:
    status, out, _ = command(str(EXAMPLES / "concat_lm.py"), "--format", "matrix")
    assert status == 0
    assert "dW2 = do^T h\n      = (p - Y)^T h / B" in out
    assert "(index form: dW1[i,t,d] has 3 axes)" in out


@pytest.mark.parametrize("option", [("--json",), ("--format", "json"), ("--json", "--format", "json")])
def test_json(command: Command, option: tuple[str, ...]) -> None:
    _, out, _ = command(str(EXAMPLES / "concat_lm.py"), *option)
    assert json.loads(out)["gradients"]["W2"]["formula"] == "sum_b do[b,v]*h[b,i]"


def test_numbers(command: Command) -> None:
    _, out, _ = command(str(EXAMPLES / "scalar_tanh.py"), *AT, "--rate", "0.1", "--updates", "3")
    assert "w1 = 0.5 -> 0.489944" in out
    assert "w2 = -0.191201 -> -0.141715" in out


def test_numbers_as_json(command: Command) -> None:
    _, out, _ = command(str(EXAMPLES / "scalar_tanh.py"), *AT, "--rate", "0.1", "--json")
    numbers = json.loads(out)["numbers"]
    assert numbers["gradients"] == pytest.approx({"w1": 0.10056367, "w2": -0.55968560}, rel=1e-6)


ENTRIES = [
    (("--jacobian", "p,o"), "dp[b,v]/do[b,v2] = p[b,v]*[v == v2] - p[b,v]*p[b,v2]      0 where b differs"),
    (("--jacobian", "p, o", "--format", "matrix"), "dp/do = diag(p) - p p^T    for each b"),
    (("--hessian", "o"), "d2L/(do[b,v] do[b,v2]) = (p[b,v]*[v == v2] - p[b,v]*p[b,v2])/B"),
    (("--hessian", "o", "--format", "latex"), r"\frac{\partial^{2} L}{\partial o_{b,v} \, \partial o_{b,v_{2}}} = "),
    (("--hessian", "W1,W2", "--json"), '"derivative": "d2L/(dW1[i,t,d] dW2[v,i2])"'),
]


@pytest.mark.parametrize(("arguments", "line"), ENTRIES)
def test_jacobians_and_hessians(command: Command, arguments: tuple[str, ...], line: str) -> None:
    status, out, errors = command(str(EXAMPLES / "concat_lm.py"), *arguments)
    assert (status, errors) == (0, "")
    assert line in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--wrt", "W9"), "W9 is not declared; there are"),
        (("--format", "html"), "not one of text, matrix, latex, json"),
        (("--json", "--format", "latex"), "--json is --format json; give one of --json and --format latex"),
        (("--json", "--format", "text"), "give one of --json and --format text"),
        (("--rate", "0.1"), "give them with --at"),
        ((*AT, "--updates", "2"), "--rate X"),
        ((*AT, "--format", "latex"), "text or json only"),
        (("--at", "w1=0.5"), "no value is given for parameter w2"),
        (("--at", "w1=1,w2=2,w1=3"), "w1 is given twice"),
        (("--at", "w1=half"), "does not read as NAME=a number"),
        (("--jacobian", "o"), "'o' does not read as OF,BY, two names"),
        (("--jacobian", "o,"), "'o,' does not read as OF,BY, two names"),
        (("--hessian", "w1,w2,x"), "'w1,w2,x' does not read as NAME or NAME,NAME"),
        (("--hessian", "w1", "--wrt", "w1"), "give one of --jacobian and --hessian, without --wrt and --at"),
        (("--hessian", "w3"), "scalar_tanh: w3 is not declared; there are w1, w2, x, y; the nearest to w3 is w"),
        (("--jacobian", "b,w2"), "scalar_tanh: b does not depend on w2"),
    ],
)
def test_errors(command: Command, arguments: tuple[str, ...], message: str) -> None:
    status, _, errors = command(str(EXAMPLES / "scalar_tanh.py"), *arguments)
    assert status != 0
    assert message in errors
    assert "Traceback" not in errors


def test_numbers_are_for_scalar_models(command: Command) -> None:
    status, _, errors = command(str(EXAMPLES / "concat_lm.py"), "--at", "W1=1")
    assert status == 2
    assert "numbers are for scalar models only, but" in errors

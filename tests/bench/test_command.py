"""`symgrad bench`: what it prints, as tables and as JSON, and what it refuses."""

from __future__ import annotations

import json
import sys
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from symgrad.bench import report
from symgrad.bench.first_step import FirstStep
from symgrad.bench.systems import SYSTEMS, Form
from symgrad.bench.turns import Comparison, Failure, Timing, Worker, agree, relative, take_turns
from symgrad.cli import main
from symgrad.language.errors import TrainingError

from .small import CASES

EXAMPLES = Path(__file__).parents[2] / "examples"
CASE = next(iter(CASES.values()))
MODEL = str(EXAMPLES / "concat_lm.py")
TINY = "--size V=11 --size N=2 --size D=3 --size H=4 --batch 2 --rounds 2 --turn 0.001"


@pytest.fixture
def command(monkeypatch, capsys):
    """Runs `symgrad bench ...`: exit status, output, errors."""

    def run(*options: str) -> tuple[object, str, str]:
        monkeypatch.setattr(sys, "argv", ["symgrad", "bench", *options])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, *capsys.readouterr()

    return run


def test_a_model_of_ones_own(command) -> None:
    status, out, err = command(MODEL, *TINY.split(), "--only", "floor", "--json")
    assert status == 0, err
    [(name, case)] = json.loads(out)["cases"].items()
    assert name == "concat_lm N=2 D=3 H=4 V=11 B=2 sgd"
    assert case["flops"] == 6 * 2 * 4 * (2 * 3 + 11)
    assert case["failures"] == {}
    assert case["first_step"]["cold"] > case["first_step"]["warm"] > 0
    ours, floor = case["systems"]["symgrad"], case["systems"]["floor"]
    assert len(ours["seconds"]) == len(floor["ratios"]) == 2
    assert ours["ratio"] == 1
    assert 0 < floor["ratio"] < 1
    assert min(ours["memory"], floor["memory"]) > 10 * report.MEBIBYTE


def comparison() -> Comparison:
    ours = Timing("symgrad", "the emitted code", (2e-5, 4e-5, 3e-5), (1.0, 1.0, 1.0), 200 << 20, 0.0)
    torch = Timing("torch", "fused, 1 thread", (6e-5, 4e-5, 6e-5), (3.0, 1.0, 2.0), 400 << 20, 3e-7)
    floor = Timing("floor", "2048 x 2048 products on 1 thread", (1e-5, 2e-5, 1.5e-5), (0.5,) * 3, 90 << 20, 0.0)
    timings = {timing.system: timing for timing in (ours, torch, floor)}
    return Comparison(CASE, 1e6, timings, {"jax": "ImportError: no such module"}, FirstStep(6.7, 1.3))


def test_tables() -> None:
    written = Console(file=StringIO(), width=100)
    written.print(report.case_table(comparison()))
    written.print(report.summary_table([comparison()]))
    text = written.file.getvalue()
    assert max(map(len, text.splitlines())) <= 100
    joined = " ".join(text.split())
    words = [line.replace("│", " ").split() for line in text.splitlines()]
    assert ["symgrad", "30", "1", "200", "the", "emitted", "code"] in words
    assert ["torch", "60", "2.00", "(1.50", "to", "2.50)", "400", "fused,", "1", "thread"] in words
    assert any(line[:6] == ["jax", "does", "not", "run", "here:", "ImportError:"] for line in words)
    assert any(line[-7:] == ["2.00", "(1.50", "to", "2.50)", "torch", "2.00", "0.50"] for line in words)
    assert "6.7 s with a cold compile cache, 1.3 s with a warm one; first losses agree to 3e-07" in joined


REFUSED = {
    "a case that there is not": (["nonsense"], "no case has 'nonsense' in its name", "concat_lm V=16383"),
    "a system that there is not": (["--only", "tensorflow"], "no system 'tensorflow'", "pytensor"),
    "a size that is missing": ([MODEL, "--size", "H=3"], "size V", "--size V="),
    "a size that it has not": ([MODEL, "--size", "Q=3"], "size Q is given", "V, D, H, N, B"),
    "a size for the table": (
        ["makemore", "--size", "V=5"],
        "--size does not go with a case of the table",
        "leave it out",
    ),
    "a size for the growth": (["--growth", "g.png", "--size", "V=5"], "--size does not go with --growth", "leave it"),
    "a file that there is not": (["nowhere.py"], "nowhere.py", "does not exist"),
}


@pytest.mark.parametrize("options", REFUSED.values(), ids=REFUSED)
def test_what_is_refused(options: tuple[list[str], str, str], command) -> None:
    given, *expected = options
    status, out, err = command(*given)
    assert (status, out) == (1, "")
    assert [words for words in expected if words not in " ".join(err.split())] == []


def test_a_system_that_is_not_installed(command, monkeypatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    status, _, err = command("--only", "jax")
    assert status == 1
    assert "jax is not installed; pip install jax" in err


def test_another_model_is_found_out() -> None:
    ours = np.linspace(3.0, 2.0, 20)
    theirs = ours * (1 + 5e-5 * (np.arange(20) < 9)) + 1e-2 * (np.arange(20) >= 12)
    agree(CASE, "torch", ours * (1 + 5e-5), ours)
    with pytest.raises(TrainingError, match=r"torch does not train the same model: at step 13 of 20 its loss is 2\.3"):
        agree(CASE, "torch", theirs, ours)
    with pytest.raises(TrainingError, match="at step 1 of 20"):
        agree(CASE, "torch", np.full(20, np.nan), ours)


def test_losses_near_zero_are_compared_with_the_largest() -> None:
    assert relative(np.array([1.0, 1e-7]), np.array([1.0, 2e-7])).max() == pytest.approx(1e-4)


def test_a_system_that_fails_says_why(tmp_path) -> None:
    with pytest.raises(Failure, match=r"FileNotFoundError: .*start\.npz"):
        Worker("symgrad", CASE, Form(""), str(tmp_path))


class Standing:
    """A worker that fails in the round of that number."""

    def __init__(self, name: str, order: list[str], fails: int = 0) -> None:
        self.name, self.order, self.fails, self.times = name, order, fails, []

    def seconds(self) -> float:
        self.order.append(self.name)
        if len(self.times) + 1 == self.fails:
            raise Failure("no memory is left")
        return 1.0


def test_turns_go_there_and_back_without_those_that_fail() -> None:
    order, failures = [], {}
    workers = {name: Standing(name, order, fails) for name, fails in (("symgrad", 0), ("torch", 2), ("jax", 0))}
    take_turns(CASE, workers, 3, failures, lambda text: None)
    assert "".join(name[0] for name in order) == "stjjtssj"
    assert (list(workers), failures) == (["symgrad", "jax"], {"torch": "no memory is left"})
    with pytest.raises(TrainingError, match="the emitted code does not run: no memory is left"):
        take_turns(CASE, {"symgrad": Standing("symgrad", order, 1)}, 1, failures, lambda text: None)


def test_systems_say_what_they_need() -> None:
    assert {name for name, system in SYSTEMS.items() if not system.needs} == {"symgrad", "plain", "floor", "traffic"}

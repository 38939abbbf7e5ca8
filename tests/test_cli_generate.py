"""`symgrad generate`: the file that it writes, whose recipe it follows, and its errors."""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from symgrad.cli import app
from symgrad.language.errors import DeclarationError, TrainingError

EXAMPLES = Path(__file__).parents[1] / "examples"
SCALAR, MAKEMORE = EXAMPLES / "scalar_tanh.py", EXAMPLES / "makemore_mlp.py"

WITHOUT_TRAINING = """
from symgrad import Model
model = Model("line")
w, x = model.parameters(w=()), model.inputs(x=())
model.minimize("L", (w - x) ** 2)
"""


@pytest.fixture
def generate(tmp_path, monkeypatch):
    """Runs `symgrad generate ...` in an empty folder; what it printed, a line an entry."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> list[str]:
        result = CliRunner().invoke(app, ["generate", *map(str, arguments)])
        if result.exception:
            raise result.exception
        return result.output.splitlines()

    return run


def test_the_file_and_what_it_holds(generate, tmp_path):
    written, holds = generate(SCALAR)
    assert written == str(Path("generated") / "scalar_tanh_sgd_float32.py")
    assert (tmp_path / written).is_file()
    assert holds == "loss, gradients, sgd step and training loop of scalar_tanh in float32; parameters w1, w2"


def test_the_file_computes_without_symgrad(generate, tmp_path):
    written, _ = generate(SCALAR, "--dtype", "float64", "--out", tmp_path / "elsewhere")
    spec = importlib.util.spec_from_file_location("scalar_tanh", written)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert "symgrad" not in vars(module)
    o = math.tanh(-0.3 * math.tanh(1.5))
    # uncompiled: the formula is what is tested here, and Numba takes seconds
    assert module.loss.py_func(3.0, 0.4, np.array(0.5), np.array(-0.3)) == pytest.approx((0.4 - o) ** 2 / 2, rel=1e-14)


def test_options_replace_the_training(generate):
    written, holds = generate(SCALAR, "--optimizer", "Adam", "--dtype", "float64")
    assert written.endswith("scalar_tanh_adam_float64.py")
    assert "adam step" in holds


def test_weight_decay_and_clipping_come_from_the_training(generate, tmp_path):
    path = tmp_path / "decayed.py"
    text = SCALAR.read_text().replace("steps=3", "steps=3, weight_decay={'w1': 0.5}, clip=1.0")
    path.write_text(text)
    (plain,), (decayed,) = ([line for line in source(generate(p)) if "w1_new =" in line][:1] for p in (SCALAR, path))
    assert plain != decayed


def test_without_training_it_is_sgd_in_float32(generate, tmp_path):
    (tmp_path / "line.py").write_text(WITHOUT_TRAINING)
    assert generate("line.py")[0].endswith("line_sgd_float32.py")


def test_plain_loops(generate):
    plain, by_tile = ("\n".join(source(generate(MAKEMORE, *option))) for option in (("--schedule", "plain"), ()))
    assert "_sweep_1(" in by_tile
    assert "_sweep_1(" not in plain
    assert plain.split("def loss(")[1].count("for ") > by_tile.split("def loss(")[1].split("\n@njit")[0].count("for ")


def source(printed: list[str]) -> list[str]:
    return Path(printed[0]).read_text().splitlines()


def test_an_optimizer_that_there_is_not(generate):
    with pytest.raises(TrainingError, match="optimizer is 'lion', expected one of sgd"):
        generate(SCALAR, "--optimizer", "lion")


def test_a_dtype_that_there_is_not(generate):
    with pytest.raises(TrainingError, match="dtype is 'half', expected one of float32, float64"):
        generate(SCALAR, "--dtype", "half")


def test_a_file_that_does_not_exist(generate):
    with pytest.raises(DeclarationError, match="the file does not exist"):
        generate("none.py")

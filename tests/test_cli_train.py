"""`symgrad train`: options, exit status, and errors as one line."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from symgrad.cli import main
from symgrad.language.errors import TrainingError
from symgrad.training import load_checkpoint
from symgrad.training.checkpoints import save_checkpoint

from .training.models import Bigram, bigram, generates
from .training.test_loop import Diverging, interrupt_at

ROOT = Path(__file__).parents[1]

MODEL = """
from tests.training.models import PlainSGD, bigram, cycle
from symgrad.training import Text, Training
model = bigram()
training = Training(Text(cycle), rate=1.0, batch=16, epochs=3, optimizer=PlainSGD())
"""


@pytest.fixture
def command(tmp_path, monkeypatch, capsys):
    """Runs `symgrad train example.py ...` with a stand-in for emitted code: exit status, output, errors."""
    path = tmp_path / "example.py"
    path.write_text(MODEL)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")

    def run(*options: str, module: object = None, file: str = "example.py"):
        monkeypatch.setattr("symgrad.pipeline.generate", generates(module or Bigram(bigram().program)))
        monkeypatch.setattr(sys, "argv", ["symgrad", "train", file, *options])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, *capsys.readouterr()

    return run


def test_a_run(command, tmp_path):
    status, out, err = command()
    assert (status, err) == (0, "")
    assert out.splitlines()[-1].split()[::3] == ["train", "valid", "test"]
    assert (tmp_path / "runs" / "bigram.safetensors").is_file()


def test_every_option(command, tmp_path):
    (tmp_path / "other.txt").write_text("x y z " * 50)
    options = (
        "--text other.txt --epochs 2 --batch 8 --rate 0.5 --optimizer adam --size V=3 --weight-decay W=0.01 --clip 2 "
        "--patience 3 --seed 5 --dtype float64 --out deep/run.safetensors --threads 1 --no-train-eval"
    )
    status, out, err = command(*options.split())
    assert (status, err) == (0, "")
    saved = load_checkpoint(tmp_path / "deep" / "run.safetensors")
    assert saved.vocabulary.tokens == ("x", "y", "z")
    recipe = {"batch": 8, "epochs": 2, "seed": 5, "dtype": "float64", "clip": 2.0, "patience": 3, "sizes": {"V": 3}}
    assert recipe.items() <= saved.recipe.items()
    assert saved.recipe["optimizer"].startswith("Adam(")
    assert saved.recipe["weight_decay"] == {"W": 0.01}
    assert out.splitlines()[-1].split()[::3] == ["valid", "test"]
    assert "decay 0.01 of W, clip 2, 1 thread" in out


def test_going_on_in_steps(command):
    command()
    status, out, _ = command("--start", "runs/bigram.safetensors", "--steps", "10", "--rate", "linear 0.1")
    assert status == 0
    assert "Linear(rate=0.1, final=0.0), batch 16, 10 steps, seed 0" in out


def test_quiet(command):
    assert command("--quiet") == (0, "", "")


def interrupted(*arguments, **options):
    raise KeyboardInterrupt


def test_ctrl_c_while_compiling(command, tmp_path):
    compiling = type("Compiling", (Bigram,), {"chunk": interrupted})(bigram().program)
    status, _, err = command(module=compiling)
    assert (status, err) == (130, "interrupted before the first step; nothing was written\n")
    assert not list((tmp_path / "runs").iterdir())


def test_ctrl_c_while_saving(command, tmp_path, monkeypatch):
    def saved(path, checkpoint):
        os.kill(os.getpid(), signal.SIGINT)
        save_checkpoint(path, checkpoint)

    monkeypatch.setattr("symgrad.training.api.save_checkpoint", saved)
    status, out, err = command()
    assert (status, err) == (130, "")
    assert "interrupted at step 57 of 57; runs/bigram.safetensors holds" in out
    assert load_checkpoint(tmp_path / "runs" / "bigram.safetensors")


@pytest.mark.parametrize("name", ["check", "generate"])
def test_ctrl_c_in_another_command(tmp_path, monkeypatch, capsys, name):
    path = tmp_path / "example.py"
    path.write_text(MODEL)
    monkeypatch.setattr(f"symgrad.pipeline.{name}", interrupted)
    monkeypatch.setattr(sys, "argv", ["symgrad", name, str(path)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert (ended.value.code, *capsys.readouterr()) == (130, "", "interrupted\n")


def test_ctrl_c(command, tmp_path):
    status, out, _ = command(module=Bigram(bigram().program, interrupt_at(25)))
    assert status == 130
    assert "of 57; runs/bigram.safetensors holds the parameters of epoch 1, the best with valid" in out
    assert (tmp_path / "runs" / "bigram.safetensors").is_file()


def error_line(result) -> str:
    status, _, err = result
    assert status == 1
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    return err


def test_a_loss_that_is_not_finite(command):
    assert "the loss is nan at step 30 of 57 (epoch 2)" in error_line(command(module=Diverging(30)))


def test_a_file_that_does_not_exist(command):
    assert "none.py: the file does not exist" in error_line(command(file="none.py"))


def test_a_model_without_training(command, tmp_path):
    (tmp_path / "bare.py").write_text("from tests.training.models import bigram\nmodel = bigram()\n")
    assert "bare.py: it holds no `training`; add one" in error_line(command(file="bare.py"))


def test_a_text_that_does_not_exist(command):
    assert "text none.txt: the file does not exist" in error_line(command("--text", "none.txt"))


def test_an_optimizer_that_there_is_not(command):
    assert "optimizer is 'lion'" in error_line(command("--optimizer", "lion"))


def test_adamw_with_weight_decay_is_refused_before_anything_is_printed(command):
    line = error_line(command("--optimizer", "adamw", "--weight-decay", "W=0.1"))
    assert "weight decay is given for W, but AdamW decays every parameter itself" in line


def test_a_size_given_twice(command):
    status, _, err = command("--size", "V=4", "--size", "V=5")
    assert status == 2
    assert "V is given twice" in err


def test_a_split_by_counts(command):
    status, out, _ = command("--split", "100,50,rest", "--minimum-count", "2")
    assert status == 0
    assert "parts       train 100 (99)   valid 50 (49)   test 250 (249)   tokens (rows)" in out
    assert "4 words (seen 2 times or more in the whole text)" in out


def test_a_split_that_does_not_read(command):
    status, _, err = command("--split", "most,some")
    assert status == 2
    assert "reads neither as" in err


VALUES = [  # options, exit status, what is said of them
    ("--minimum-count 0", 2, "--minimum-count"),
    ("--epochs 0", 2, "--epochs"),
    ("--steps 0", 2, "--steps"),
    ("--epochs 2 --steps 9", 2, "--steps: give one of --epochs and --steps"),
    ("--batch 0", 2, "--batch"),
    ("--patience 0", 2, "--patience"),
    ("--seed -1", 2, "--seed"),
    ("--clip 0", 2, "--clip: 0.0 is no norm; give a finite number greater than 0"),
    ("--clip nan", 2, "--clip: nan is no norm; give a finite number greater than 0"),
    ("--weight-decay W=-1", 2, "--weight-decay: W=-1.0 is no decay; give a finite number of 0 or more"),
    ("--size V=0", 2, "--size: V=0 is no size; give a whole number of 1 or more"),
    ("--split most", 2, "--split: 'most' reads neither as"),
    ("--weight-decay U=1", 1, "weight decay is given for U, but the parameters are W; correct it"),
    ("--optimizer adamw --weight-decay W=1", 1, "weight decay is given for W, but AdamW decays every parameter itself"),
    ("--size B=3", 1, "size B is given as 3, but it is the batch's, which is 16; leave it out"),
    ("--rate -1", 1, "rate '-1': Constant: -1.0 is no learning rate"),
    ("--out .", 1, "is a folder, expected the name of a file; choose another"),
]


@pytest.mark.parametrize(("options", "status", "said"), VALUES)
def test_a_value_that_cannot_be(command, options, status, said):
    found, _, err = command(*options.split())
    assert found == status
    assert said in " ".join(err.replace("│", " ").split())
    assert not re.search(r"weight_decay(?!=\.\.\.)|minimum_count|out=|batch=", err), "Python's name of an option"


def test_an_option_of_texts_for_a_model_that_reads_arrays(command, tmp_path):
    (tmp_path / "arrays.py").write_text(
        "from symgrad.training import Arrays, Training\nfrom tests.training.models import regression\n"
        "model, training = regression(), Training(Arrays({}), rate=0.1, epochs=1)\n"
    )
    line = error_line(command("--minimum-count", "2", file="arrays.py"))
    assert "the minimum count of a text (2) is given, but the data is Arrays, which reads no text; leave it out" in line


@pytest.mark.parametrize("option", [("--size", "H"), ("--size", "H=x"), ("--weight-decay", "W=much")])
def test_an_assignment_that_is_none(command, option):
    status, _, err = command(*option)
    assert status == 2
    assert "does not read as NAME=a" in err


def test_another_error_is_not_hidden(command, monkeypatch):
    def broken(*arguments, **options):
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        command(module=type("Broken", (Bigram,), {"chunk": broken})(bigram().program))


def test_errors_are_red_in_a_terminal(monkeypatch, capsys):
    def fails():
        raise TrainingError("bad [bold]words[/bold] " + "and more " * 20)

    monkeypatch.setattr("symgrad.cli.app", fails)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit):
        main()
    err = capsys.readouterr().err
    assert err.startswith("\x1b[31merror: bad [bold]words[/bold] and more")
    assert err.count("\n") == 1


def in_a_process(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-m", "symgrad", *arguments], capture_output=True, text=True, cwd=ROOT)


def test_help_teaches():
    text = in_a_process("train", "--help").stdout
    for word in ("--optimizer", "--size", "nats per token", "Example", "runs/NAME.safetensors"):
        assert word in text


def test_help_says_in_which_order_decay_and_clipping_come():
    text = " ".join(in_a_process("train", "--help").stdout.replace("│", " ").split())
    assert "to its gradient, before --clip" in text
    assert "norm of the gradient and the decay together" in text


def test_version():
    result = in_a_process("--version")
    assert result.returncode == 0
    assert result.stdout.startswith("symgrad")


def test_the_package_loads_no_command_line():
    code = "import symgrad, sys; print([name for name in ('rich', 'typer') if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert result.stdout.strip() == "[]"

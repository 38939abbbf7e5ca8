"""Model files: what is taken from them and what is refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from symgrad.language.errors import DataError, DeclarationError
from symgrad.model_file import load_model_file

MODEL = """
from symgrad.language.model import Model, zeros
from symgrad.language.surface import axes, mean, total

model = Model("regression")
b, d = axes("b:B d:D")
w = model.parameters(w=zeros(d))
x, y = model.inputs(x=(b, d), y=(b,))
model.minimize("L", mean((y[b] - total(w[d] * x[b, d], d)) ** 2, b))
"""

TRAINING = """
from symgrad.training import Text, Training
training = Training(Text("words.txt"), rate=0.1, epochs=2)
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "example.py"
    path.write_text(text)
    return path


def refused(folder: Path, text: str, error: type = DeclarationError) -> str:
    path = written(folder, text)
    with pytest.raises(error) as caught:
        load_model_file(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    return message.removeprefix(str(path))


def test_a_model(tmp_path):
    file = load_model_file(str(written(tmp_path, MODEL)))
    assert file.model.name == "regression"
    assert file.training is None
    assert os.listdir(tmp_path) == ["example.py"]


def test_a_model_with_its_training(tmp_path):
    file = load_model_file(written(tmp_path, MODEL + TRAINING))
    assert file.training.epochs == 2
    assert file.training.data.source == tmp_path / "words.txt"


def test_it_is_not_the_main_module(tmp_path):
    load_model_file(written(tmp_path, MODEL + "if __name__ == '__main__':\n    raise RuntimeError\n"))


def test_no_file(tmp_path):
    with pytest.raises(DeclarationError, match=r"none\.py: the file does not exist; give the path of a model file"):
        load_model_file(tmp_path / "none.py")


def test_a_folder(tmp_path):
    with pytest.raises(DeclarationError, match="is a folder, expected a Python file"):
        load_model_file(tmp_path)


def test_an_error_shows_the_line(tmp_path):
    message = refused(tmp_path, MODEL + "h = undefined + 1\n")
    assert message == ":10: NameError: name 'undefined' is not defined   (in: h = undefined + 1)"


def test_an_error_deeper_down_shows_the_file_s_line(tmp_path):
    message = refused(tmp_path, "import json\n\nvalue = json.loads('{')\n")
    assert message.startswith(":3: JSONDecodeError: ")
    assert message.endswith("(in: value = json.loads('{'))")


def test_a_declaration_error_keeps_its_words(tmp_path):
    message = refused(tmp_path, MODEL + "model.parameters(w=())\n")
    assert message.startswith(":10: regression: w is declared twice")
    assert message.endswith("(in: model.parameters(w=()))")


def test_an_error_of_the_data_keeps_its_class(tmp_path):
    message = refused(tmp_path, MODEL + TRAINING.replace('"words.txt"', '"words.txt", unit="page"'), DataError)
    assert ": text: unit is 'page', expected one of stream, lines" in message


def test_what_is_no_python(tmp_path):
    message = refused(tmp_path, "x = 1\nmodel = = 2\n")
    assert message == ":2: it is no Python: invalid syntax   (in: model = = 2)"


def test_what_is_no_text(tmp_path):
    path = tmp_path / "example.py"
    path.write_bytes(b"x = '\xff\xfe'\n")
    with pytest.raises(DeclarationError, match=r"example\.py"):
        load_model_file(path)
    path.write_bytes(b"x = '\x00'\n")
    with pytest.raises(DeclarationError, match=r"example\.py"):
        load_model_file(path)


def test_a_missing_module(tmp_path):
    assert ":1: ModuleNotFoundError: No module named 'not_there'" in refused(tmp_path, "import not_there\n")


def test_a_file_that_exits(tmp_path):
    assert ":2: SystemExit: 3" in refused(tmp_path, "import sys\nsys.exit(3)\n")


def test_no_model(tmp_path):
    assert refused(tmp_path, "x = 1\n") == ': it holds no `model`; make one: model = Model("name")'


def test_a_model_of_another_name(tmp_path):
    text = MODEL.replace("model = ", "net = ").replace("model.", "net.").replace("language.net", "language.model")
    assert refused(tmp_path, text) == ": it holds no `model`; rename net to model"


def test_a_model_that_is_none(tmp_path):
    assert refused(tmp_path, "model = 3\n") == ": `model` is a int, expected a symgrad Model"


def test_a_training_that_is_none(tmp_path):
    message = refused(tmp_path, MODEL + "training = {'rate': 0.1}\n")
    assert message == ": `training` is a dict, expected Training(...)"

"""Each example is short, says its source, prints, derives, and has the gradients that differences give."""

from __future__ import annotations

import ast

import numpy as np
import pytest

from symgrad.checking.differences import relative_error
from symgrad.checking.interpreter import evaluate
from symgrad.derivation import derive
from symgrad.language.notation import text
from symgrad.model_file import load_model_file
from symgrad.training import Training

from ..derivation.points import At
from .files import FOLDER, NAMES, example


@pytest.mark.parametrize("name", NAMES)
def test_it_is_short_and_begins_with_what_it_is(name: str) -> None:
    source = (FOLDER / f"{name}.py").read_text()
    assert 15 <= len(source.splitlines()) <= 60
    assert ast.get_docstring(ast.parse(source))


@pytest.mark.parametrize("name", NAMES)
def test_it_prints_and_derives(name: str) -> None:
    model = example(name)
    assert str(model).startswith(name)
    derivation = derive(model)
    assert set(derivation.gradients) == {tensor.name for tensor in model.program.parameters}
    assert all(text(equation.body) in str(derivation) for equation in derivation.gradients.values())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", [1, 2])
def test_gradients_agree_with_difference_quotients(name: str, seed: int) -> None:
    at = At(lambda: example(name), seed)
    derivation = derive(at.program)
    found = evaluate(derivation.program, at.given, at.sizes)
    for parameter, equation in derivation.gradients.items():
        assert relative_error(found[equation.tensor], at.gradient(parameter)) < 1e-6, parameter


@pytest.mark.parametrize("name", NAMES)
def test_its_training_has_data_that_fit(name: str) -> None:
    file = load_model_file(FOLDER / f"{name}.py")
    assert isinstance(file.training, Training)
    data = file.training.data.load(file.model.program, file.training.sizes, file.training.dtype)
    assert all(len(array) > 0 for array in data.parts["train"].values())


def test_the_default_texts_are_those_that_every_python_carries() -> None:
    for name in ("concat_lm", "bengio2003", "makemore_mlp"):
        assert callable(load_model_file(FOLDER / f"{name}.py").training.data.source)


def test_gaussian_classes_are_the_same_each_time() -> None:
    load = load_model_file(FOLDER / "softmax_regression.py").training.data.source
    np.testing.assert_array_equal(load()["train"]["X"], load()["train"]["X"])

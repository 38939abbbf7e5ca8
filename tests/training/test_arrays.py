"""Arrays -> rows, and everything that is checked before jitted code."""

from __future__ import annotations

import numpy as np
import pytest

from symgrad.language.batch import batch_axis
from symgrad.language.errors import DataError
from symgrad.training import Arrays
from symgrad.training.data import check_tokens
from symgrad.training.sizes import complete

from .models import bigram, ngram, regression, scalar, tagger

X, Y = np.arange(12.0).reshape(6, 2), np.arange(6)


def load(given, model=None, dtype="float32", **sizes):
    return Arrays(given).load((model or regression()).program, sizes, dtype)


def test_parts_in_the_training_dtype_with_sizes_found():
    data = load({"train": {"x": X, "y": Y}, "valid": {"x": X[:2], "y": Y[:2]}})
    assert data.parts["train"]["x"].dtype == data.parts["train"]["y"].dtype == np.float32
    assert data.sizes == {"D": 2}
    assert (data.rows("train"), data.rows("valid"), data.rows("test")) == (6, 2, 0)
    assert data.lines == ("rows        train 6   valid 2",)


@pytest.mark.parametrize("given", [{"x": X, "y": Y}, {"all": {"x": X, "y": Y}}, lambda: {"x": X, "y": Y}])
def test_a_single_part_is_the_training_part(given):
    assert load(given).rows("train") == 6


def test_a_model_without_batch_axis_has_an_example_a_row():
    data = load({"x": [3.0, 1.0], "y": [0.4, 0.2]}, scalar(), "float64")
    assert data.parts["train"]["x"].shape == (2,)
    assert batch_axis(scalar().program) is None


def test_a_single_example_without_an_axis_of_rows():
    message = r"x has 0 axes .*, expected 1: a row is one example, as its inputs have no axes; its rows"
    with pytest.raises(DataError, match=message):
        load({"x": 3.0, "y": 0.4}, scalar())


def test_a_function_that_fails_is_named():
    def measured():
        return {"x": X / (1 // 0), "y": Y}

    message = r"regression: Arrays: its function measured raised ZeroDivisionError: .* \(test_arrays.py, line \d+\)"
    with pytest.raises(DataError, match=message):
        load(measured)


def test_an_error_of_symgrad_passes_through():
    def measured():
        raise DataError("no such file")

    with pytest.raises(DataError, match=r"^no such file$"):
        load(measured)


def test_rows_are_contiguous():
    assert load({"x": np.asfortranarray(X), "y": Y}).parts["train"]["x"].flags.c_contiguous


REFUSED = {
    "a tensor that is missing": ({"x": X}, "no array is given for input y; add it"),
    "one too many": ({"x": X, "y": Y, "z": Y}, "z is given, but the model's inputs are x, y"),
    "axes": ({"x": X[0], "y": Y}, r"x has 1 axes \(shape \(2,\)\), expected 2"),
    "rows": ({"x": X, "y": Y[:3]}, r"differ in their number of rows \(x 6, y 3\)"),
    "no rows": ({"x": X[:0], "y": Y[:0]}, "it has no rows"),
    "text": ({"x": X.astype(str), "y": Y}, "x has dtype <U32, expected real numbers"),
    "not finite": ({"x": np.where(X == 5, np.nan, X), "y": Y}, r"x\[2, 1\] is nan in float32, expected finite"),
    "beyond float32": ({"x": np.where(X == 5, 1e60, X), "y": Y}, r"x\[2, 1\] is inf in float32"),
    "no training part": ({"valid": {"x": X, "y": Y}, "test": {"x": X, "y": Y}}, "no part 'train'"),
    "a part that is none": ({"train": {"x": X, "y": Y}, "dev": {"x": X, "y": Y}}, "has a part 'dev'"),
    "nothing": ({}, "Arrays holds dict, expected"),
    "a width that differs": (
        {"train": {"x": X, "y": Y}, "valid": {"x": X[:, :1], "y": Y}},
        r"valid part: x of shape \(6, 1\): size D is 1 here and 2 elsewhere",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case):
    given, message = REFUSED[case]
    with pytest.raises(DataError, match=message):
        load(given)


def test_a_size_that_contradicts_an_array():
    with pytest.raises(DataError, match="size D is 2 here and 3 elsewhere"):
        load({"x": X, "y": Y}, D=3)


def test_token_ids_that_are_no_integers():
    with pytest.raises(DataError, match="x holds token ids and has dtype float64, expected integers"):
        load({"x": np.array([0.0]), "y": np.array([1])}, bigram())


def test_a_token_id_outside_the_vocabulary():
    program = bigram().program
    data = load({"x": [0, 1, 2], "y": [1, 5, 0]}, bigram(), V=4)
    with pytest.raises(DataError, match=r"train part: y\[1\] is token id 5, expected 0 <= id < 4"):
        check_tokens(program, data.parts, complete(program, data.sizes, 1))


@pytest.mark.parametrize("bad", [-1, 2**40])
def test_a_token_id_that_is_no_int32(bad):
    with pytest.raises(DataError, match=f"y has token id {bad}, expected 0 <= id"):
        load({"x": [0, 1], "y": [1, bad]}, bigram(), V=4)


def test_sizes_are_completed_with_the_batch():
    assert complete(ngram().program, {"V": 5, "D": 2, "N": 3}, 8) == {"V": 5, "D": 2, "N": 3, "B": 8}


def test_a_missing_size():
    with pytest.raises(DataError, match=r"ngram: size D of C, W is not given; add it to the training: sizes="):
        complete(ngram().program, {"V": 5, "N": 2}, 8)


def test_a_size_that_the_model_has_not():
    with pytest.raises(DataError, match="size H is given, but the model's sizes are V, D, N, B"):
        complete(ngram().program, {"V": 5, "N": 2, "D": 2, "H": 3}, 8)


def test_the_batch_given_twice():
    with pytest.raises(DataError, match="size B is given as 4, but it is the batch's, which is 8"):
        complete(ngram().program, {"V": 5, "N": 2, "D": 2, "B": 4}, 8)


@pytest.mark.parametrize("model", [bigram, ngram, tagger, regression])
def test_the_batch_axis(model):
    assert batch_axis(model().program) == "B"

"""Checkpoints: what is written is read back, whole or not at all."""

from __future__ import annotations

import os

import numpy as np
import pytest

from symgrad.language.errors import DataError
from symgrad.training import Checkpoint, load_checkpoint
from symgrad.training.checkpoints import check_writable, save_checkpoint, started_from
from symgrad.training.vocabulary import Vocabulary

from .models import bigram, ngram, scalar

WORDS = Vocabulary(("<unk>", "naïve", "日本"), unknown="<unk>")


def made(**changes) -> Checkpoint:
    W = np.arange(9, dtype=np.float32).reshape(3, 3)
    given = {"parameters": {"W": W}, "model": "bigram", "sizes": {"V": 3, "B": 8}, "recipe": {"seed": 1}, **changes}
    return Checkpoint(vocabulary=WORDS, **given)


def test_a_round_trip(tmp_path):
    path = tmp_path / "runs" / "model.safetensors"
    save_checkpoint(path, made())
    back = load_checkpoint(path, bigram().program)
    assert back.parameters["W"].dtype == np.float32
    assert np.array_equal(back.parameters["W"], made().parameters["W"])
    assert (back.model, back.sizes, back.recipe, back.vocabulary) == ("bigram", {"V": 3, "B": 8}, {"seed": 1}, WORDS)
    back.parameters["W"][0, 0] = 7  # its own memory, to train on
    assert os.listdir(path.parent) == ["model.safetensors"]


def test_a_scalar_and_a_transposed_parameter(tmp_path):
    W = np.arange(6.0).reshape(2, 3).T
    save_checkpoint(tmp_path / "c", made(parameters={"W": W, "s": np.array(2.5)}))
    back = load_checkpoint(tmp_path / "c").parameters
    assert np.array_equal(back["W"], W)
    assert back["s"].shape == ()


def test_the_same_run_gives_the_same_bytes(tmp_path):
    for name in "ab":
        save_checkpoint(tmp_path / name, made())
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "model.safetensors"
    save_checkpoint(path, made())
    before = path.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DataError, match=r"cannot be written \(No space left on device\)"):
        save_checkpoint(path, made(recipe={"seed": 2}))
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["model.safetensors"]


def test_a_place_that_cannot_be_written_is_found_before(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be written"):
        check_writable(tmp_path / "file" / "model.safetensors")
    with pytest.raises(DataError, match="is a folder"):
        check_writable(tmp_path)


def test_no_file(tmp_path):
    with pytest.raises(DataError, match="the file does not exist"):
        load_checkpoint(tmp_path / "none")


@pytest.mark.parametrize("content", [b"", b"no checkpoint at all", b"\x08\x00\x00\x00\x00\x00\x00\x00{}      "])
def test_a_damaged_file(tmp_path, content):
    (tmp_path / "bad").write_bytes(content)
    with pytest.raises(DataError, match="is no checkpoint"):
        load_checkpoint(tmp_path / "bad")


def test_parameters_of_another_model(tmp_path):
    save_checkpoint(tmp_path / "c", made())
    with pytest.raises(DataError, match=r"its parameters are W, those of ngram are C, W, k: C is not in both"):
        load_checkpoint(tmp_path / "c", ngram().program)


def test_a_parameter_that_the_model_has_not(tmp_path):
    save_checkpoint(tmp_path / "c", made(parameters={**made().parameters, "extra": np.ones(2)}))
    with pytest.raises(DataError, match="extra is not in both"):
        load_checkpoint(tmp_path / "c", bigram().program)


def test_shapes_that_do_not_fit(tmp_path):
    save_checkpoint(tmp_path / "c", made(parameters={"W": np.ones(3)}))
    with pytest.raises(DataError, match=r"parameter W has 1 axes \(shape \(3,\)\), expected 2"):
        load_checkpoint(tmp_path / "c", bigram().program)
    save_checkpoint(tmp_path / "c", made(parameters={"W": np.ones((3, 4))}))
    with pytest.raises(DataError, match=r"parameter W of \(3, 4\): size V is 4 here and 3 elsewhere"):
        load_checkpoint(tmp_path / "c", bigram().program)


def test_starting_from_a_checkpoint(tmp_path):
    save_checkpoint(tmp_path / "c", made())
    started = started_from(tmp_path / "c", bigram().program, {"V": 3}, WORDS, "float64")
    assert started["W"].dtype == np.float64
    with pytest.raises(DataError, match="size V is 3 here and 5 elsewhere"):
        started_from(tmp_path / "c", bigram().program, {"V": 5}, WORDS, "float64")
    with pytest.raises(DataError, match="its vocabulary is another one"):
        started_from(tmp_path / "c", bigram().program, {"V": 3}, Vocabulary(("x", "y", "z")), "float64")


def test_a_scalar_model(tmp_path):
    save_checkpoint(tmp_path / "c", made(parameters={"w": np.array(0.5)}))
    assert load_checkpoint(tmp_path / "c", scalar().program).parameters["w"] == 0.5

"""The example files, loaded as the command line loads them."""

from __future__ import annotations

from pathlib import Path

from symgrad.language.model import Model
from symgrad.model_file import load_model_file

FOLDER = Path(__file__).parents[2] / "examples"
NAMES = ("scalar_tanh", "concat_lm", "bengio2003", "makemore_mlp", "softmax_regression")


def example(name: str) -> Model:
    """The `model` of examples/NAME.py."""
    return load_model_file(FOLDER / f"{name}.py").model

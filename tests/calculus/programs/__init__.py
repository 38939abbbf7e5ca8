"""Small programs whose gradients are checked: data for tests, one idea a program.

`u` is always an input that serves as a random cotangent: a loss of all ones cancels through a softmax or a norm.
"""

from . import (
    attentions,
    conditions,
    elementary,
    embeddings,
    gathers,
    heads,
    layers,
    losses,
    norms,
    recurrent,
    reshapes,
    states,
    sums,
    windows,
)
from .table import PROGRAMS

__all__ = [
    "PROGRAMS",
    "attentions",
    "conditions",
    "elementary",
    "embeddings",
    "gathers",
    "heads",
    "layers",
    "losses",
    "norms",
    "recurrent",
    "reshapes",
    "states",
    "sums",
    "windows",
]

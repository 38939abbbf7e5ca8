"""What is timed: a model file at given sizes, and what trains it; everything plain, so that any process can read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..language.errors import DataError

UNNAMED = Path(__file__).with_name("unnamed_loss.py")
OWN = ""  # the `losses` of a model that nobody has written down for another system


@dataclass(frozen=True)
class Case:
    """A model and its training.

    `losses` names the function that the peers' modules have for the model, `sizes` are those beside the batch's,
    `settings` the constants of the optimizer, where they are not its usual ones.  With `whole_loop` a peer may compile
    many steps into one call, as ours always does; without it a peer is called a step at a time.
    """

    name: str
    path: str
    losses: str
    sizes: Mapping[str, int]
    batch: int
    optimizer: str = "sgd"
    rate: float = 0.1
    settings: Mapping[str, float] = field(default_factory=dict)
    weight_decay: Mapping[str, float] = field(default_factory=dict)
    clip: float | None = None
    dtype: str = "float32"
    whole_loop: bool = False

    @property
    def own(self) -> bool:
        """Whether it is a model file of the user's, not one of the table."""
        return self.losses == OWN


def examples() -> Path:
    """The folder of the model files: beside the package in a clone, else in the current folder."""
    for folder in (Path(__file__).parents[2] / "examples", Path("examples").resolve()):
        if (folder / "concat_lm.py").is_file():
            return folder
    raise DataError(
        "the cases are the models of the repository's examples/, which is neither beside the package nor here; run "
        "`symgrad bench` in a clone, or give a model file of your own: symgrad bench MODEL.py --size V=1000"
    )


def of(model: str, sizes: str, batch: int, optimizer: str = "sgd", rate: float = 0.1, **more: object) -> Case:
    """`of("concat_lm", "V=1000 H=50", 32)`: the example at these sizes, named after them."""
    path = UNNAMED if model == "unnamed_loss" else examples() / f"{model}.py"
    pairs = (pair.split("=") for pair in sizes.split())
    named = " ".join(filter(None, (model, sizes, f"B={batch}", optimizer)))
    return Case(named, str(path), model, {n: int(v) for n, v in pairs}, batch, optimizer, rate, **more)


def scalar(name: str, whole_loop: bool) -> Case:
    path = str(examples() / "scalar_tanh.py")
    return Case(f"scalar_tanh {name} sgd", path, "scalar_tanh", {}, 1, whole_loop=whole_loop)


def table() -> tuple[Case, ...]:
    """Every case.  Raises DataError where the examples are not at hand."""
    large, small = "V=16383 N=4 D=60 H=50", "V=1000 N=4 D=30 H=50"
    letters = {"optimizer": "adam", "clip": 1.0}
    return (
        of("concat_lm", large, 256),
        of("concat_lm", large, 32),
        of("concat_lm", large, 256, "adam", 1e-3),
        of("concat_lm", large, 256, "adafactor", 1e-2),
        of("bengio2003", "V=17905 N=4 M=30 J=100", 512, "adam", 1e-3),
        of("unnamed_loss", large, 256),
        of("concat_lm", small, 32),
        of("makemore_mlp", "V=27 N=3 D=10 H=200", 32),
        scalar("a step at a time", whole_loop=False),
        scalar("the whole loop", whole_loop=True),
        of("rnn_lm", "V=96 T=64 D=32 H=256", 32, rate=0.002, **letters),
        of("lstm_lm", "V=96 T=64 D=32 H=256", 32, rate=0.004, **letters),
        of("transformer_lm", "V=96 T=64 N=2 D=64 K=4 E=16 F=256", 32, rate=0.002, **letters),
    )


def chosen(word: str) -> tuple[Case, ...]:
    """The cases whose name has the word.  Raises DataError where none has."""
    cases = table()
    found = tuple(case for case in cases if word in case.name)
    if not found:
        names = "\n  ".join(case.name for case in cases)
        raise DataError(f"no case has {word!r} in its name; give a part of one of these, or a model file:\n  {names}")
    return found

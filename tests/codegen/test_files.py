"""A generated file on disk, written whole or not at all; what generates none; loops that stay inside their arrays."""

from __future__ import annotations

import os
import re
import signal
from dataclasses import replace
from pathlib import Path

import numba
import numpy as np
import pytest

from symgrad.codegen.emitted import Emitted, Generated
from symgrad.language.errors import DataError, DeclarationError, EmissionError
from symgrad.language.model import Model
from symgrad.language.optimizers import SGD, Adam
from symgrad.language.surface import axes, mean, total
from symgrad.pipeline import generate

from .models import MODELS
from .running import plain, step_errors, wrong

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def generated() -> Generated:
    return generate(MODELS["concat_lm"](), Adam(), "float32")


# -- what a person sees of it -----------------------------------------------------------------------------------------


def test_print_shows_the_text_and_a_notebook_one_line(generated: Generated) -> None:
    assert str(generated) == generated.source
    lines = len(generated.source.splitlines())
    assert repr(generated) == f"<Generated concat_lm_adam_float32.py: {lines} lines, gradients of C, W1, W2>"
    assert repr(plain(generated)) == "<Emitted concat_lm_adam_float32: loss, gradients, chunk, mean_loss in float32>"


# -- writing -----------------------------------------------------------------------------------------------------------


def test_written_once_and_left_alone(generated: Generated, tmp_path: Path) -> None:
    path = generated.write(tmp_path / "new")
    assert path.read_text() == generated.source
    os.utime(path, (1, 1))
    assert generated.write(tmp_path / "new") == path
    assert path.stat().st_mtime == 1, "an unchanged file is written again, and its compile cache is lost"
    other = replace(generated, source=generated.source + "\n")
    assert other.write(tmp_path / "new").read_text() == other.source
    assert path.stat().st_mode & 0o777 == 0o644


def test_a_failed_write_leaves_the_old_file(
    generated: Generated, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = generated.write(tmp_path)

    def fails(source: object, target: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os, "replace", fails)
    with pytest.raises(DataError, match=r"cannot be written \(no space left\)"):
        replace(generated, source="half").write(tmp_path)
    assert path.read_text() == generated.source
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


# -- what is taken -----------------------------------------------------------------------------------------------------


@pytest.fixture
def emitted(generated: Generated) -> Emitted:
    return plain(generated)


class Call:
    """The arguments of one chunk of two steps."""

    def __init__(self) -> None:
        shapes = {"C": (7, 4), "W1": (5, 2, 4), "W2": (7, 5)}
        self.parameters = {name: np.ones(shape, np.float32) for name, shape in shapes.items()}
        self.states = {f"{s}_{n}": np.zeros(shape, np.float32) for n, shape in shapes.items() for s in "mv"}
        self.data = {"x": np.zeros((6, 2), np.int64), "y": np.zeros(6, np.int32)}
        self.settings = {name: np.full(2, 0.1) for name in ("lr", "beta1", "beta2", "eps", "t")}
        self.order, self.losses = np.arange(6).reshape(2, 3), np.zeros(2)

    def on(self, emitted: Emitted) -> int:
        return emitted.chunk(self.order, self.settings, self.data, self.parameters, self.states, self.losses)


def test_what_is_right_is_taken(emitted: Emitted) -> None:
    call = Call()
    call.data["x"] = np.asfortranarray(call.data["x"])  # what is only read is copied where it must be
    assert call.on(emitted) == 2
    assert call.losses[0] == pytest.approx(np.log(7), rel=1e-6)


def test_an_empty_chunk_does_nothing(emitted: Emitted) -> None:
    call = Call()
    call.order, call.losses = np.zeros((0, 3), np.int64), np.zeros(0)
    call.settings = {name: np.zeros(0) for name in call.settings}
    assert call.on(emitted) == 0
    assert all((value == 1).all() for value in call.parameters.values())


def test_a_size_that_no_array_has_is_refused() -> None:
    model = Model("m")
    i, j = axes("i:H j:J")
    w = model.parameters(w=(i,))
    model.minimize("L", mean(w[i] ** 2, i) + total(w[0], j))
    with pytest.raises(DeclarationError, match="size J is the length of no array"):
        generate(model)


def test_a_loss_that_reads_what_only_a_step_is_given_is_refused() -> None:
    model = Model("m")
    i = axes("i:H")
    w = model.parameters(w=(i,))
    r = model.settings("r")
    model.minimize("L", total(w[i] ** 2 * r, i))
    message = r"m: L = r \* sum_i w\[i\]\*\*2 reads the setting r, .*; declare r as an input"
    with pytest.raises(DeclarationError, match=message):
        generate(model)


def test_functions_of_different_dtypes_have_different_names() -> None:
    """Both files may be loaded in one process, and the linker knows functions by their names alone."""
    model = Model("linear")
    b, i = axes("b:B i:H")
    w = model.parameters(w=(i,))
    X, y = model.inputs(X=(b, i), y=(b,))
    model.minimize("L", mean((y[b] - total(w[i] * X[b, i], i)) ** 2, b))
    sources = [generate(model, SGD(), dtype, schedule="rows").source for dtype in ("float32", "float64")]
    digests = {re.search(r'DIGEST = "(\w+)"', source).group(1) for source in sources}
    assert len(digests) == 2


# -- what does not compile ---------------------------------------------------------------------------------------------

BROKEN = {  # what is put in place of what -> function that fails, what is said of it
    "no such function": (("return 0.5", "return sinus(0.5)"), ["Numba cannot compile `loss` of", "sinus"]),
    "no Python": (("return 0.5", "return 0.5 +"), ["does not load", "SyntaxError: .*line 5"]),
    "a type that has no such method": (("return 0.5", "return w.sinus()"), ["`loss` of", "sinus"]),
}
SMALL = """from numba import njit

@njit
def loss(w):
    return 0.5
"""


@pytest.mark.parametrize(("change", "said"), BROKEN.values(), ids=BROKEN)
def test_a_file_that_does_not_compile_is_named(change: tuple[str, str], said: list[str], tmp_path: Path) -> None:
    model = Model("small")
    w = model.parameters(w=())
    model.minimize("L", w**2)
    broken = replace(generate(model), source=SMALL.replace(*change))
    with pytest.raises(EmissionError) as error:
        broken.load(tmp_path).loss({}, {"w": np.zeros((), np.float32)})
    path = tmp_path / "small_sgd_float32.py"
    for words in [str(path), "report it", *said]:
        assert re.search(words, str(error.value), re.DOTALL), error.value
    assert "Traceback" not in str(error.value)


def test_an_error_of_the_code_itself_is_not_hidden(tmp_path: Path) -> None:
    model = Model("small")
    w = model.parameters(w=())
    model.minimize("L", w**2)
    raising = replace(generate(model), source=SMALL.replace("return 0.5", "raise ValueError(w)"))
    with pytest.raises(ValueError):
        raising.load(tmp_path).loss({}, {"w": np.zeros((), np.float32)})


SWALLOWING = """import signal

from numba import njit


@njit
def compiled(w):
    return {}


def loss(w):
    try:
        signal.raise_signal(signal.SIGINT)  # as below a callback of LLVM, which drops what Python raises there
    except KeyboardInterrupt:
        return compiled(w)
"""


@pytest.mark.parametrize("end", ["0.5", "sinus(0.5)"], ids=["the compiler goes on", "the compiler fails"])
def test_an_interrupt_that_the_compiler_drops_is_raised(end: str, tmp_path: Path) -> None:
    model = Model("small")
    w = model.parameters(w=())
    model.minimize("L", w**2)
    emitted = replace(generate(model), source=SWALLOWING.format(end)).load(tmp_path)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
    try:
        with pytest.raises(KeyboardInterrupt):
            emitted.loss({}, {"w": np.zeros((), np.float32)})
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)


# -- inside the bounds -------------------------------------------------------------------------------------------------


def test_no_loop_leaves_its_arrays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Numba raises IndexError where its bounds check is on."""
    monkeypatch.setattr(numba.config, "BOUNDSCHECK", 1)
    emitted = generate(MODELS["concat_lm"](), SGD(), "float64").load(tmp_path)
    for sizes in ({"B": 3, "N": 2, "D": 4, "H": 5, "V": 7}, {"B": 1, "N": 1, "D": 1, "H": 1, "V": 1}):
        assert not wrong(step_errors(emitted, sizes, 2), 1e-10)

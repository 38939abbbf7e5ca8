"""What an emitted function is given: every wrong array is refused by name, before compiled code is reached."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest
from sympy import log

from symgrad.codegen.emitted import Emitted
from symgrad.language.errors import DataError
from symgrad.language.model import Model
from symgrad.language.optimizers import Adam
from symgrad.language.program import Program
from symgrad.language.surface import axes, mean, softmax, total
from symgrad.pipeline import generate

B, D, V, ROWS, STEPS = 3, 4, 5, 6, 2
FUNCTIONS = ("loss", "evaluation_loss", "gradients", "mean_loss", "chunk")
ON_ROWS = ("mean_loss", "chunk")  # they are given all rows of the data


def classifier(weights: str) -> Program:
    """Weighted cross-entropy, with a weight for each example or, without a batch axis, for each class."""
    model = Model("weighted")
    b, d, v = axes("b:B d:D v:V")
    W, s = model.parameters(W=(v, d), s=())
    X, y = model.inputs(X=(b, d)), model.tokens(y=(b,), vocabulary=v)
    c = model.inputs(c=(b if weights == "examples" else v,))
    p = model.define("p", (b, v), softmax(s * total(W[v, d] * X[b, d], d), v))
    weight = c[b] if weights == "examples" else c[y[b]]
    model.minimize("L", mean(-weight * log(p[b, y[b]]), b))
    return model.program


class Reached(Exception):
    """The arguments went through."""


def reached(*arguments: object) -> float:
    raise Reached(*arguments)


def reached_on_threads(*arguments: object, threads: int = 1) -> float:
    raise Reached(*arguments)


@pytest.fixture(scope="module")
def emitted() -> dict[str, Emitted]:
    """By what carries the weights; each function of the file only says that it was reached."""
    module = ModuleType("reached")
    for name in ("loss", "evaluation_loss", "gradients", "mean_loss"):
        setattr(module, name, reached)
    module.train_chunk = reached_on_threads
    return {w: generate(classifier(w), Adam()).with_module(module) for w in ("examples", "classes")}


class Call:
    """Right arguments of every function, to be spoilt; where classes are weighted, a row of the data is a batch."""

    def __init__(self, weights: str, function: str) -> None:
        self.function, rows = function, function in ON_ROWS
        front = ((ROWS,) if rows else (B,)) if weights == "examples" else (*((ROWS,) if rows else ()), B)
        c = front if weights == "examples" else (*front[:-1], V)
        self.data = {
            "X": np.ones((*front, D), np.float32), "y": np.ones(front, np.int32), "c": np.ones(c, np.float32),
        }  # fmt: skip
        self.parameters = {"W": np.ones((V, D), np.float32), "s": np.ones((), np.float32)}
        self.states = {f"{m}_{n}": np.zeros_like(array) for m in "mv" for n, array in self.parameters.items()}
        self.settings = {name: np.full(STEPS, 0.1) for name in ("lr", "beta1", "beta2", "eps", "t")}
        width = B if weights == "examples" else 1
        self.order, self.losses, self.threads = np.arange(STEPS * width).reshape(STEPS, width), np.zeros(STEPS), 1
        self.batch = 2

    def on(self, emitted: Emitted) -> object:
        if self.function == "chunk":
            return emitted.chunk(
                self.order, self.settings, self.data, self.parameters, self.states, self.losses, self.threads
            )
        last = (self.batch,) if self.function == "mean_loss" else ()
        return getattr(emitted, self.function)(self.data, self.parameters, *last)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("weights", ["examples", "classes"])
def test_what_is_right_goes_through(weights: str, function: str, emitted: dict[str, Emitted]) -> None:
    with pytest.raises(Reached):
        Call(weights, function).on(emitted[weights])


def put(of: str, name: str, value: Callable[[np.ndarray], object]) -> Callable[[Call], None]:
    def apply(call: Call) -> None:
        values = getattr(call, of)
        values[name] = value(values[name])

    return apply


def set_to(name: str, value: object) -> Callable[[Call], None]:
    return lambda call: setattr(call, name, value)


def frozen(array: np.ndarray) -> np.ndarray:
    array = array.copy()
    array.flags.writeable = False
    return array


EVERYWHERE = {
    "input without an axis": (put("data", "X", lambda a: a[..., 0]), r"input X has shape \(.*\), expected \(.*D"),
    "input with one more": (put("data", "X", lambda a: a[None]), r"input X has shape \(1, .*\), expected \(.*D"),
    "scalar input": (put("data", "c", lambda a: 1.0), r"input c has shape \(\), expected"),
    "input of another length": (
        put("data", "X", lambda a: a[..., :-1]), r"parameter W has shape \(5, 4\), expected \(V, D\) = .* D is 3"
    ),
    "empty input": (put("data", "X", lambda a: a[..., :0]), "D is 0 in input X, expected 1 or more"),
    "complex input": (put("data", "X", lambda a: a + 1j), "input X holds complex.*, expected real numbers"),
    "input of objects": (put("data", "X", lambda a: a.astype(object)), "input X holds object, expected real numbers"),
    "input of texts": (put("data", "c", lambda a: "c"), "input c holds <U1, expected real numbers"),
    "uneven input": (put("data", "X", lambda a: [[1.0], [1.0, 2.0]]), "input X is no array: .*"),
    "fewer targets": (put("data", "y", lambda a: a[..., :-1]), r"tokens y has shape .*, expected .* in input X"),
    "real targets": (put("data", "y", lambda a: a.astype(float)), "tokens y holds float64, expected integers"),
    "truth for targets": (put("data", "y", lambda a: a > 0), "tokens y holds bool, expected integers"),
    "target beyond the vocabulary": (put("data", "y", lambda a: a + V), "tokens y has ids from 6 to 6, .* 0 to 4"),
    "negative target": (put("data", "y", lambda a: a - 2), "tokens y has ids from -1 to -1, expected 0 to 4"),
    "target beyond all integers": (
        put("data", "y", lambda a: a.astype(np.uint64) + np.uint64(2**63)), "tokens y has ids from .*, expected 0 to 4"
    ),
    "missing input": (lambda call: call.data.pop("X"), "input X is missing; given are y, c"),
    "missing tokens": (lambda call: call.data.pop("y"), "tokens y is missing; given are X, c"),
    "unknown input": (lambda call: call.data.update(Z=1.0), "Z is given, but .* X, y, c; remove it or"),
    "parameter among the data": (lambda call: call.data.update(W=call.parameters["W"]), "W is given, but .* X, y, c"),
    "no names": (set_to("data", [1.0]), r"a list is given, expected \{name: array\} of X, y, c"),
    "parameter of another type": (
        put("parameters", "W", lambda a: a.astype(np.float64)), "parameter W is .*float64.*C-contiguous.*float32"
    ),
    "parameter of the other byte order": (
        put("parameters", "W", lambda a: a.astype(">f4")), "parameter W is .*>f4.*C-contiguous.*float32"
    ),
    "parameter in another order": (put("parameters", "W", np.asfortranarray), "parameter W is .*C-contiguous"),
    "every other entry": (
        put("parameters", "W", lambda a: np.ones((V, 2 * D), np.float32)[:, ::2]), "parameter W is .*C-contiguous"
    ),
    "list for a parameter": (put("parameters", "W", lambda a: a.tolist()), "parameter W is list"),
    "number for a parameter": (put("parameters", "s", float), "parameter s is float"),
    "parameter without an axis": (
        put("parameters", "W", lambda a: a[0].copy()), r"parameter W has shape \(4,\), expected \(V, D\)"
    ),
    "parameter with an axis": (
        put("parameters", "s", lambda a: a.reshape(1)), r"parameter s has shape \(1,\), expected \(\)"
    ),
    "parameter of another length": (
        put("parameters", "W", lambda a: np.ones((V, D + 1), np.float32)),
        r"parameter W has shape \(5, 5\), expected \(V, D\) = \(5, 4\).* D is 4 in input X",
    ),
    "missing parameter": (lambda call: call.parameters.pop("s"), "parameter s is missing; given are W"),
    "unknown parameter": (lambda call: call.parameters.update(U=1.0), "U is given, but .*W, s.*; remove it"),
}  # fmt: skip
OF_ROWS = {
    "no rows": (
        lambda call: call.data.update({name: array[:0] for name, array in call.data.items()}),
        ".* is 0 in .*, expected 1 or more",
    ),
}  # fmt: skip
OF_MEAN_LOSS = {
    "batch of none": (set_to("batch", 0), "batch is 0, expected a whole number of 1 or more"),
    "negative batch": (set_to("batch", -1), "batch is -1, expected a whole number"),
    "half a batch": (set_to("batch", 1.5), "batch is 1.5, expected a whole number"),
}  # fmt: skip
OF_CHUNK = {
    "order without an axis": (set_to("order", np.arange(STEPS)), r"order has shape \(2,\), expected \(steps, "),
    "order of numbers that are not whole": (
        lambda call: setattr(call, "order", call.order * 1.0), "order holds float64, expected integers"
    ),
    "batches of no rows": (
        lambda call: setattr(call, "order", np.zeros((STEPS, 0), np.int64)), r"order has shape \(2, 0\)"
    ),
    "row outside the data": (lambda call: setattr(call, "order", call.order + ROWS), ".*outside the data's 6 rows"),
    "negative row": (lambda call: setattr(call, "order", call.order - 1), ".*outside the data's 6 rows"),
    "missing setting": (lambda call: call.settings.pop("beta1"), "setting beta1 is missing; given are lr"),
    "unknown setting": (lambda call: call.settings.update(beta3=np.ones(STEPS)), "beta3 is given, but the settings"),
    "fewer rates than steps": (put("settings", "lr", lambda a: a[:1]), "setting lr has shape .*one number a step"),
    "complex rate": (put("settings", "lr", lambda a: a + 1j), "setting lr holds complex128, expected real numbers"),
    "fewer losses than steps": (set_to("losses", np.zeros(STEPS - 1)), "losses has shape"),
    "losses of another type": (set_to("losses", np.zeros(STEPS, np.float32)), "losses is .*float32.*float64"),
    "losses of whole numbers": (set_to("losses", np.zeros(STEPS, np.int64)), "losses is .*int64.*float64"),
    "list for the losses": (set_to("losses", [0.0, 0.0]), "losses is list"),
    "losses that cannot be written": (set_to("losses", frozen(np.zeros(STEPS))), "losses is .* writable"),
    "parameter that cannot be written": (put("parameters", "W", frozen), "parameter W is .* writable"),
    "state of another shape": (
        put("states", "m_W", lambda a: np.zeros((V, D + 1), np.float32)), r"state m_W has shape \(5, 5\)"
    ),
    "state of another type": (put("states", "v_W", lambda a: a.astype(np.float64)), "state v_W is .*float64"),
    "missing state": (lambda call: call.states.pop("v_s"), "state v_s is missing"),
    "unknown state": (lambda call: call.states.update(u_s=1.0), "u_s is given, but .*m_W"),
    "one array for two states": (
        lambda call: call.states.update(m_W=call.states["v_W"]), "state m_W and state v_W share memory, expected"
    ),
    "a part of an array for another": (
        lambda call: call.states.update(m_s=call.parameters["W"][0, 0:1].reshape(())), ".* share memory, expected"
    ),
    "no threads": (set_to("threads", 0), "threads is 0, expected a whole number from 1 to "),
    "half a thread": (set_to("threads", 0.5), "threads is 0.5, expected a whole number from 1 to "),
    "more threads than a machine has": (
        set_to("threads", 2**40), "threads is 1099511627776, expected a whole number from 1 to .* cores; give fewer"
    ),
}  # fmt: skip
CASES = [
    *((name, *case, function) for name, case in EVERYWHERE.items() for function in FUNCTIONS),
    *((name, *case, function) for name, case in OF_ROWS.items() for function in ON_ROWS),
    *((name, *case, "mean_loss") for name, case in OF_MEAN_LOSS.items()),
    *((name, *case, "chunk") for name, case in OF_CHUNK.items()),
]


@pytest.mark.parametrize("weights", ["examples", "classes"])
@pytest.mark.parametrize(
    ("name", "spoil", "message", "function"), CASES, ids=[f"{name}, {function}" for name, *_, function in CASES]
)
def test_refused(
    name: str, spoil: Callable[[Call], object], message: str, function: str, weights: str, emitted: dict[str, Emitted]
) -> None:
    call = Call(weights, function)
    spoil(call)
    with pytest.raises(DataError, match=f"^weighted: {message}"):
        call.on(emitted[weights])


def test_without_a_batch_axis_each_input_has_the_rows_in_front(emitted: dict[str, Emitted]) -> None:
    call = Call("classes", "chunk")
    call.data["c"] = np.ones(V, np.float32)
    message = (
        r"weighted: input c has shape \(5,\), expected \(rows of the data, V\): the inputs begin with different axes "
        r"\(X with B, y with B, c with V\), so a step reads one row, and every input has an axis of rows in front"
    )
    with pytest.raises(DataError, match=message):
        call.on(emitted["classes"])
    wide = Call("classes", "chunk")
    wide.order = np.zeros((STEPS, 2), np.int64)
    with pytest.raises(DataError, match=r"order has shape \(2, 2\), expected \(steps, 1\)"):
        wide.on(emitted["classes"])


def test_what_is_only_read_is_converted(emitted: dict[str, Emitted]) -> None:
    call = Call("examples", "chunk")
    call.data |= {"X": call.data["X"].astype(np.float64)[::-1], "y": call.data["y"].astype(np.uint64)}
    call.order = np.asfortranarray(call.order).tolist()
    with pytest.raises(Reached) as error:
        call.on(emitted["examples"])
    order, *rest = error.value.args
    X, y, c = (argument for argument in rest if np.shape(argument)[:1] == (ROWS,))
    assert [array.dtype for array in (order, X, y, c)] == [np.int64, np.float32, np.int32, np.float32]
    assert all(array.flags.c_contiguous for array in (order, X, y, c))

"""Running what was emitted: compiled, or as the plain Python that it is, with NumPy in the place of BLAS."""

from __future__ import annotations

import ctypes
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace
from unittest import mock

import numpy as np

from symgrad.calculus.reverse import Gradients
from symgrad.checking.emitted_check import arranged
from symgrad.checking.interpreter import evaluate
from symgrad.checking.points import point
from symgrad.checking.step_check import starting_point
from symgrad.codegen.emitted import Emitted, Generated

Sizes = Mapping[str, int]


# -- without compiling -------------------------------------------------------------------------------------------------


def plain(generated: Generated) -> Emitted:
    """The file executed by Python itself: the same text, thousands of times slower, ready at once."""
    module = ModuleType(generated.name)
    with numba_replaced():
        exec(compile(generated.source, f"{generated.name}.py", "exec"), vars(module))
    if hasattr(module, "product"):
        module.product = product
    for name in ("exp", "expm1", "sinh", "cosh"):  # Python's raise where they overflow
        if getattr(module, name, None) is getattr(math, name):
            setattr(module, name, getattr(np, name))
    if hasattr(module, "parts_for"):
        module.parts_for = lambda work, threads: threads  # however little there is to do
    if hasattr(module, "draw_mask"):
        module.draw_mask = np.errstate(over="ignore")(module.draw_mask)  # 64-bit products are meant to wrap
    return generated.with_module(module)


@contextmanager
def numba_replaced() -> Iterator[None]:
    """`from numba import njit, types` gives a decorator that does nothing, and types that mean nothing."""
    numba, llvmlite, linked = ModuleType("numba"), ModuleType("llvmlite"), Linked()
    numba.njit = as_it_is
    numba.prange, numba.get_num_threads = range, lambda: 1
    numba.types = linked
    numba.cfunc = linked.cfunc
    numba.carray = carray
    llvmlite.binding = linked
    with mock.patch.dict(sys.modules, {"numba": numba, "llvmlite": llvmlite}):
        yield


class Linked:
    """Stands for Numba's types and for the linker: functions "compiled for C" are found by the names given to them."""

    def __init__(self) -> None:
        self.functions: list[Callable] = []
        self.symbols: dict[str, Callable] = {}

    def __getattr__(self, name: str) -> Anything:
        return Anything()

    class CPointer:
        def __init__(self, to: object) -> None:
            pass

    def cfunc(self, signature: object, **options: object) -> Callable:
        def decorated(function: Callable) -> Callable:
            self.functions.append(function)
            return SimpleNamespace(address=len(self.functions) - 1)

        return decorated

    def add_symbol(self, name: str, address: int) -> None:
        self.symbols[name] = self.functions[address]

    def ExternalFunction(self, name: str, signature: object) -> Callable:
        return lambda *arguments: self.symbols[name](*arguments)


def carray(address: int, shape: tuple[int, ...], dtype: type) -> np.ndarray:
    """The array at an address."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    return np.ndarray(shape, dtype, (ctypes.c_char * size).from_address(int(address)))


def as_it_is(function: Callable | None = None, **options: object) -> Callable:
    return function if function is not None else as_it_is


class Anything:
    args = ()  # of a signature

    def __getattr__(self, name: str) -> Callable[..., Anything]:
        return lambda *arguments: self

    def __call__(self, *arguments: object) -> Anything:
        return self


def product(left, left_as, right, right_as, alpha, beta, out) -> None:
    """out = alpha * left @ right + beta * out; into memory, as BLAS does, so that a reshaped copy would show."""
    assert all(array.ndim == 2 and array.strides[1] == array.itemsize for array in (left, right, out) if array.size > 1)
    left, right = (m.T if stored == ord("t") else m for m, stored in ((left, left_as), (right, right_as)))
    made = alpha * (left @ right)
    out[...] = made if beta == 0 else made + beta * out


# -- what it must give -------------------------------------------------------------------------------------------------


def gradient_errors(gradients: Gradients, emitted: Emitted, sizes: Sizes, seed: int = 0) -> dict[str, float]:
    """The error of `loss`, of the loss that `gradients` returns, and of each gradient, against the interpreter.

    `gradients` are by everything that `emitted.differentiated` names.
    """
    at = point(gradients.program, sizes, seed)
    made = evaluate(gradients.program, at.values, at.sizes)
    batch, parameters = arranged(gradients.program, at.values, emitted.dtype)
    before = {name: value.copy() for name, value in parameters.items()}
    loss, found = emitted.gradients(batch, parameters)
    expected = made[gradients.program.outputs[0]]  # a loss near 0 is what terms of about 1 leave
    errors = {"loss": relative(emitted.loss(batch, parameters), expected, 1.0), "again": relative(loss, expected, 1.0)}
    for name in emitted.differentiated:
        adjoint = made[gradients.adjoints[name]]
        cancelled = largest(adjoint) < 1e-12  # where a vocabulary has one word: 0 is what terms of about 1 leave
        errors[f"d{name}"] = relative(found[name], adjoint, 1.0 if cancelled else 0.0)
    assert all((parameters[name] == before[name]).all() for name in parameters), "gradients change a parameter"
    return errors


def step_errors(emitted: Emitted, sizes: Sizes, steps: int, seed: int = 0, threads: int = 1) -> dict[str, float]:
    """The error of each parameter and state after some steps, and of the losses, against the interpreter.

    It is relative to the size of the update, or to what rounding the numbers themselves leaves where that is more.
    """
    start, expected, expected_losses = starting_point(emitted.program, sizes, steps, emitted.dtype, seed)
    found = {name: value.copy() for name, value in (start.parameters | start.states).items()}
    losses = np.full(steps, np.nan)
    data = {name: value.copy() for name, value in start.data.items()}
    parameters = {t.name: found[t.name] for t in emitted.parameters}
    states = {t.name: found[t.name] for t in emitted.states}
    assert emitted.chunk(start.order, start.settings, data, parameters, states, losses, threads) == steps
    assert all((data[name] == start.data[name]).all() for name in data), "a step changes its data"
    errors = {"losses": relative(losses, expected_losses, 1.0)}
    for name, before in (start.parameters | start.states).items():
        scale = largest(expected[name] - before) + 1e-2 * largest(expected[name])
        errors[name] = relative(found[name], expected[name], scale)
    return errors


def relative(found: np.ndarray | float, expected: np.ndarray | float, scale: float = 0.0) -> float:
    """max|found - expected| over the largest of |expected|, the scale and 1e-3; nan and infinity are wrong."""
    if np.shape(found) != np.shape(expected):
        return np.inf
    error = largest(np.asarray(found, dtype=np.float64) - expected) / max(scale, largest(expected), 1e-3)
    return error if np.isfinite(error) else np.inf


def largest(array: np.ndarray | float) -> float:
    return float(np.max(np.abs(array), initial=0.0))


def wrong(errors: Mapping[str, float], tolerance: float) -> dict[str, float]:
    return {name: error for name, error in errors.items() if not error <= tolerance}

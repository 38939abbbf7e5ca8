"""Running what was emitted: compiled, or as the plain Python that it is, with NumPy in the place of BLAS."""

from __future__ import annotations

import ctypes
import math
import operator
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
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
    for name, stand_in in (("product", partial(product, module.real)), ("address", address), ("pointer", int)):
        if hasattr(module, name):
            setattr(module, name, stand_in)
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
    core, extending = ModuleType("numba.core"), ModuleType("numba.extending")
    numba.njit = as_it_is
    numba.prange, numba.get_num_threads = range, lambda: 1
    numba.types = linked
    numba.cfunc = linked.cfunc
    numba.carray = carray
    llvmlite.binding = linked
    core.cgutils, extending.intrinsic = None, as_it_is
    modules = {module.__name__: module for module in (numba, core, extending, llvmlite)}
    with mock.patch.dict(sys.modules, modules):
        yield


class Linked:
    """Stands for Numba's types and for the linker: functions "compiled for C" are found by the names given to them."""

    def __init__(self) -> None:
        self.functions: list[Callable] = []
        self.symbols: dict[str, Callable] = {}

    def __getattr__(self, name: str) -> Anything:
        return Anything()

    uintp = "uintp"

    class CPointer:
        def __init__(self, to: object) -> None:
            self.to = to

    def cfunc(self, signature: Anything, **options: object) -> Callable:
        """What is called with an address for a table of addresses, as C is, gets the table."""
        tables = [isinstance(kind, self.CPointer) and kind.to == self.uintp for kind in signature.args]
        addresses = ctypes.POINTER(ctypes.c_size_t)

        def decorated(function: Callable) -> Callable:
            def called(*arguments: object) -> object:
                given = zip(arguments, tables, strict=True)
                return function(*(ctypes.cast(a, addresses) if table else a for a, table in given))

            self.functions.append(called)
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
    """A type or a function; what it gives is as little, and knows its arguments, as a signature does."""

    def __init__(self, args: tuple[object, ...] = ()) -> None:
        self.args = args

    def __getattr__(self, name: str) -> Anything:
        return Anything()

    def __call__(self, *arguments: object) -> Anything:
        return Anything(arguments)


class Address(int):
    """It knows its array."""

    array: np.ndarray


def address(array: np.ndarray, *place: int) -> Address:
    assert array.flags.c_contiguous
    found = Address(array.ctypes.data + sum(map(operator.mul, place, array.strides)))
    found.array = array
    return found


def product(dtype: type, sizes, left, right, alpha: float, beta: float, out) -> None:
    """out = alpha * left @ right + beta * out; into memory, as BLAS does."""
    rows, columns, inner = sizes
    left, right = operand(dtype, *left, rows, inner), operand(dtype, *right, inner, columns)
    out = matrix(dtype, *out, rows, columns)
    made = alpha * (left @ right)
    out[...] = made if beta == 0 else made + beta * out


def operand(dtype: type, at: int, length: int, stored: int, rows: int, columns: int) -> np.ndarray:
    if stored == ord("t"):
        return matrix(dtype, at, length, columns, rows).T
    return matrix(dtype, at, length, rows, columns)


def matrix(dtype: type, at: Address, length: int, rows: int, columns: int) -> np.ndarray:
    """The matrix that begins at an address, with its rows so far apart."""
    start = (at - at.array.ctypes.data) // at.array.itemsize
    if not rows:  # of a part that has none
        return np.empty((rows, columns), dtype)
    if columns > length or not 0 <= start <= start + (rows - 1) * length + columns <= at.array.size:
        raise IndexError(f"{rows} rows of {columns} numbers, {length} apart, go beyond an array {at.array.shape}")
    assert at.array.dtype == dtype
    return np.lib.stride_tricks.as_strided(
        at.array.reshape(-1)[start:], (rows, columns), (length * at.array.itemsize, at.array.itemsize)
    )


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

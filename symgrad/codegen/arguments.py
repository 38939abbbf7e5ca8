"""Arrays by name -> the arguments of an emitted function, checked: its loops read out of bounds without a word.

What is only read is converted where that changes no meaning: real numbers to the file's type, any order in memory to
C's.  What is kept (parameters and states) has to be as compiled code needs it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from ..language.batch import batch_axis, why_no_batch
from ..language.errors import DataError
from ..language.machine import cores
from ..language.notation import text
from ..language.program import Program, Role, Tensor
from ..language.sizes import Divisors, refuse_vanishing, solved, unknown_sizes
from ..language.terms import Add, Call, Const, Mul, Size, Term

Values = Mapping[str, np.ndarray]
Arrays = list[tuple[Tensor, np.ndarray]]
MOST_THREADS = 64  # more than the cores too: a run from elsewhere is repeated to the bit, its parts one after another
ROWS = "rows of the data"  # the size of the first axis of every input, where a function is given all rows at once


@dataclass(frozen=True)
class Form:
    """What a function of the file computes: the tensors that it is given and those that are kept, in its order.

    `divisors` are those formulas of sizes that must not be 0; `changes`: what is kept is changed in place.
    """

    given: tuple[Tensor, ...]
    kept: tuple[Tensor, ...]
    divisors: Divisors
    changes: bool = False


@dataclass(frozen=True)
class Arguments:
    """The checks before the functions of a file that computes the step `program` in `dtype`.

    Whatever is wrong raises DataError with its name, what was expected, what came and what to do.
    """

    program: Program
    dtype: str

    @cached_property
    def batch_size(self) -> str | None:
        """The name of the batch axis's size; None where the model reads one example at a time."""
        return batch_axis(self.program)

    @cached_property
    def inputs(self) -> tuple[Tensor, ...]:
        return tuple(self.program.with_role(Role.INPUT, Role.TOKENS))

    def of_batch(self, form: Form, given: Values, kept: Values) -> list[np.ndarray | float]:
        """What a function of one batch is called with; scalar inputs are numbers."""
        arrays = self.arrays(form, given, kept, rows=False)
        self.check_sizes(form, arrays, None, rows=False)
        return [array if array.ndim or tensor not in self.inputs else array.item() for tensor, array in ready(arrays)]

    def of_rows(self, form: Form, given: Values, kept: Values, batch: object) -> list[np.ndarray | int]:
        """What `mean_loss` is called with: all rows of the data, `batch` at a time, at last those that are left."""
        batch = self.whole("batch", batch)
        arrays = self.arrays(form, given, kept, rows=True)
        rows = self.rows(arrays)
        for length in sorted({min(batch, rows), rows % batch} - {0}) or [0]:
            self.check_sizes(form, arrays, ("batch", length), rows=True)
        return [*(array for _, array in ready(arrays)), batch]

    def of_chunk(
        self, form: Form, order: object, settings: Values, given: Values, kept: Values, losses: object
    ) -> list[np.ndarray]:
        """What `train_chunk` is called with: all rows of the data, of which step k takes those of order[k]."""
        order = self.order(order)
        rates = self.rates(settings, len(order))
        self.check_in_place("losses", losses, "float64")
        self.check_one_a_step("losses", losses, len(order))
        arrays = self.arrays(form, given, kept, rows=True)
        rows = self.rows(arrays)
        self.check_sizes(form, arrays, ("order", order.shape[1]), rows=True)
        self.check_apart({"losses": losses, **{named(t): array for t, array in arrays if t in form.kept}})
        if self.inputs and order.size and (order.min() < 0 or order.max() >= rows):
            raise self.error(
                f"order has row numbers from {order.min()} to {order.max()}, which are outside the data's {rows} rows; "
                f"expected 0 to {rows - 1}"
            )
        order = np.ascontiguousarray(order, dtype=np.int64)
        return [order, *rates, *(array for _, array in ready(arrays)), losses]

    # -- arrays one by one -----------------------------------------------------------------------------------------

    def arrays(self, form: Form, given: Values, kept: Values, rows: bool) -> Arrays:
        """What a form takes, each of the right kind and with as many axes as it should have."""
        self.check_names(given, "the inputs are", Role.INPUT, Role.TOKENS, Role.MASK)
        self.check_names(kept, "the parameters and states are", Role.PARAMETER, Role.STATE)
        arrays = [(tensor, self.read(tensor, given)) for tensor in form.given]
        arrays += [(tensor, self.kept(tensor, kept, form.changes)) for tensor in form.kept]
        for tensor, array in arrays:
            shape = self.shape(tensor, rows)
            if array.ndim != len(shape):
                raise self.error(
                    f"{named(tensor)} has shape {array.shape}, expected {listed(shape)}{self.advice(tensor, rows)}"
                )
        return arrays

    def check_names(self, values: object, known_are: str, *roles: Role) -> None:
        names = [tensor.name for tensor in self.program.with_role(*roles)]
        known = ", ".join(names) or "none"
        if not isinstance(values, Mapping):
            raise self.error(f"a {type(values).__name__} is given, expected {{name: array}} of {known}")
        for name in values:
            if name not in names:
                raise self.error(f"{name} is given, but {known_are} {known}; remove it or correct its name")

    def value(self, tensor: Tensor, values: Values) -> object:
        if tensor.name not in values:
            raise self.error(f"{named(tensor)} is missing; given are {', '.join(values) or 'none'}; add it")
        return values[tensor.name]

    def read(self, tensor: Tensor, values: Values) -> np.ndarray:
        """What is only read: integers for tokens, otherwise numbers in the file's type, copied where it must be."""
        name, value = named(tensor), self.value(tensor, values)
        return self.integers(name, value) if tensor.role is Role.TOKENS else self.reals(name, value, self.dtype)

    def kept(self, tensor: Tensor, values: Values, changes: bool) -> np.ndarray:
        value = self.value(tensor, values)
        check = self.check_in_place if changes else self.check_as_it_is
        check(named(tensor), value, self.dtype)
        return value

    def integers(self, name: str, value: object) -> np.ndarray:
        array = self.array(name, value)
        if array.dtype.kind not in "iu":
            raise self.error(f"{name} holds {array.dtype}, expected integers; convert it with .astype(np.int32)")
        return array

    def reals(self, name: str, value: object, dtype: str) -> np.ndarray:
        array = self.array(name, value)
        if array.dtype.kind not in "fiub":
            raise self.error(f"{name} holds {array.dtype}, expected real numbers; convert it to {dtype}")
        return np.asarray(array, dtype=dtype, order="C")

    def array(self, name: str, value: object) -> np.ndarray:
        try:
            return np.asarray(value)
        except (ValueError, TypeError) as error:
            raise self.error(f"{name} is no array: {error}") from None

    def check_in_place(self, name: str, value: object, dtype: str) -> None:
        self.check_as_it_is(name, value, dtype)
        if not value.flags.writeable:
            raise self.error(f"{name} is read-only, expected a writable array, as it is changed in place; copy it")

    def check_as_it_is(self, name: str, value: object, dtype: str) -> None:
        if type(value) is np.ndarray and value.dtype == np.dtype(dtype) and value.flags.c_contiguous:
            return
        held = f" of {value.dtype}" if isinstance(value, np.ndarray | np.generic) else ""
        raise self.error(
            f"{name} is {type(value).__name__}{held}, expected a C-contiguous array of {dtype}; convert it with "
            f'np.array(..., dtype="{dtype}", order="C")'
        )

    def check_apart(self, changed: Mapping[str, np.ndarray]) -> None:
        """No two arrays that are changed in place share memory; they are C-contiguous."""
        spans = sorted((array.ctypes.data, array.nbytes, name) for name, array in changed.items())
        for (start, length, name), (following, _, other) in pairwise(spans):
            if following < start + length:
                one, two = sorted((name, other))
                raise self.error(
                    f"{one} and {two} share memory, expected an array for each, as they are changed in place; copy one"
                )

    # -- their sizes -----------------------------------------------------------------------------------------------

    def shape(self, tensor: Tensor, rows: bool) -> tuple[Term, ...]:
        """A tensor's shape; with `rows`, inputs carry all rows of the data: in place of the batch, or in front."""
        if not rows or tensor not in self.inputs:
            return tensor.shape
        return Size(ROWS), *(tensor.shape if self.batch_size is None else tensor.shape[1:])

    def rows(self, arrays: Arrays) -> int:
        return len(arrays[0][1]) if self.inputs else 1

    def check_sizes(self, form: Form, arrays: Arrays, batch: tuple[str, int] | None, rows: bool) -> None:
        """Every axis as long as the others say, every id in its vocabulary, no division by 0.

        `batch` is the length of the batch and what gives it, where no array does.
        """
        sizes: dict[str, int] = {}
        seen: dict[str, str] = {}
        if batch is not None and self.batch_size is not None:
            where, sizes[self.batch_size] = batch
            seen[self.batch_size] = f"in {where}"
        lengths = [
            (extent, length, tensor)
            for tensor, array in arrays
            for extent, length in zip(self.shape(tensor, rows), array.shape, strict=True)
        ]
        while found := next(filter(None, (self.found(*length, sizes) for length in lengths)), None):
            name, sizes[name], seen[name] = found
        for name, size in sizes.items():
            if size < 1:
                raise self.error(f"{name} is {size} {seen[name]}, expected 1 or more; give at least one")
        for tensor, array in arrays:
            shape = self.shape(tensor, rows)
            expected = tuple(size_value(extent, sizes) for extent in shape)
            if array.shape != expected:
                wrong = [extent for extent, *two in zip(shape, array.shape, expected, strict=True) if len({*two}) > 1]
                names = dict.fromkeys(n.name for extent in wrong for n in extent.walk() if isinstance(n, Size))
                where = ", ".join(f"{name} is {sizes[name]} {seen[name]}" for name in names)
                raise self.error(
                    f"{named(tensor)} has shape {array.shape}, expected {listed(shape)} = {expected}"
                    f"{f', as {where}' if where else ''}; make them agree"
                )
            self.check_ids(tensor, array, sizes)
        refuse_vanishing(form.divisors, sizes, self.program.name)

    @staticmethod
    def found(extent: Term, length: int, tensor: Tensor, sizes: Mapping[str, int]) -> tuple[str, int, str] | None:
        """(name, size, where it was found) of the only size that `extent = length` leaves unknown."""
        result = solved(extent, Const(length), sizes)
        return result and (result[0], size_value(result[1], sizes), f"in {named(tensor)}")

    def check_ids(self, tensor: Tensor, value: np.ndarray, sizes: Mapping[str, int]) -> None:
        if tensor.role is not Role.TOKENS or not value.size:
            return
        # A vocabulary that is the length of no array bounds no array's index either.
        below = None if unknown_sizes(tensor.vocabulary, sizes) else size_value(tensor.vocabulary, sizes)
        if value.min() < 0 or (below is not None and value.max() >= below):
            expected = f"0 to {below - 1}" if below is not None else "none below 0"
            raise self.error(
                f"{named(tensor)} has ids from {value.min()} to {value.max()}, expected {expected}; mend them, or give "
                "tables with a larger vocabulary"
            )

    # -- what belongs to steps -------------------------------------------------------------------------------------

    def order(self, value: object) -> np.ndarray:
        order = self.integers("order", value)
        width = "rows of a batch" if self.batch_size is not None else "1"
        if order.ndim != 2 or order.shape[1] < 1 or (self.batch_size is None and order.shape[1] != 1):
            raise self.error(f"order has shape {order.shape}, expected (steps, {width}); reshape it")
        return order

    def rates(self, settings: Values, steps: int) -> list[np.ndarray]:
        """The settings of each step, in the order of the file."""
        tensors = self.program.with_role(Role.SETTING)
        self.check_names(settings, "the settings are", Role.SETTING)
        rates = [self.reals(named(tensor), self.value(tensor, settings), "float64") for tensor in tensors]
        for tensor, rate in zip(tensors, rates, strict=True):
            self.check_one_a_step(named(tensor), rate, steps)
        return rates

    def check_one_a_step(self, name: str, array: np.ndarray, steps: int) -> None:
        if array.shape != (steps,):
            raise self.error(f"{name} has shape {array.shape}, expected one number a step: ({steps},)")

    def whole(self, name: str, value: object) -> int:
        """A count of 1 or more."""
        if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 1:
            raise self.error(f"{name} is {value!r}, expected a whole number of 1 or more")
        return int(value)

    # -- words -----------------------------------------------------------------------------------------------------

    def error(self, message: str) -> DataError:
        return DataError(f"{self.program.name}: {message}")

    def advice(self, tensor: Tensor, rows: bool) -> str:
        if rows and tensor in self.inputs and self.batch_size is None:
            reason = why_no_batch(self.program)
            return f": {reason}, so a step reads one row, and every input has an axis of rows in front"
        return "; reshape it"


def thread_count(value: object, where: str) -> int:
    """The number of threads of a step.  Raises DataError where it is none: memory is taken for each."""
    here = cores()
    most = max(MOST_THREADS, here)
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or not 1 <= value <= most:
        raise DataError(
            f"{where}: threads is {value!r}, expected a whole number from 1 to {most}, best from 1 to this machine's "
            f"{here} cores; give {'fewer' if isinstance(value, int | np.integer) and value > most else 'one of these'}"
        )
    return int(value)


def ready(arrays: Arrays) -> Arrays:
    """C-contiguous, in the machine's byte order, ids in 32 bits: what compiled loops take them for."""
    return [
        (
            tensor,
            np.asarray(
                array, dtype=np.int32 if tensor.role is Role.TOKENS else array.dtype.newbyteorder("="), order="C"
            ),
        )
        for tensor, array in arrays
    ]


def named(tensor: Tensor) -> str:
    return f"{tensor.role.value} {tensor.name}"


def listed(shape: tuple[Term, ...]) -> str:
    return f"({', '.join(text(extent) for extent in shape)})"


def size_value(extent: Term, sizes: Mapping[str, int]) -> int:
    """The number that a size expression stands for."""
    match extent:
        case Const(value):
            return int(value)
        case Size(name):
            if name not in sizes:
                raise DataError(f"the size {name} is the length of no array that is given")
            return sizes[name]
        case Add(terms):
            return sum(size_value(term, sizes) for term in terms)
        case Mul(factors):
            return math.prod(size_value(factor, sizes) for factor in factors)
        case Call("floordiv", (left, right)):
            return size_value(left, sizes) // max(1, size_value(right, sizes))
    raise DataError(f"{extent} is no size")

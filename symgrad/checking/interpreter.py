"""The meaning of a Program: NumPy, float64, every term over the whole index space at once.

A term's value is an array with one dimension per index in scope (length 1 where it does not depend on it), so the code
below is the definition of each node and nothing else.  It is the oracle; speed and memory are no concern of it, but
for a large sum of products, which is left to `numpy.einsum`: the space of all its indices may not fit into memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

import numpy as np

from ..language.errors import DataError
from ..language.functions import ELEMENTARY, STOP_GRADIENT
from ..language.notation import text
from ..language.program import Equation, Item, Program, Recurrence, Role
from ..language.terms import Add, Call, Compare, Const, Index, Inverse, Mul, Pow, Read, Reduce, Size, Term, Where

Values = dict[str, np.ndarray]
Sizes = Mapping[str, int]
LARGE = 20_000  # entries of a sum's index space, from which on it is contracted
COMPARE = {"==": np.equal, "!=": np.not_equal, "<": np.less, "<=": np.less_equal}


def evaluate(program: Program, given: Mapping[str, np.ndarray], sizes: Sizes | None = None) -> Values:
    """The value of every tensor, from those of parameters, inputs, tokens, states and settings.

    `sizes` are read off the shapes where they are not given.  Raises DataError for a missing tensor or a wrong shape.
    """
    sizes = {**sizes_of(program, given), **(sizes or {})}
    values: Values = {}
    for tensor in program.tensors.values():
        if tensor.role is Role.DEFINITION:
            continue
        if tensor.name not in given:
            raise DataError(f"{program.name}: no value is given for {tensor.role.value} {tensor.name}")
        kind = np.int64 if tensor.role is Role.TOKENS else np.float64
        value = np.asarray(given[tensor.name], dtype=kind)
        shape = tuple(extent_value(extent, sizes) for extent in tensor.shape)
        if value.shape != shape:
            raise DataError(f"{program.name}: {tensor.name} has shape {value.shape}, expected {shape}")
        values[tensor.name] = value
    run(program, program.items, values, sizes)
    return values


def sizes_of(program: Program, given: Mapping[str, np.ndarray]) -> dict[str, int]:
    """The size of every plain axis, read off the shapes of given tensors.  Raises DataError where two disagree."""
    sizes: dict[str, int] = {}
    for tensor in program.tensors.values():
        if tensor.name not in given:
            continue
        shape = np.shape(given[tensor.name])
        if len(shape) != len(tensor.shape):
            raise DataError(f"{program.name}: {tensor.name} has {len(shape)} axes, expected {len(tensor.shape)}")
        for extent, length in zip(tensor.shape, shape, strict=True):
            if isinstance(extent, Size) and sizes.setdefault(extent.name, length) != length:
                expected = sizes[extent.name]
                raise DataError(
                    f"{program.name}: axis {extent.name} has size {expected} elsewhere and {length} in {tensor.name}"
                )
    return sizes


def extent_value(extent: Term, sizes: Sizes) -> int:
    if isinstance(extent, Size) and extent.name in sizes:
        return int(sizes[extent.name])
    return int(Evaluation({}, sizes, {}).value(extent, ()))


def run(
    program: Program, items: tuple[Item, ...], values: Values, sizes: Sizes, at: Mapping[Index, int] | None = None
) -> None:
    """Evaluate items in order into `values`; `at` fixes the indices of the recurrences around."""
    at = dict(at or {})
    for item in items:
        if isinstance(item, Equation):
            store(program, item, values, sizes, at)
        elif isinstance(item, Recurrence):
            for equation in (e for e in item.items if isinstance(e, Equation)):
                shape = tuple(extent_value(index.extent, sizes) for index in equation.indices)
                values.setdefault(equation.tensor, np.zeros(shape))
            steps = range(extent_value(item.index.extent, sizes))
            for step in reversed(steps) if item.reverse else steps:
                run(program, item.items, values, sizes, {**at, item.index: step})
        else:
            raise TypeError(f"part {item.prefix!r} is not flattened")


def store(program: Program, equation: Equation, values: Values, sizes: Sizes, at: Mapping[Index, int]) -> None:
    free = tuple(index for index in equation.indices if index not in at)
    value = Evaluation(values, sizes, at).value(equation.body, free)
    shape = tuple(extent_value(index.extent, sizes) for index in free)
    value = np.broadcast_to(value, shape)
    if not at:
        integral = program.tensors[equation.tensor].vocabulary is not None
        values[equation.tensor] = np.array(value, dtype=np.int64 if integral else np.float64)
        return
    place = tuple(at.get(index, slice(None)) for index in equation.indices)
    values[equation.tensor][place] = value


def within(places: np.ndarray, length: int) -> np.ndarray:
    """The places that lie outside an axis, moved to its ends."""
    return np.minimum(np.maximum(places, 0), max(length - 1, 0))


class Evaluation:
    """Terms under given values of tensors and sizes; `scope` names the dimensions of every result."""

    def __init__(self, values: Mapping[str, np.ndarray], sizes: Sizes, at: Mapping[Index, int]) -> None:
        self.values, self.sizes, self.at = values, sizes, at
        self.memo: dict[tuple[Term, tuple[Index, ...]], np.ndarray] = {}

    def value(self, term: Term, scope: tuple[Index, ...]) -> np.ndarray:
        """An array of `len(scope)` dimensions."""
        with np.errstate(all="ignore"):  # NaN and infinity come out; whoever asked sees them
            return self.known(term, scope)

    def known(self, term: Term, scope: tuple[Index, ...]) -> np.ndarray:
        """`value`, computed once."""
        key = (term, scope)
        found = self.memo.get(key)
        if found is None:
            found = self.memo[key] = self.compute(term, scope)
        return found

    def compute(self, term: Term, scope: tuple[Index, ...]) -> np.ndarray:
        def scalar(number) -> np.ndarray:
            return np.array(number, ndmin=len(scope))

        def value(child: Term) -> np.ndarray:
            return self.known(child, scope)

        match term:
            case Const(number):
                return scalar(number if isinstance(number, int) else float(number))
            case Size(name):
                if name not in self.sizes:
                    raise DataError(f"the size {name} is not known; give it in sizes")
                return scalar(self.sizes[name])
            case Index(_, extent):
                if term in self.at:
                    return scalar(self.at[term])
                shape = [1] * len(scope)
                shape[scope.index(term)] = -1
                return np.arange(extent_value(extent, self.sizes)).reshape(shape)
            case Read(name, indices):
                array = self.values[name]
                if not indices:
                    return scalar(array)
                if self.are_axes(indices, array.shape):
                    return self.entries(array, indices, scope)
                # A branch that is not taken may index outside; its value is discarded by Where.
                places = [within(value(i), n) for i, n in zip(indices, array.shape, strict=True)]
                return array[tuple(places)]
            case Add(terms):
                return sum(map(value, terms[1:]), value(terms[0]))
            case Mul(factors):
                product = value(factors[0])
                for factor in factors[1:]:
                    product = product * value(factor)
                return product
            case Pow(base, exponent):
                return np.power(np.asarray(value(base), dtype=np.float64), value(exponent))
            case Call("floordiv", (left, right)):
                return value(left) // value(right)
            case Call("mod", (left, right)):
                return value(left) % value(right)
            case Call("pi", ()):
                return scalar(np.pi)
            case Call("least", ()):
                return scalar(np.finfo(np.float64).min)
            case Call(function, (argument,)) if function == STOP_GRADIENT:
                return value(argument)
            case Call(function, arguments):
                return ELEMENTARY[function].numpy(*(np.asarray(value(a), dtype=np.float64) for a in arguments))
            case Compare(relation, left, right):
                return COMPARE[relation](value(left), value(right)).astype(np.int64)
            case Where(condition, then, other):
                return np.where(value(condition) != 0, value(then), value(other))
            case Reduce(op, indices, body):
                return self.reduce(op, indices, body, scope)
            case Inverse(indices, body, at):
                return self.inverse(indices, body, at, scope)
        raise TypeError(f"no meaning for {type(term).__name__}: {text(term)}")

    def are_axes(self, indices: tuple[Term, ...], shape: tuple[int, ...]) -> bool:
        """Whether each is an index for itself that runs over all of its axis."""
        plain = all(isinstance(index, Index) for index in indices) and len(set(indices)) == len(indices)
        return plain and all(extent_value(i.extent, self.sizes) == n for i, n in zip(indices, shape, strict=True))

    def entries(self, array: np.ndarray, indices: tuple[Index, ...], scope: tuple[Index, ...]) -> np.ndarray:
        """All entries, or those of the turn of a recurrence, without a copy: each axis where its index has its own."""
        array = array[tuple(self.at.get(index, slice(None)) for index in indices)]
        places = [scope.index(index) for index in indices if index not in self.at]
        shape = [1] * len(scope)
        for place, length in zip(places, array.shape, strict=True):
            shape[place] = length
        return array.transpose(sorted(range(len(places)), key=places.__getitem__)).reshape(shape)

    def reduce(self, op: str, indices: tuple[Index, ...], body: Term, scope: tuple[Index, ...]) -> np.ndarray:
        if op == "sum" and isinstance(body, Mul):
            contracted = self.contracted(indices, body, scope)
            if contracted is not None:
                return contracted
        inner = self.over(indices, body, scope)
        last = tuple(range(len(scope), len(scope) + len(indices)))
        if op == "sum":
            return inner.sum(axis=last)
        if op == "det":
            return np.linalg.det(inner)
        if op == "logdet":
            sign, logarithm = np.linalg.slogdet(inner)
            return np.where(sign > 0, logarithm, np.nan)
        return inner.max(axis=last) if op == "max" else inner.argmax(axis=last[0])

    def contracted(self, indices: tuple[Index, ...], body: Mul, scope: tuple[Index, ...]) -> np.ndarray | None:
        """The sum of a product over a large space, two factors at a time.

        None where the space is small, or all factors are whole numbers: then so is the sum.
        """
        factors = [self.known(factor, scope + indices) for factor in body.factors]
        lengths = np.broadcast_shapes(*(factor.shape for factor in factors))
        if prod(lengths) < LARGE or not any(np.issubdtype(factor.dtype, np.floating) for factor in factors):
            return None
        axes = [[axis for axis, length in enumerate(factor.shape) if length > 1] for factor in factors]
        kept = [axis for axis in range(len(scope)) if lengths[axis] > 1]
        operands = [part for factor, own in zip(factors, axes, strict=True) for part in (factor.squeeze(), own)]
        alone = zip(indices, lengths[len(scope) :], strict=True)  # an index that no factor has counts its values
        times = prod(extent_value(index.extent, self.sizes) for index, length in alone if length == 1)
        return times * np.einsum(*operands, kept, optimize=True).reshape(lengths[: len(scope)])

    def over(self, indices: tuple[Index, ...], body: Term, scope: tuple[Index, ...]) -> np.ndarray:
        """The body in `scope` and, behind it, every value of `indices`."""
        inner = self.known(body, scope + indices)
        lengths = tuple(extent_value(index.extent, self.sizes) for index in indices)
        return np.broadcast_to(inner, inner.shape[: len(scope)] + lengths)

    def inverse(
        self, indices: tuple[Index, ...], body: Term, at: tuple[Term, ...], scope: tuple[Index, ...]
    ) -> np.ndarray:
        """Entries of inverses; not a number where a matrix has none."""
        matrix = self.over(indices, body, scope)
        try:
            inverses = np.linalg.inv(matrix)
        except np.linalg.LinAlgError:
            inverses = np.full(matrix.shape, np.nan)
        row, column = np.broadcast_arrays(*(within(self.known(place, scope), matrix.shape[-1]) for place in at))
        shape = np.broadcast_shapes(matrix.shape[: len(scope)], row.shape)
        inverses = np.broadcast_to(inverses, shape + matrix.shape[-2:])
        return inverses[(*np.indices(shape), np.broadcast_to(row, shape), np.broadcast_to(column, shape))]

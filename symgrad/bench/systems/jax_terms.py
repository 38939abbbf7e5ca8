"""A program in jax.numpy, term by term: the interpreter's meaning in another system's arrays, for JAX to differentiate.

A term's value is an array with one dimension per index in scope, as in `checking.interpreter`; sums of products are
einsums, whole axes are slices, and gathers, branches and reductions JAX's own.  A recurrence is unrolled.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import jax
import jax.numpy as jnp
from jax import Array
from jax.scipy.special import erf

from ...language.algebra import factors_of
from ...language.program import Equation, Item, Recurrence
from ...language.terms import Add, Call, Compare, Const, Index, Mul, Pow, Read, Reduce, Size, Term, Where

Scope = tuple[Index, ...]
FUNCTIONS = {
    **{name: getattr(jnp, name) for name in ("exp", "log", "sin", "cos", "tan", "sinh", "cosh", "tanh", "abs", "sign")},
    **{f"a{name}": getattr(jnp, f"arc{name}") for name in ("sin", "cos", "tan")},
    "erf": erf, "expm1": jnp.expm1, "log1p": jnp.log1p, "max": jnp.maximum, "min": jnp.minimum,
    "floordiv": jnp.floor_divide, "mod": jnp.mod, "stop_gradient": jax.lax.stop_gradient, "pi": lambda: jnp.pi,
}  # fmt: skip
COMPARE = {"==": jnp.equal, "!=": jnp.not_equal, "<": jnp.less, "<=": jnp.less_equal}
REDUCE = {"sum": jnp.sum, "max": jnp.max}


class Terms:
    """The value of terms under given arrays and sizes; `at` holds the indices of the recurrences around."""

    def __init__(self, values: dict[str, Array], sizes: dict[str, int], at: dict[Index, int]) -> None:
        self.values, self.sizes, self.at = values, sizes, at

    def integer(self, term: Term) -> int | None:
        """The number that a term of sizes and of the indices around is, None for any other term."""
        match term:
            case Const(int() as number):
                return number
            case Size(name):
                return self.sizes[name]
            case Index():
                return self.at.get(term)
            case Add() | Mul() | Call("floordiv" | "mod", (_, _)):
                parts = [self.integer(part) for part in term.children]
                if None in parts:
                    return None
                if isinstance(term, Call):
                    return parts[0] // parts[1] if term.function == "floordiv" else parts[0] % parts[1]
                return sum(parts) if isinstance(term, Add) else math.prod(parts)
        return None

    def extents(self, indices: Iterable[Index]) -> tuple[int, ...]:
        return tuple(self.integer(index.extent) for index in indices)

    def value(self, term: Term, scope: Scope) -> Array:
        match term:
            case Const(number):
                return jnp.asarray(number if isinstance(number, int) else float(number))
            case Size(name):
                return jnp.asarray(self.sizes[name])
            case Index():
                if term in self.at:
                    return jnp.asarray(self.at[term])
                return spread(jnp.arange(self.integer(term.extent)), (term,), scope)
            case Read():
                return self.read(term, scope)
            case Add(parts):
                return sum((self.value(part, scope) for part in parts[1:]), self.value(parts[0], scope))
            case Mul(factors):
                product = self.value(factors[0], scope)
                for factor in factors[1:]:
                    product = product * self.value(factor, scope)
                return product
            case Pow(base, Const(int() as exponent)):
                return (1.0 * self.value(base, scope)) ** exponent
            case Pow(base, exponent):
                return (1.0 * self.value(base, scope)) ** self.value(exponent, scope)
            case Call(function, arguments):
                return FUNCTIONS[function](*(self.value(argument, scope) for argument in arguments))
            case Compare(relation, left, right):
                return COMPARE[relation](self.value(left, scope), self.value(right, scope)).astype(int)
            case Where(condition, then, other):
                return jnp.where(self.value(condition, scope) != 0, self.value(then, scope), self.value(other, scope))
            case Reduce("sum", indices, Mul() as body):
                return self.contracted(indices, body, scope)
            case Reduce(op, indices, body) if op in REDUCE:
                inner = jnp.broadcast_to(self.value(body, scope + indices), self.extents(scope + indices))
                return REDUCE[op](inner, axis=tuple(range(len(scope), len(scope + indices))))
        raise TypeError(f"no meaning in JAX for {type(term).__name__}")

    def read(self, read: Read, scope: Scope) -> Array:
        """Axes that are read from end to end stay; the others are gathered, in front of them."""
        array, places = self.values[read.tensor], read.indices
        ends = [self.integer(p.extent) if isinstance(p, Index) and p not in self.at else None for p in places]
        others = [frozenset().union(*(q.free for q in places[:k] + places[k + 1 :])) for k in range(len(places))]
        whole = [k for k, p in enumerate(places) if ends[k] == array.shape[k] and p not in others[k]]
        rest = [k for k in range(len(places)) if k not in whole]
        array = array.transpose((*rest, *whole))
        inner = tuple(i for i in scope if any(i in places[k].free for k in rest))
        if rest:
            found = [self.integer(places[k]) for k in rest]
            entries = [self.value(places[k], inner) if n is None else n for k, n in zip(rest, found, strict=True)]
            entries = jnp.broadcast_arrays(*(jnp.clip(e, 0, array.shape[k] - 1) for k, e in enumerate(entries)))
            shape = self.extents(inner)
            array = array[tuple(jnp.broadcast_to(entry, shape) for entry in entries)]
        return spread(array, (*inner, *(places[k] for k in whole)), scope)

    def contracted(self, indices: Scope, body: Mul, scope: Scope) -> Array:
        """A sum of products, without the array of all products."""
        every = scope + indices
        operands, used = [], set()
        for factor in factors_of(body):
            own = tuple(index for index in every if index in factor.free)
            value = jnp.broadcast_to(self.value(factor, own), self.extents(own))
            operands += [value * 1.0, [every.index(index) for index in own]]
            used |= set(own)
        result = tuple(index for index in scope if index in used)
        total = jnp.einsum(*operands, [every.index(index) for index in result])
        times = math.prod(self.extents(index for index in indices if index not in used))
        return spread(total * times, result, scope)


def spread(array: Array, indices: Scope, scope: Scope) -> Array:
    """The array's dimensions, which are those of `indices`, in the order of the scope, with 1 for the others."""
    order = sorted(range(len(indices)), key=lambda k: scope.index(indices[k]))
    lengths = {indices[k]: array.shape[k] for k in order}
    return array.transpose(order).reshape([lengths.get(index, 1) for index in scope])


def run(items: tuple[Item, ...], values: dict[str, Array], sizes: dict[str, int], at: dict[Index, int]) -> None:
    """Each item's tensors put into `values`; a recurrence slice by slice, the slices of one tensor filled in turn."""
    for item in items:
        terms = Terms(values, sizes, at)
        if isinstance(item, Recurrence):
            for equation in item.items:
                if not isinstance(equation, Equation):
                    raise TypeError("recurrences within recurrences have no form in JAX here")
                values[equation.tensor] = jnp.zeros(terms.extents(equation.indices))
            steps = range(terms.integer(item.index.extent))
            for step in reversed(steps) if item.reverse else steps:
                run(item.items, values, sizes, {**at, item.index: step})
            continue
        free = tuple(index for index in item.indices if index not in at)
        value = jnp.broadcast_to(terms.value(item.body, free), terms.extents(free))
        if at:
            place = tuple(at.get(index, slice(None)) for index in item.indices)
            value = values[item.tensor].at[place].set(value)
        values[item.tensor] = value

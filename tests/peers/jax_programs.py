"""A program in jax.numpy, term by term, for JAX to differentiate: the interpreter's meaning in another system's arrays.

A term's value is an array with one dimension per index in scope, as in `checking.interpreter`; sums, gathers, branches
and recurrences are JAX's own.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.special import erf

from symgrad.language.program import Equation, Item, Program, Recurrence, Role
from symgrad.language.terms import Add, Call, Compare, Const, Index, Mul, Pow, Read, Reduce, Size, Term, Where

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

    def extent(self, index: Index) -> int:
        return int(np.asarray(self.value(index.extent, ())))

    def value(self, term: Term, scope: Scope) -> Array:
        match term:
            case Const(number):
                return jnp.asarray(number if isinstance(number, int) else float(number))
            case Size(name):
                return jnp.asarray(self.sizes[name])
            case Index():
                if term in self.at:
                    return jnp.asarray(self.at[term])
                shape = [1] * len(scope)
                shape[scope.index(term)] = -1
                return jnp.arange(self.extent(term)).reshape(shape)
            case Read(name, indices):
                array = self.values[name]
                ends = zip(indices, array.shape, strict=True)
                places = [jnp.clip(self.value(place, scope), 0, length - 1) for place, length in ends]
                return array[tuple(jnp.broadcast_arrays(*places))] if places else array
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
            case Reduce(op, indices, body):
                inner = self.value(body, scope + indices)
                lengths = tuple(self.extent(index) for index in scope + indices)
                inner = jnp.broadcast_to(inner, lengths)
                return REDUCE[op](inner, axis=tuple(range(len(scope), len(lengths))))
        raise TypeError(f"no meaning in JAX for {type(term).__name__}")


def run(items: tuple[Item, ...], values: dict[str, Array], sizes: dict[str, int], at: dict[Index, int]) -> None:
    """Each item's tensors put into `values`; a recurrence slice by slice, the slices of one tensor filled in turn."""
    for item in items:
        terms = Terms(values, sizes, at)
        if isinstance(item, Recurrence):
            for equation in item.items:
                assert isinstance(equation, Equation), "recurrences within recurrences are not compared"
                values[equation.tensor] = jnp.zeros([terms.extent(index) for index in equation.indices])
            steps = range(terms.extent(item.index))
            for step in reversed(steps) if item.reverse else steps:
                run(item.items, values, sizes, {**at, item.index: step})
            continue
        free = tuple(index for index in item.indices if index not in at)
        value = jnp.broadcast_to(terms.value(item.body, free), [terms.extent(index) for index in free])
        if at:
            place = tuple(at.get(index, slice(None)) for index in item.indices)
            value = values[item.tensor].at[place].set(value)
        values[item.tensor] = value


def gradients(
    program: Program, given: dict[str, np.ndarray], sizes: dict[str, int]
) -> tuple[float, dict[str, np.ndarray]]:
    """The loss at float64 values, and its gradients by every parameter, from jax.grad."""

    def loss(parameters: dict[str, Array]) -> Array:
        values = {**others, **parameters}
        run(program.items, values, sizes, {})
        return values[program.outputs[0]]

    with jax.enable_x64(True):
        learned = {tensor.name for tensor in program.with_role(Role.PARAMETER)}
        others = {name: jnp.asarray(value) for name, value in given.items() if name not in learned}
        value, found = jax.value_and_grad(loss)({name: jnp.asarray(given[name]) for name in learned})
        return float(value), {name: np.asarray(gradient) for name, gradient in found.items()}

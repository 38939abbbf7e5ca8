"""Whether a mutant computes something else, decided by NumPy alone: both are run on random data of several sizes.

Statements before the changed one are the same, so that it is given what is right.  Where it makes no claim itself, the
statements after it are run on, as they would be.  The verifier has no part in any of this but for the shapes that
the model declares.
"""

from __future__ import annotations

import ast
import copy
import warnings
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import accumulate
from operator import mul
from types import CodeType

import numpy as np

from symgrad.checking.points import shape_of, size_names
from symgrad.language.program import Program, Role
from symgrad.language.terms import Size

SAME, OTHER = 1e-10, 1e-7  # the largest difference, relative to the largest right entry; between them nobody can tell
SIZES = (2, 3, 4, 5, 6, 7, 8)
Values = dict[str, object]


def sigmoid(a: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-a))


def relu(a: np.ndarray) -> np.ndarray:
    return np.maximum(a, 0)


def softmax(a: np.ndarray, axis: int = -1) -> np.ndarray:
    e = np.exp(a - a.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def one_hot(ids: np.ndarray, classes: int) -> np.ndarray:
    return np.eye(classes)[ids]


LIBRARY: Values = {"np": np, "sigmoid": sigmoid, "relu": relu, "softmax": softmax, "one_hot": one_hot}


@dataclass(frozen=True)
class Difference:
    """The largest difference that a mutant makes to a claim, and the statement of that claim; infinite where the
    mutant cannot be run there."""

    size: float
    statement: int


class Runs:
    """The right derivation run on `count` draws; `given` is code that is run before it and makes no claim."""

    def __init__(self, program: Program, source: str, given: str = "", count: int = 5, seed: int = 0) -> None:
        self.source, self.given = source, compile(given, "<given>", "exec")
        random = np.random.default_rng(seed)
        self.draws = [drawn(program, random, equal=k == count - 1) for k in range(count)]
        self.after = [self.run(draw, statements_of(source)) for draw in self.draws]

    def run(self, draw: Values, statements: list[CodeType]) -> list[Values]:
        """The values of all names before the first statement, and after each."""
        values = self.begun(draw)
        history = [held(values)]
        for statement in statements:
            execute(statement, values)
            history.append(held(values))
        return history

    def begun(self, draw: Values) -> Values:
        values = {**LIBRARY, **held(draw)}
        execute(self.given, values)
        return values

    def difference(self, mutant: str, changed: int, claims: Mapping[int, Collection[str]]) -> Difference:
        """What the change of statement `changed` does to the claims from there on, each against its right value.

        `claims` are the names that each statement makes a claim about."""
        try:
            statements = statements_of(mutant)
        except SyntaxError:
            return Difference(np.inf, changed)
        found = [
            self.one_draw(statements, changed, claims, draw, after)
            for draw, after in zip(self.draws, self.after, strict=True)
        ]
        told = [one for one in found if one.size > OTHER] or found
        return min(told, key=lambda one: (one.statement, -one.size))

    def one_draw(
        self,
        statements: list[CodeType],
        changed: int,
        claims: Mapping[int, Collection[str]],
        draw: Values,
        after: list[Values],
    ) -> Difference:
        """At the first statement with a claim that is another, or the last."""
        values = self.begun(draw)
        for k, statement in enumerate(statements):
            try:
                execute(statement, values)
            except (ArithmeticError, AttributeError, LookupError, NameError, TypeError, ValueError):
                return Difference(np.inf, k)
            largest = max((difference(values[name], after[k + 1][name]) for name in claims.get(k, ())), default=0.0)
            if k >= changed and largest > SAME:
                return Difference(largest, k)
        return Difference(0.0, len(statements))


def statements_of(source: str) -> list[CodeType]:
    return [
        compile(ast.Module([node], []), "<claims>", "exec") for node in ast.parse(source).body if not docstring(node)
    ]


def docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def execute(code: CodeType, values: Values) -> None:
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(code, values)


def held(values: Values) -> Values:
    """The values of the names, which what runs later does not change."""
    return copy.deepcopy({name: value for name, value in values.items() if name not in LIBRARY and name[0] != "_"})


def drawn(program: Program, random: np.random.Generator, equal: bool) -> Values:
    """Sizes, parameters, inputs and tokens."""
    names = size_names(program)
    chosen = [4] * len(names) if equal else [int(n) for n in random.permutation(SIZES)[: len(names)]]
    sizes = dict(zip(names, chosen, strict=True))
    values: Values = {**LIBRARY, **sizes}
    for tensor in program.tensors.values():
        shape = shape_of(tensor, sizes)
        if tensor.role is Role.TOKENS:
            assert isinstance(tensor.vocabulary, Size)
            values[tensor.name] = random.integers(0, sizes[tensor.vocabulary.name], shape)
        elif tensor.role in (Role.PARAMETER, Role.INPUT):
            values[tensor.name] = random.normal(size=shape)
    return values


def difference(claimed: object, right: object) -> float:
    """Relative to the largest right entry; shapes are the same where axes of one entry were added or left out, or
    neighbouring axes merged."""
    try:
        one, other = np.asarray(claimed, dtype=float), np.asarray(right, dtype=float)
    except (TypeError, ValueError):
        return np.inf
    if one.size != other.size or not regrouped(one.shape, other.shape) or not np.isfinite(one).all():
        return np.inf
    largest = np.abs(other).max(initial=0.0)
    return float(np.abs(one.ravel() - other.ravel()).max(initial=0.0) / (largest if largest > 1e-6 else 1.0))


def regrouped(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    cuts, others = (set(accumulate(shape, mul)) for shape in (one, other))
    return cuts - {1} <= others or others - {1} <= cuts

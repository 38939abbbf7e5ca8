"""A model at a point: values of everything, and derivatives by difference quotients to compare a derivation with."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from symgrad.calculus.reverse import differentiate
from symgrad.checking.differences import along, gradient, interpreted_loss
from symgrad.checking.interpreter import Evaluation, Values, evaluate
from symgrad.checking.points import PRIMES, point, size_names
from symgrad.language.model import Model
from symgrad.language.program import Equation
from symgrad.language.terms import Index, Term


class At:
    """A model with all sizes different; `values` has the forward tensors and every adjoint, inlined or not."""

    def __init__(self, build: Callable[[], Model], seed: int = 1) -> None:
        self.program = build().program
        self.sizes = dict(zip(size_names(self.program), PRIMES, strict=False))
        self.given = point(self.program, self.sizes, seed).values
        self.raw = differentiate(self.program)
        self.values = evaluate(self.raw.program, self.given, self.sizes)

    def value(self, term: Term, indices: tuple[Index, ...]) -> np.ndarray:
        """The term for every value of the indices."""
        found = Evaluation(self.values, self.sizes, {}).value(term, indices)
        return np.broadcast_to(found, [self.sizes[index.extent.name] for index in indices])

    def jacobian(self, equation: Equation, name: str) -> np.ndarray:
        """d equation/d name, of shape (*equation's, *name's), with all other tensors held where they are."""

        def body(values: Values) -> np.ndarray:
            found = Evaluation({**self.values, **values}, self.sizes, {}).value(equation.body, equation.indices)
            return np.broadcast_to(found, np.shape(self.values[equation.tensor]))

        at = {name: np.asarray(self.values[name], dtype=np.float64)}
        columns = np.stack([partial(body, at, name, k) for k in range(at[name].size)], axis=-1)
        return columns.reshape((*np.shape(self.values[equation.tensor]), *at[name].shape))

    def gradient(self, name: str) -> np.ndarray:
        """d loss/d parameter by difference quotients."""
        loss = interpreted_loss(self.program, self.given, self.sizes)
        return gradient(loss, name, np.arange(self.given[name].size)).reshape(self.given[name].shape)


def partial(body: Callable[[Values], np.ndarray], at: Values, name: str, entry: int) -> np.ndarray:
    unit = np.zeros_like(at[name])
    unit.reshape(-1)[entry] = 1.0
    return along(body, at, {name: unit}, step=1e-4)  # 1/p bends too much for a longer step

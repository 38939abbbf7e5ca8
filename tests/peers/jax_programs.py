"""Gradients of a program that jax.grad takes, of the same terms in jax.numpy."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from symgrad.bench.systems.jax_terms import run
from symgrad.language.program import Program, Role


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

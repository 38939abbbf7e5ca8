"""Gradients are a program, so they are differentiated again: against difference quotients of the first gradients."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from symgrad.calculus.reverse import Gradients, differentiate
from symgrad.calculus.simplify import simplify
from symgrad.checking.differences import gradient_error, interpreted_loss
from symgrad.checking.interpreter import evaluate
from symgrad.checking.points import DOMAINS, point, size_table
from symgrad.language.algebra import add, mul, power, summed
from symgrad.language.program import Equation, Program, Role, Tensor
from symgrad.language.terms import Const
from symgrad.language.typecheck import typecheck

from .programs import PROGRAMS

TOLERANCE = 1e-6
NAMES = [
    "scalar_tanh", "scalar_shared", "two_layers", "softmax_alone", "cross_entropy", "embedding", "layer_norm",
    "padded_convolution", "masked_attention", "three_times", "log_of_dot", "split_axis", "leaky",
    "maximum_over_an_axis", "two_slices_backwards",
]  # fmt: skip


def along_a_cotangent(gradients: Gradients) -> Program:
    """The program whose loss is the sum of c_X * (dX + X**2) over all parameters X, each c_X an input.

    The square keeps every X in the loss, where dX is constant in it.
    """
    program = gradients.program
    tensors, terms = dict(program.tensors), []
    for name, adjoint in gradients.of_parameters.items():
        cotangent = Tensor(f"c_{name}", program.tensors[name].indices, Role.INPUT)
        tensors[cotangent.name] = cotangent
        square = power(program.tensors[name].entry, Const(2))
        terms.append(summed(cotangent.indices, mul(cotangent.entry, add(program.tensors[adjoint].entry, square))))
    tensors["S"] = Tensor("S", (), Role.DEFINITION)
    items = (*program.items, Equation("S", (), add(*terms)))
    return typecheck(replace(program, tensors=tensors, items=items, outputs=("S",)))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("simple", [False, True], ids=["as derived", "simplified"])
def test_second_derivatives(name: str, simple: bool) -> None:
    model = PROGRAMS[name]()
    first = differentiate(model)
    program = along_a_cotangent(simplify(first) if simple else first)
    second = differentiate(program)
    second = typecheck_and_simplify(second) if simple else second
    for seed, sizes in enumerate(size_table(model)[:2]):
        at = point(model, sizes, seed)
        random = np.random.default_rng(seed)
        values = dict(at.values)
        for parameter in model.parameters:
            values[f"c_{parameter.name}"] = DOMAINS[0].draw(random, values[parameter.name].shape)
        found, loss = evaluate(second.program, values, sizes), interpreted_loss(program, values, sizes)
        for parameter, adjoint in second.of_parameters.items():
            error = gradient_error(loss, parameter, found[adjoint], TOLERANCE, 6)
            assert error <= TOLERANCE, f"{parameter} at {sizes}: {error:.1e}"


def typecheck_and_simplify(gradients: Gradients) -> Gradients:
    result = simplify(gradients)
    typecheck(result.program)
    return result

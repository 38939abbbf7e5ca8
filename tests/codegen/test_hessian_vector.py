"""Emitted Hessian-vector products against difference quotients of the first gradients along the direction."""

from __future__ import annotations

import numpy as np
import pytest
from sympy import log, tanh

from symgrad import Model, axes, hessian, hessian_vector_product, mean, softmax, total
from symgrad.calculus.reverse import differentiate
from symgrad.checking.differences import along
from symgrad.checking.emitted_check import arranged
from symgrad.checking.interpreter import Values, evaluate
from symgrad.checking.points import point, size_table
from symgrad.codegen.emitted import Emitted
from symgrad.language.errors import Independent
from symgrad.language.program import Program
from symgrad.pipeline import generate

from ..calculus.programs import PROGRAMS
from .running import plain

b, d, i, v = axes("b:B d:D i:H v:V")
PLAIN = ["two_layers", "embedding", "layer_norm", "gates", "maximum_over_an_axis", "masked_attention", "rnn_lm"]


def small_mlp() -> Program:
    model = Model("small_mlp")
    W1, b1, W2 = model.parameters(W1=(i, d), b1=(i,), W2=(v, i))
    x, y = model.inputs(x=(b, d)), model.tokens(y=(b,), vocabulary=v)
    h = model.define("h", (b, i), tanh(total(W1[i, d] * x[b, d], d) + b1[i]))
    p = model.define("p", (b, v), softmax(total(W2[v, i] * h[b, i], i), v))
    model.minimize("L", mean(-log(p[b, y[b]]), b))
    return model.program


def product_error(program: Program, second: Program, emitted: Emitted) -> float:
    """The largest relative error over all parameters, where all sizes are different."""
    sizes = size_table(second)[min(1, len(size_table(second)) - 1)]
    at = point(second, sizes)
    _, found = emitted.gradients(*arranged(second, at.values, "float64"))
    first = differentiate(program)
    direction = {p.name: at.values[f"v_{p.name}"] for p in program.parameters}
    given = {name: at.values[name] for name in program.tensors if name in at.values}
    errors = []
    for name, adjoint in first.of_parameters.items():

        def gradient(values: Values, adjoint: str = adjoint) -> np.ndarray:
            return evaluate(first.program, values, sizes)[adjoint]

        expected = along(gradient, given, direction, 1e-4)
        product = found[name] if name in emitted.differentiated else 0.0
        errors.append(np.max(np.abs(product - expected)) / max(1e-5, np.max(np.abs(expected))))
    return max(errors)


@pytest.mark.parametrize("build", [PROGRAMS["scalar_tanh"], pytest.param(small_mlp, marks=pytest.mark.slow)])
def test_compiled(build, tmp_path) -> None:
    program = build()
    second = hessian_vector_product(program)
    emitted = generate(second, dtype="float64").load(tmp_path)
    assert product_error(program, second, emitted) < 1e-6


@pytest.mark.parametrize("name", PLAIN)
def test_as_plain_python(name: str) -> None:
    program = PROGRAMS[name]()
    second = hessian_vector_product(program)
    assert product_error(program, second, plain(generate(second, dtype="float64"))) < 1e-6


def test_it_is_the_product_with_the_hessian() -> None:
    """All second derivatives of a small network by its blocks, times v, are the gradients of the slope."""
    program = small_mlp()
    second = hessian_vector_product(program)
    sizes = size_table(second)[1]
    at = point(second, sizes).values
    made = differentiate(second)
    values = evaluate(made.program, at, sizes)
    for row in program.parameters:
        blocks = [(hessian(program, row.name, q.name).at(at, sizes), at[f"v_{q.name}"]) for q in program.parameters]
        expected = sum(np.tensordot(block, direction, direction.ndim) for block, direction in blocks)
        np.testing.assert_allclose(values[made.adjoints[row.name]], expected, rtol=1e-9, atol=1e-12)


def test_what_is_proven_to_be_zero() -> None:
    """w is linear in the loss: its rows are 0, so it is given to the program; without u there is nothing left."""
    model = Model("partly")
    w, u, x = *model.parameters(w=(i,), u=(i,)), model.inputs(x=(i,))
    model.minimize("L", total(w[i] * x[i] + u[i] ** 3, i))
    second = hessian_vector_product(model)
    assert [p.name for p in second.parameters] == ["u"]
    with pytest.raises(Independent, match="partly: the gradient does not depend on w, u; its Hessian is 0"):
        hessian_vector_product(model, "w")

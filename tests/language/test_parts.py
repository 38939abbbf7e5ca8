"""A part used twice means its equations written out twice, with shared parameters shared."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sympy import tanh

from symgrad.calculus.reverse import differentiate
from symgrad.checking.interpreter import evaluate
from symgrad.language.errors import DeclarationError
from symgrad.language.model import Model
from symgrad.language.parts import flatten
from symgrad.language.program import Equation, Program, Role, Tensor, Use
from symgrad.language.surface import axes, total
from symgrad.language.terms import Index, Read, Reduce, Size
from symgrad.language.typecheck import typecheck


def layer() -> Program:
    """h[b,i] = tanh(sum_j W[i,j]*u[b,j]), square."""
    model = Model("layer")
    b, i, j = axes("b:B i:K j:K")
    (W,) = (model.parameters(W=(i, j)),)
    u = model.inputs(u=(b, j))
    h = model.define("h", (b, i), tanh(total(W[i, j] * u[b, j], j)))
    model.minimize("S", total(h[b, i], b, i))
    program = model.program
    return replace(program, items=program.items[:1], outputs=("h",), tensors=without(program.tensors, "S"))


def without(tensors: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    return {key: tensor for key, tensor in tensors.items() if key != name}


def two_layers(**changes: str) -> Program:
    """Both uses share V; the loss is the sum of the second layer."""
    b, i, j = Index("b", Size("B")), Index("i", Size("H")), Index("j", Size("H"))
    tensors = {
        "V": Tensor("V", (i, j), Role.PARAMETER),
        "x": Tensor("x", (b, j), Role.INPUT),
        "L": Tensor("L", (), Role.DEFINITION),
    }
    second = {"W": "V", "u": "one_h", **changes}
    items = (
        Use(layer(), (("W", "V"), ("u", "x")), "one_"),
        Use(layer(), tuple(second.items()), "two_"),
        Equation("L", (), Reduce("sum", (b, i), Read("two_h", (b, i))), "L"),
    )
    return Program("twice", tensors, items, ("L",))


def test_a_part_means_its_equations_written_out() -> None:
    program = typecheck(flatten(two_layers()))
    rng = np.random.default_rng(0)
    V, x = rng.normal(size=(3, 3)), rng.normal(size=(4, 3))
    value = evaluate(program, {"V": V, "x": x})["L"]
    np.testing.assert_allclose(value, np.tanh(np.tanh(x @ V.T) @ V.T).sum(), rtol=1e-12)


def test_the_gradient_of_a_shared_parameter_adds_all_uses() -> None:
    gradients = differentiate(flatten(two_layers()))
    rng = np.random.default_rng(1)
    V, x, e = rng.normal(size=(3, 3)), rng.normal(size=(4, 3)), 1e-6
    derived = evaluate(gradients.program, {"V": V, "x": x})["dV"]
    loss = lambda V: np.tanh(np.tanh(x @ V.T) @ V.T).sum()  # noqa: E731
    unit = np.zeros_like(V)
    for place in np.ndindex(V.shape):
        unit[place] = e
        np.testing.assert_allclose(derived[place], (loss(V + unit) - loss(V - unit)) / (2 * e), rtol=1e-6, atol=1e-8)
        unit[place] = 0


def test_updates_of_a_part_are_not_lost() -> None:
    part = replace(layer(), evaluation={"h": Read("u", layer().equation("h").indices)})
    items = tuple(replace(item, part=part) if isinstance(item, Use) else item for item in two_layers().items)
    with pytest.raises(DeclarationError, match="part layer changes states or has an evaluation form"):
        flatten(two_layers().with_items(items))


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"u": "nothing"}, "needs u"), ({"w": "V"}, "has no tensor w"), ({"u": "L"}, "has 0 axes")],
)
def test_wrong_arguments_are_named(changes: dict[str, str], message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        flatten(two_layers(**changes))

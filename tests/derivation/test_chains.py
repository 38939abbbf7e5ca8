"""The chain rule of scalar models: paths, what is reused, how many products, and the value of every product."""

from __future__ import annotations

import math

import numpy as np
import pytest

from symgrad.derivation import Derivation, derive
from symgrad.derivation.chains import Chain, Products, number_of_paths
from symgrad.language.notation import text

from ..examples.files import example
from .models import diamond, doubling, used_twice
from .points import At

WRITTEN_OUT = {"scalar_tanh": lambda: example("scalar_tanh"), "used_twice": used_twice, "diamond": diamond}


def chain(derivation: Derivation, parameter: str) -> Chain:
    (found,) = [chain for chain in derivation.chains if chain.parameter == parameter]
    return found


@pytest.mark.parametrize("name", WRITTEN_OUT)
def test_the_sum_of_products_is_the_gradient(name: str) -> None:
    at = At(WRITTEN_OUT[name])
    for found in derive(at.program).chains:
        products = [math.prod(float(at.value(local.value, ())) for local in path) for path in found.paths]
        np.testing.assert_allclose(sum(products), at.gradient(found.parameter), rtol=1e-7)
        np.testing.assert_allclose(float(at.value(found.formula, ())), sum(products), rtol=1e-12)


@pytest.mark.parametrize("name", WRITTEN_OUT)
def test_what_is_reused_gives_the_same(name: str) -> None:
    at = At(WRITTEN_OUT[name])
    for found in derive(at.program).chains:
        value = 0.0
        for link in found.reuse:
            start = at.values[at.raw.adjoints[link.start]] if link.start is not None else 1.0
            value += start * math.prod(float(at.value(local.value, ())) for local in link.path)
        np.testing.assert_allclose(value, at.gradient(found.parameter), rtol=1e-7)


def test_products_of_the_board_example() -> None:
    assert derive(example("scalar_tanh")).products == Products(cached=5, uncached=6)


def test_products_of_one_parameter_are_the_same_with_and_without() -> None:
    assert derive(example("scalar_tanh"), ["w1"]).products == Products(cached=4, uncached=4)


def test_a_sum_over_paths_is_reused_as_one_derivative() -> None:
    found = chain(derive(diamond()), "w")
    assert [[local.name for local in path] for path in found.paths] == [
        ["dL/dr", "dr/dg", "dg/dh", "dh/dw"],
        ["dL/ds", "ds/dg", "dg/dh", "dh/dw"],
    ]
    assert [(link.start, [local.name for local in link.path]) for link in found.reuse] == [("g", ["dg/dh", "dh/dw"])]
    assert found.known_from == (("g", "u"),)


def test_products_where_paths_meet() -> None:
    assert derive(diamond()).products == Products(cached=5, uncached=2 * 2 + 2 * 3)


def test_gradients_of_scalars_are_written_in_forward_values() -> None:
    formulas = derive(example("scalar_tanh")).formulas
    assert formulas == {"w1": "dw1 = -(y - o)*(1 - o**2)*w2*(1 - h**2)*x", "w2": "dw2 = -(y - o)*(1 - o**2)*h"}


def test_factors_are_neither_reordered_nor_multiplied_out() -> None:
    factors = [text(local.value) for local in chain(derive(example("scalar_tanh")), "w1").paths[0]]
    assert factors == ["-(y - o)", "1 - o**2", "w2", "1 - h**2", "x"]


def test_too_many_paths_are_shown_by_adjoints() -> None:
    derivation = derive(doubling(12))
    assert number_of_paths("w", "L", derivation.locals_) == 144
    assert derivation.chains == ()
    assert derivation.products is None
    assert "Backward" in derivation.text()

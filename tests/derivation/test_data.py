"""Derivations as JSON: the keys that programs rely on, and that nothing is lost on the way."""

from __future__ import annotations

import json

import pytest

from symgrad.derivation import derive

from ..examples.files import NAMES, example

KEYS = [
    "model", "loss", "wrt", "parameters", "inputs", "forward", "updates", "evaluation", "stopped",
    "local_derivatives", "chain_rule", "adjoints",
    "stable", "gradients", "conditions", "kinks", "products", "program",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_the_keys_and_the_way_back(name: str) -> None:
    derivation = derive(example(name))
    data = json.loads(derivation.json())
    assert list(data) == KEYS
    assert data == derivation.data()


def test_a_scalar_model() -> None:
    data = derive(example("scalar_tanh")).data()
    assert data["local_derivatives"][1] == {
        "name": "do/da",
        "of": "o",
        "by": "a",
        "value": "1 - o**2",
        "from": "F4",
        "reason": "from F4: d tanh(a)/da = 1 - tanh(a)**2, and tanh(a) is o",
        "saved": ["o"],
    }
    assert data["chain_rule"][1]["factors"] == [["-(y - o)", "1 - o**2", "w2", "1 - h**2", "x"]]
    assert data["chain_rule"][1]["reused"] == [{"adjoint": "dL/da", "from": "w2"}]
    assert data["products"] == {"cached": 5, "uncached": 6}


def test_a_tensor_model() -> None:
    data = derive(example("concat_lm")).data()
    assert data["gradients"]["W2"] == {
        "equation": "dW2[v,i] = sum_b do[b,v]*h[b,i]",
        "formula": "sum_b do[b,v]*h[b,i]",
    }
    assert data["parameters"][1] == {"name": "W1", "shape": ["H", "N", "D"], "role": "parameter"}
    assert data["chain_rule"] == []
    assert data["stable"][0] == {"equation": "o_max[b] = max_v o[b,v]", "reason": ""}
    assert data["stable"][1]["reason"] == "no exponential overflows"
    assert data["products"] is None
    assert data["program"][-1] == "dW2[v,i] = sum_b do[b,v]*h[b,i]"

"""Every local derivative that is printed is the true one: compared with difference quotients of its equation alone."""

from __future__ import annotations

import numpy as np
import pytest

from symgrad.derivation import derive
from symgrad.derivation.local_derivatives import LocalDerivative, reasons
from symgrad.derivation.reasons import spelled
from symgrad.language.notation import text

from ..examples.files import example
from .models import MODELS, attention, branches, concatenation, layer_norm, tied, used_twice
from .points import At


def spread(local: LocalDerivative, at: At) -> np.ndarray:
    """The derivative as an array (*of, *by): what is written, on the diagonal of the shared indices, 0 elsewhere."""
    own, others = local.of.indices, local.by.indices
    indices = tuple(dict.fromkeys((*own, *others)))
    value = at.value(local.value, indices)
    lengths = [at.sizes[index.extent.name] for index in (*own, *others)]
    result = np.zeros(lengths)
    for place in np.ndindex(*lengths):
        of, by = place[: len(own)], place[len(own) :]
        chosen = dict(zip(own, of, strict=True))
        if all(chosen.setdefault(index, k) == k for index, k in zip(others, by, strict=True)):
            result[place] = value[tuple(chosen[index] for index in indices)]
    return result


@pytest.mark.parametrize("name", MODELS)
def test_what_is_written_is_the_partial_derivative(name: str) -> None:
    at = At(MODELS[name])
    for local in derive(at.program).locals_:
        expected = at.jacobian(local.equation, local.by.tensor)
        np.testing.assert_allclose(spread(local, at), expected, atol=1e-8, rtol=1e-7, err_msg=local.name)


@pytest.mark.parametrize(
    ("build", "written"),
    [
        (concatenation, "dp[b,v]/do[b,v2] = p[b,v]*([v == v2] - p[b,v2])"),
        (concatenation, "dL/dp[b,v] = -[v == y[b]]/(B*p[b,y[b]])"),
        (concatenation, "do[b,v]/dW2[v,i] = h[b,i]"),
        (attention, "dr[b,t,i]/dw[b,t,s] = x[b,s,i]"),
        (layer_norm, "dn[b,i]/ds[b] = -n[b,i]/s[b]"),
        (branches, "dh[b,i]/da[b,i] = [0 < a[b,i]]"),
        (used_twice, "dh/dw = (1 - tanh(w*x)**2)*x + 1"),
        (tied, "do[b,v]/dh[b,i] = C[v,i]"),
    ],
)
def test_as_a_textbook_writes_it(build, written: str) -> None:
    assert written in [f"{local.name} = {text(local.value)}" for local in derive(build()).locals_]


def test_reasons_name_the_equation_the_rule_and_what_is_saved() -> None:
    locals_ = derive(concatenation()).locals_
    by_name = {local.name: spelled(reason) for local, reason in zip(locals_, reasons(locals_), strict=True)}
    assert by_name["do[b,v]/dW2[v,i]"] == "from F2"
    assert by_name["dL/dp[b,v]"] == "from F4: d log(p)/dp = 1/p"
    assert by_name["dp[b,v]/do[b,v2]"].startswith("from F3, which connects every v with every v2: d exp(o)/do = exp(o)")


def test_a_rule_is_explained_where_it_is_met_first() -> None:
    locals_ = derive(example("scalar_tanh")).locals_
    explained = [spelled(reason) for reason in reasons(locals_) if len(reason) > 1]
    assert explained == ["from F4: d tanh(a)/da = 1 - tanh(a)**2, and tanh(a) is o"]


def test_the_letter_of_a_rule_is_no_name_of_the_model() -> None:
    (reason,) = [local.reason for local in derive(used_twice()).locals_ if local.name == "dh/dw"]
    assert reason == "from F1: d tanh(s)/ds = 1 - tanh(s)**2"


def test_what_the_loss_reads_beside_other_readers_is_marked_as_a_part() -> None:
    names = [local.name for local in derive(used_twice()).locals_]
    assert "dL/dw|F3" in names
    assert "dL/dw" not in names

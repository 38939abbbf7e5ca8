"""Every line of the backward part says the same: its chain rule, each of its forms, and the difference quotients."""

from __future__ import annotations

import numpy as np
import pytest

from symgrad.checking.interpreter import evaluate
from symgrad.derivation import derive
from symgrad.derivation.adjoints import Adjoint, Share
from symgrad.language.algebra import mul, total
from symgrad.language.notation import text
from symgrad.language.terms import Read, Term

from ..calculus.all_at_once import gradient_errors
from .models import MODELS, concatenation
from .points import At

EVERY = 10**6  # entries
TOLERANCE = 1e-7


def chain_rule(share: Share, adjoint_of: dict[str, str], loss: str) -> Term:
    """The term that the printed product of derivatives stands for."""
    if share.direct(loss):
        return share.local.value
    reader = Read(adjoint_of[share.local.of.tensor], share.local.of.indices)
    return total(share.indices, mul(reader, share.local.value))


@pytest.mark.parametrize("name", MODELS)
def test_chain_rule_and_all_forms_have_the_adjoints_value(name: str) -> None:
    at = At(MODELS[name])
    derivation = derive(at.program)
    for adjoint in derivation.adjoints:
        expected = at.values[adjoint.left.tensor]
        indices = adjoint.left.indices
        by_chain_rule = sum(
            at.value(chain_rule(share, at.raw.adjoints, derivation.loss), indices) for share in adjoint.shares
        )
        np.testing.assert_allclose(by_chain_rule, expected, atol=1e-10, rtol=1e-9, err_msg=text(adjoint.left))
        for form in adjoint.forms:
            np.testing.assert_allclose(
                at.value(form.value, indices), expected, atol=1e-10, rtol=1e-9, err_msg=form.reason
            )


@pytest.mark.parametrize("name", MODELS)
def test_gradients_agree_with_difference_quotients(name: str) -> None:
    at = At(MODELS[name])
    derivation = derive(at.program)
    made = evaluate(derivation.program, at.given, at.sizes)
    found = {parameter: made[derivation.gradients[parameter].tensor] for parameter in derivation.wrt}
    errors = gradient_errors(at.program, at.given, at.sizes, found, EVERY, TOLERANCE)
    assert max(errors.values()) < TOLERANCE, errors


def named(name: str) -> Adjoint:
    (adjoint,) = [adjoint for adjoint in derive(concatenation()).adjoints if adjoint.left.tensor == name]
    return adjoint


def test_the_forms_of_cross_entropy_end_in_the_textbooks() -> None:
    forms = [text(form.value) for form in named("do").forms]
    assert forms[0] == (
        "exp(o[b,v])*dp[b,v]/(sum_v2 exp(o[b,v2]))"
        " - exp(o[b,v])/(sum_v2 exp(o[b,v2]))**2 * sum_v2 exp(o[b,v2])*dp[b,v2]"
    )
    assert forms[-2:] == ["p[b,v]/B - [v == y[b]]/B", "(p[b,v] - [v == y[b]])/B"]


def test_every_rewriting_has_its_reason() -> None:
    first, *others = named("do").forms
    assert first.reason == ""
    assert [form.reason for form in others] == [
        "dp is -[v == y[b]]/(B*p[b,y[b]]), and the delta contracts",
        "saved: exp(o[b,v])/(sum_v2 exp(o[b,v2])) is p[b,v]",
        "collect common factors",
    ]


def test_a_sparse_adjoint_goes_into_its_readers() -> None:
    assert not named("dp").kept
    assert "dp" not in derive(concatenation()).program.tensors

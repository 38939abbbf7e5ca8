"""Every hand model's gradient against difference quotients, at sizes that are not square."""

from __future__ import annotations

import pytest

from symgrad.checking.differences import gradient_error, interpreted_loss
from symgrad.checking.interpreter import evaluate
from symgrad.checking.points import PRIMES, point, size_names
from symgrad.pipeline import derive_gradients

from .models import CASES, case


@pytest.mark.parametrize("identifier", CASES)
def test_gradient_at_other_sizes(identifier: str) -> None:
    wrt, program = case(identifier).wrt, case(identifier).build().program
    sizes = dict(zip(size_names(program), PRIMES, strict=False))
    given = point(program, sizes).values
    gradients = derive_gradients(program, (wrt,))
    found = evaluate(gradients.program, given, sizes)[gradients.adjoints[wrt]]
    assert gradient_error(interpreted_loss(program, given, sizes), wrt, found, tolerance=1e-7) < 1e-7


def test_an_unknown_case_is_refused() -> None:
    with pytest.raises(KeyError, match="no hand case 'mlp'; there are attn-dQ-scale"):
        case("mlp")

"""The operations of a step's matrix products, against formulas worked out by hand."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from symgrad.bench.turns import products

from .small import CASES


def forward_and_back(s: SimpleNamespace, *sides: int) -> int:
    """2 operations a multiplication, once forward and twice back, for every row."""
    return 6 * s.B * sum(sides)


def head(s: SimpleNamespace) -> int:
    return forward_and_back(s, s.N * s.D * s.H, s.H * s.V)


def attention(s: SimpleNamespace) -> int:
    block = 4 * s.D * s.K * s.E + 2 * s.D * s.F + 2 * s.K * s.T * s.E
    return forward_and_back(s, s.T * (s.N * block + s.D * s.V))


FLOPS = {
    "concat_lm": head,
    "unnamed_loss": head,
    "makemore_mlp": head,
    "bengio2003": lambda s: forward_and_back(s, s.N * s.M * s.J, s.J * s.V),
    "scalar_tanh": lambda s: 0,
    "rnn_lm": lambda s: forward_and_back(s, s.T * (s.D * s.H + s.H * s.H + s.H * s.V)),
    "lstm_lm": lambda s: forward_and_back(s, s.T * (4 * s.D * s.H + 4 * s.H * s.H + s.H * s.V)),
    "transformer_lm": attention,
}


@pytest.mark.parametrize("name", CASES)
def test_operations(name: str) -> None:
    case = CASES[name]
    assert products(case) == FLOPS[case.losses](SimpleNamespace(**case.sizes, B=case.batch))

"""Optimizer rules that people write by hand: what they become after some steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from symgrad.language.lowering import lower_index
from symgrad.language.optimizers import Adafactor, Nesterov, Optimizer, with_optimizer
from symgrad.language.program import Program, Role, Tensor
from symgrad.language.surface import axes
from symgrad.training.rates import Constant, InverseRoot, Rate


@dataclass(frozen=True)
class UpdateCase:
    """`build()` is a step of `optimizer` for the parameter `p` from its gradient `g`; the rates are those of `rate`."""

    id: str
    optimizer: Optimizer
    rate: Rate
    build: Callable[[], Program]


def step_of(optimizer: Optimizer, letters: str) -> Callable[[], Program]:
    def build() -> Program:
        index = axes(letters)
        indices = tuple(map(lower_index, index if isinstance(index, tuple) else (index,)))
        given = {"p": Tensor("p", indices, Role.PARAMETER), "g": Tensor("g", indices, Role.INPUT)}
        return with_optimizer(Program("step", given, (), ()), {"p": "g"}, optimizer)

    return build


ROWS = (
    ("nesterov-torch", Nesterov(mu=0.9), Constant(0.1), "i:N"),
    ("adafactor-normalizer", Adafactor(eps1=1e-30, eps2=1e-3, d=1.0), InverseRoot(1e-2), "i:N j:M"),
)
UPDATES = {name: UpdateCase(name, rule, rate, step_of(rule, letters)) for name, rule, rate, letters in ROWS}

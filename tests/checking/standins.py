"""An `Emitted` built on the interpreter: what generated code must do, and with `wrong` what it must not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from symgrad.calculus.reverse import Gradients, differentiate
from symgrad.calculus.simplify import simplify
from symgrad.checking.emitted_check import Threshold
from symgrad.checking.interpreter import Values, evaluate, sizes_of
from symgrad.checking.points import shape_of
from symgrad.language.batch import batch_axis
from symgrad.language.evaluation import evaluation_form
from symgrad.language.masks import DRAW, drawn_masks, with_draws
from symgrad.language.optimizers import SGD, Optimizer, with_optimizer
from symgrad.language.program import Program, Role, Tensor

Wrong = Callable[[Program], Program]


def unchanged(program: Program) -> Program:
    return program


@dataclass(frozen=True)
class Interpreted:
    """`program` is the step; its gradients and its step are computed from `wrong(program)` instead."""

    model: Program
    optimizer: Optimizer = field(default_factory=SGD)
    dtype: str = "float64"
    wrong: Wrong = unchanged
    of_tiles: tuple[Threshold, ...] = ()
    of_threads: tuple[Threshold, ...] = ()
    threaded: bool = False

    @cached_property
    def program(self) -> Program:
        gradients = simplify(differentiate(self.model))
        return with_draws(with_optimizer(gradients.program, gradients.of_parameters, self.optimizer))

    @cached_property
    def computed(self) -> Program:
        return self.wrong(self.program)

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        return tuple(self.program.with_role(Role.INPUT, Role.TOKENS))

    @property
    def parameters(self) -> tuple[Tensor, ...]:
        return tuple(self.program.parameters)

    @property
    def states(self) -> tuple[Tensor, ...]:
        return tuple(self.program.with_role(Role.STATE))

    @property
    def settings(self) -> tuple[Tensor, ...]:
        return tuple(self.program.with_role(Role.SETTING))

    def loss(self, batch: Values, parameters: Values) -> float:
        return float(evaluate(self.model, {**batch, **parameters})[self.model.outputs[0]])

    def evaluation_loss(self, batch: Values, parameters: Values) -> float:
        return float(evaluate(self.evaluated, {**batch, **parameters})[self.model.outputs[0]])

    def mean_loss(self, data: Values, parameters: Values, batch: int) -> float:
        rows = len(next(iter(data.values())))
        slices = [slice(start, min(start + batch, rows)) for start in range(0, rows, batch)]
        losses = [self.evaluation_loss({n: a[s] for n, a in data.items()}, parameters) for s in slices]
        return float(np.average(losses, weights=[s.stop - s.start for s in slices]))

    @cached_property
    def evaluated(self) -> Program:
        return evaluation_form(self.model)

    @cached_property
    def gradient_program(self) -> Gradients:
        return simplify(differentiate(self.model, [t.name for t in self.model.with_role(Role.PARAMETER, Role.INPUT)]))

    def gradients(self, batch: Values, parameters: Values) -> tuple[float, Values]:
        gradients = self.gradient_program
        made = evaluate(self.wrong(gradients.program), {**batch, **parameters})
        names = [tensor.name for tensor in self.model.with_role(Role.PARAMETER, Role.INPUT)]
        return float(made[self.model.outputs[0]]), {name: made[gradients.adjoints[name]] for name in names}

    def chunk(
        self,
        order: np.ndarray,
        settings: Values,
        data: Values,
        parameters: Values,
        states: Values,
        losses: np.ndarray,
    ) -> int:
        program, axis = self.computed, batch_axis(self.program)
        for step, rows in enumerate(order):
            batch = {name: array[rows] if axis else array[rows[0]] for name, array in data.items()}
            now: Mapping[str, np.ndarray] = {name: values[step] for name, values in settings.items()}
            if DRAW in now:
                sizes = sizes_of(program, {**parameters, **states, **batch})
                shapes = {mask.name: shape_of(mask, sizes) for mask in program.with_role(Role.MASK)}
                batch |= drawn_masks(program, shapes, now[DRAW])
            with np.errstate(all="ignore"):  # a planted mistake may well diverge
                made = evaluate(program, {**parameters, **states, **batch, **now})
            losses[step] = made[program.outputs[0]]
            for kept in (parameters, states):
                for name in kept:
                    kept[name][...] = made[program.updates.get(name, name)]
        return len(order)

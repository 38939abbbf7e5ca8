"""Every pass of the schedule keeps the meaning: programs evaluated before and after it, at several sizes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from symgrad.calculus.stability import stabilize
from symgrad.checking.interpreter import Values, evaluate
from symgrad.checking.points import point, size_names
from symgrad.codegen.schedule.contractions import materialize_operands
from symgrad.codegen.schedule.factored_sums import factor_sums
from symgrad.codegen.schedule.forms import PASSES, fold_into_updates
from symgrad.codegen.schedule.plan import tiling
from symgrad.codegen.schedule.rows import loss_by_row, turn_recurrent_operands
from symgrad.language.optimizers import SGD, Adafactor, Adam, with_optimizer
from symgrad.language.program import Program
from symgrad.language.typecheck import typecheck
from symgrad.pipeline import derive_gradients

from ..calculus.programs import PROGRAMS
from .models import MODELS

SMALL = (
    "tied_embeddings", "softmax_of_softmax", "softmax_inside_softmax", "temperature", "sum_of_squared_probabilities",
    "sigmoid_normalizer", "cross_entropy_by_log_softmax", "masked_attention", "layer_norm", "stable_softmax",
    "value_at_the_argmax", "merged_axes", "split_axis", "concatenation", "slices", "gates", "shifted",
    "padded_convolution", "first_row", "quadratic_form", "gather_chain", "one_hot_products",
    "piecewise_by_another_tensor", "sums_beside_each_other", "stopped_part", "reversed_axis",
    "head_with_a_bias", "head_with_temperature_and_penalty", "head_with_a_sigmoid_normalizer",
    "two_heads_on_one_embedding", "cross_attention", "attention_over_a_memory",
    "attention", "bilinear_scores", "additive_attention",
)  # fmt: skip
TABLE = {name: cache(make) for name, make in {**MODELS, **{name: PROGRAMS[name] for name in SMALL}}.items()}
PIPELINE: tuple[Callable[[Program], Program], ...] = (
    lambda program: stabilize(program)[0],
    *PASSES,
    factor_sums,
    materialize_operands,
    turn_recurrent_operands,
    loss_by_row,
    *tiling(2, every=True),
    fold_into_updates,
)
KINDS = {
    "gradients": lambda gradients: gradients.program,
    "sgd": lambda gradients: step(gradients, SGD()),
    "adam": lambda gradients: step(gradients, Adam(), clip=0.5),
    "adafactor": lambda gradients: step(gradients, Adafactor()),
}


def step(gradients, optimizer, clip: float | None = None) -> Program:
    program = with_optimizer(gradients.program, gradients.of_parameters, optimizer, clip=clip)
    return replace(program, outputs=program.outputs[:1])


def results(program: Program, values: Values, sizes: dict[str, int]) -> Values:
    with np.errstate(all="ignore"):
        made = evaluate(program, values, sizes)
    return {name: made[name] for name in (*program.outputs, *program.updates.values())}


CASES = [(name, kind) for name in TABLE for kind in KINDS if name in MODELS or kind in ("gradients", "sgd")]
SIZES = ((3, 5, 2, 7, 11), (1,) * 5)


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_a_pass_keeps_the_meaning(name: str, kind: str) -> None:
    program = KINDS[kind](derive_gradients(TABLE[name]()))
    names = size_names(program)
    points = []
    for primes in (*SIZES, (3,) * 5) if kind == "gradients" else SIZES:
        sizes = dict(zip(names, primes, strict=False))
        values = {t: np.abs(v) if t == "t" else v for t, v in point(program, sizes, margin=0.0).values.items()}
        points.append((values, sizes, results(program, values, sizes)))
    for position, rewrite in enumerate(PIPELINE):
        program = typecheck(rewrite(program))
        for values, sizes, expected in points:
            for tensor, found in results(program, values, sizes).items():
                message = f"{tensor} after pass {position} at {sizes}"
                np.testing.assert_allclose(found, expected[tensor], rtol=1e-8, atol=1e-9, err_msg=message)

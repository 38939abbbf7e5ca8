"""What is emitted for every program of the table, executed without compiling, against the interpreter."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from symgrad.calculus.stability import stabilize
from symgrad.checking.evaluation_check import check_evaluation
from symgrad.checking.points import size_names
from symgrad.codegen.emitted import Emitted
from symgrad.codegen.schedule.plan import OPTIONAL, scheduled_equations
from symgrad.codegen.schedule.tables import tables
from symgrad.language.evaluation import has_evaluation_form
from symgrad.language.optimizers import SGD, Adafactor, Adam, Optimizer
from symgrad.language.program import Program
from symgrad.pipeline import derive_gradients, generate

from ..calculus.programs import PROGRAMS
from ..calculus.random_programs import SIZES, programs
from .running import gradient_errors, plain, step_errors, wrong

TOLERANCE = 1e-10
PRIMES = (3, 5, 2, 7, 11)
# A size that is the length of no array can be given to the interpreter, not to an emitted file.
EMITTED = {name: make for name, make in PROGRAMS.items() if name != "sum_of_a_constant"}
SOME = (
    "scalar_tanh", "concatenation_lm", "tied_embeddings", "sigmoid_normalizer", "attention", "layer_norm", "gates",
    "lstm",
    "head_with_temperature_and_penalty",
    "stable_softmax", "piecewise_by_another_tensor", "sum_over_a_merged_row", "first_row", "maximum_of_a_product",
)  # fmt: skip
OVER_A_VOCABULARY = (
    "continuous_bag_of_words", "shared_by_two_lookups", "tied_embeddings", "concatenation_lm", "cross_entropy",
    "cross_entropy_by_log_softmax", "rnn_lm", "head_with_a_bias", "head_with_temperature_and_penalty",
    "head_with_smoothed_labels", "head_with_a_sigmoid_normalizer", "head_with_its_entropy",
    "head_with_weights_of_words", "head_over_two_axes_of_rows", "two_heads_on_one_embedding",
    "heads_over_two_vocabularies", "head_over_rows_without_a_batch", "head_with_weights_of_positions",
)  # fmt: skip
TILED = (
    *OVER_A_VOCABULARY, "cross_attention", "attention_by_channels", "attention_over_a_memory", "additive_attention",
    "dropout", "factorization_machine", "variational_autoencoder", "triplet_loss", "statistics_in_two_forms",
)  # fmt: skip

BY_ROW = (
    "causal_self_attention", "several_heads", "residual_block", "dropout", "skip_gram", "glove", "tied_embeddings",
    "one_hot_products", "head_with_weights_of_words", "head_over_two_axes_of_rows", "cross_entropy",
    "variational_autoencoder", "gaussian_mixture", "triplet_loss", "rnn_lm", "lstm", "gru", "residual_stack",
    "statistics_in_two_forms", "loss_that_reads_a_state", "dropout_along_a_recurrence", "two_layers", "three_times",
    "convolution_of_channels", "normalized_in_each_turn",
)  # fmt: skip


def sizes(program: Program) -> list[dict[str, int]]:
    """All different, all equal, all 1."""
    names = size_names(program)
    rows = (PRIMES[: len(names)], [3] * len(names), [1] * len(names))
    return [dict(zip(names, row, strict=True)) for row in rows]


@dataclass
class Files:
    """A program of the table, and its file with SGD and without fusion."""

    program: Program
    fused: Emitted
    plainly: Emitted


@pytest.fixture(scope="module", params=EMITTED)
def files(request: pytest.FixtureRequest) -> Files:
    program = EMITTED[request.param]()
    return Files(program, *(plain(generate(program, SGD(), "float64", schedule=name)) for name in ("auto", "plain")))


def test_loss_and_gradients(files: Files) -> None:
    gradients = derive_gradients(files.program, files.fused.differentiated)
    table = sizes(files.program)
    for seed, row in enumerate(table):
        assert not wrong(gradient_errors(gradients, files.fused, row, seed), TOLERANCE), row
    assert not wrong(gradient_errors(gradients, files.plainly, table[0]), TOLERANCE), "not fused"


def test_steps(files: Files) -> None:
    for row, steps in zip(sizes(files.program)[:2], (3, 1), strict=True):
        assert not wrong(step_errors(files.fused, row, steps), TOLERANCE), (row, steps)


@pytest.mark.parametrize(
    "files", [name for name, make in EMITTED.items() if has_evaluation_form(make())], indirect=True
)
def test_the_evaluation_form(files: Files) -> None:
    for emitted in (files.fused, files.plainly):
        rows = check_evaluation(files.program, emitted, table=sizes(files.program))
        assert {row.test for row in rows} == {"loss", "slices"}
        assert all(row.ok for row in rows), "\n".join(map(str, rows))


@pytest.mark.parametrize("tile", (1, 2, 3))
@pytest.mark.parametrize("name", TILED)
def test_by_tile(name: str, tile: int) -> None:
    """Tables in more than one tile, a last one that is not full, and more parts than tiles."""
    program = EMITTED[name]()
    rules: tuple[Optimizer, ...] = (SGD(), Adam(), Adafactor()) if tile == 2 and name in SOME else (SGD(),)
    for rule in rules:
        emitted = plain(generate(program, rule, "float64", schedule="tiles", tile=tile))
        gradients = derive_gradients(program, emitted.differentiated)
        for row, threads in zip(sizes(program), (3, 2, 1), strict=True):
            assert not wrong(gradient_errors(gradients, emitted, row), TOLERANCE), row
            assert not wrong(step_errors(emitted, row, 2, threads=threads), TOLERANCE), (rule, row, threads)


@pytest.mark.parametrize("name", BY_ROW)
def test_by_row(name: str) -> None:
    """More parts than rows too."""
    program = EMITTED[name]()
    for rule in (SGD(), Adam()) if name in SOME else (SGD(),):
        generated = generate(program, rule, "float64", schedule="rows")
        assert "_sweep_1" in generated.source
        emitted = plain(generated)
        for row, threads in zip(sizes(program), (2, 4, 3), strict=True):
            assert not wrong(step_errors(emitted, row, 2, threads=threads), TOLERANCE), (rule, row, threads)


@pytest.mark.parametrize("left_out", OPTIONAL)
def test_each_pass_can_be_left_out(left_out: str) -> None:
    for name in ("head_with_temperature_and_penalty", "lstm", "several_heads", "attention"):
        program = EMITTED[name]()
        emitted = plain(generate(program, SGD(), "float64", tile=2, without=(left_out,)))
        row = sizes(program)[0]
        assert not wrong(gradient_errors(derive_gradients(program, emitted.differentiated), emitted, row), TOLERANCE)
        assert not wrong(step_errors(emitted, row, 2, threads=2), TOLERANCE), name


def test_these_are_the_programs_with_tables() -> None:
    """By default those whose axis is known to be long."""
    scheduled = {name: scheduled_equations(stabilize(make())[0], "whole") for name, make in EMITTED.items()}
    assert {name for name, program in scheduled.items() if tables(program)} == {*OVER_A_VOCABULARY}
    assert {name for name, program in scheduled.items() if tables(program, every=True)} == {*TILED}


@pytest.mark.parametrize("rule", (Adam(), Adafactor()), ids=lambda rule: rule.name)
@pytest.mark.parametrize("name", SOME)
def test_steps_of_other_optimizers(name: str, rule: Optimizer) -> None:
    program = EMITTED[name]()
    emitted = plain(generate(program, rule, "float64"))
    for row, steps in zip(sizes(program), (3, 1, 1), strict=True):
        assert not wrong(step_errors(emitted, row, steps), TOLERANCE), (row, steps)


@settings(max_examples=10, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(programs(), st.sampled_from(SIZES), st.sampled_from((SGD(), Adafactor())))
def test_random_programs(program: Program, given_sizes: dict[str, int], rule: Optimizer) -> None:
    emitted = plain(generate(program, rule, "float64"))
    gradients = derive_gradients(program, emitted.differentiated)
    assert not wrong(gradient_errors(gradients, emitted, given_sizes), TOLERANCE)
    assert not wrong(step_errors(emitted, given_sizes, 2), 1e-8)

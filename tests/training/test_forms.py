"""Training a model with two forms: states move and are saved, evaluation reads them, masks are drawn, sizes checked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from symgrad.checking.interpreter import evaluate
from symgrad.language.errors import DataError, TrainingError
from symgrad.language.evaluation import evaluation_form
from symgrad.language.model import Model, normal, ones, zeros
from symgrad.language.surface import axes, mean, size, total
from symgrad.pipeline import generate
from symgrad.training import Arrays, Run, Training, load_checkpoint, train

from ..codegen.running import plain

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(2.0, 3.0, (60, 2))
ROWS = {"x": X, "y": X @ [0.4, -0.3] + RANDOM.normal(0, 0.1, 60)}
PARTS = {
    "train": {name: rows[:40] for name, rows in ROWS.items()},
    "valid": {name: rows[40:51] for name, rows in ROWS.items()},  # 11 rows: by 8, then 3
}


def normalized(evaluated: bool = True) -> Model:
    """A regression on the batch's normalized inputs, with the unbiased variance; evaluation by running statistics."""
    model = Model("normalized")
    b, d = axes("b:B d:D")
    w, c = model.parameters(w=normal(d, 0.1), c=zeros(()))
    x, y = model.inputs(x=(b, d), y=(b,))
    m_run, s_run = model.states(m_run=zeros(d), s_run=ones(d))
    m = model.define("m", d, mean(x[b, d], b), evaluation=m_run[d] if evaluated else None)
    s = model.define(
        "s", d, total((x[b, d] - m[d]) ** 2, b) / (size(b) - 1), evaluation=s_run[d] if evaluated else None
    )
    o = model.define("o", b, c + total(w[d] * (x[b, d] - m[d]) / (s[d] + 0.01), d))
    model.minimize("L", mean((o[b] - y[b]) ** 2, b))
    model.update(m_run, d, 0.9 * m_run[d] + 0.1 * m[d])
    model.update(s_run, d, 0.9 * s_run[d] + 0.1 * s[d])
    return model


def dropped() -> Model:
    """A regression with a mask over its inputs."""
    model = Model("dropped")
    b, d = axes("b:B d:D")
    w = model.parameters(w=normal(d, 0.1))
    x, y = model.inputs(x=(b, d), y=(b,))
    r = model.masks(r=(b, d), keep=0.75)
    model.minimize("L", mean((total(w[d] * r[b, d] * x[b, d], d) - y[b]) ** 2, b))
    return model


class Interpretable:
    """What `generate` returns, loaded without compiling."""

    def __init__(self, *arguments: object, **options: object) -> None:
        self.load = lambda: plain(generate(*arguments, **options))


def run(model: Model, path: Path, parts: object = PARTS, **changes: object) -> Run:
    training = Training(Arrays(parts), **{"rate": 0.05, "epochs": 4, "batch": 8, "dtype": "float64", **changes})
    return train(model, training, quiet=True, out=path / "m.safetensors", threads=1, generate=Interpretable)


def test_states_move_with_the_batches_and_evaluation_reads_them(tmp_path: Path) -> None:
    train_rows = PARTS["train"]["x"]
    result = run(normalized(), tmp_path, {"train": PARTS["train"]}, rate=0.0, epochs=30)
    # batches of 8 rows, the last of them weighing the most: near the statistics of the whole part
    np.testing.assert_allclose(result.states["m_run"], train_rows.mean(axis=0), atol=1.5)
    np.testing.assert_allclose(result.states["s_run"], train_rows.var(axis=0, ddof=1), rtol=0.5)
    form = evaluation_form(normalized().program)
    expected = evaluate(form, {**PARTS["train"], **result.parameters, **result.states})["L"]
    assert result.train == pytest.approx(float(expected), rel=1e-12)


def test_the_states_of_the_best_evaluation_are_those_that_are_kept(tmp_path: Path) -> None:
    # the rate runs away after the first epoch, so the first evaluation stays the best
    result = run(normalized(), tmp_path, epochs=3, rate="step 0.01 5:5")
    assert result.best_epoch == 1
    form = evaluation_form(normalized().program)
    kept = evaluate(form, {**PARTS["valid"], **result.parameters, **result.states})["L"]
    assert result.valid == pytest.approx(float(kept), rel=1e-12)


def test_a_checkpoint_carries_the_states(tmp_path: Path) -> None:
    model, first = normalized(), run(normalized(), tmp_path)
    back = load_checkpoint(first.path, model.program)
    assert set(back.parameters) == {"w", "c"}
    for name, value in first.states.items():
        np.testing.assert_array_equal(back.states[name], value)
    # a step with rate 0 moves the states on from where they were, and no parameter
    training = Training(Arrays(PARTS), rate=0.0, steps=1, batch=8, dtype="float64")
    again = train(model, training, quiet=True, out=tmp_path / "n", start=first.path, threads=1, generate=Interpretable)
    np.testing.assert_array_equal(again.parameters["w"], first.parameters["w"])
    assert np.all(np.abs(again.states["s_run"] - first.states["s_run"]) < np.abs(first.states["s_run"]) / 4)
    assert np.all(again.states["s_run"] != first.states["s_run"])


def test_a_checkpoint_without_the_states_is_refused(tmp_path: Path) -> None:
    plain_run = run(dropped(), tmp_path)
    with pytest.raises(DataError, match=r"its parameters are w, those of normalized are c, w: c is not in both"):
        load_checkpoint(plain_run.path, normalized().program)
    model = Model("dropped")
    b, d = axes("b:B d:D")
    w, x, n = model.parameters(w=(d,)), model.inputs(x=(b, d)), model.states(n=zeros(()))
    model.minimize("L", mean(total(w[d] * x[b, d], d) ** 2, b))
    model.update(n, (), n + 1)
    with pytest.raises(DataError, match=r"its states are none, those of dropped are n: n is not in both"):
        load_checkpoint(plain_run.path, model.program)


def test_masks_are_drawn_for_training_and_not_for_evaluation(tmp_path: Path) -> None:
    one, two, other = (run(dropped(), tmp_path, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.step_losses, two.step_losses)
    assert not np.array_equal(one.step_losses, other.step_losses)
    error = PARTS["valid"]["x"] @ one.parameters["w"] - PARTS["valid"]["y"]
    assert one.valid == pytest.approx(np.mean(error**2), rel=1e-12)


REFUSED: dict[str, tuple[Callable[[], Model], dict, str]] = {
    "a batch of 1": (normalized, {"batch": 1}, "normalized: s divides by B - 1, which is 0 for B = 1; give"),
    "one row left over": (
        lambda: normalized(evaluated=False),
        {"batch": 10},
        "normalized: evaluation of the valid part takes 11 rows by 10 and 1 at once: s divides by B - 1, which is 0",
    ),
}


@pytest.mark.parametrize(("build", "changes", "message"), REFUSED.values(), ids=REFUSED)
def test_sizes_at_which_the_loss_has_no_value(build, changes: dict, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        run(build(), tmp_path, **changes)
    assert not list(tmp_path.iterdir())


def test_one_row_left_over_is_fine_with_running_statistics(tmp_path: Path) -> None:
    assert np.isfinite(run(normalized(), tmp_path, batch=10).valid)


def test_an_emitted_module_refuses_a_batch_of_1() -> None:
    emitted = plain(generate(normalized(), dtype="float64"))
    kept = {"w": np.ones(2), "c": np.array(0.0), "m_run": np.zeros(2), "s_run": np.ones(2)}
    batch = {name: rows[:1] for name, rows in ROWS.items()}
    for function in (emitted.loss, emitted.gradients):
        with pytest.raises(DataError, match="s divides by B - 1, which is 0 for B = 1"):
            function(batch, kept)
    assert np.isfinite(emitted.evaluation_loss(batch, kept))
    assert np.isfinite(emitted.mean_loss(batch, kept, 1))


def test_a_state_that_is_not_finite_is_told(tmp_path: Path) -> None:
    model = Model("growing")
    b = axes("b:B")
    w, x, n = model.parameters(w=()), model.inputs(x=(b,)), model.states(n=ones(()))
    model.minimize("L", mean((w - x[b]) ** 2, b))
    model.update(n, (), n * 1e200)
    rows = {"train": {"x": RANDOM.normal(size=40)}}
    message = r"growing: state n is not finite at step \d of 20"
    with np.errstate(over="ignore"), pytest.raises(TrainingError, match=message):
        run(model, tmp_path, rows)

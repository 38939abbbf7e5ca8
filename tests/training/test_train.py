"""train(): the whole way with a stand-in for emitted code."""

from __future__ import annotations

import io
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from symgrad.language.errors import DataError, TrainingError
from symgrad.language.surface import total
from symgrad.training import Arrays, Text, load_checkpoint, train
from symgrad.training.console import ConsoleReport
from symgrad.training.report import Evaluation, Progress, duration_text, loss_text, perplexity
from symgrad.training.threads import Balanced, cores, threads_for

from .models import Bigram, bigram, cycle, generates, plan, regression, scalar
from .test_loop import Diverging, interrupt_at


def run(tmp_path, module=None, **changes):
    model = bigram()
    training = plan(data=Text(cycle), rate=1.0, batch=16, epochs=3)
    module = module or Bigram(model.program)
    given = {"quiet": True, "out": tmp_path / "out.safetensors", "generate": generates(module), **changes}
    return train(model, training, **given)


def test_a_run(tmp_path):
    result = run(tmp_path)
    assert result.best_epoch == 3
    assert max(result.train, result.valid, result.test) < 0.1
    assert len(result.evaluations) == 3
    assert len(result.step_losses) == 57
    assert result.sizes == {"V": 4, "B": 16}
    assert result.parameters["W"].dtype == np.float32
    assert not result.interrupted
    assert result.seconds > 0
    saved = load_checkpoint(result.path, bigram().program)
    assert np.array_equal(saved.parameters["W"], result.parameters["W"])
    assert saved.vocabulary == result.vocabulary
    assert saved.recipe["epochs"] == 3


def test_the_same_seed_gives_the_same_file(tmp_path):
    first = run(tmp_path, out=tmp_path / "a", threads=1).path.read_bytes()
    assert run(tmp_path, out=tmp_path / "b", threads=1).path.read_bytes() == first
    assert run(tmp_path, out=tmp_path / "c", threads=1, seed=1).path.read_bytes() != first


def test_generate_is_asked_for_the_recipe_and_told_the_sizes(tmp_path):
    asked = {}

    def generate(model, optimizer, **options):
        asked.update(options, optimizer=optimizer)
        return Bigram(model.program)

    run(tmp_path, generate=generate, optimizer="sgd", dtype="float64", clip=2.0, weight_decay={"W": 0.1})
    assert repr(asked.pop("optimizer")) == "SGD()"
    recipe = {"dtype": "float64", "clip": 2.0, "weight_decay": {"W": 0.1}}
    assert asked == {**recipe, "sizes": {"V": 4, "B": 16}}


def test_overrides(tmp_path):
    result = run(tmp_path, epochs=1, batch=8, dtype="float64")
    assert len(result.evaluations) == 1
    assert result.sizes["B"] == 8
    assert result.parameters["W"].dtype == np.float64


def test_no_training_evaluation(tmp_path):
    result = run(tmp_path, train_loss=False)
    assert result.train is None
    assert result.test is not None
    losses = f"valid {result.valid:.3f}, test {result.test:.3f}"
    assert repr(result) == f"<Run {losses}; parameters W in {result.path}>"


def test_the_default_place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert str(run(tmp_path, out=None).path) == "runs/bigram.safetensors"
    assert (tmp_path / "runs" / "bigram.safetensors").is_file()


def test_going_on_from_a_checkpoint(tmp_path):
    first = run(tmp_path, out=tmp_path / "first")
    second = run(tmp_path, start=first.path)
    assert second.step_losses[0] < 0.1
    with pytest.raises(DataError, match="the file does not exist"):
        run(tmp_path, start=tmp_path / "none")


def test_ctrl_c_saves_the_best(tmp_path):
    result = run(tmp_path, Bigram(bigram().program, interrupt_at(25)))
    assert result.interrupted
    assert result.best_epoch == 1
    assert result.valid == result.best.valid
    assert result.test is None
    assert np.array_equal(load_checkpoint(result.path).parameters["W"], result.parameters["W"])


def test_ctrl_c_in_the_last_evaluation(tmp_path):
    class Impatient(Bigram):
        def mean_loss(self, data, parameters, batch, threads=1):
            if len(data["x"]) > 100:
                raise KeyboardInterrupt
            return super().mean_loss(data, parameters, batch)

    result = run(tmp_path, Impatient(bigram().program))
    assert result.interrupted
    assert result.best_epoch == 3
    assert result.path.is_file()


def test_a_loss_that_is_not_finite(tmp_path):
    with pytest.raises(TrainingError, match=r"bigram: the loss is nan at step 30 of 57 \(epoch 2\)") as caught:
        run(tmp_path, Diverging(30))
    assert "out.diverged.safetensors holds the parameters of epoch 1, the best with valid" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "left as it was" not in str(caught.value), "there was no checkpoint"
    assert np.isfinite(load_checkpoint(tmp_path / "out.diverged.safetensors").parameters["W"]).all()
    assert not (tmp_path / "out.safetensors").exists()


def test_a_run_that_diverges_leaves_the_checkpoint_of_the_one_before(tmp_path):
    good = run(tmp_path).path.read_bytes()
    message = r"out\.diverged\.safetensors holds the first parameters; .*out\.safetensors is left as it was"
    with pytest.raises(TrainingError, match=message):
        run(tmp_path, Diverging(1))
    assert (tmp_path / "out.safetensors").read_bytes() == good
    assert load_checkpoint(tmp_path / "out.diverged.safetensors").model == "bigram"


def test_a_loss_that_is_not_finite_before_any_evaluation(tmp_path):
    with pytest.raises(TrainingError, match="holds the parameters after step 6, not evaluated yet"):
        run(tmp_path, Diverging(7))
    assert load_checkpoint(tmp_path / "out.diverged.safetensors").parameters["W"].any()


def test_a_first_loss_that_is_not_finite(tmp_path):
    with pytest.raises(TrainingError, match=r"at step 1 of 57 .* holds the first parameters"):
        run(tmp_path, Diverging(1))


def test_a_batch_larger_than_the_data(tmp_path):
    with pytest.raises(DataError, match="bigram: the batch is 500, but the training part has 319 rows"):
        run(tmp_path, batch=500)


def test_patience_without_validation(tmp_path):
    with pytest.raises(TrainingError, match="there is no validation part to wait for"):
        run(tmp_path, patience=2, data=Text(cycle, split=(1.0,)))


def test_decay_of_what_is_no_parameter(tmp_path):
    with pytest.raises(TrainingError, match="weight decay is given for U, but the parameters are W"):
        run(tmp_path, weight_decay={"U": 0.1})


def test_a_token_outside_the_vocabulary(tmp_path):
    data = Arrays({"x": np.arange(40) % 5, "y": np.arange(40) % 4})
    with pytest.raises(DataError, match=r"x\[4\] is token id 4, expected 0 <= id < 4"):
        run(tmp_path, data=data, sizes={"V": 4})


def test_a_batch_for_a_model_without_batch_axis(tmp_path):
    training = plan(data=Arrays({"x": [3.0, 1.0], "y": [0.4, 0.1]}), batch=2)
    with pytest.raises(DataError, match="scalar: the batch is 2, but the model has no batch axis"):
        train(scalar(), training, quiet=True, out=tmp_path / "o", generate=generates(None))


def test_a_model_with_real_inputs_and_no_validation(tmp_path):
    class Regression(Bigram):
        def chunk(self, order, settings, data, parameters, states, losses):
            for step, rows in enumerate(order):
                x, error = data["x"][rows], data["x"][rows] @ parameters["w"] - data["y"][rows]
                losses[step] = (error**2).mean()
                parameters["w"] -= settings["lr"][step] * 2 * x.T @ error / len(rows)
            return len(order)

        def mean_loss(self, data, parameters, batch, threads=1):
            return float(((data["x"] @ parameters["w"] - data["y"]) ** 2).mean())

    x = np.random.default_rng(0).standard_normal((64, 2))
    training = plan(data=Arrays({"x": x, "y": x @ [1.0, -2.0]}), rate=0.1, batch=8, epochs=20, dtype="float64")
    module = Regression(regression().program)
    stream = io.StringIO()
    report = ConsoleReport(tokens=False, console=Console(file=stream, width=80))
    result = train(regression(), training, out=tmp_path / "o", report=report, generate=generates(module))
    assert result.parameters["w"] == pytest.approx([1, -2], abs=1e-6)
    assert (result.valid, result.test, result.best_epoch) == (None, None, None)
    assert "(" not in stream.getvalue().splitlines()[-1]
    assert "holds the parameters after the last step" in stream.getvalue()


def test_a_loss_that_is_a_total_is_told_by_row(tmp_path):
    class Totals(Bigram):
        def chunk(self, order, settings, data, parameters, states, losses):
            losses[:] = [(data["y"][rows] ** 2).sum() for rows in order]
            return len(order)

        def mean_loss(self, data, parameters, batch, threads=1):
            return float((data["y"] ** 2).mean())

    x = np.random.default_rng(0).standard_normal((64, 2))
    training = plan(data=Arrays({"x": x, "y": x[:, 0]}), rate=0.0, batch=8, epochs=2)
    model = regression(total)
    result = train(model, training, out=tmp_path / "o", quiet=True, generate=generates(Totals(model.program)))
    assert [evaluation.train for evaluation in result.evaluations] == pytest.approx([result.train] * 2)
    assert result.step_losses.mean() == pytest.approx(8 * result.train)


def printed(tmp_path, **changes) -> list[str]:
    stream = io.StringIO()
    report = ConsoleReport(tokens=True, console=Console(file=stream, width=80))
    run(tmp_path, report=report, **changes)
    return stream.getvalue().splitlines()


def test_what_is_printed(tmp_path):
    lines = printed(tmp_path)
    assert lines[:5] == [
        "text        cycle: 400 words",
        "vocabulary  4 words (all of the whole text), 0.0 % of tokens unknown",
        "parts       train 320 (319)   valid 40 (39)   test 40 (39)   tokens (rows)",
        "model       bigram: 16 parameters, float32, V=4, B=16",
        "training    SGD(), rate 1, batch 16, 3 epochs of 19 steps, seed 0, 1 thread",
    ]
    assert lines[5].split()[:2] == ["epoch", "1"]
    assert lines[5].endswith("best      0:00")
    assert lines[8].startswith("done after 57 steps; ")
    assert lines[9].split()[::3] == ["train", "valid", "test"]
    assert len(lines) == 10


def test_a_short_run_counts_steps(tmp_path):
    lines = printed(tmp_path, steps=16, batch=2)  # of 159 steps an epoch
    assert [line.split()[:2] for line in lines[5:21]] == [["step", str(number)] for number in range(1, 17)]
    assert len({line.index("train") for line in lines[5:21]}) == 1
    assert "holds the parameters of step 16, the best" in lines[21]


def test_parts_of_an_epoch(tmp_path):
    lines = printed(tmp_path, steps=38)  # 19 steps an epoch, evaluated every third
    assert [line.split()[1] for line in lines[5:8]] == ["0.16", "0.32", "0.47"]
    assert lines[17].split()[:2] == ["epoch", "2"]


def test_ctrl_c_is_told(tmp_path):
    lines = printed(tmp_path, generate=generates(Bigram(bigram().program, interrupt_at(25))))
    assert lines[-1].startswith("interrupted at step ")
    assert "of 57; " in lines[-1]
    assert "holds the parameters of epoch 1, the best with valid" in lines[-1]


def test_the_bar_fits_80_columns():
    stream = io.StringIO()
    report = ConsoleReport(tokens=True, console=Console(file=stream, width=80, force_terminal=True, color_system=None))
    report.begin(15_620)
    report.progressed(Progress(1234, 15_620, 0, 10, 5.123, 3723.0))
    report.evaluated(Evaluation(1562, 1.0, 5.3, 5.2, True, 12.0))
    report.end()
    assert "epoch 1/10  step 1,234/15,620 " in stream.getvalue()
    assert "loss 5.123 (167.8)   1:02:03 left" in stream.getvalue()
    assert all(len(line) <= 80 for line in stream.getvalue().replace("\r", "\n").splitlines() if "\x1b" not in line)


def test_quiet_is_silent(tmp_path, capsys):
    run(tmp_path)
    assert capsys.readouterr() == ("", "")


def test_numbers_for_people():
    assert loss_text(4.9132, tokens=True) == "4.913 (136.1)"
    assert loss_text(0.061, tokens=True) == "0.061 (1.063)"
    assert loss_text(800.0, tokens=True) == "800.0 (inf)"
    assert loss_text(14.5, tokens=True) == "14.5 (2.0e+06)"
    assert loss_text(0.25, tokens=False) == "0.25"
    assert loss_text(None, tokens=True) == "-"
    assert np.isnan(perplexity(float("nan")))
    assert [duration_text(s) for s in (7.4, 754, 3723)] == ["0:07", "12:34", "1:02:03"]


@pytest.mark.parametrize("threads", [0, -1, 2**40])
def test_a_number_of_threads_that_no_machine_has_is_refused_before_the_first_step(threads, tmp_path):
    message = rf"bigram: threads is {threads}, expected a whole number from 1 to .* cores; give"
    with pytest.raises(DataError, match=message):
        run(tmp_path, threads=threads)
    assert not list(tmp_path.iterdir())


def test_threads_by_size():
    many = cores()
    for sizes, batch, of_blas in (
        ({"V": 27, "D": 10, "H": 200, "B": 32}, 32, 1),
        ({"V": 1000, "D": 30, "H": 50, "B": 32}, 32, 1),
        ({"V": 16_383, "D": 60, "H": 50, "B": 256}, 256, many),
        ({}, 1, 1),
    ):
        assert threads_for(sizes, batch, "B", threaded=False) == of_blas
        assert threads_for(sizes, batch, "B", threaded=True) == many  # each sweep decides


class Clocked:
    """Chunks that take as long as a table says for their number of threads, or for that of BLAS."""

    def __init__(self, seconds: dict[int, float], threaded: bool) -> None:
        self.seconds, self.threaded, self.seen, self.steps = seconds, threaded, [], []

    def chunk(self, order: np.ndarray, *arguments: object, threads: int | None = None) -> int:
        from threadpoolctl import threadpool_info

        of_blas = min(pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas")
        assert self.threaded == (threads is not None)
        assert not self.threaded or of_blas == 1, "BLAS has threads of its own beside those of the sweeps"
        self.seen.append(threads or of_blas)
        self.steps.append(len(order))
        time.sleep(self.seconds[self.seen[-1]] * len(order))
        return len(order)


def chunk(balanced: Balanced, steps: int) -> int:
    return balanced.chunk(np.zeros((steps, 1)), {"lr": np.zeros(steps)}, {}, {}, {}, np.zeros(steps))


@pytest.mark.parametrize("threaded", [False, True])
@pytest.mark.parametrize("fast", [1, 2])
def test_the_faster_number_of_threads_is_found_and_kept(fast, threaded):
    chunks = Clocked({fast: 0.001, 3 - fast: 0.1}, threaded)
    balanced = Balanced(chunks, 2, 1)
    for _ in range(32):
        assert chunk(balanced, 1) == 1
    assert chunks.seen[:5] == [2, 2, 2, 1, 1], "one for the compiler, then two for each"
    slow = [k for k, count in enumerate(chunks.seen[5:]) if count != fast]
    assert slow == [4, 5, 14, 15], "the other gets another try after 4 chunks, after 8, after 16"


def test_only_a_part_of_a_long_chunk_is_tried():
    chunks = Clocked({1: 0.0, 2: 0.001}, threaded=True)
    balanced = Balanced(chunks, 2, 1)
    for _ in range(6):
        assert chunk(balanced, 160) == 160
    assert chunks.seen == [2, 2, 2, 1, 1, 1] + 3 * [1] + [2, 2, 1] + [1]
    assert chunks.steps == [10, 10, 10, 10, 10, 110] + 3 * [160] + [10, 10, 140] + [160]


def test_a_chunk_ends_where_a_piece_of_it_does():
    class Diverging(Clocked):
        def chunk(self, order: np.ndarray, *arguments: object, threads: int | None = None) -> int:
            return min(7, super().chunk(order, *arguments, threads=threads))

    diverging = Diverging({1: 0.0, 2: 0.0}, threaded=True)
    assert chunk(Balanced(diverging, 2, 1), 160) == 7
    assert diverging.steps == [10]


def test_a_slow_first_chunk_is_not_held_against_its_number_of_threads():
    """Threads that sleep take a while to wake, and a chunk may be a single step."""
    chunks = Clocked({1: 0.04}, threaded=True)
    balanced = Balanced(chunks, 2, 1)
    for seconds in (0.0, 0.1, 0.02, 0.02, 0.02, 0.02):
        chunks.seconds[2] = seconds
        chunk(balanced, 1)
    assert chunks.seen == [2, 2, 2, 1, 1, 2]


def test_blas_is_limited_within_the_loop(tmp_path):
    from threadpoolctl import threadpool_info

    seen = []

    def look(step: int) -> None:
        seen.extend(pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas")

    run(tmp_path, Bigram(bigram().program, look), threads=1, steps=1)
    assert seen
    assert set(seen) == {1}


def test_importing_training_loads_neither_rich_nor_a_compiler():
    heavy = "'rich', 'typer', 'numba', 'safetensors', 'scipy'"
    code = f"import symgrad.training, sys; print([name for name in ({heavy}) if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert result.stdout.strip() == "[]"

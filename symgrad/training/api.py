"""`train`: a model and its training -> a run: data, parameters, emitted module, loop, checkpoint, final losses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from .. import pipeline
from ..codegen.arguments import thread_count
from ..language.batch import batch_axis, is_total, why_no_batch
from ..language.errors import DataError, TrainingError
from ..language.evaluation import evaluation_form
from ..language.model import Model
from ..language.optimizers import check_amounts
from ..language.program import Program, Role
from ..language.sizes import divisors, refuse_vanishing
from .checkpoints import Checkpoint, check_writable, save_checkpoint, started_from
from .configuration import Training
from .data import PARTS, Data, check_tokens
from .loop import Emitted, Fit, Loop, Values, interrupt_after
from .parameters import initial_values
from .report import Evaluation, Report, Silent
from .sizes import Sizes, complete
from .summary import counted, ending, final, opening
from .threads import Balanced, limited_blas, threads_for
from .vocabulary import Vocabulary


class Generated(Protocol):
    """What `generate(model, optimizer, dtype=, weight_decay=, clip=, sizes=)` returns."""

    def load(self) -> Emitted:
        """The module, ready to run."""
        ...


@dataclass(frozen=True)
class Run:
    """A finished or interrupted training.

    parameters          the best by validation loss: those in the file at `path`
    states              the model's own, as they were with these parameters; in the file too
    train, valid, test  their losses over each whole part; None where it does not exist or was not evaluated
    evaluations, best   the losses on the way, and which of them was the best
    step_losses         the loss of each step's batch, before that step
    seconds             of the steps and the evaluations between them, compiling included
    interrupted         Ctrl-C ended it; then train and test may be None
    """

    parameters: Values
    states: Values
    train: float | None
    valid: float | None
    test: float | None
    evaluations: tuple[Evaluation, ...]
    best: Evaluation | None
    step_losses: np.ndarray
    sizes: Sizes
    vocabulary: Vocabulary | None
    seconds: float
    path: Path
    interrupted: bool

    def __repr__(self) -> str:
        losses = (f"{part} {getattr(self, part):.3f}" for part in PARTS if getattr(self, part) is not None)
        return f"<Run {', '.join(losses) or 'without losses'}; parameters {', '.join(self.parameters)} in {self.path}>"

    @property
    def best_epoch(self) -> float | None:
        """Epochs done at the best evaluation; None without a validation part."""
        return None if self.best is None else self.best.epoch


def train(
    model: Model,
    training: Training | None = None,
    *,
    generate: Callable[..., Generated] | None = None,
    quiet: bool = False,
    out: str | Path | None = None,
    start: str | Path | None = None,
    threads: int | None = None,
    train_loss: bool = True,
    report: Report | None = None,
    **overrides: object,
) -> Run:
    """Train the model and save its best parameters, by default as `runs/<model's name>.safetensors`.

    `overrides` are values of `Training` (`epochs=3`, `optimizer="adam"`, `sizes={"H": 100}`, `text=...`).  `generate`
    makes the emitted module, `pipeline.generate` unless given.  `start` is a checkpoint to go on from; `threads` are
    those that a step runs on, chosen by the model's sizes unless given; `train_loss=False` leaves out the last
    evaluation of the training part; `report` listens, and without one `quiet` prints nothing.

    The same seed on one thread gives the same bits.  Raises DataError and TrainingError before the first step for
    whatever does not fit, and TrainingError for a loss that is not finite: what was good until then is saved beside the
    checkpoint, as `runs/<model's name>.diverged.safetensors`.  Ctrl-C ends the run and saves; before
    the first step it is raised as KeyboardInterrupt and nothing is written.
    """
    training = Training(**overrides) if training is None else training.overridden(**overrides)
    program = model.program
    tokens = bool(program.with_role(Role.TOKENS))
    path = Path(out) if out is not None else Path("runs") / f"{program.name}.safetensors"
    report = report or (Silent() if quiet else console(tokens))
    check_writable(path)
    if threads is not None:
        threads = thread_count(threads, program.name)
    data, sizes = loaded(program, training)
    started = start and started_from(start, program, sizes, data.vocabulary, training.dtype)
    options = {"dtype": training.dtype, "weight_decay": dict(training.weight_decay), "clip": training.clip}
    axis = batch_axis(program)
    known = sizes if axis is None else {**sizes, axis: training.batch}
    emitted = (generate or pipeline.generate)(model, training.optimizer, **options, sizes=known).load()
    most = threads if threads is not None else threads_for(sizes, training.batch, axis, emitted.threaded)
    counts = (most,) if threads is not None or most == 1 else (most, 1)
    for line in opening(program, training, data, sizes, " or ".join(map(str, sorted(counts)))):
        report.say(line)
    emitted = Balanced(emitted, *counts)
    with limited_blas(most):
        values = initial_values((*program.parameters, *emitted.states), sizes, training.seed, training.dtype)
        values |= started or {}
        states = {tensor.name: values.pop(tensor.name) for tensor in emitted.states}
        lasting = tuple(tensor.name for tensor in program.with_role(Role.STATE))
        rows = training.batch if is_total(program) else 1
        loop = Loop(emitted, data, values, states, training, report, lasting, rows)
        fit = loop.run()
        if fit.stopped == "interrupted" and not len(fit.losses):
            raise KeyboardInterrupt
        # A run that failed leaves the checkpoint of the one before as it is.
        written = beside(path) if fit.stopped == "diverged" else path
        checkpoint = Checkpoint(fit.parameters, program.name, sizes, training.recipe(), data.vocabulary, fit.states)
        try:
            with interrupt_after():
                save_checkpoint(written, checkpoint)
        except KeyboardInterrupt:
            fit = fit if fit.stopped == "diverged" else replace(fit, stopped="interrupted")
        if fit.stopped == "diverged":
            untouched = f"; {path} is left as it was" if path.is_file() else ""
            raise TrainingError(f"{program.name}: {ending(fit, loop.total, written, tokens)}{untouched}")
        report.say(ending(fit, loop.total, path, tokens))
        losses, whole = final_losses(emitted, data, fit, training, train_loss)
    if whole:
        report.say(final(losses, tokens))
    return Run(
        parameters=fit.parameters,
        states=fit.states,
        train=losses.get("train"),
        valid=losses.get("valid"),
        test=losses.get("test"),
        evaluations=fit.evaluations,
        best=fit.best,
        step_losses=fit.losses,
        sizes=sizes,
        vocabulary=data.vocabulary,
        seconds=fit.seconds,
        path=path,
        interrupted=not whole,
    )


def beside(path: Path) -> Path:
    """`runs/m.safetensors` -> `runs/m.diverged.safetensors`, for what a run that diverged has kept."""
    return path.with_name(f"{path.stem}.diverged{path.suffix}")


def loaded(program: Program, training: Training) -> tuple[Data, Sizes]:
    """The checked rows and all sizes.

    Raises DataError and TrainingError for what does not fit together, DeclarationError for decay of AdamW's.
    """
    data = training.data.load(program, training.sizes, training.dtype)
    sizes = complete(program, data.sizes, training.batch)
    check_tokens(program, data.parts, sizes)
    rows, batch = data.rows("train"), training.batch
    if batch > 1 and batch_axis(program) is None:
        raise DataError(
            f"{program.name}: the batch is {batch:,}, but the model has no batch axis and reads one example a step "
            f"({why_no_batch(program)}); give a batch of 1, or add the axis as the first of each input"
        )
    if batch > rows:
        raise DataError(
            f"{program.name}: the batch is {batch:,}, but the training part has {counted(rows, 'row')}; "
            "give a smaller batch"
        )
    check_divisors(program, data, sizes, batch)
    if training.patience is not None and "valid" not in data.parts:
        raise TrainingError(
            f"{program.name}: patience is {training.patience}, but there is no validation part to wait for; add one, "
            "or leave patience out"
        )
    names = [tensor.name for tensor in program.parameters]
    for name in training.weight_decay:
        if name not in names:
            raise TrainingError(
                f"{program.name}: weight decay is given for {name}, but the parameters are {', '.join(names)}; "
                "correct it"
            )
    check_amounts(program, training.optimizer, training.weight_decay, training.clip)
    return data, sizes


def check_divisors(program: Program, data: Data, sizes: Sizes, batch: int) -> None:
    """Raises DataError where a step, or the evaluation of a part with the rows left over, would divide by 0."""
    refuse_vanishing(divisors(program), sizes, program.name)
    axis = batch_axis(program)
    evaluated = divisors(evaluation_form(program))
    for part in data.parts if axis is not None else ():
        rows = data.rows(part)
        for length in sorted({min(rows, batch), rows % batch} - {0}):
            taken = (
                f"{program.name}: evaluation of the {part} part takes {rows:,} rows by {batch:,} and {length:,} at once"
            )
            refuse_vanishing(evaluated, {**sizes, axis: length}, taken)


def final_losses(
    emitted: Emitted, data: Data, fit: Fit, training: Training, train_loss: bool
) -> tuple[dict[str, float], bool]:
    """The loss of each part under the parameters that were kept, and whether nothing interrupted this.

    The validation loss of the best evaluation is not computed again; after Ctrl-C nothing is.
    """
    losses = {} if fit.best is None else {"valid": fit.best.valid}
    try:
        for part in data.parts if fit.stopped != "interrupted" else ():
            if part not in losses and (train_loss or part != "train"):
                trained = {**fit.parameters, **fit.states}
                losses[part] = float(emitted.mean_loss(data.parts[part], trained, training.batch))
    except KeyboardInterrupt:
        return losses, False
    return {part: losses[part] for part in data.parts if part in losses}, fit.stopped != "interrupted"


def console(tokens: bool) -> Report:
    # Imported here: whoever is quiet needs no rich.
    from .console import ConsoleReport

    return ConsoleReport(tokens)

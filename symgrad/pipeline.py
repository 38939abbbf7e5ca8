"""symgrad on one page: every stage is one call, and the output of each is the input of the next.

    1 declare        SymPy equations        -> Program               language   Model(...).program
    2 differentiate  Program                -> Gradients             calculus   differentiate: the reverse sweep
    3 simplify       Gradients              -> Gradients             calculus   simplify: the textbook's form
                     Program                -> Program               calculus   stabilize: no overflow on the way
    4 schedule       Program                -> Nest                  codegen    plan: products, fusion, storage
    5 emit           Nests                  -> a Python file         codegen    emit
    6 check          the file, the Program  -> Report                checking   check

Beside it stand the faces: `derivation` (the recorded steps as a document), `hand` (a person's derivation, judged line
by line), `training` (data around the emitted loop) and `bench` (other people's systems against it).
No stage imports a later one; a contract in pyproject.toml says so and the tests run it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from . import __version__
from .calculus.reverse import Gradients, differentiate, independent_inputs
from .calculus.simplify import simplify
from .calculus.stability import stabilize
from .checking import api as checking
from .checking.report import Report
from .codegen.emitted import Emitted, Generated
from .codegen.emitted_file import Parts, emit
from .codegen.schedule.fitting import fitting_schedule
from .codegen.schedule.plan import TILE, plan
from .codegen.thresholds import of_threads, of_tiles
from .language.errors import DeclarationError
from .language.evaluation import evaluation_form, has_evaluation_form, state_updates, training_form
from .language.masks import with_draws
from .language.model import Model
from .language.notation import equation_text
from .language.optimizers import OPTIMIZERS, SGD, Optimizer, with_optimizer
from .language.program import Program, Role
from .language.setting_names import refuse_setting_names
from .language.typecheck import typecheck

if TYPE_CHECKING:
    import numpy as np

DTYPES = ("float32", "float64")


@lru_cache(maxsize=16)
def derive_gradients(program: Program, wrt: tuple[str, ...] | None = None) -> Gradients:
    """Stages 2 and 3: the loss differentiated by `wrt` (every parameter unless named), in the textbook's form.

    Remembered: the files of a program in two dtypes, or of two schedules, rest on one derivation.
    """
    gradients = simplify(differentiate(program, wrt))
    typecheck(gradients.program)
    return gradients


def generate(
    model: Model | Program,
    optimizer: Optimizer | str | None = None,
    dtype: str = "float32",
    weight_decay: Mapping[str, float] | None = None,
    clip: float | None = None,
    schedule: str = "auto",
    tile: int = TILE,
    without: Collection[str] = (),
    sizes: Mapping[str, int] | None = None,
) -> Generated:
    """Stages 2 to 5: the model's loss, gradients, optimizer step and training loop as one Numba file.

    Loss, gradients and step are those of the training form; the loss over a whole part is that of the evaluation form.

    `optimizer` may be a name, with that rule's own constants.  `schedule` is one of those in `codegen.schedule.plan`:
    "auto" is meant to be the fastest, "plain" gives loops alone, one nest an equation; any other than "auto" in a file
    of its own.  With tiles, a table over a long axis, such as the scores of all words, is worked on `tile` entries of
    that axis at a time.  `without` names passes of the schedule that are left out.  `sizes` that are known, the batch's
    among them, say what "auto" stands for; the code is right for all others too.  Raises DerivativeError for what has
    no derivative, DeclarationError for a dtype, a schedule, a pass or an optimizer that there is none of, and for a
    name of the model that is that of one of its settings.
    """
    program = model.program if isinstance(model, Model) else model
    optimizer = chosen_optimizer(optimizer)
    without = sorted({without} if isinstance(without, str) else set(without))
    if dtype not in DTYPES:
        raise DeclarationError(f"generate: dtype {dtype!r} is none of {', '.join(DTYPES)}")
    refuse_setting_names(program, optimizer)
    gradients = derive_gradients(program)
    inputs = [t.name for t in program.with_role(Role.INPUT) if t.name not in independent_inputs(program)]
    differentiated = tuple(p.name for p in program.parameters) + tuple(inputs)
    everything = derive_gradients(program, differentiated) if inputs else gradients
    step = with_optimizer(gradients.program, gradients.of_parameters, optimizer, weight_decay or {}, clip)
    step = with_draws(replace(step, outputs=step.outputs[:1]))
    updates = [*state_updates(program), *(e for e in step.equations() if e.tensor not in gradients.program.tensors)]

    # the norm of all gradients is not worth a second pass over them: where it overflows, clipping gives a step of 0
    stable_step, _ = stabilize(step, leave=[e.tensor for e in updates])
    if schedule == "auto" and sizes is not None:
        schedule = fitting_schedule(stable_step, sizes, tile)
    stable_gradients, _ = stabilize(training_form(everything.program))
    stable_loss, rewritten = stabilize(training_form(replace(program, outputs=program.outputs[:1])))
    evaluated, _ = stabilize(evaluation_form(program)) if has_evaluation_form(program) else (None, ())
    quotes = was(gradients)
    parts = Parts(
        title=f"{program.name}: loss, gradients and {optimizer.name} step.",
        model=gradients.program,
        adjoints=gradients.adjoints,
        stable=tuple(equation_text(e) for e in stable_loss.equations() if e.tensor in {s.tensor for s in rewritten}),
        updates=tuple(updates),
        loss=plan(stable_loss, None, schedule, tile, without),
        gradients=plan(stable_gradients, quotes, schedule, tile, without),
        step=plan(stable_step, quotes, schedule, tile, without),
        evaluation=plan(evaluated, None, schedule, tile, without) if evaluated is not None else None,
        optimizer=optimizer.name,
        dtype=dtype,
        digest=digest(step),
        version=__version__,
    )
    name = f"{program.name}_{optimizer.name}_{dtype}{'' if schedule == 'auto' else f'_{schedule}'}"
    if without:
        several = hashlib.sha256(" ".join(without).encode()).hexdigest()[:8]
        name += f"_without_{without[0] if len(without) == 1 else several}"
    branches = of_tiles(parts.step, parts.loss, parts.gradients), of_threads(parts.step)
    return Generated(emit(parts), name, program, typecheck(step), differentiated, dtype, *branches)


def chosen_optimizer(optimizer: Optimizer | str | None) -> Optimizer:
    """The optimizer itself, the one of that name, or SGD."""
    if optimizer is None:
        return SGD()
    if not isinstance(optimizer, str):
        return optimizer
    if optimizer not in OPTIMIZERS:
        raise DeclarationError(f"there is no optimizer {optimizer!r}; there are {', '.join(OPTIMIZERS)}")
    return OPTIMIZERS[optimizer]()


def check(
    model: Model | Program,
    optimizer: Optimizer | str | None = None,
    dtype: str = "float32",
    weight_decay: Mapping[str, float] | None = None,
    clip: float | None = None,
    schedule: str = "auto",
    without: Collection[str] = (),
    *,
    entries: int = 12,
    seed: int = 0,
    at: Mapping[str, np.ndarray] | None = None,
    folder: str | Path = "generated",
) -> Report:
    """Stage 6: the derivation, the emitted gradients in float64, the emitted step in `dtype`, each against an oracle.

    The step is the one that `train` calls with the same arguments; both files are written into `folder`, where their
    compiled code is kept.  `entries` of each tensor are compared with difference quotients; `at` gives the values to do
    it at, instead of points of several sizes.  Raises as `generate`, and DataError where no point to check at is found
    or the values given are at a kink.
    """

    def emitted(dtype: str) -> Emitted:
        return generate(model, optimizer, dtype, weight_decay, clip, schedule, without=without).load(folder)

    return checking.check(model, emitted, dtype=dtype, entries=entries, seed=seed, at=at)


def was(gradients: Gradients) -> dict[str, tuple[str, ...]]:
    """What the comment above an adjoint quotes: the forward equations that it differentiates."""
    quotes: dict[str, list[str]] = {}
    for local in gradients.locals_:
        adjoint = gradients.adjoints.get(local.read.tensor)
        line = f"{local.equation.label} was: {equation_text(local.equation)}"
        if adjoint is not None and line not in quotes.setdefault(adjoint, []):
            quotes[adjoint].append(line)
    return {adjoint: tuple(lines) for adjoint, lines in quotes.items()}


def digest(program: Program) -> str:
    """Eight hexadecimal digits that change with the program and with nothing else."""
    return hashlib.sha256(str(program).encode()).hexdigest()[:8]

"""The command line: one function a command.  What a command needs is imported within it, so that help comes at once."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer.core import TyperGroup

from .language.errors import DataError, SymgradError

if TYPE_CHECKING:
    from .hand.verdicts import Verification
    from .language.model import Model
    from .model_file import ModelFile

INTERRUPTED = 130  # what a shell reports for a program that Ctrl-C ended


class Interruptible(TyperGroup):
    """Commands that Ctrl-C ends with a line; a training on its way handles it and saves, so it never comes here."""

    def invoke(self, ctx: typer.Context) -> object:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            where = " before the first step; nothing was written" if ctx.invoked_subcommand == "train" else ""
            typer.echo(f"interrupted{where}", err=True)
            raise typer.Exit(INTERRUPTED) from None


app = typer.Typer(
    name="symgrad",
    cls=Interruptible,
    help="Declare a model in SymPy, derive its gradients symbolically, emit fast Numba code, check every line.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)

ModelPath = Annotated[Path, typer.Argument(metavar="MODEL.py", help="A Python file that holds `model`.")]


def main() -> None:
    """Run the command line; an error that the user can mend is one red line and exit status 1."""
    try:
        app()
    except SymgradError as error:
        report_error(error)
        sys.exit(1)


def report_error(error: SymgradError) -> None:
    from rich.console import Console
    from rich.text import Text

    Console(stderr=True).print(Text(f"error: {error}", style="red"), soft_wrap=True)


def version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import PackageNotFoundError, version

        try:
            typer.echo(f"symgrad {version('symgrad')}")
        except PackageNotFoundError:
            typer.echo("symgrad, run from its source folder: it is not installed")
        raise typer.Exit


@app.callback()
def symgrad(
    show_version: Annotated[
        bool, typer.Option("--version", callback=version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


@app.command()
def train(
    path: ModelPath,
    text: Annotated[Path | None, typer.Option(help="Train on this UTF-8 file.", metavar="FILE")] = None,
    split: Annotated[
        str | None,
        typer.Option(metavar="A,B,C", help="Fractions or counts of train, valid, test: 800000,200000,rest."),
    ] = None,
    minimum_count: Annotated[
        int | None, typer.Option(metavar="N", help="Merge tokens seen less often into one.")
    ] = None,
    epochs: Annotated[int | None, typer.Option(metavar="N", help="Passes over the training part.")] = None,
    steps: Annotated[int | None, typer.Option(metavar="N", help="Single steps, instead of epochs.")] = None,
    batch: Annotated[int | None, typer.Option(metavar="N", help="Examples a step.")] = None,
    rate: Annotated[
        str | None, typer.Option(metavar="RATE", help="Learning rate per step: 0.1, 'cosine 0.002 warmup 500', ...")
    ] = None,
    optimizer: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="sgd, momentum, nesterov, adam, adamw or adafactor, with its usual constants."
        ),
    ] = None,
    size: Annotated[
        list[str] | None, typer.Option(help="The size of an axis; may be repeated.", metavar="NAME=N")
    ] = None,
    weight_decay: Annotated[
        list[str] | None,
        typer.Option(
            help="Add X times the parameter to its gradient, before --clip; may be repeated.", metavar="NAME=X"
        ),
    ] = None,
    clip: Annotated[
        float | None, typer.Option(metavar="X", help="Largest global norm of the gradient and the decay together.")
    ] = None,
    patience: Annotated[
        int | None, typer.Option(metavar="N", help="Stop after so many evaluations without a better validation loss.")
    ] = None,
    seed: Annotated[int | None, typer.Option(metavar="N", help="Seed of the start and of the batches' order.")] = None,
    dtype: Annotated[str | None, typer.Option(metavar="NAME", help="float32 or float64.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="Save here instead of runs/NAME.safetensors.", metavar="FILE")
    ] = None,
    start: Annotated[
        Path | None, typer.Option(help="Go on from the parameters of a checkpoint.", metavar="FILE")
    ] = None,
    threads: Annotated[
        int | None, typer.Option(metavar="N", help="Threads of BLAS; by the model's sizes unless given.", min=1)
    ] = None,
    no_train_eval: Annotated[
        bool, typer.Option("--no-train-eval", help="Leave out the last loss of the training part.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but errors.")] = False,
) -> None:
    """Train a model on text or arrays, by gradients derived from its declaration.

    MODEL.py holds `model` and `training = Training(...)`; each option replaces a value of the latter. The best
    parameters by validation loss are saved, also when Ctrl-C ends the run. Losses are in nats per token, with the
    perplexity in brackets.

    Example: `symgrad train examples/concat_lm.py --epochs 3 --size H=100`
    """
    from .model_file import load_model_file
    from .training import train as run

    file = load_model_file(path)
    if file.training is None:
        raise DataError(
            f"{path}: it holds no `training`; add one: training = Training(Text(...), rate=..., epochs=...)"
        )
    result = run(
        file.model,
        file.training,
        quiet=quiet,
        out=out,
        start=start,
        threads=threads,
        train_loss=not no_train_eval,
        text=text,
        split=None if split is None else parts(split),
        minimum_count=minimum_count,
        epochs=epochs,
        steps=steps,
        batch=batch,
        rate=rate,
        optimizer=optimizer,
        sizes=assignments("--size", size, int),
        weight_decay=assignments("--weight-decay", weight_decay, float),
        clip=clip,
        patience=patience,
        seed=seed,
        dtype=dtype,
    )
    if result.interrupted:
        raise typer.Exit(INTERRUPTED)


@app.command()
def derive(
    path: ModelPath,
    wrt: Annotated[
        list[str] | None, typer.Option(help="Derive by this parameter or input only; may be repeated.", metavar="NAME")
    ] = None,
    form: Annotated[str, typer.Option("--format", metavar="NAME", help="text, matrix, latex or json.")] = "text",
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    at: Annotated[
        str | None, typer.Option(metavar="NAME=X,...", help="Also every number at these values, for scalar models.")
    ] = None,
    rate: Annotated[
        float | None, typer.Option(metavar="X", help="Also updates by gradient descent with this rate.")
    ] = None,
    updates: Annotated[int | None, typer.Option(metavar="N", help="How many; 1 unless given.", min=1)] = None,
    jacobian: Annotated[
        str | None, typer.Option(metavar="OF,BY", help="Instead: every entry of a definition by every entry of a name.")
    ] = None,
    hessian: Annotated[
        str | None,
        typer.Option(metavar="NAME[,NAME]", help="Instead: the second derivatives of the loss by a name, or by two."),
    ] = None,
) -> None:
    """Print how the gradients of a model are derived, step by step: forward equations, local derivatives with their
    reasons, the chain rule, and the final formulas.

    With `--format matrix` the formulas are in matrix notation, with `--format latex` it is a whole LaTeX document, with
    `--format json` one object for programs.

    `--jacobian p,o` and `--hessian o` derive a definition with axes and a gradient, entry by entry.

    Example: `symgrad derive examples/scalar_tanh.py --at w1=0.5,w2=-0.3,x=3,y=0.4 --rate 0.1 --updates 3`

    Example: `symgrad derive examples/concat_lm.py --jacobian p,o`
    """
    import json

    from .derivation import derive as derivation_of
    from .model_file import load_model_file

    form = "json" if as_json else form
    if form not in ("text", "matrix", "latex", "json"):
        raise typer.BadParameter(f"{form!r} is not one of text, matrix, latex, json", param_hint="--format")
    if rate is not None and at is None:
        raise typer.BadParameter("updates start from values; give them with --at NAME=X,...", param_hint="--rate")
    if updates is not None and rate is None:
        raise typer.BadParameter("give the learning rate of the updates with --rate X", param_hint="--updates")
    if at is not None and form in ("latex", "matrix"):
        raise typer.BadParameter("numbers are written as text or json only", param_hint="--at")
    model = load_model_file(path).model
    if jacobian is not None or hessian is not None:
        if at is not None or wrt or (jacobian is not None and hessian is not None):
            raise typer.BadParameter(
                "give one of --jacobian and --hessian, without --wrt and --at",
                param_hint="--hessian" if jacobian is None else "--jacobian",
            )
        typer.echo(entry_by_entry(model, jacobian, hessian, form))
        return
    if at is not None:
        check_scalar(model)
    derivation = derivation_of(model, wrt or None)
    values = assignments("--at", at.split(","), float) if at is not None else None
    numbers = derivation.numbers(values or {}, rate, updates or 1) if at is not None else None
    if form == "latex":
        typer.echo(derivation.latex(standalone=True))
    elif form == "matrix":
        typer.echo(derivation.matrix_text())
    elif form == "json":
        data = derivation.data() if numbers is None else {**derivation.data(), "numbers": numbers.data()}
        typer.echo(json.dumps(data, indent=2))
    else:
        typer.echo(derivation.text() if numbers is None else f"{derivation.text()}\n\n{numbers.text()}")


def entry_by_entry(model: Model, jacobian: str | None, hessian: str | None, form: str) -> str:
    """`--jacobian` or `--hessian` in one of the formats of `derive`."""
    from . import derivation as made

    names = [name.strip() for name in (jacobian or hessian or "").split(",")]
    if not all(names) or len(names) > 2 or (jacobian is not None and len(names) != 2):
        option, expected = (
            ("--jacobian", "OF,BY, two names") if jacobian is not None else ("--hessian", "NAME or NAME,NAME")
        )
        raise typer.BadParameter(f"{jacobian or hessian!r} does not read as {expected}", param_hint=option)
    result = made.jacobian(model, *names) if jacobian is not None else made.hessian(model, *names)
    if form == "latex":
        return result.latex(standalone=True)
    return {"text": result.text, "matrix": result.matrix_text, "json": result.json}[form]()


@app.command()
def generate(
    path: ModelPath,
    optimizer: Annotated[
        str | None, typer.Option(metavar="NAME", help="sgd, momentum, nesterov, adam, adamw or adafactor.")
    ] = None,
    dtype: Annotated[str | None, typer.Option(metavar="NAME", help="float32 or float64.")] = None,
    out: Annotated[Path, typer.Option(help="The folder to write into.", metavar="FOLDER")] = Path("generated"),
    plain: Annotated[
        bool, typer.Option("--plain", help="Plain loops, one nest an equation: slower, and nearest to the formulas.")
    ] = False,
) -> None:
    """Write a model's loss, gradients, optimizer step and training loop as one Numba file that needs no symgrad.

    Optimizer, dtype, weight decay and clipping are those of the file's `training`, as in `symgrad train`; without
    one, plain SGD in float32.

    Example: `symgrad generate examples/concat_lm.py --optimizer adam`
    """
    from .model_file import load_model_file
    from .pipeline import generate as emit

    file = load_model_file(path)
    options = emitted_options(file, optimizer, dtype)
    generated = emit(file.model, **options, fuse=not plain)
    typer.echo(generated.write(out))
    parameters = ", ".join(tensor.name for tensor in generated.program.parameters)
    typer.echo(
        f"loss, gradients, {options['optimizer'].name} step and training loop of {file.model.name} in "
        f"{generated.dtype}; parameters {parameters}"
    )


@app.command()
def check(
    path: ModelPath,
    optimizer: Annotated[
        str | None, typer.Option(metavar="NAME", help="sgd, momentum, nesterov, adam, adamw or adafactor.")
    ] = None,
    dtype: Annotated[str | None, typer.Option(metavar="NAME", help="Of the step: float32 or float64.")] = None,
    entries: Annotated[
        int, typer.Option(metavar="N", help="Compare so many entries of a tensor with difference quotients.", min=1)
    ] = 12,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of the values to check at.", min=0)] = 0,
    out: Annotated[Path, typer.Option(help="The folder of the emitted files.", metavar="FOLDER")] = Path("generated"),
    plain: Annotated[bool, typer.Option("--plain", help="Check what `generate --plain` writes.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Every comparison, as one object.")] = False,
) -> None:
    """Check a model's derivation, its emitted gradients and the emitted step that trains it, each against an oracle.

    The derivation against difference quotients, the adjoint identity and Taylor slopes; the emitted gradients, in
    float64, against the derivation and difference quotients of the emitted loss; the very step that `symgrad train`
    calls, in its dtype, against the interpreter. At several sizes each. Prints the largest relative error of every
    tensor; the exit status is 1 where one is too large.

    Example: `symgrad check examples/concat_lm.py --optimizer adam`
    """
    from .model_file import load_model_file
    from .pipeline import check as checked

    file = load_model_file(path)
    options = emitted_options(file, optimizer, dtype)
    report = checked(file.model, **options, fuse=not plain, entries=entries, seed=seed, folder=out)
    if as_json:
        typer.echo(report.json())
    else:
        from rich.console import Console

        console = Console()
        console.print(report.table())
        console.print(report.summary(), markup=False, highlight=False, soft_wrap=True)
    if not report.ok:
        raise typer.Exit(1)


UNREADABLE = 2  # of `verify`, whose 1 and 3 are verdicts


@app.command()
def verify(
    path: Annotated[
        Path,
        typer.Argument(metavar="[MODEL.py]", help="A Python file that holds `model`; or a CLAIMS that declares it."),
    ],
    claims: Annotated[
        Path | None, typer.Argument(metavar="CLAIMS", help="NumPy code (.py), LaTeX (.tex), text (.txt) or both (.md).")
    ] = None,
    name: Annotated[
        list[str] | None,
        typer.Option(help="What a name of the claims means: G=dW; may be repeated.", metavar="NAME=MEANING"),
    ] = None,
    size: Annotated[
        list[str] | None, typer.Option(help="Fix a size that is tried; may be repeated.", metavar="NAME=N")
    ] = None,
    optimizer: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The file is an update rule: compare it with sgd, momentum, adam, ..."),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of the random points.", min=0)] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Every verdict, as one object.")] = False,
) -> None:
    """Judge a derivation done by hand, line by line: which lines are right, the first wrong step, the mistake's name.

    CLAIMS is never executed: it is read, and compared with what is derived from the model, symbolically and at random
    points. A claim is any line that assigns `dX` for a tensor X of the model, or X itself. The exit status is 0 where
    every line is right, 1 where one is wrong, 3 where none is wrong but one cannot be read or decided.

    Examples: `symgrad verify examples/makemore_mlp.py backward.py`, `symgrad verify --optimizer adam my_adam.py`
    """
    try:
        verification = verified(path, claims, stated_names(name), assignments("--size", size, int), optimizer, seed)
    except SymgradError as error:
        report_error(error)
        raise typer.Exit(UNREADABLE) from None
    if as_json:
        import json

        typer.echo(json.dumps(verification.as_json(), indent=2))
    else:
        typer.echo(str(verification))
    raise typer.Exit(verification.exit_status)


def verified(
    path: Path,
    claims: Path | None,
    names: dict[str, str],
    sizes: dict[str, int] | None,
    optimizer: str | None,
    seed: int,
) -> Verification:
    """The verdicts on one file of claims, with a model file or with the model that it carries."""
    if optimizer is not None:
        from .hand.claim_files import read_claim_file
        from .hand.update_claims import verify_update

        if claims is not None:
            raise DataError("with --optimizer give the file of the update rule only: there is no model to compare with")
        return verify_update(optimizer, read_claim_file(path).source, names, seed)
    from .hand.verification import verify as judged
    from .model_file import load_model_file

    model = load_model_file(path).model if claims is not None else None
    return judged(model, claims or path, names=names, sizes=sizes, seed=seed)


def stated_names(given: list[str] | None) -> dict[str, str]:
    """`["G=dW"]` -> `{"G": "dW"}`.  Raises typer.BadParameter for what does not read so."""
    pairs = [item.partition("=") for item in given or []]
    for (left, sign, right), item in zip(pairs, given or [], strict=True):
        if not (sign and left.strip() and right.strip()):
            raise typer.BadParameter(f"{item!r} does not read as NAME=MEANING", param_hint="--name")
    return {left.strip(): right.strip() for left, _, right in pairs}


def emitted_options(file: ModelFile, optimizer: str | None, dtype: str | None) -> dict[str, object]:
    """What `generate` is asked for: the file's training, with these in place of its own.

    Raises TrainingError for an optimizer or dtype that there is not.
    """
    from .language.optimizers import SGD
    from .training.configuration import check_dtype, optimizer_named

    if dtype is not None:
        check_dtype(dtype)
    training = file.training
    options = {"optimizer": SGD(), "dtype": "float32"}
    if training is not None:
        options = {name: getattr(training, name) for name in ("optimizer", "dtype", "weight_decay", "clip")}
    given = {"optimizer": optimizer and optimizer_named(optimizer), "dtype": dtype}
    return {**options, **{name: value for name, value in given.items() if value is not None}}


def check_scalar(model: Model) -> None:
    """Raises typer.BadParameter where a parameter or input has axes, so that a number is no value of it."""
    from .language.program import Role

    for tensor in model.program.tensors.values():
        if tensor.shape and tensor.role is not Role.DEFINITION:
            raise typer.BadParameter(
                f"numbers are for scalar models only, but {tensor.name} of {model.program.name} has axes; leave it out",
                param_hint="--at",
            )


def assignments(option: str, given: list[str] | None, number: type) -> dict[str, int | float] | None:
    """`["H=100"]` -> `{"H": 100}`.  Raises typer.BadParameter for what does not read so, and a name given twice."""
    result = {}
    for item in given or []:
        name, _, value = item.partition("=")
        if name.strip() in result:
            raise typer.BadParameter(f"{name.strip()} is given twice; give it once", param_hint=option)
        try:
            result[name.strip()] = number(value)
        except ValueError:
            kind = "a whole number" if number is int else "a number"
            raise typer.BadParameter(f"{item!r} does not read as NAME={kind}", param_hint=option) from None
    return result or None


def parts(text: str) -> tuple[float | int | None, ...]:
    """`"0.8,0.1,0.1"` -> fractions, `"800000,200000,rest"` -> counts.  Raises typer.BadParameter for anything else."""
    try:
        words = [word.strip() for word in text.split(",")]
        return tuple(None if word == "rest" else float(word) if "." in word else int(word) for word in words)
    except ValueError:
        raise typer.BadParameter(f"{text!r} reads neither as 0.8,0.1,0.1 nor as 800000,200000,rest") from None


if __name__ == "__main__":
    main()

"""`bench`: which cases and systems, one comparison after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..language.errors import DataError
from .cases import OWN, Case, chosen
from .data import all_sizes
from .systems import OURS, SYSTEMS, TRAFFIC
from .turns import Comparison, compared

if TYPE_CHECKING:
    from ..model_file import ModelFile


def bench(
    cases: Sequence[Case], systems: Sequence[str], rounds: int, turn: float, say: Callable[[str], None]
) -> Iterator[Comparison]:
    """Each case when it is done; `say` hears what goes on.

    Raises TrainingError where a system's losses differ from ours, or ours does not run.
    """
    for number, case in enumerate(cases, 1):
        place = f"{case.name} ({number} of {len(cases)})" if len(cases) > 1 else case.name
        yield compared(case, systems, rounds, turn, lambda what, place=place: say(f"{place}: {what}"))


def selected(only: Sequence[str] | None) -> list[str]:
    """Ours, and the systems named, or all that are installed.

    Raises DataError for one that there is not, or that is named and not installed.
    """
    for name in only or ():
        if name not in SYSTEMS or name == TRAFFIC:
            names = ", ".join(name for name in SYSTEMS if name != TRAFFIC)
            raise DataError(f"there is no system {name!r}; there are {names}")
        if not SYSTEMS[name].installed:
            raise DataError(f"{name} is not installed; pip install {SYSTEMS[name].needs}, or leave --only {name} out")
    wanted = {OURS, *(only or SYSTEMS)} - {TRAFFIC}
    return [name for name, system in SYSTEMS.items() if name in wanted and system.installed]


def cases_of(word: str | None) -> tuple[Case, ...]:
    """All cases, or those whose name has the word.  Raises DataError where none has."""
    return chosen(word or "")


def own_case(
    file: ModelFile,
    path: Path,
    sizes: Mapping[str, int],
    batch: int | None,
    rate: float,
    options: Mapping[str, object],
) -> Case:
    """A case of the user's model; `options` are those of `generate`.

    Sizes and batch are those of the file's training unless given.  Raises DataError for a size that is missing.
    """
    from ..language.batch import batch_axis

    program, training = file.model.program, file.training
    sizes = {**(training.sizes if training else {}), **sizes}
    batch = batch or (training.batch if training else 32 if batch_axis(program) else 1)
    optimizer = options["optimizer"]
    named = [program.name, *(f"{name}={value}" for name, value in sizes.items()), f"B={batch}", optimizer.name]
    case = Case(
        " ".join(named),
        str(path.resolve()),
        OWN,
        sizes,
        batch,
        optimizer.name,
        rate,
        settings=optimizer.settings(),
        weight_decay=dict(options.get("weight_decay", {})),
        clip=options.get("clip"),
        dtype=str(options["dtype"]),
    )
    all_sizes(case, program)
    return case

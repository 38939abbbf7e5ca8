"""Checkpoints: parameters and states in a safetensors file, written whole or not at all, and read back with checks."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..language.errors import DataError
from ..language.files import write_atomically
from ..language.program import Program, Role
from .sizes import fixed
from .vocabulary import Vocabulary

# One metadata entry that holds everything: safetensors writes several in a random order, and the same run is to give
# the same bytes.
ENTRY = "symgrad"


@dataclass(frozen=True)
class Checkpoint:
    """Parameters, the model's own states, and what is needed to use them: its name, sizes, vocabulary and recipe."""

    parameters: dict[str, np.ndarray]
    model: str
    sizes: dict[str, int]
    recipe: dict[str, object]
    vocabulary: Vocabulary | None = None
    states: dict[str, np.ndarray] = field(default_factory=dict)


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write the file; a reader sees the old one or the new one, never a part.  Raises DataError where it cannot."""
    from safetensors.numpy import save

    words = checkpoint.vocabulary
    metadata = {
        "model": checkpoint.model,
        "sizes": checkpoint.sizes,
        "recipe": checkpoint.recipe,
        "states": list(checkpoint.states),
        "vocabulary": words and {"tokens": words.tokens, "unknown": words.unknown, "boundary": words.boundary},
    }
    arrays = {**checkpoint.parameters, **checkpoint.states}
    arrays = {name: np.ascontiguousarray(v).reshape(v.shape) for name, v in arrays.items()}
    write_atomically(path, save(arrays, {ENTRY: json.dumps(metadata, ensure_ascii=False)}))


def check_writable(path: Path) -> None:
    """Raises DataError where the file could not be written: better before training than after."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise DataError(f"{path}: cannot be written ({error.strerror}); choose another file") from None
    if path.is_dir():
        raise DataError(f"{path}: is a folder, expected the name of a file; choose another")


def load_checkpoint(path: str | Path, program: Program | None = None) -> Checkpoint:
    """The checkpoint in a file.

    Raises DataError where there is none, where it is no checkpoint of symgrad, and, given a program, where its
    parameters are not the program's.
    """
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    if not path.is_file():
        raise DataError(f"{path}: the file does not exist, expected a checkpoint that `symgrad train` saved")
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = json.loads((file.metadata() or {})[ENTRY])
            # NumPy-backed tensors may share the file's memory: copied, they outlive it and can be trained further.
            parameters = {name: np.array(file.get_tensor(name), order="C") for name in file.keys()}  # noqa: SIM118
        states = {name: parameters.pop(name) for name in metadata.get("states", ())}
        words = metadata["vocabulary"]
        vocabulary = words and Vocabulary(tuple(words["tokens"]), words["unknown"], words["boundary"])
        origin = (metadata["model"], metadata["sizes"], metadata["recipe"], vocabulary)
        checkpoint = Checkpoint(parameters, *origin, states)
    except (SafetensorError, KeyError, ValueError, TypeError, OSError):
        raise DataError(f"{path}: is no checkpoint that `symgrad train` saved, or a damaged one; train again") from None
    if program is not None:
        check_fit(path, checkpoint, program, {})
    return checkpoint


def check_fit(path: Path, checkpoint: Checkpoint, program: Program, sizes: Mapping[str, int]) -> None:
    """Raises DataError unless parameters and states are the program's by name and fit it, and `sizes`, by shape."""
    known = dict(sizes)
    for role, arrays in ((Role.PARAMETER, checkpoint.parameters), (Role.STATE, checkpoint.states)):
        tensors = program.with_role(role)
        names = [tensor.name for tensor in tensors]
        for name in [*names, *arrays]:
            if name not in arrays or name not in names:
                raise DataError(
                    f"{path}: its {role.value}s are {listed(arrays)}, those of {program.name} are {listed(names)}: "
                    f"{name} is not in both; use the model that it was trained with"
                )
        for tensor in tensors:
            what, shape = f"{path}: {role.value} {tensor.name}", arrays[tensor.name].shape
            if len(shape) != len(tensor.shape):
                raise DataError(
                    f"{what} has {len(shape)} axes (shape {shape}), expected {len(tensor.shape)}; use the model that "
                    "it was trained with"
                )
            for extent, length in zip(tensor.shape, shape, strict=True):
                known = fixed({**checkpoint.sizes, **known}, extent, length, f"{what} of {shape}")


def listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def started_from(
    path: str | Path, program: Program, sizes: Mapping[str, int], vocabulary: Vocabulary | None, dtype: str
) -> dict[str, np.ndarray]:
    """A checkpoint's parameters and states in `dtype`, to train on.

    Raises DataError where they do not fit the program or the sizes, or belong to another vocabulary.
    """
    checkpoint = load_checkpoint(path)
    check_fit(Path(path), checkpoint, program, sizes)
    if vocabulary is not None and checkpoint.vocabulary != vocabulary:
        raise DataError(
            f"{path}: its vocabulary is another one than that of this text; train on the text that it was made from"
        )
    arrays = {**checkpoint.parameters, **checkpoint.states}
    return {name: np.array(value, dtype=dtype, order="C") for name, value in arrays.items()}

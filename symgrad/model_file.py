"""Model files: a Python file that holds `model` and, for training, `training`."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from .language.errors import DeclarationError, SymgradError
from .language.model import Model

if TYPE_CHECKING:
    from .training import Training


@dataclass(frozen=True)
class ModelFile:
    """What a model file holds; the text of its training is taken relative to the file's folder."""

    path: Path
    model: Model
    training: Training | None = None


def load_model_file(path: str | Path) -> ModelFile:
    """Run the file and take its `model` and `training`; nothing is written beside it.

    Raises DeclarationError where there is no such file, where running it fails (with the line of the file at which it
    did), where it holds no `model`, and where one of the two is something else.
    """
    path = Path(path)
    names = vars(executed(path))
    model = names.get("model")
    if model is None:
        others = [name for name, value in names.items() if isinstance(value, Model)]
        advice = f"rename {others[0]} to model" if others else 'make one: model = Model("name")'
        raise DeclarationError(f"{path}: it holds no `model`; {advice}")
    if not isinstance(model, Model):
        raise DeclarationError(f"{path}: `model` is {described(model)}, expected a symgrad Model")
    training = names.get("training")
    if training is None:
        return ModelFile(path, model)
    from .training import Training

    if not isinstance(training, Training):
        raise DeclarationError(f"{path}: `training` is {described(training)}, expected Training(...)")
    return ModelFile(path, model, training.located(path.parent))


def executed(path: Path) -> ModuleType:
    """The file as a module that is not `__main__` and that `import` does not find."""
    if not path.is_file():
        what = "is a folder, expected a Python file" if path.is_dir() else "the file does not exist"
        raise DeclarationError(f"{path}: {what}; give the path of a model file, such as examples/concat_lm.py")
    module = ModuleType(path.stem)
    module.__file__ = str(path)
    try:
        exec(compile(path.read_bytes(), str(path), "exec"), vars(module))
    except SyntaxError as error:
        if error.filename != str(path):
            raise failure(path, error) from error
        raise DeclarationError(f"{path}:{error.lineno}: it is no Python: {error.msg}{quoted(error.text)}") from error
    except (Exception, SystemExit) as error:
        raise failure(path, error) from error
    return module


def failure(path: Path, error: BaseException) -> SymgradError:
    """The error, told with the last line of the file that was running."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    where = f"{path}:{frames[-1].lineno}" if frames else str(path)
    line = quoted(frames[-1].line) if frames else ""
    if isinstance(error, SymgradError):
        return type(error)(f"{where}: {error}{line}")
    return DeclarationError(f"{where}: {type(error).__name__}: {error}{line}")


def quoted(line: str | None) -> str:
    return f"   (in: {line.strip()})" if line and line.strip() else ""


def described(value: object) -> str:
    return f"a {type(value).__name__}"

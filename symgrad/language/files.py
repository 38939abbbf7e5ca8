"""Files written whole or not at all."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from .errors import DataError


def write_atomically(path: Path, content: bytes) -> None:
    """A new file beside the old one, forced to the disk, then renamed over it: a reader sees the old one or the new.

    Makes the folder.  Raises DataError where it cannot be written; whatever interrupts it leaves the old file alone.
    """
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with unfinished.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(unfinished, path)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as error:
        raise DataError(f"{path}: cannot be written ({error.strerror or error}); choose another file") from error

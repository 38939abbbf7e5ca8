"""A file is written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from symgrad.language.errors import DataError
from symgrad.language.files import write_atomically

FULL = OSError(28, "No space left on device")
INTERRUPTED = [
    ("fsync", FULL, DataError, r"model.bin: cannot be written \(No space left on device\); choose another file"),
    ("replace", OSError("somebody holds it"), DataError, r"model.bin: cannot be written \(somebody holds it\)"),
    ("fsync", KeyboardInterrupt("ctrl-c"), KeyboardInterrupt, "ctrl-c"),
    ("replace", MemoryError("too much"), MemoryError, "too much"),
]


@pytest.mark.parametrize("before", [b"old", None], ids=["over an old file", "where there is none"])
@pytest.mark.parametrize(("call", "raised", "seen", "message"), INTERRUPTED)
def test_an_interrupted_write_leaves_what_was_there(
    call: str, raised: BaseException, seen: type, message: str, before: bytes | None,
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    path = tmp_path / "model.bin"
    if before is not None:
        path.write_bytes(before)

    def fails(*_: object) -> None:
        raise raised

    monkeypatch.setattr(os, call, fails)
    with pytest.raises(seen, match=message):
        write_atomically(path, b"new")
    assert [p.read_bytes() for p in tmp_path.iterdir()] == ([] if before is None else [before])


def test_what_is_written_replaces_what_was_there_in_a_folder_that_is_made(tmp_path: Path) -> None:
    path = tmp_path / "runs" / "deep" / "model.bin"
    for content in (b"a longer one", b"short"):
        write_atomically(path, content)
        assert path.read_bytes() == content
    plain = tmp_path / "plain"
    plain.write_bytes(b"")
    assert path.stat().st_mode == plain.stat().st_mode  # who may read it is as for any other file
    assert [p.name for p in path.parent.iterdir()] == ["model.bin"]


def test_a_file_where_a_folder_should_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "runs").write_bytes(b"")
    with pytest.raises(DataError, match=r"runs/model.bin: cannot be written \(.*\); choose another file"):
        write_atomically(tmp_path / "runs" / "model.bin", b"new")

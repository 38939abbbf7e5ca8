"""generated/ holds what symgrad emits for the examples today, to the byte, under any hash seed.

    SYMGRAD_UPDATE=1 python -m pytest tests/codegen/test_generated.py     writes the files anew

Whoever reads a generated file needs no symgrad; whoever runs it needs numpy, numba and SciPy's BLAS.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(path.stem for path in (ROOT / "examples").glob("*.py"))
MAY_IMPORT = {"contextlib", "llvmlite", "math", "mmap", "numpy", "numba", "threading"}
HASH_SEEDS = ("0", "4242")
EMIT = """
import json, sys
from pathlib import Path
from symgrad.model_file import load_model_file
from symgrad.pipeline import generate

made = {}
for name in sys.argv[1:]:
    found = load_model_file(Path("examples") / f"{name}.py")
    model, training = found.model, found.training
    settings = dict(weight_decay=training.weight_decay, clip=training.clip)
    generated = generate(model, training.optimizer, training.dtype, **settings)
    made[f"{generated.name}.py"] = generated.source
print(json.dumps(made))
"""


@pytest.fixture(scope="module")
def emitted() -> tuple[dict[str, str], ...]:
    """{file name: text} of every example, emitted by two processes that hash differently."""
    return tuple(texts(seed) for seed in HASH_SEEDS)


def texts(seed: str) -> dict[str, str]:
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", EMIT, *EXAMPLES]
    result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, check=False)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def test_hash_seeds_change_nothing(emitted: tuple[dict[str, str], ...]) -> None:
    first, second = emitted
    assert first == second


def test_the_committed_files_are_what_is_emitted(emitted: tuple[dict[str, str], ...]) -> None:
    folder = ROOT / "generated"
    if os.environ.get("SYMGRAD_UPDATE"):
        for name, text in emitted[0].items():
            (folder / name).write_text(text, encoding="utf-8")
    for name, text in emitted[0].items():
        path = folder / name
        assert path.is_file(), f"{name} is missing; write it with SYMGRAD_UPDATE=1"
        assert path.read_text(encoding="utf-8") == text, (
            f"{name} differs; look at it with SYMGRAD_UPDATE=1 and git diff"
        )


def test_only_the_committed_files_are_wanted_in_the_folder(emitted: tuple[dict[str, str], ...]) -> None:
    """Whatever else training and checking write there is ignored by Git."""
    lines = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert "/generated/*" in lines
    kept = {line.removeprefix("!/generated/") for line in lines if line.startswith("!/generated/")}
    assert kept == set(emitted[0]), "make .gitignore name the files of today's examples"


def test_they_import_only_what_everybody_has(emitted: tuple[dict[str, str], ...]) -> None:
    for name, text in emitted[0].items():
        imported = set()
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, name
                imported.add(node.module.split(".")[0])
        assert imported <= MAY_IMPORT, name
    assert find_spec("scipy") is not None  # Numba takes its BLAS from there


def test_they_hold_nothing_of_the_machine(emitted: tuple[dict[str, str], ...]) -> None:
    for name, text in emitted[0].items():
        assert str(ROOT) not in text, name
        assert all(line == line.rstrip() for line in text.split("\n")), f"{name}: blanks at the end of a line"

"""The house rules that can be tested: every module says what it is for, none is long, little is loaded."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = sorted((ROOT / "symgrad").rglob("*.py"))
LONGEST = 400  # lines
HEAVY = ("numba", "sympy", "scipy", "typer", "rich", "safetensors", "threadpoolctl", "numpy", "lark")
# what is done -> what it may load of HEAVY
LOADS = {
    "import symgrad": set(),
    "from symgrad import Model, axes, softmax": {"sympy", "numpy"},
    "from symgrad import derive": {"sympy", "numpy"},
    "from symgrad import generate, Adam": {"sympy", "numpy"},
}


def test_every_module_says_what_it_is_for() -> None:
    silent = [path.name for path in MODULES if not ast.get_docstring(ast.parse(path.read_text()))]
    assert not silent


def test_no_module_is_long() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in MODULES}
    assert not {name: length for name, length in lengths.items() if length > LONGEST}


@pytest.mark.parametrize("statement", LOADS)
def test_what_an_import_loads(statement: str) -> None:
    code = f"import sys\n{statement}\nprint(*sorted({HEAVY} & sys.modules.keys()))".replace(str(HEAVY), str(set(HEAVY)))
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert result.returncode == 0, result.stderr
    assert set(result.stdout.split()) <= LOADS[statement]


def test_names_of_no_meaning_are_avoided() -> None:
    vague = {"util", "utils", "helper", "helpers", "manager", "engine", "process", "misc"}
    assert not [path.name for path in MODULES if set(path.stem.split("_")) & vague]

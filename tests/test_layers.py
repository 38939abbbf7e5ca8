"""The layers of pyproject.toml: a later stage is imported by no earlier one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_layers():
    command = (sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()")
    result = subprocess.run([*command, "--no-cache"], capture_output=True, text=True, cwd=ROOT)
    assert result.returncode == 0, result.stdout + result.stderr

"""README tells the truth: its declaration is the example, its outputs are what is printed, its links lead somewhere."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from symgrad import verify
from symgrad.derivation import derive, hessian, jacobian
from symgrad.model_file import load_model_file
from symgrad.pipeline import generate

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLE = ROOT / "examples" / "concat_lm.py"


@cache
def printed() -> dict[str, str]:
    """What stands in README's blocks under these headings, as it is printed now."""
    model = load_model_file(EXAMPLE).model
    return {
        "Declare": EXAMPLE.read_text(encoding="utf-8"),
        "Derive": derive(model).text(),
        "Second order": f"{jacobian(model, 'p', 'o')}\n{hessian(model, 'o')}",
        "Generate": generate(model).source,
        "Verify": str(verify(model, ROOT / "examples" / "verify" / "concat_lm_backward.py")),
    }


@pytest.mark.parametrize("heading", ["Declare", "Derive", "Second order", "Verify", "Generate"])
def test_blocks_are_quotations(heading: str) -> None:
    section = README.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    language = "" if heading in ("Derive", "Second order", "Verify") else "python"
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)
    quoted = [text for name, text in blocks if name == language][: None if heading == "Second order" else 1]
    known = printed()[heading].splitlines()
    lines = [line for text in quoted for line in text.splitlines() if line not in ("", "...")]
    assert len(lines) > 1
    assert [line for line in lines if line not in known] == []


def test_there_are_two_commands_for_a_fresh_machine() -> None:
    commands = re.findall(r"^python3 -m venv .*$", README, re.MULTILINE)
    assert [command.split(" && ")[-1] for command in commands] == [
        ".venv/bin/symgrad train examples/concat_lm.py",
        ".venv/bin/pytest",
    ]


def test_paths_exist() -> None:
    paths = {
        path.rstrip("/") for path in re.findall(r"`((?:symgrad|examples|tests|benchmarks|generated)/[\w/.]*)`", README)
    }
    paths |= set(re.findall(r"\]\(([\w/.]+)\)", README))
    # generated/ is checked by its own test
    assert [path for path in sorted(paths - {"generated"}) if not (ROOT / path).exists()] == []

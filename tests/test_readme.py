"""README tells the truth: its declaration is the example, its outputs are what is printed, its links lead somewhere."""

from __future__ import annotations

import re
import shlex
from functools import cache
from pathlib import Path

import pytest

import symgrad
from symgrad import verify
from symgrad.checking.calculus_check import check_calculus
from symgrad.cli import app
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


def test_more_words_of_a_declaration_work() -> None:
    """README's second declaration runs; its gradients agree with difference quotients, and a file is made of it."""
    section = README.split("\n## Declare\n")[1].split("\n## ")[0]
    block = re.findall(r"^```python\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)[1]
    names: dict[str, object] = {}
    exec(block, names)
    for model, learned in ((names["model"], ("W", "V")), (names["line"], ("w",))):
        rows = check_calculus(model.program)
        assert {row.tensor for row in rows} >= set(learned)
        assert all(row.ok for row in rows)
        assert set(learned) <= set(generate(model).differentiated)
    words = re.findall(r"`(?:\w = )?(?:model\.|Model\.)?(\w+)\(", section.split("More words")[1])
    assert {"states", "update", "maximum", "merged", "split", "concatenated", "from_equations"} <= set(words)
    assert all(hasattr(symgrad, word) or hasattr(symgrad.Model, word) for word in words), words


def commands() -> list[list[str]]:
    """The words of every `symgrad ...` that README tells to type."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
    lines = [line for block in blocks for line in block.splitlines() if line.startswith("symgrad ")]
    lines += [" ".join(text.split()) for text in re.findall(r"`(symgrad [^`]*)`", README)]
    return [shlex.split(line, comments=True)[1:] for line in lines]


def test_commands_have_their_options() -> None:
    """Each option is one of its command's; a file that is named is there."""
    import typer

    known = typer.main.get_command(app).commands
    assert len(commands()) > 15
    for name, *words in commands():
        if name.startswith("-"):
            continue
        options = {option for parameter in known[name].params for option in parameter.opts} | {"--help"}
        given = {word for word in words if word.startswith("--")}
        assert given <= options, (name, given - options)
        missing = [word for word in words if word.startswith("examples/") and not (ROOT / word).is_file()]
        assert missing == []


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

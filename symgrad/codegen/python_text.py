"""Lines of Python: functions, their docstrings, calls that are too long for a line, the names that lines read."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterable, Sequence

INDENT, SPACE = "    ", "\0"  # a space where no line is broken


def read_names(lines: Sequence[str]) -> set[str]:
    """The names that the lines read and do not make."""
    names = [node for node in ast.walk(ast.parse("\n".join(lines))) if isinstance(node, ast.Name)]
    return {node.id for node in names} - {node.id for node in names if isinstance(node.ctx, ast.Store)}


def function(decorator: str, name: str, arguments: str, body: Sequence[str]) -> str:
    return "\n".join([decorator, *wrapped(f"def {name}", arguments, ":"), *indented(body)])


def indented(lines: Iterable[str]) -> list[str]:
    return [INDENT + line if line else line for line in lines]


def fits(line: str) -> bool:
    return len(line) <= 108  # behind three indents


def wrapped(name: str, arguments: str, end: str = "") -> list[str]:
    """`name(arguments)` on one line, or with the arguments on lines of their own; none of them is broken."""
    line = f"{name}({arguments}){end}"
    if fits(line):
        return [line]
    call = f"f({arguments})"
    tree = ast.parse(call).body[0].value
    whole = [ast.get_source_segment(call, node).replace(" ", SPACE) for node in (*tree.args, *tree.keywords)]
    lines = textwrap.wrap(", ".join(whole) + ",", 100, break_long_words=False, break_on_hyphens=False)
    return [f"{name}(", *indented(line.replace(SPACE, " ") for line in lines), f"){end}"]


def quoted(doc: list[str]) -> list[str]:
    """The lines of a docstring."""
    while doc and not doc[-1]:
        doc = doc[:-1]
    return [f'"""{doc[0]}"""'] if len(doc) == 1 else [f'"""{doc[0]}', *doc[1:], '"""']

"""Lines of `left = right   reason` in columns, at most 100 wide: how a derivation is set in plain text.

The reasons of a block stand in one column, a multiple of 4; a reason that does not fit there goes below its line.
A formula that is too long is broken at a sign or a product, as far outside of parentheses as possible.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH = 100
GAP = 6
TAB = 4
# Where a line may be broken, the best places first: at a sign or a comma, at a spaced product, at any product.
BREAKS = tuple(map(re.compile, (r" (?=[+-] )|(?<=,) ", r" (?=\* )", r"(?<=[^ *])(?=\*[^* ])")))


@dataclass(frozen=True)
class Row:
    """`left = right`; where `left` is empty a further form of the line above, where `sign` is + or - a further term."""

    left: str
    right: str
    reason: str = ""
    sign: str = "="


def block(rows: Sequence[Row], indent: str = "  ") -> list[str]:
    """The lines of rows that stand below one another."""
    margin = max(len(row.left) for row in rows)
    below = " " * (len(indent) + margin + 3 + TAB)
    broken = []
    for row in rows:
        head = f"{indent}{row.left:<{margin}} {row.sign} "
        first, *others = wrap(row.right, WIDTH - len(head))
        broken.append([head + first, *(" " * len(head) + line for line in others)])
    column = reason_column([(len(lines[-1]), len(row.reason)) for lines, row in zip(broken, rows, strict=True)])
    result: list[str] = []
    for lines, row in zip(broken, rows, strict=True):
        *others, last = lines
        at = next((c for c in (column, tabbed(len(last))) if fits(len(last), len(row.reason), c)), None)
        if row.reason and at is None:
            lines += [below + line for line in wrap(row.reason, WIDTH - len(below))]
        elif row.reason:
            lines = [*others, f"{last:<{at}}{row.reason}"]
        result += lines
    return result


def tabbed(length: int) -> int:
    """The first column for a reason beside a line of this length."""
    return -(-(length + GAP) // TAB) * TAB


def fits(length: int, reason: int, column: int) -> bool:
    return length + GAP <= column and column + reason <= WIDTH


def reason_column(sizes: Sequence[tuple[int, int]]) -> int:
    """The column at which most reasons fit beside their lines; `sizes` are the lengths of lines and reasons."""
    with_reason = [(length, reason) for length, reason in sizes if reason]
    columns = {tabbed(length) for length, _ in sizes}
    return max(columns, key=lambda column: (sum(fits(*size, column) for size in with_reason), column))


def wrap(text: str, width: int) -> list[str]:
    """The text in lines of at most `width`, broken as far outside of parentheses and at as good a place as can be."""
    if len(text) <= width:
        return [text]
    depths = depth(text)
    places = [
        (depths[match.start()], rank, -match.start())
        for rank, pattern in enumerate(BREAKS)
        for match in pattern.finditer(text)
        if 2 < match.start() <= width
    ]
    if not places:
        return [text]
    at = -min(places)[2]
    return [text[:at].rstrip(), *wrap("  " + text[at:].lstrip(), width)]


def depth(text: str) -> list[int]:
    """How many parentheses and brackets are open before each character."""
    level, levels = 0, []
    for character in text:
        level -= character in ")]"
        levels.append(level)
        level += character in "(["
    return levels


def paragraph(text: str, indent: str = "  ") -> list[str]:
    """Words in lines of at most 100 columns."""
    lines, line = [], indent
    for word in text.split():
        if len(line) + len(word) + 1 > WIDTH and line.strip():
            lines.append(line.rstrip())
            line = indent
        line += word + " "
    return [*lines, line.rstrip()]

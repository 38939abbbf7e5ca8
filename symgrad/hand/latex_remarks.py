"""Names that a text states: `% \\hat y is yh, Q is Qm` in a comment, "where $\\hat y$ is `yh`" among words."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..language.errors import ClaimError
from .formula_grammar import Source
from .latex_names import Names
from .latex_scanner import Scanner
from .latex_text import pieces_of

NAME = r"[A-Za-z_]\w*"
SAYS = r"(?:=|:|is|means|stands\s+for|denotes|\\equiv)"
MEANT = rf"(?:\$?\s*\\(?:texttt|mathtt|text)\{{(?P<set>{NAME})\}}\s*\$?|`(?P<code>{NAME})`|\$?(?P<bare>{NAME})\$?)"
COMMENT = re.compile(rf"^\s*\$?\s*(?P<latex>[\\A-Za-z{{][^=:,$]*?)\s*\$?\s*{SAYS}\s*{MEANT}\s*\.?\s*$")
PROSE = re.compile(rf"\$(?P<latex>[^$=]+)\$\s*{SAYS}\s*{MEANT}(?=\s*(?:[,.;)]|and\b|$))", re.M)
BEGINS = re.compile(r"^\s*(?:where|with|here|and|let|in code,?)\s+", re.IGNORECASE)


def in_comment(line: str) -> Iterator[tuple[str, str]]:
    """(name, meaning) of a comment that states names and nothing else."""
    parts = [BEGINS.sub("", part) for part in re.split(r",|;|\band\b", line.lstrip("% "))]
    matches = [COMMENT.match(part) for part in parts]
    for match in matches:
        if match is None:
            return
    for match in matches:
        assert match is not None
        name = spelled_name(match["latex"])
        if name is not None:
            yield name, meaning_of(match)


def in_prose(text: str) -> Iterator[tuple[str, str]]:
    for match in PROSE.finditer(text):
        name = spelled_name(match["latex"])
        if name is not None:
            yield name, meaning_of(match)


def meaning_of(match: re.Match) -> str:
    return match["set"] or match["code"] or match["bare"]


def spelled_name(latex: str) -> str | None:
    """The name as the formulas' reader spells it where nothing else is known; None where it is no single name."""
    source = Source(latex.strip())
    try:
        row = pieces_of(source.text, 0, len(source.text), line_by_line=False)
        if re.fullmatch(NAME, source.text):
            return source.text  # as code spells it
        scanner = Scanner(source, Names(), row)
        base, after = scanner.spelled(0)
        name = base.ways[0]
        return name if after == len(row) else with_scripts(scanner, name, after)
    except (ClaimError, IndexError):
        return None


def with_scripts(scanner: Scanner, name: str, after: int) -> str | None:
    scanner.k = after
    below, above = scanner.scripts_at()
    scripts = scanner.as_words(below, above)
    if scanner.k != len(scanner.row) or (below and scripts.below is None) or (above and scripts.above is None):
        return None
    texts = ["".join(part) for part in scripts.below or ()]
    for script in (*texts, scripts.above or ""):
        name += script if script.isdigit() or not script else f"_{script}"
    return name

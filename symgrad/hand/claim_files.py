"""A file of claims taken apart: code, formulas, what it says of its names, and the model where it carries one.

    .py    NumPy code; its docstring may declare the model
    .md    fences ```python are code (the first that makes a Model declares it), ```latex and $$...$$ are LaTeX,
           ```text are index notation, and the text around them may say what names mean
    .tex   LaTeX: the formulas in it
    .txt   index notation, a claim a line

Every part keeps its place in the file: what is not its own is blanked out, so that lines and columns are the file's.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent

from ..language.errors import ClaimError
from .remarks import Remarks, remarks

CODE_FENCES = ("python", "py", "numpy")
LATEX_FENCES = ("latex", "tex", "math")
INDEX_FENCES = ("text", "symgrad", "sympy", "index", "")
LONGEST = 1_000_000  # characters of one file

FENCE = re.compile(r"^(?P<fence>```+|~~~+)[ \t]*(?P<kind>\w*)[^\n]*\n(?P<body>.*?)^(?P=fence)[ \t]*$", re.M | re.S)
DISPLAYED = re.compile(
    r"\$\$(?P<a>.+?)\$\$|\\\[(?P<b>.+?)\\\]|\\begin\{(?P<env>equation|align|aligned|gather|eqnarray|multline)\*?\}"
    r"(?P<c>.+?)\\end\{(?P=env)\*?\}",
    re.S,
)
INLINE = re.compile(r"(?<![\\$])\$(?!\$)(?P<a>[^$]+?)\$|\\\((?P<b>.+?)\\\)", re.S)
MAKES_MODEL = re.compile(r"\b(?:Matrix)?Model\s*\(")


@dataclass(frozen=True)
class Formula:
    """LaTeX or index notation: `source` begins at character `start` of the file."""

    source: str
    start: int
    notation: str  # latex or index


@dataclass
class ClaimFile:
    source: str
    code: str = ""  # as long as the file, blank where it is none
    formulas: list[Formula] = field(default_factory=list)
    declaration: str = ""  # Python that makes the model
    remarks: Remarks = field(default_factory=Remarks)


def read_claim_file(path: str | Path) -> ClaimFile:
    """The parts of a file.  Raises ClaimError where it cannot be read as text, or its kind is not known."""
    path = Path(path)
    kinds = {".py": of_code, ".md": of_markdown, ".tex": of_latex, ".txt": of_index}
    if path.suffix not in kinds:
        raise ClaimError(f"{path}: a file of claims ends in {', '.join(kinds)}, not in {path.suffix or 'nothing'}")
    if not path.is_file():
        raise ClaimError(f"{path}: the file does not exist")
    try:
        source = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ClaimError(f"{path}: it is not UTF-8 text ({error.reason} at byte {error.start})") from None
    if len(source) > LONGEST:
        raise ClaimError(f"{path}: {len(source):,} characters are too many for a derivation; at most {LONGEST:,}")
    return kinds[path.suffix](source.replace("\r\n", "\n"))


def of_code(source: str) -> ClaimFile:
    """NumPy code: its comments are remarks, and a docstring that makes a Model declares it."""
    comments = [line.strip().lstrip("#") for line in source.splitlines() if line.strip().startswith("#")]
    return ClaimFile(source, code=source, declaration=declared_in(source), remarks=remarks(comments))


def declared_in(source: str) -> str:
    """The docstring, or what is indented in it, where it makes a model; else nothing."""
    try:
        docstring = ast.get_docstring(ast.parse(source))
    except (SyntaxError, ValueError, RecursionError):
        return ""  # said with its place when the code is read
    if not docstring or not MAKES_MODEL.search(docstring):
        return ""
    lines = docstring.splitlines()
    indented = "\n".join(line for line in lines if line.startswith("    ") or not line.strip())
    return dedent(indented) if MAKES_MODEL.search(indented) else docstring


def of_markdown(source: str) -> ClaimFile:
    found = ClaimFile(source)
    code = blank(source)
    rest = source
    for match in FENCE.finditer(source):
        start, end = match.span("body")
        body, kind = match["body"], match["kind"].lower()
        rest = rest[: match.start()] + blank(match[0]) + rest[match.end() :]
        if kind in CODE_FENCES and MAKES_MODEL.search(body) and not found.declaration:
            found.declaration = body
        elif kind in CODE_FENCES:
            code = code[:start] + body + code[end:]
        elif kind in LATEX_FENCES:
            found.formulas.append(Formula(body, start, "latex"))
        elif kind in INDEX_FENCES:
            found.formulas += index_lines(body, start)
    found.formulas += latex_in(rest)
    comments = [line.strip().lstrip("#") for line in code.splitlines() if line.strip().startswith("#")]
    prose = [re.sub(r"[`*_-]*\s*(.*?)\s*[`*]*$", r"\1", line) for line in without_formulas(rest).splitlines()]
    found.code = code if code.strip() else ""
    found.remarks = remarks([*prose, *comments], rest, formulas=True)
    found.formulas.sort(key=lambda formula: formula.start)
    return found


def of_latex(source: str) -> ClaimFile:
    """The displayed and inline formulas; a file without any is one formula a line."""
    bare = re.sub(r"(?<!\\)%[^\n]*", lambda match: " " * len(match[0]), source)
    comments = [match[0].lstrip("%") for match in re.finditer(r"(?<!\\)%[^\n]*", source)]
    formulas = latex_in(bare)
    if not formulas and bare.strip():
        formulas = [Formula(bare, 0, "latex")]
    prose = source if DISPLAYED.search(bare) else "\n".join(comments)
    return ClaimFile(source, formulas=formulas, remarks=remarks(comments, prose, formulas=True))


def of_index(source: str) -> ClaimFile:
    comments = [line.strip().lstrip("#") for line in source.splitlines() if line.strip().startswith("#")]
    return ClaimFile(source, formulas=index_lines(source, 0), remarks=remarks(comments))


def index_lines(body: str, start: int) -> list[Formula]:
    """A formula a line, with the lines that go on with it; empty lines and comments are none."""
    found: list[Formula] = []
    for match in re.finditer(r"[^\n]+", body):
        line, place = match[0].strip(), start + match.start()
        if not line or line.startswith("#"):
            continue
        before = found[-1] if found else None
        if before is not None and line[0] in "=+-*/" and before.start + len(before.source) == place - 1:
            found[-1] = Formula(f"{before.source}\n{match[0]}", before.start, "index")
        else:
            found.append(Formula(match[0], place, "index"))
    return found


def latex_in(text: str) -> list[Formula]:
    """The formulas of a text that claim something: those with an equals sign."""
    found, rest = [], text
    for pattern in (DISPLAYED, INLINE):
        for match in pattern.finditer(rest):
            body = next(name for name in ("a", "b", "c") if match.groupdict().get(name) is not None)
            if "=" in match[body]:
                found.append(Formula(match[body], match.start(body), "latex"))
        rest = pattern.sub(lambda match: blank(match[0]), rest)
    return sorted(found, key=lambda formula: formula.start)


def without_formulas(text: str) -> str:
    for pattern in (DISPLAYED, INLINE):
        text = pattern.sub(lambda match: blank(match[0]), text)
    return text


def blank(text: str) -> str:
    """As many lines and columns of nothing."""
    return re.sub(r"[^\n]", " ", text)

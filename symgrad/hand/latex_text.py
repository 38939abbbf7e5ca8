"""LaTeX source -> rows of plain tokens: one row a line of formulas, prose and layout left out.

A document's mathematics stands in `$...$`, `$$...$$`, `\\(...\\)`, `\\[...\\]` and in the environments below; where
there is none of these the whole text is mathematics, a line of it a row.  Rows end at `\\\\`, at a comma outside
parentheses, at words (`\\text{where }`); a row that begins with a relation or an operator continues the row before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from .formula_grammar import Source

ENVIRONMENTS = ("align", "aligned", "alignat", "equation", "gather", "gathered", "split", "multline", "eqnarray")
ENVIRONMENTS += ("flalign", "displaymath", "math", "alignedat")
BEGIN = re.compile(r"\\begin\s*\{(" + "|".join(ENVIRONMENTS) + r")(\*?)\}")
PIECE = re.compile(r"\\operatorname\*?|\\[A-Za-z]+|\\.|\s+|.", re.DOTALL)

SPACES = {r"\,", r"\;", r"\:", r"\!", r"\ ", "~", r"\quad", r"\qquad", r"\enspace", r"\thinspace", r"\>", r"\/"}
LAYOUT = {r"\displaystyle", r"\textstyle", r"\limits", r"\nolimits", r"\nonumber", r"\notag", r"\mathstrut", r"\strut"}
LAYOUT |= {rf"\{size}{side}" for size in ("big", "Big", "bigg", "Bigg") for side in ("", "l", "r", "m")}
DROPPED_WITH_ARGUMENT = {r"\label", r"\tag", r"\hspace", r"\vspace", r"\phantom", r"\hphantom", r"\vphantom"}
DROPPED_WITH_ARGUMENT |= {r"\color", r"\hspace*"}
TEXT = (r"\text", r"\textrm", r"\textnormal", r"\mbox", r"\textit", r"\mathrm")
PROSE = {"where", "and", "with", "for", "if", "since", "so", "thus", "hence", "let", "then", "or", "because", "by"}
RELATIONS = {"=", r"\equiv", r"\triangleq", r"\coloneqq", r"\doteq"}
JOINING = {*RELATIONS, "+", "-", "*", "/", r"\cdot", r"\times", r"\odot", r"\circ", r"\ast"}
BARS = {"|": (r"\lvert", r"\rvert"), r"\|": (r"\lVert", r"\rVert")}
BARS |= {r"\vert": BARS["|"], r"\Vert": BARS[r"\|"]}
OPENING, CLOSING = {"(", "[", "{", r"\{"}, {")", "]", "}", r"\}"}


@dataclass(frozen=True)
class Piece:
    """One command, letter, digit or sign of the source."""

    text: str
    start: int
    end: int

    @property
    def is_letter(self) -> bool:
        return self.text.isascii() and self.text.isalpha()

    @property
    def is_digit(self) -> bool:
        return self.text.isascii() and self.text.isdigit()


Row = list[Piece]
BREAK = "\n"  # the text of a piece that ends a row


def rows(source: Source) -> list[Row]:
    """The rows of the whole source, those without an equality in running text left out."""
    text = re.sub(r"(?<!\\)%[^\n]*", lambda comment: " " * len(comment.group()), source.text)
    found: list[Row] = []
    for kind, start, end in regions(text, source):
        pieces = spelled_out(pieces_of(text, start, end, line_by_line=kind == "all"), source)
        broken = list(split(joined(pieces)))
        if kind == "inline":  # "where $p$ is the softmax" claims nothing
            broken = [row for row in broken if any(piece.text in RELATIONS for piece in row)]
        found += broken
    return found


def regions(text: str, source: Source) -> list[tuple[str, int, int]]:
    """(kind, start, end) of the mathematics; kind is inline, display or, where nothing is marked, all."""
    found: list[tuple[str, int, int]] = []
    opening = re.compile(r"(?<!\\)\$\$|(?<!\\)\$|\\\(|(?<!\\)\\\[|" + BEGIN.pattern)
    position = 0
    while match := opening.search(text, position):
        word = match.group()
        closing = {"$$": "$$", "$": "$", r"\(": r"\)", r"\[": r"\]"}.get(word) or rf"\end{{{match[1]}{match[2]}}}"
        end = text.find(closing, match.end())
        if end < 0:
            raise source.error(f"{word} is not closed; expected {closing}", match.start())
        found.append(("inline" if word in ("$", r"\(") else "display", match.end(), end))
        position = end + len(closing)
    return found or [("all", 0, len(text))]


def pieces_of(text: str, start: int, end: int, line_by_line: bool) -> Row:
    """The pieces between two offsets; where lines count, a line's end is a BREAK outside all braces."""
    found: Row = []
    depth = 0
    for match in PIECE.finditer(text, start, end):
        word = match.group()
        if word in OPENING or word in CLOSING:
            depth += 1 if word in OPENING else -1
        if word.isspace():
            if line_by_line and "\n" in word and depth <= 0:
                found.append(Piece(BREAK, match.start(), match.end()))
            continue
        found.append(Piece(word, match.start(), match.end()))
    return found


def braced(pieces: Row, at: int, source: Source) -> int:
    """The place behind the group that opens at `at`, or behind the one piece there."""
    if at >= len(pieces):
        raise source.error("an argument is missing", pieces[-1].end)
    if pieces[at].text != "{":
        return at + 1
    depth = 0
    for k in range(at, len(pieces)):
        depth += {"{": 1, "}": -1}.get(pieces[k].text, 0)
        if depth == 0:
            return k + 1
    raise source.error("{ is not closed", pieces[at].start)


def spelled_out(pieces: Row, source: Source) -> Row:
    """Layout dropped, words and row ends as BREAK, bars told apart where \\left and \\right do."""
    found: Row = []
    k = 0
    while k < len(pieces):
        piece = pieces[k]
        word = piece.text
        k += 1
        if word in SPACES or word in LAYOUT:
            continue
        if word in DROPPED_WITH_ARGUMENT:
            k = braced(pieces, k, source)
        elif word in (r"\begin", r"\end"):
            after = braced(pieces, k, source)
            name = "".join(part.text for part in pieces[k + 1 : after - 1])
            if name.rstrip("*") not in ENVIRONMENTS:
                raise source.error(f"the environment {name} cannot be read", piece.start)
            k = braced(pieces, after, source) if word == r"\begin" and name.startswith("alignat") else after
        elif word == "\\\\":
            if k < len(pieces) and pieces[k].text == "*":
                k += 1
            if k < len(pieces) and pieces[k].text == "[" and pieces[k].start == piece.end:
                k = next((j + 1 for j in range(k, len(pieces)) if pieces[j].text == "]"), k)
            found.append(replace(piece, text=BREAK))
        elif word in (r"\left", r"\right", r"\middle") and k < len(pieces):
            bar = BARS.get(pieces[k].text)
            if bar is not None and word != r"\middle":
                found.append(replace(pieces[k], text=bar[word == r"\right"], start=piece.start))
            elif pieces[k].text != ".":
                found.append(replace(pieces[k], start=piece.start))  # \left belongs to it, as a quotation shows
            k += 1
        elif word in TEXT and k < len(pieces) and pieces[k].text == "{":
            after = braced(pieces, k, source)
            inner = source.text[pieces[k].end : pieces[after - 1].start]
            if is_prose(inner):
                found.append(Piece(BREAK, piece.start, pieces[after - 1].end))
                k = after
            else:
                found.append(piece)
        elif word == ":" and k < len(pieces) and pieces[k].text == "=":
            continue  # := is an equality
        else:
            found.append(piece)
    return found


def is_prose(text: str) -> bool:
    """Whether a \\text is words of a sentence and no name of a function or of a variable."""
    words = text.strip()
    return not words or words.lower() in PROSE or not words.replace("_", "").replace("-", "").isalnum()


def joined(pieces: Row) -> Row:
    """Alignment marks dropped, and the ends of rows that the next row continues."""
    found: Row = []
    for k, piece in enumerate(pieces):
        if piece.text not in ("&", BREAK):
            found.append(piece)
            continue
        after = next((p.text for p in pieces[k + 1 :] if p.text not in ("&", BREAK)), None)
        before = found[-1].text if found else BREAK
        if after is None or after in JOINING or before in JOINING:
            continue
        if before != BREAK:
            found.append(replace(piece, text=BREAK))
    return found


def split(pieces: Row) -> Iterator[Row]:
    """The rows, without their punctuation."""
    row: Row = []
    depth = 0
    for k, piece in enumerate(pieces):
        if piece.text in OPENING or piece.text in CLOSING:
            depth += 1 if piece.text in OPENING else -1
        last = k + 1 == len(pieces) or pieces[k + 1].text == BREAK
        if piece.text == BREAK or (piece.text in (",", ";") and depth == 0) or (piece.text == "." and last):
            if row:
                yield row
            row = []
            continue
        row.append(piece)
    if row:
        yield row

"""The pieces of a row of LaTeX: arguments, matching braces, and the tokens that are made of them."""

from __future__ import annotations

from lark import Token

from ..language.errors import ClaimError
from .formula_grammar import Source
from .latex_names import ACCENTS, Names
from .latex_text import Piece, Row

FONTS = {rf"\{font}" for font in ("mathbf", "boldsymbol", "bm", "mathcal", "mathscr", "mathit", "mathsf", "mathtt")}
FONTS |= {r"\mathfrak", r"\mathnormal", r"\pmb", r"\bf", r"\rm", r"\mathbb"}
UPRIGHT = {r"\mathrm", r"\text", r"\textrm", r"\operatorname", r"\operatorname*", r"\textit", r"\textbf", r"\mathop"}
UPRIGHT |= {r"\textnormal", r"\mbox"}
OPENING = {"(": ")", "[": "]", r"\{": r"\}", r"\lbrack": r"\rbrack", r"\lbrace": r"\rbrace", r"\lparen": r"\rparen"}
ENCLOSED = {r"\lvert": ("BAR", r"\rvert", "BAREND"), r"\lVert": ("NORM", r"\rVert", "NORMEND")}
CLOSING = {*OPENING.values(), r"\rvert", r"\rVert"}


class Pieces:
    """The tokens of one row.  `k` is the place of the reading; `stop` that of the end of what is being read."""

    def __init__(self, source: Source, names: Names, row: Row) -> None:
        self.source, self.names, self.row = source, names, row
        self.out: list[Token] = []
        self.k, self.stop = 0, len(row)
        self.open: list[tuple[str, Piece]] = []  # the closing sign that is awaited
        self.indices = 0  # how deep within indices

    def run(self) -> None:
        """Makes the tokens from `k` to `stop`."""
        raise NotImplementedError

    def tokens(self) -> list[Token]:
        self.run()
        if self.open:
            piece = self.open[-1][1]
            raise self.error(f"{self.source.text[piece.start : piece.end]} is not closed", piece)
        return self.out

    def error(self, message: str, piece: Piece) -> ClaimError:
        return self.source.error(message, piece.start)

    def text(self, k: int) -> str:
        return self.row[k].text if k < self.stop else ""

    def emit(self, kind: str, value: str, start: int, end: int) -> None:
        self.out.append(self.source.token(kind, value, start, end))

    def sign(self, kind: str, value: str | None = None) -> None:
        """A token for the piece here, which is passed."""
        piece = self.row[self.k]
        self.emit(kind, piece.text if value is None else value, piece.start, piece.end)
        self.k += 1

    def argument(self, k: int) -> tuple[int, int, int]:
        """(first, last, next): the pieces of the argument that stands at `k`, and where it goes on behind."""
        if k >= self.stop:
            raise self.source.error("an argument is missing", self.row[self.stop - 1].end)
        if self.row[k].text == "{":
            end = self.closing(k)
            if end == k + 1:
                raise self.error("these braces are empty", self.row[k])
            return k + 1, end, end + 1
        if self.text(k) in FONTS | UPRIGHT | {*ACCENTS}:  # \mathbf{W}, \bar h
            after = self.argument(k + 1)[2]
            return k, after, after
        if self.row[k].is_digit and self.text(k + 1).isdigit() and self.text(k - 1) in ("_", "^"):
            number = f"{self.text(k)}{self.text(k + 1)}"
            raise self.error(f"TeX takes one digit only here; write {self.text(k - 1)}{{{number}}}", self.row[k])
        return k, k + 1, k + 1

    def closing(self, k: int) -> int:
        """The place of the brace or parenthesis that closes the one at `k`."""
        opening = self.row[k].text
        closing = "}" if opening == "{" else OPENING[opening]
        depth = 0
        for j in range(k, self.stop):
            depth += (self.row[j].text == opening) - (self.row[j].text == closing)
            if depth == 0:
                return j
        raise self.error(f"{opening} is not closed", self.row[k])

    def extent(self, first: int, last: int) -> tuple[int, int]:
        """Where row[first:last] stands in the source, with the braces around it."""
        if first and self.row[first - 1].text == "{":
            return self.row[first - 1].start, self.row[last].end if last < len(self.row) else self.row[-1].end
        start = self.row[first].start if first < last else self.row[first - 1].end
        return start, self.row[last - 1].end

    def within(self, first: int, last: int, kinds: tuple[str, str] | None = None) -> None:
        """Tokens of row[first:last], between two tokens of `kinds`, which stand on the braces where there are some."""
        k, stop, opened = self.k, self.stop, self.open
        start, end = self.extent(first, last)
        if kinds:
            self.emit(kinds[0], "", start, start)
        self.k, self.stop, self.open = first, last, []
        self.tokens()
        if kinds:
            self.emit(kinds[1], "", end, end)
        self.k, self.stop, self.open = k, stop, opened

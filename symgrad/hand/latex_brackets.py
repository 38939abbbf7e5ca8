"""Parentheses; brackets that are 1 where they hold, [j = y] and 1_{z > 0}; the two indices of a Kronecker delta."""

from __future__ import annotations

from collections.abc import Callable

from .latex_names import SPELLINGS
from .latex_pieces import ENCLOSED, FONTS, OPENING, Pieces
from .latex_text import RELATIONS, Piece

COMPARISONS = {"<": "<", ">": ">", r"\lt": "<", r"\gt": ">", r"\neq": "!=", r"\ne": "!="}
COMPARISONS |= {rf"\l{word}": "<=" for word in ("e", "eq", "eqslant")}
COMPARISONS |= {rf"\g{word}": ">=" for word in ("e", "eq", "eqslant")}


class Brackets(Pieces):
    """Pieces that compare."""

    def as_indices(self, emit: Callable[[], None]) -> None:
        self.indices += 1
        emit()
        self.indices -= 1

    def delimiter(self) -> None:
        piece = self.row[self.k]
        word = piece.text
        if word in OPENING or word in ENCLOSED:
            kind, closing = ("LP", OPENING[word]) if word in OPENING else ENCLOSED[word][:2]
            self.open.append((closing, piece))
            return self.sign(kind)
        if not self.open or self.open[-1][0] != word:
            raise self.error(f"{self.source.text[piece.start : piece.end]} closes nothing that is open here", piece)
        self.open.pop()
        return self.sign({r"\rvert": "BAREND", r"\rVert": "NORMEND"}.get(word, "RP"))

    def bracket(self, start: int, k: int) -> None:
        """The opening of the bracket at `k`, which its 1 at `start` belongs to."""
        self.k = k
        self.delimiter()
        self.out[-1].start_pos = start

    def is_bracket(self, k: int) -> bool:
        """Whether a comparison in parentheses stands at `k`."""
        if self.text(k) not in OPENING:
            return False
        end, depth = self.closing(k), 0
        for j in range(k + 1, end):
            depth += {"(": 1, "{": 1, "[": 1, ")": -1, "}": -1, "]": -1}.get(self.row[j].text, 0)
            if depth == 0 and (self.row[j].text in COMPARISONS or self.row[j].text in RELATIONS):
                return True
        return False

    def indicator(self, piece: Piece) -> None:
        """1_{z > 0} is [z > 0]; 1_N is a vector of N ones."""
        first, last, after = self.argument(self.k + 1)
        texts = [self.row[k].text for k in range(first, last)]
        end = self.row[after - 1].end
        if any(text in COMPARISONS or text in RELATIONS for text in texts):
            self.emit("LP", "[", piece.start, piece.start)
            self.as_indices(lambda: self.within(first, last))
            self.emit("RP", "]", end, end)
        elif len(texts) == 1 and (texts[0].isupper() or texts[0].isdigit()) and piece.text in FONTS:
            self.emit("CALL", "ones", piece.start, piece.end)
            self.within(first, last, ("LP", "RP"))
        else:
            raise self.error("which entry is 1? write [j = t]", piece)
        self.k = after

    def two_places(self, first: int, last: int) -> tuple[tuple[int, int], tuple[int, int]] | None:
        depth, commas, atoms = 0, [], [first]
        k = first
        while k < last:
            word = self.row[k].text
            depth += {"{": 1, "}": -1, "(": 1, ")": -1}.get(word, 0)
            if word == "," and depth == 0:
                commas.append(k)
            k += 1
        if len(commas) == 1:
            return (first, commas[0]), (commas[0] + 1, last)
        if commas:
            return None
        k = first
        while k < last:
            if not (self.row[k].is_letter or self.row[k].is_digit or self.row[k].text in SPELLINGS):
                return None
            k += 1
            while k < last and self.row[k].text in ("_", "^"):
                k = self.argument(k + 1)[2]
            atoms.append(k)
        return ((atoms[0], atoms[1]), (atoms[1], atoms[2])) if len(atoms) == 3 else None

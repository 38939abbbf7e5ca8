"""A row of LaTeX -> the tokens of `formula_grammar`: commands become signs and words, scripts indices and powers."""

from __future__ import annotations

from collections.abc import Callable

from .latex_brackets import COMPARISONS
from .latex_names import SPELLINGS
from .latex_pieces import CLOSING, ENCLOSED, FONTS, OPENING, UPRIGHT
from .latex_scripts import NameScanner
from .latex_text import BARS, RELATIONS, Piece

OPERATORS = {
    "*": "*",
    r"\ast": "*",
    r"\odot": "*",
    r"\circ": "*",
    r"\cdot": "beside",
    r"\times": "beside",
    r"\otimes": "outer",
    "/": "/",
    r"\div": "/",
    r"\oslash": "/",
}
SIGNS: dict[str, tuple[str, str | None]] = {
    **{word: ("OP", operator) for word, operator in OPERATORS.items()},
    **{word: ("REL", relation) for word, relation in COMPARISONS.items()},
    "+": ("PLUS", None),
    "-": ("MINUS", None),
    ",": ("COMMA", None),
    r"\partial": ("D", None),
}
LABELLED = (r"\textcolor", r"\stackrel", r"\overset", r"\underset")  # what is read is their second argument
REFUSED = {
    r"\prod": "a product over an index cannot be read",
    r"\int": "an integral cannot be read",
    r"\dots": "dots cannot be read; write the sum with its index",
    r"\ldots": "dots cannot be read; write the sum with its index",
    r"\cdots": "dots cannot be read; write the sum with its index",
    r"\pm": "a sign that is left open cannot be read",
    r"\approx": "an approximation is no claim that can be checked; write =",
    r"\propto": "a proportionality is no claim that can be checked; write =",
    r"\leftarrow": "an assignment cannot be read here; write an equality, or the step in NumPy notation",
    r"\gets": "an assignment cannot be read here; write an equality, or the step in NumPy notation",
    r"\mid": "a condition cannot be read here",
    r"\in": "a set cannot be read here; write a sum's index and its limits",
}
# What a bar can close behind.
ENDS = ("NAME", "NUMBER", "RP", "RB", "RSUB", "UPEND", "TRANSPOSE", "INVERSE", "INVERSE_TRANSPOSE", "BAREND", "NORMEND")
ENDS += ("ONES",)


class Scanner(NameScanner):
    """Walks through a row; what a command becomes is in the tables above and, of those with arguments, in STEPS."""

    def run(self) -> None:
        while self.k < self.stop:
            self.step()

    def step(self) -> None:
        piece = self.row[self.k]
        word = piece.text
        if piece.is_digit or (word == "." and self.k + 1 < self.stop and self.row[self.k + 1].is_digit):
            self.number()
        elif self.indices and self.is_whole_axis():
            self.whole_axis()
        elif word in SIGNS:
            self.sign(*SIGNS[word])
        elif word in STEPS:
            STEPS[word](self)
        elif word in REFUSED:
            raise self.error(REFUSED[word], piece)
        elif self.is_over_index():
            self.big()
        else:
            self.atom()

    def is_whole_axis(self) -> bool:
        """W_{:,j}, W_{\\cdot j}, W_{i*}: the sign stands at an end of its part."""
        first = self.out[-1].type in ("LSUB", "COMMA")
        last = self.k + 1 == self.stop or self.text(self.k + 1) == ","
        return self.text(self.k) in (":", r"\cdot", "*") and (first or last)

    def whole_axis(self) -> None:
        piece = self.row[self.k]
        if self.out[-1].type not in ("LSUB", "COMMA"):
            self.emit("COMMA", "", piece.start, piece.start)
        self.sign("COLON")
        if self.k < self.stop and self.text(self.k) != ",":
            self.emit("COMMA", "", piece.end, piece.end)

    def prime(self) -> None:
        piece = self.row[self.k]
        if not self.out or self.out[-1].type not in ("FUNC", "CALL"):
            raise self.error("a prime can be read behind a function only; for a transpose write ^\\top", piece)
        self.sign("PRIME")

    def number(self) -> None:
        first = self.k
        while self.k < self.stop and (self.row[self.k].is_digit or self.text(self.k) == "."):
            self.k += 1
        self.k += self.power_of_ten(self.k)
        pieces = self.row[first : self.k]
        written = "".join(piece.text for piece in pieces)
        if written.count(".") > 1:
            raise self.error(f"{written} is no number", pieces[0])
        if written == "1" and self.text(self.k) == "_":
            self.indicator(pieces[0])
        elif written == "1" and self.is_bracket(self.k):  # 1[z > 0] is [z > 0]
            self.bracket(pieces[0].start, self.k)
        else:
            self.emit("NUMBER", written, pieces[0].start, pieces[-1].end)

    def power_of_ten(self, k: int) -> int:
        """How many pieces the e-5 of 1e-5 takes, with nothing between them."""
        length = 0
        for piece in self.row[k : self.stop]:
            wanted = piece.text == "e" if length == 0 else piece.is_digit or (length == 1 and piece.text in ("+", "-"))
            if not wanted or self.row[k + length - 1].end != piece.start:
                break
            length += 1
        return length if length and self.row[k + length - 1].is_digit else 0

    def relation(self) -> None:
        piece = self.row[self.k]
        doubled = self.text(self.k + 1) == "="
        if piece.text == "!" and not doubled:
            raise self.error("a factorial cannot be read", piece)
        if doubled or self.open or self.indices:
            end = self.row[self.k + doubled].end
            self.emit("REL", "!=" if piece.text == "!" else "==", piece.start, end)
            self.k += 1 + doubled
        else:
            self.sign("EQUAL")

    def bar(self) -> None:
        """A bar closes where one is open and something stands before it that it can close."""
        piece = self.row[self.k]
        opening, closing = BARS[piece.text]
        after_operand = self.out and self.out[-1].type in ENDS
        closes = after_operand and self.open and self.open[-1][0] == closing
        self.row[self.k] = Piece(closing if closes else opening, piece.start, piece.end)
        self.delimiter()

    def braces(self) -> None:
        """{a \\over b}, or a group that only TeX needs."""
        first, last, after = self.argument(self.k)
        depth, over = 0, None
        for k in range(first, last):
            depth += {"{": 1, "}": -1}.get(self.row[k].text, 0)
            if depth == 0 and self.row[k].text == r"\over":
                over = k
        if over is None:
            self.within(first, last, ("LB", "RB"))
        else:
            self.emit("LB", "{", self.row[self.k].start, self.row[self.k].end)
            self.numerators((first, over), (over + 1, last), braces=False)
            self.emit("RB", "}", self.row[last].start, self.row[last].end)
        self.k = after

    def fraction(self) -> None:
        piece = self.row[self.k]
        above = self.argument(self.k + 1)
        below = self.argument(above[2])
        differential = all(self.differential(*part[:2]) for part in (above, below))
        self.emit("DFRAC" if differential else "FRAC", piece.text, piece.start, piece.end)
        self.numerators(above[:2], below[:2], braces=True)
        self.k = below[2]

    def numerators(self, above: tuple[int, int], below: tuple[int, int], braces: bool) -> None:
        """Both parts of a fraction, the d of a derivative as one."""
        derivative = self.differential(*above) and self.differential(*below)
        for position, (first, last) in enumerate((above, below)):
            if first == last:
                raise self.error("a part of the fraction is empty", self.row[first - 1])
            start, end = self.extent(first, last)
            if braces:
                self.emit("LB", "{", start, start)
            elif position:
                over = self.row[first - 1]
                self.emit("OVER", over.text, over.start, over.end)
            if derivative:
                width = self.differential(first, last)
                if self.text_at(first + width) == "^":
                    raise self.error("a second derivative cannot be read", self.row[first])
                self.emit("D", "d", self.row[first].start, self.row[first + width - 1].end)
                first, last = first + width, self.without_arguments(first + width, last)
            if first < last:
                self.within(first, last)
            if braces:
                self.emit("RB", "}", end, end)

    def text_at(self, k: int) -> str:
        return self.row[k].text if k < len(self.row) else ""

    def differential(self, first: int, last: int) -> int:
        """How many pieces the d at `first` takes: \\partial, d, \\mathrm{d}; 0 where there is none."""
        word = self.row[first].text if first < last else ""
        if word == r"\partial":
            return 1
        if word == "d" and "d" not in self.names and self.text_at(first + 1) not in ("_", "{"):
            return 1
        if word in FONTS | UPRIGHT:
            inner = self.argument(first + 1) if first + 1 < last else (0, 0, 0)
            if [piece.text for piece in self.row[inner[0] : inner[1]]] == ["d"]:
                return inner[2] - first
        return 0

    def without_arguments(self, first: int, last: int) -> int:
        """L(\\theta) above a derivative is L: the end without the names in parentheses."""
        for k in range(first, last):
            if self.row[k].text == "(" and self.row[last - 1].text == ")" and k > first:
                inner = self.row[k + 1 : last - 1]
                if all(
                    p.is_letter or p.is_digit or p.text in SPELLINGS or p.text in "_,;{}" or p.text in FONTS
                    for p in inner
                ):
                    return k
        return last

    def root(self) -> None:
        self.sign("ROOT")
        if self.text(self.k) == "[":
            end = self.closing(self.k)
            self.within(self.k + 1, end, ("LSUB", "RSUB"))
            self.k = end + 1
        first, last, after = self.argument(self.k)
        self.within(first, last, ("LB", "RB"))
        self.k = after

    def is_over_index(self) -> bool:
        """\\max_j, \\arg\\max_j, \\operatorname{argmax}_j."""
        return self.extreme()[0] != ""

    def extreme(self) -> tuple[str, int]:
        word, k = self.text(self.k), self.k + 1
        if word in UPRIGHT and k < self.stop:
            first, last, k = self.argument(k)
            word = "\\" + "".join(piece.text for piece in self.row[first:last])
        if word == r"\arg" and self.text(k) == r"\max":
            word, k = r"\argmax", k + 1
        found = {r"\max": "max", r"\argmax": "argmax", r"\min": "min"}.get(word, "")
        return (found, k) if found and self.text(k) == "_" else ("", k)

    def big(self) -> None:
        piece = self.row[self.k]
        word, after = ("sum", self.k + 1) if piece.text == r"\sum" else self.extreme()
        if word == "min":
            raise self.error("a minimum over an index cannot be read; write -\\max_j(-...)", piece)
        self.emit("BIG", word, piece.start, self.row[after - 1].end)
        self.k = after
        below, above = self.scripts_at()
        if below:
            self.as_indices(lambda: self.within(*below, ("LSUB", "RSUB")))
        if above:
            self.within(*above, ("UP", "UPEND"))

    def nabla(self) -> None:
        piece = self.row[self.k]
        if self.text(self.k + 1) != "_":
            raise self.error("by what is this gradient? write \\nabla_{W}", piece)
        self.sign("NABLA")
        first, last, after = self.argument(self.k + 1)
        self.within(first, last, ("LSUB", "RSUB"))
        self.k = after
        if self.k < self.stop:
            self.step()  # what is differentiated; L(\theta) is L
            if self.text(self.k) == "(":
                end = self.closing(self.k) + 1
                if self.without_arguments(self.k - 1, end) == self.k and self.text(end) in ("", *RELATIONS):
                    self.k = end

    def dressed(self) -> None:
        """\\underbrace{x}_{note} is x, \\stackrel{note}{=} is =."""
        word = self.text(self.k)
        first, last, after = self.argument(self.k + 1)
        if word in LABELLED:
            first, last, after = self.argument(after)
        if word != r"\textcolor" and word in LABELLED:
            self.k, stop, self.stop = first, self.stop, last
            self.run()
            self.stop = stop
        else:
            self.within(first, last, ("LB", "RB"))
        self.k = after
        if word.endswith("brace") and self.text(self.k) in ("_", "^"):
            self.k = self.argument(self.k + 1)[2]


STEPS: dict[str, Callable[[Scanner], None]] = {
    **dict.fromkeys((*RELATIONS, "!"), Scanner.relation),
    **dict.fromkeys(BARS, Scanner.bar),
    **dict.fromkeys((*OPENING, *CLOSING, *ENCLOSED), Scanner.delimiter),
    **dict.fromkeys((r"\frac", r"\dfrac", r"\tfrac", r"\cfrac"), Scanner.fraction),
    **dict.fromkeys(("'", r"\prime"), Scanner.prime),
    **dict.fromkeys((r"\underbrace", r"\overbrace", r"\boxed", *LABELLED), Scanner.dressed),
    "{": Scanner.braces,
    "^": Scanner.superscript,
    "_": Scanner.subscript,
    r"\sqrt": Scanner.root,
    r"\sum": Scanner.big,
    r"\nabla": Scanner.nabla,
}

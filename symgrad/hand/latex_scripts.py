"""Names in a row of LaTeX, with what stands below and above them: tokens for the name, its indices, its power."""

from __future__ import annotations

from collections.abc import Iterable

from .formula_nodes import ALONG
from .latex_brackets import Brackets
from .latex_names import ACCENTS, SPELLINGS, Scripts, Spelled
from .latex_pieces import FONTS, OPENING, UPRIGHT
from .latex_text import Piece
from .operations import ELEMENTWISE, OVER_AXES

CALLED = ("exp", "log", "ln", "sin", "cos", "tan", "sinh", "cosh", "tanh", "arcsin", "arccos", "arctan", "det", "tr")
CALLED += ("max", "min", "trace", "diag")
FUNCTIONS = {*ELEMENTWISE, *OVER_AXES, "softmax", "log_softmax", "logsumexp", "diag", "trace", "det", "norm", "outer"}
FUNCTIONS -= {"prod"}
FUNCTIONS |= {*ALONG}
FUNCTION_WORDS = {
    "ln": "log",
    "tr": "trace",
    "sgn": "sign",
    "sig": "sigmoid",
    "logistic": "sigmoid",
    "sigma": "sigmoid",
}
FUNCTION_WORDS |= {"logistic": "sigmoid", "sigma": "sigmoid", "logsoftmax": "log_softmax", "lse": "logsumexp"}
TRANSPOSES = {r"\top", "T", r"\intercal", r"\mathsf{T}", r"\mathrm{T}", r"\text{T}", r"\mathsfT", r"\mathrmT"}
TRANSPOSES |= {r"\mathbf{T}", r"\operatorname{T}", r"\textsf{T}", r"\mathbfT", r"\textT", r"\trans", r"\transpose"}


class NameScanner(Brackets):
    """Names and functions as LaTeX writes them, resolved by `latex_names`."""

    def atom(self) -> None:
        """A name or a function, with what stands below and above it."""
        piece = self.row[self.k]
        if piece.is_letter:
            return self.letters()
        spelled, after = self.spelled(self.k)
        word = spelled.ways[0]
        is_command = piece.text[1:] in CALLED
        if self.is_one(piece, word):
            if self.is_bracket(after):
                return self.bracket(piece.start, after)
            self.k = after
            if self.text(after) == "_":
                return self.indicator(piece)
            return self.emit("ONES", "1", piece.start, self.row[after - 1].end)
        function = self.function_word(word)
        applied = is_command or (spelled.upright and len(word) > 1) or (word == "sigma" and self.is_applied(after))
        if applied and not self.names.first(iter(spelled.ways)):
            if function:
                return self.function(function, after)
            if is_command or self.text(after) == "(":
                raise self.error(f"{word} is no function that is known here", piece)
        return self.named(spelled, after)

    def is_one(self, piece: Piece, word: str) -> bool:
        return (word == "1" and piece.text in FONTS) or (piece.text == r"\mathbb" and word == "I") or word == "𝟙"

    def spelled(self, k: int) -> tuple[Spelled, int]:
        """The name that begins at `k`, without scripts, and where it goes on behind."""
        piece = self.row[k]
        word = piece.text
        if word in SPELLINGS:
            return Spelled(SPELLINGS[word]), k + 1
        if word[1:] in CALLED and word.startswith("\\"):
            return Spelled((word[1:],)), k + 1
        if word in ACCENTS or word in FONTS or word in UPRIGHT:
            first, last, after = self.argument(k + 1)
            text = "".join(part.text for part in self.row[first:last])
            if word in UPRIGHT or (text.isascii() and text.isalnum()):
                spelled = Spelled((text.replace("\\", ""),), word in UPRIGHT and text != "")
            elif first < last:
                spelled, end = self.spelled(first)
                if end != last:
                    scripts = self.plain(end, last)
                    spelled = Spelled((self.names.resolve(spelled, scripts).name,))
            else:
                raise self.error(f"{word} stands over nothing", piece)
            return spelled.accented(ACCENTS.get(word, "")), after
        if piece.is_letter:
            return Spelled((word,)), k + 1
        raise self.error(f"{self.source.text[piece.start : piece.end]} cannot be read here", piece)

    def plain(self, first: int, last: int) -> Scripts:
        """What stands between as a subscript, if it is one."""
        if self.row[first].text == "_":
            inner = self.argument(first + 1)
            if inner[2] == last:
                return Scripts(below=self.words(*inner[:2]))
        raise self.error("under an accent only a name can be read", self.row[first])

    def words(self, first: int, last: int) -> tuple[tuple[str, ...], ...] | None:
        """The letters, numbers and words of a plain subscript, part by part; None where it is more than that."""
        parts: list[list[str]] = [[]]
        k = first
        while k < last:
            piece = self.row[k]
            if piece.text == ",":
                parts.append([])
                k += 1
                continue
            if piece.is_digit:
                joins = parts[-1] and parts[-1][-1].isdigit()
                parts[-1][-1:] = [parts[-1][-1] + piece.text] if joins else [*parts[-1][-1:], piece.text]
                k += 1
                continue
            if not (piece.is_letter or piece.text in SPELLINGS or piece.text in FONTS or piece.text in UPRIGHT):
                return None
            spelled, k = self.spelled(k)
            if not spelled.ways[0].isalnum():
                return None
            parts[-1].append(spelled.ways[0])
        return tuple(map(tuple, parts)) if all(parts) else None

    def letters(self) -> None:
        """A run of letters: the longest known names in it, functions, else its letters one by one."""
        end = self.k
        while (
            end < self.stop
            and self.row[end].is_letter
            and (end == self.k or self.row[end - 1].end == self.row[end].start)
        ):
            end += 1
        run = "".join(piece.text for piece in self.row[self.k : end])
        function = self.function_word(run)
        if function and len(run) > 1 and not self.names.is_known(run) and not self.indices:
            return self.function(function, end)
        if self.is_slash_derivative(end):
            return self.sign("D")
        if run == "d" and "d" not in self.names and self.is_adjoint_of(end):
            return self.adjoint(end)
        if run == "I" and self.is_bracket(end) and "I" not in self.names:
            return self.bracket(self.row[self.k].start, end)
        if run == "e" and "e" not in self.names and self.text(end) == "^":
            return self.exponential()
        for length in range(len(run), 1, -1):
            piece = run[:length]
            stop = self.k + length
            scripts = self.scripts(stop) if length == len(run) else Scripts()
            name = self.names.resolve(Spelled((piece,)), scripts).name
            if self.names.is_known(name) or (piece in self.names):
                return self.named(Spelled((piece,)), stop)
        unread = self.names.known and any(not self.names.is_known(letter) for letter in run)
        whole = len(run) > 2 and unread and not self.indices
        adjoint = len(run) == 2 and run[0] == "d" and "d" not in self.names and not self.indices
        if whole or adjoint:  # a name of several letters that is not known is told as one
            return self.named(Spelled((run,)), end)
        return self.named(Spelled((run[0],)), self.k + 1)

    def is_adjoint_of(self, k: int) -> bool:
        """Whether a name follows the d at once: d\\theta, d\\mathbf{W}."""
        follows = k < self.stop and self.row[k].start == self.row[k - 1].end
        return follows and (self.text(k) in SPELLINGS or self.text(k) in ACCENTS or self.text(k) in FONTS)

    def adjoint(self, k: int) -> None:
        spelled, after = self.spelled(k)
        self.named(Spelled(tuple(f"d{way}" for way in spelled.ways), spelled.upright), after)

    def is_slash_derivative(self, end: int) -> bool:
        """Whether the d here begins dL/dW: the run of letters and its scripts, a stroke, another d."""
        if self.text(self.k) != "d" or "d" in self.names or end - self.k < 2:
            return False
        if self.out and self.out[-1].type == "OP" and self.out[-1].value == "/":
            return len(self.out) > 2 and any(token.type == "D" for token in self.out[-8:-1])
        k = end
        while self.text(k) in ("_", "^"):
            k = self.argument(k + 1)[2]
        below = self.text(k + 2)
        named = below.isalpha() or below in SPELLINGS or below in ACCENTS or below in FONTS
        return self.text(k) == "/" and self.text(k + 1) in ("d", r"\partial") and named

    def exponential(self) -> None:
        piece = self.row[self.k]
        first, last, after = self.argument(self.k + 2)
        self.emit("CALL", "exp", piece.start, piece.end)
        self.within(first, last, ("LP", "RP"))
        self.k = after

    def function_word(self, word: str) -> str:
        """The operation of that name, or nothing."""
        forms = (FUNCTION_WORDS.get(form, form) for form in (word, word.lower()))
        return next((form for form in forms if form in FUNCTIONS), "")

    def is_applied(self, k: int) -> bool:
        """Whether a parenthesis follows, behind a power or a prime perhaps."""
        while self.text(k) in ("'", "^"):
            k = k + 1 if self.text(k) == "'" else self.argument(k + 1)[2]
        return self.text(k) in ("(", "[", r"\{")

    def function(self, word: str, after: int) -> None:
        start, end = self.row[self.k].start, self.row[after - 1].end
        if self.text(after) == "_":
            raise self.error(f"a subscript of {word} cannot be read", self.row[after])
        self.emit("CALL" if self.is_applied(after) else "FUNC", word, start, end)
        self.k = after
        if self.text(after) in ("'", "^"):
            self.step()

    def scripts_at(self) -> tuple[tuple[int, int] | None, tuple[int, int] | None]:
        """The subscript and the superscript here, as the places of their pieces; they are passed."""
        below = above = None
        while self.text(self.k) in ("_", "^"):
            word = self.text(self.k)
            if (below if word == "_" else above) is not None:
                break
            first, last, after = self.argument(self.k + 1)
            if word == "_":
                below = (first, last)
            else:
                above = (first, last)
            self.k = after
        return below, above

    def scripts(self, k: int) -> Scripts:
        """What stands below and above the name that ends at `k`, as words."""
        here, self.k = self.k, k
        below, above = self.scripts_at()
        self.k = here
        return self.as_words(below, self.taken_apart(above)[0])

    def taken_apart(self, above: tuple[int, int] | None) -> tuple[tuple[int, int] | None, tuple[int, int] | None]:
        """The (t) and the \\top of h^{(t)\\top}; a superscript without parentheses is the first alone."""
        if above is None or self.text_at(above[0]) not in OPENING:
            return above, None
        behind = self.closing_before(above[0], above[1]) + 1
        if behind < above[1] and self.is_transpose((behind, above[1])):
            return (above[0], behind), (behind, above[1])
        return above, None

    def closing_before(self, k: int, stop: int) -> int:
        old, self.stop = self.stop, stop
        try:
            return self.closing(k)
        finally:
            self.stop = old

    def as_words(self, below: tuple[int, int] | None, above: tuple[int, int] | None) -> Scripts:
        upright = below is not None and self.text_at(below[0]) in UPRIGHT
        plain, enclosed = None, False
        if above is not None and not self.is_transpose(above):
            inner = [self.row[k].text for k in range(*above)]
            enclosed = inner[0] in OPENING and inner[-1] == OPENING[inner[0]]
            words = self.words(above[0] + enclosed, above[1] - enclosed)
            if words is not None and len(words) == 1:
                plain = "".join(words[0])
        return Scripts(self.words(*below) if below else None, plain, enclosed and plain is not None, upright)

    def is_transpose(self, above: tuple[int, int]) -> bool:
        return "".join(self.row[k].text for k in range(*above)) in TRANSPOSES

    def named(self, spelled: Spelled, after: int) -> None:
        """A name with its scripts: those that belong to it, indices, a power."""
        start, self.k = self.row[self.k].start, after
        below, above = self.scripts_at()
        above, behind = self.taken_apart(above)
        scripts = self.as_words(below, above)
        resolved = self.names.resolve(spelled, scripts)
        if below and not above and self.is_kronecker(spelled, resolved.name, below, start):
            return
        ends = [self.row[after - 1].end]
        if above and resolved.above:
            ends.append(self.extent(*above)[1] if behind is None else self.row[above[1] - 1].end)
        if below and (resolved.parts or resolved.words):
            rest = self.rest(below, resolved.parts, resolved.words)
            ends.append(self.extent(*below)[1] if rest is None else self.row[rest[0] - 1].end)
        end = max(ends)
        made = len(self.out)
        self.emit("NAME", "np.pi" if resolved.name == "pi" and "pi" not in self.names else resolved.name, start, end)
        enclosed = above is not None and not resolved.above and self.encloses_index(above)
        places = [above] if enclosed and above else []
        if below and (rest := self.rest(below, resolved.parts, resolved.words)):
            places.append(rest)
        power = above if above and not resolved.above and not enclosed else behind
        if places:
            self.as_indices(lambda: self.places(places, end))
        if power:
            self.power(power)
        # h^2_t: the node ends where the last of its parts does, in whatever order they are written
        self.out[-1].end_pos = max(token.end_pos or 0 for token in self.out[made:])

    def encloses_index(self, above: tuple[int, int]) -> bool:
        first = self.text_at(above[0])
        return first in OPENING and self.text_at(above[1] - 1) == OPENING[first]

    def rest(self, below: tuple[int, int], parts: int, words: int) -> tuple[int, int] | None:
        """What of a subscript is left for indices."""
        first, last = below
        for _ in range(parts):
            first = next((k + 1 for k in range(first, last) if self.row[k].text == ","), last)
        for _ in range(words):
            first = first + 1 if not self.row[first].is_digit else self.after_digits(first, last)
        return (first, last) if first < last else None

    def after_digits(self, first: int, last: int) -> int:
        return next((k for k in range(first, last) if not self.row[k].is_digit), last)

    def places(self, ranges: Iterable[tuple[int, int]], end: int) -> None:
        """The indices in `ranges`; `end` is that of the name."""
        first, ends = True, [end]
        for low, high in ranges:
            if self.encloses_index((low, high)):
                low, high = low + 1, high - 1
            start, end = self.extent(low, high)
            ends.append(end)
            self.emit("LSUB" if first else "COMMA", "", start, start)
            self.within(low, high)
            first = False
        self.emit("RSUB", "", max(ends), max(ends))

    def is_kronecker(self, spelled: Spelled, name: str, below: tuple[int, int], start: int) -> bool:
        """Emits [i == j], from `start` on, for \\delta_{ij}."""
        own = self.names.met.get(name)  # delta_i of a line before leaves delta_ij what it is
        if spelled.ways != ("delta",) or (self.names.is_known(name) and own != 1):
            return False
        places = self.two_places(*below)
        if places is None:
            return False
        end = self.row[self.k - 1].end
        self.emit("LP", "[", start, start)
        self.as_indices(lambda: self.within(*places[0]))
        self.emit("REL", "==", end, end)
        self.as_indices(lambda: self.within(*places[1]))
        self.emit("RP", "]", end, end)
        return True

    def subscript(self) -> None:
        """Indices of what is no name: (P - Y)_i."""
        first, last, after = self.argument(self.k + 1)
        self.as_indices(lambda: self.within(first, last, ("LSUB", "RSUB")))
        self.k = after

    def superscript(self) -> None:
        first, last, after = self.argument(self.k + 1)
        if self.encloses_index((first, last)):
            raise self.error("an index in parentheses can be read above a name only", self.row[first])
        self.k = after
        if self.out and self.out[-1].type in ("FUNC", "CALL"):
            self.within(first, last, ("UP", "UPEND"))
        else:
            self.power((first, last))

    def power(self, above: tuple[int, int]) -> None:
        first, last = above
        texts = [self.row[k].text for k in range(first, last)]
        start, end = self.extent(first, last)
        written = "".join(texts)
        if self.is_transpose(above):
            return self.emit("TRANSPOSE", written, start, end)
        if written == "-1":
            return self.emit("INVERSE", written, start, end)
        if written[:1] == "-" and written[1:] in TRANSPOSES:
            return self.emit("INVERSE_TRANSPOSE", written, start, end)
        if set(texts) <= {r"\prime", "'"}:
            raise self.error(
                "a prime can be read behind a function only; for a transpose write ^\\top", self.row[first]
            )
        if texts[0] in (r"\odot", r"\circ") and len(texts) > 1:
            return self.within(first + 1, last, ("UP", "UPEND"))
        if texts[0] in ("*", r"\ast", r"\dagger", r"\circ", "+"):
            raise self.error(f"the superscript {written} cannot be read", self.row[first])
        return self.within(first, last, ("UP", "UPEND"))

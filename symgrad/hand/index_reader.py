"""Index notation as claims: the spelling in which symgrad prints, SymPy's, and what people type beside them.

    do[b,v] = (p[b,v] - [v == y[b]])/B        dW2[v,i] = sum_b do[b,v]*h[b,i]       max_v o[b,v]   x if c else y
    Sum(do[b,v]*h[b,i], (b, 0, B-1))          KroneckerDelta(v, y[b])               Piecewise((x, c), (y, True))
    dL/dw1 = (o - y)*(1 - o**2)*w2            dp[b,v]/do[b,w] = p[b,v]*([v == w] - p[b,w])
    dW2 = (p - Y)^T h / B                     products of matrices, where no indices stand

A claim ends with its line, but not within parentheses, behind an operator, or where the next line begins with one.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from lark import Token

from .formula_grammar import Source, parsed
from .formula_nodes import FormulaNodes, chain
from .indexing import defines, is_indexed, own_axes, with_axes
from .operations import FUNCTIONS, SPELLINGS
from .statements import Apply, Binary, Chain, Choice, Comparison, Expression, Name, Number, Reduction, Span, Total
from .statements import Sequence as Listed

REDUCTIONS = ("sum", "max", "argmax", "mean", "det", "logdet", "inverse")
PIECE = re.compile(
    r"(?P<blank>[^\S\n]+|\#[^\n]*|\\\n)"
    r"|(?P<line>\n|;)"
    r"|(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
    rf"|(?P<reduction>(?:{'|'.join(REDUCTIONS)})_[A-Za-z]\w*(?:,[A-Za-z]\w*)*)"
    r"|(?P<word>[A-Za-z_]\w*)"
    r"|(?P<transpose>\.T\b|\^(?:T|\{T\}|⊤)(?!\w)|ᵀ)"
    r"|(?P<inverse>\^(?:-1|\(-1\)|\{-1\})(?!\w))"
    r"|(?P<both>\^(?:-T|\(-T\)|\{-T\})(?!\w))"
    r"|(?P<sign>\*\*|//|==|!=|<=|>=|:=|[-+*/%@^=<>()\[\],:∂])"
)
OPERATORS = {"*": "*", "/": "/", "//": "//", "%": "%", "@": "@"}
RELATIONS = {"==": "==", "!=": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
SIGNS = {
    **{sign: ("OP", operator) for sign, operator in OPERATORS.items()},
    **{sign: ("REL", relation) for sign, relation in RELATIONS.items()},
    "+": ("PLUS", "+"),
    "-": ("MINUS", "-"),
    ",": ("COMMA", ","),
    ":": ("COLON", ":"),
    "**": ("POW", "**"),
    "^": ("POW", "**"),
    "=": ("EQUAL", "="),
    ":=": ("EQUAL", "="),
    "∂": ("D", "d"),
}
WORDS = {"if": "IF", "else": "ELSE"}
REFUSED = ("and", "or", "not", "lambda", "for", "in", "is")
OPERANDS = ("NAME", "RP", "RSUB", "TRANSPOSE", "INVERSE", "INVERSE_TRANSPOSE")  # what indices can stand behind
UNFINISHED = ("OP", "PLUS", "MINUS", "POW", "EQUAL", "REL", "COMMA", "IF", "ELSE")
LABEL = re.compile(r"\s*\([A-Z]\d+\)[^\S\n]+")  # (F1) in front of an equation
DERIVATIVE = re.compile(r"d(?P<of>[A-Za-z_]\w*)\s*(?P<places>\[[^\n=]*?\])?\s*/\s*d(?P<by>[A-Za-z_]\w*)")
SECOND = re.compile(r"d(\^|\*\*)?2\s*[A-Za-z_]\w*\s*(\[[^\n=]*?\])?\s*/\s*\(?\s*d[A-Za-z]")
# SymPy's names, and those of symgrad's own functions, for words of `operations`.
FROM_SYMPY = {"Max": "maximum", "Min": "minimum", "Abs": "abs", "ln": "log", "sgn": "sign", "floordiv": "floordiv"}
COMPARED = {"KroneckerDelta": "==", "Eq": "==", "Ne": "!=", "Lt": "<", "Le": "<=", "Gt": ">", "Ge": ">="}
BUILT = ("Sum", "total", "Piecewise", "Heaviside", "Rational", "And", "Mod", "stop_gradient", "mean", "Equality")


def read_index(source: str, known: Collection[str] = (), met: dict[str, int] | None = None) -> tuple[Chain, ...]:
    """The claims in the text, in order; `known` are the names of the model, `met` those that formulas before have
    defined with their axes, and gets those of these.

    Raises ClaimError with line and column for what cannot be read.
    """
    text = Source(source)
    chains: list[Chain] = []
    met = {} if met is None else met
    for tokens in lines(list(IndexScanner(text, known).tokens())):
        sides = parsed(tokens, text, IndexNodes)
        span = (tokens[0].start_pos or 0, tokens[-1].end_pos or 0)
        chains.append(chain(sides, span, text, is_indexed(sides, with_axes(known, met))))
        if (name := defines(chains[-1], known)) is not None:
            met[name] = own_axes(chains[-1])
    return tuple(chains)


def lines(tokens: list[Token]) -> Iterator[list[Token]]:
    """The tokens line by line; a line that begins or ends with an operator belongs together with its neighbour."""
    line: list[Token] = []
    for k, token in enumerate(tokens):
        if token.type != "LINE":
            line.append(token)
            continue
        after = next((other.type for other in tokens[k + 1 :] if other.type != "LINE"), "")
        if line and line[-1].type not in UNFINISHED and after not in UNFINISHED:
            yield line
            line = []
    if line:
        yield line


class IndexScanner:
    """The text as tokens of `formula_grammar`."""

    def __init__(self, source: Source, known: Collection[str]) -> None:
        self.source, self.known = source, known
        self.out: list[Token] = []
        self.open: list[tuple[str, int]] = []  # the closing sign that is awaited, and where its opening one stands
        self.below: int = -1  # where the d of a derivative's lower name stands

    def tokens(self) -> list[Token]:
        position = 0
        while position < len(self.source.text):
            begins = not self.out or self.out[-1].type == "LINE"
            if begins and (label := LABEL.match(self.source.text, position)):
                position = label.end()
                continue
            match = PIECE.match(self.source.text, position)
            if match is None:
                raise self.source.error(f"{self.source.text[position]} cannot be read here", position)
            position = self.piece(match)
        if self.open:
            raise self.source.error(f"{self.source.text[self.open[-1][1]]} is not closed", self.open[-1][1])
        return self.out

    def piece(self, match: re.Match) -> int:
        """Makes tokens of the piece; returns where it goes on."""
        start, end, written = match.start(), match.end(), match.group()
        match match.lastgroup:
            case "blank":
                pass
            case "line":
                if not self.open:
                    self.emit("LINE", written, start, end)
            case "number":
                self.emit("NUMBER", written, start, end)
            case "reduction":
                return self.reduction(written, start)
            case "word":
                return self.word(written, start)
            case "transpose" | "inverse" | "both":
                kinds = {"transpose": "TRANSPOSE", "inverse": "INVERSE", "both": "INVERSE_TRANSPOSE"}
                self.emit(kinds[match.lastgroup], written, start, end)
            case _:
                self.sign(written, start)
        return end

    def emit(self, kind: str, value: str, start: int, end: int) -> None:
        self.out.append(self.source.token(kind, value, start, end))

    def sign(self, sign: str, start: int) -> None:
        end = start + len(sign)
        if sign in "([":
            joined = bool(self.out) and self.out[-1].type in OPERANDS and self.out[-1].end_pos == start
            self.open.append(("]" if sign == "[" else ")", start))
            self.emit("LSUB" if sign == "[" and joined else "LP", sign, start, end)
            self.open[-1] = (("RSUB" if sign == "[" and joined else "RP") + self.open[-1][0], start)
        elif sign in ")]":
            if not self.open or self.open[-1][0][-1] != sign:
                raise self.source.error(f"{sign} closes nothing that is open here", start)
            self.emit(self.open.pop()[0][:-1], sign, start, end)
        elif sign == "=" and any(kind == "RP]" for kind, _ in self.open):
            self.emit("REL", "==", start, end)  # [v = y]
        else:
            self.emit(*SIGNS[sign], start, end)

    def reduction(self, written: str, start: int) -> int:
        """sum_b,t: the operator and its indices; a name that begins like it is a name."""
        first = written.split(",")[0]
        if first in self.known:
            return self.word(first, start)
        operator, _, names = written.partition("_")
        position = start + len(operator)
        kind = "MATRIX_INVERSE" if operator == "inverse" else "BIG"
        self.emit(kind, operator, start, position)
        self.emit("LSUB", "_", position, position + 1)
        for k, name in enumerate(names.split(",")):
            if k:
                self.emit("COMMA", ",", position, position + 1)
            position += 1
            self.emit("NAME", name, position, position + len(name))
            position += len(name)
        self.emit("RSUB", "", position, position)
        return position

    def word(self, word: str, start: int) -> int:
        end = start + len(word)
        behind = self.source.text[end:].lstrip(" ")[:1]
        if SECOND.match(self.source.text, start) and word not in self.known:
            raise self.source.error("a second derivative cannot be read", start)
        if (start == self.below or self.begins_derivative(start)) and len(word) > 1:
            self.emit("D", "d", start, start + 1)
            self.emit("NAME", word[1:], start + 1, end)
        elif word in WORDS:
            self.emit(WORDS[word], word, start, end)
        elif word in REFUSED:
            raise self.source.error(f"{word} cannot be read here", start)
        elif behind == "(" and word not in self.known:
            self.emit("CALL", self.function(word, start), start, end)
        elif word in FUNCTIONS and behind == "^" and word not in self.known:
            return self.raised(word, start)
        else:
            self.emit("NAME", "np.pi" if word == "pi" and "pi" not in self.known else word, start, end)
        return end

    def begins_derivative(self, start: int) -> bool:
        """Whether dX/dY begins here: X or Y is known, and neither dX nor dY is a name of its own that hides it."""
        found = DERIVATIVE.match(self.source.text, start)
        if found is None:
            return False
        for part in ("of", "by"):
            name = found[part]
            if f"d{name}" in self.known and name not in self.known:
                return False
        if self.known and found["of"] not in self.known and found["by"] not in self.known:
            return False
        self.below = found.start("by") - 1
        return True

    def function(self, word: str, start: int) -> str:
        if word in COMPARED or word in BUILT:
            return word
        own = FROM_SYMPY.get(word, SPELLINGS.get(word, word))
        if own in FUNCTIONS:
            return own
        raise self.source.error(f"{word} is neither a name of the model nor a function that is known here", start)

    def raised(self, word: str, start: int) -> int:
        """tanh^2(z)."""
        end = start + len(word)
        exponent = re.compile(r"\s*\^\s*(\d+)\s*(?=\()").match(self.source.text, end)
        if exponent is None:
            raise self.source.error(f"write {word}(x)**2 for a power of {word}", start)
        self.emit("CALL", word, start, end)
        self.emit("UP", "^", end, exponent.start(1))
        self.emit("NUMBER", exponent[1], exponent.start(1), exponent.end(1))
        self.emit("UPEND", "", exponent.end(1), exponent.end(1))
        return exponent.end()


class IndexNodes(FormulaNodes):
    """SymPy's constructors as what they mean."""

    def called(self, function: Token, arguments: tuple[Expression, ...], span: Span) -> Expression:
        word = function.value
        match word, arguments:
            case _, (left, right) if word in COMPARED:
                return Comparison(COMPARED[word], left, right, span=span)
            case (("Sum" | "total" | "mean"), (body, *limits)) if limits:
                for limit in reversed(limits) if word == "total" else limits:
                    body = self.limited(word, limit, body, span)
                return body
            case "maximum", (body, Name(name) as index) if self.is_index(index, body):
                return Reduction("max", (name,), body, span=span)
            case "Piecewise", (*pieces, Listed((last, Name("True")))):
                for piece in reversed(pieces):
                    if not isinstance(piece, Listed) or len(piece.items) != 2:
                        raise self.source.error("a Piecewise is made of (value, condition)", piece.span[0])
                    last = Choice(piece.items[1], piece.items[0], last, span=span)
                return last
            case "Piecewise", _:
                raise self.source.error("a Piecewise has to end with (value, True)", span[0])
            case "Heaviside", (argument,):
                return Comparison(">", argument, Number(0, span=span), span=span)
            case "Rational", (Number(), Number()):
                return Binary("/", *arguments, span=span)
            case "And", (first, *rest):
                for part in rest:
                    first = Binary("*", first, part, span=span)
                return first
            case "Mod", (left, right):
                return Binary("%", left, right, span=span)
            case "stop_gradient", (argument,):
                return Apply(word, (argument,), span=span)
        if (word in BUILT and word != "mean") or word in COMPARED:
            raise self.source.error(f"these arguments of {word} cannot be read", span[0])
        return super().called(function, arguments, span)

    def limited(self, word: str, limit: Expression, body: Expression, span: Span) -> Expression:
        """Sum(body, b), Sum(body, (b, 0, B-1))."""
        match limit:
            case Name(name):
                return (
                    Reduction("mean", (name,), body, span=span) if word == "mean" else Total((name,), body, span=span)
                )
            case Listed((Name(name), low, high)) if word == "Sum":
                return Total((name,), body, low, high, span=span)
        raise self.source.error(f"{word} is over an index, b, or over (b, 0, B-1)", limit.span[0])

    def is_index(self, name: Name, body: Expression) -> bool:
        """Whether maximum(o[b,v], v) is over v: where v is an index of what stands before it."""
        return any(
            isinstance(place, Name) and place.name == name.name
            for node in body.walk()
            for place in getattr(node, "places", ())
        )

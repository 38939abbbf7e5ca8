"""The grammar of a line of formulas, over tokens that LaTeX and index notation spell each in their own way.

A spelling's scanner makes the tokens (`\\frac`, `sum_b`, `do[b,v]`); what follows from what is said once, here;
`formula_nodes.py` makes the nodes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache

from lark import Lark, Token, Transformer
from lark.exceptions import UnexpectedInput, UnexpectedToken, VisitError
from lark.lexer import Lexer

from ..language.errors import ClaimError
from .statements import Expression

GRAMMAR = r"""
start: choice (EQUAL choice)*

?choice: sum
       | sum IF truth ELSE choice                  -> chosen
?truth: choice
      | choice REL choice                          -> comparison
?sum: signed
    | sum (PLUS | MINUS) product                   -> binary
?signed: product
       | (PLUS | MINUS) product                    -> unary
?product: closed | opened
?closed: near
       | closed OP operand                         -> binary
?operand: near
        | MINUS operand                            -> unary
?opened: reach
       | closed OP reach                           -> binary
?near: app
     | near app                                    -> beside
?reach: big | wide
      | near big                                   -> beside
      | near wide                                  -> beside
wide: FUNC raised? (big | wide)                    // log sum_j exp(o_j)
big: BIG head? upper? signed
head: LSUB names RSUB
    | LSUB NAME (REL | EQUAL) sum RSUB             -> restricted
names: NAME (COMMA? NAME)*
upper: UP sum UPEND

?app: power | bare
bare: FUNC raised? (postfix | bare)
?power: postfix
      | postfix POW exponent                       -> binary
?exponent: power
         | MINUS exponent                          -> unary
?postfix: base
        | base sub                                 -> item
        | base up                                  -> raised_base
        | base sub up                              -> raised_item
        | base up sub                              -> raised_item
sub: LSUB places RSUB
places: place (COMMA place)*
?place: choice
      | COLON                                      -> whole
up: TRANSPOSE | INVERSE | INVERSE_TRANSPOSE
  | UP sum UPEND
raised: UP sum UPEND
      | PRIME

?base: NAME                                        -> name
     | NUMBER                                      -> number
     | ONES                                        -> ones
     | LP truth RP                                 -> group
     | LB truth RB                                 -> group
     | LB choice OVER choice RB                    -> quotient
     | FRAC LB choice RB LB choice RB              -> quotient
     | ROOT sub? LB choice RB                      -> root
     | NORM choice NORMEND                         -> norm
     | BAR choice BAREND                           -> absolute
     | CALL raised? LP args RP                     -> call
     | MATRIX_INVERSE head LP choice RP sub        -> inverse
     | derivative
args: arg (COMMA arg)*
?arg: truth
    | LP arg (COMMA arg)+ RP                       -> listed
derivative: DFRAC LB D target RB LB D target RB
          | DFRAC LB D RB LB D target RB target    -> operator
          | LB D target OVER D target RB
          | D target OP D target
          | NABLA LSUB target RSUB target          -> gradient
target: NAME sub?

%declare EQUAL IF ELSE REL PLUS MINUS OP BIG FUNC CALL NAME NUMBER ONES COMMA COLON POW
%declare LP RP LB RB LSUB RSUB UP UPEND OVER FRAC DFRAC D NABLA ROOT NORM NORMEND BAR BAREND
%declare TRANSPOSE INVERSE INVERSE_TRANSPOSE PRIME MATRIX_INVERSE
"""

# What is said of a token that was expected.
WORDS = {
    "NAME": "a name, a number or a parenthesis",
    "RP": "a closing parenthesis",
    "RB": "}",
    "RSUB": "the end of the indices",
    "UPEND": "the end of the exponent",
    "NORMEND": "the closing double bar",
    "BAREND": "the closing bar",
    "D": "the d or \\partial of a derivative",
    "LSUB": "indices",
    "EQUAL": "=",
    "OP": "an operator",
    "ELSE": "else",
    "LB": "{",
    "$END": "the end of the line",
}


EMPTY = {"UP": "a superscript", "LSUB": "indices", "RSUB": "the end of the indices", "UPEND": "the end of the exponent"}
EMPTY |= {"RB": "}", "LB": "{", "RP": ")"}


class AsGiven(Lexer):
    """The tokens are made by a scanner."""

    def __init__(self, conf: object) -> None:
        pass

    def lex(self, data: Iterable[Token]) -> Iterable[Token]:
        return iter(data)


@cache
def parser() -> Lark:
    return Lark(GRAMMAR, parser="lalr", lexer=AsGiven, propagate_positions=True, maybe_placeholders=False)


class Source:
    """The text that is read: it makes tokens, and errors that say where they are."""

    def __init__(self, text: str) -> None:
        self.text = text

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column, from 1."""
        before = self.text[:offset]
        return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1

    def error(self, message: str, offset: int) -> ClaimError:
        return ClaimError(message, *self.place(offset))

    def token(self, kind: str, value: str, start: int, end: int) -> Token:
        line, column = self.place(start)
        end_line, end_column = self.place(end)
        return Token(kind, value, start, line, column, end_line, end_column, end)


def parsed(tokens: Sequence[Token], source: Source, nodes: Callable[[Source], Transformer]) -> list[Expression]:
    """The sides of one line, in order.  Raises ClaimError with the place, what was expected and what came."""
    try:
        tree = parser().parse(tokens)
        return nodes(source).transform(tree)
    except UnexpectedToken as error:
        raise unexpected(error, tokens, source) from None
    except UnexpectedInput as error:
        raise source.error(f"this cannot be read: {error}", tokens[0].start_pos or 0) from None
    except VisitError as error:
        raise error.orig_exc from None
    except RecursionError:
        start = tokens[0].start_pos or 0
        raise source.error("an expression is nested too deeply to be read; split it into lines", start) from None


def unexpected(error: UnexpectedToken, tokens: Sequence[Token], source: Source) -> ClaimError:
    kinds = set(error.accepts or error.expected)
    kinds -= {"D", "LB", "EQUAL"} if "NAME" in kinds else set()
    expected = [word for kind, word in WORDS.items() if kind in kinds]
    at_end = error.token.type == "$END"
    start = tokens[-1].end_pos if at_end else error.token.start_pos
    came = (
        "the end of the line" if at_end else source.text[start : error.token.end_pos] or EMPTY.get(error.token.type, "")
    )
    return source.error(f"expected {' or '.join(expected[:4]) or 'something else'}, got {came}", start or 0)

"""LaTeX as claims: `\\frac{\\partial L}{\\partial W_2} = (p - y) h^\\top` is a Chain about the derivative of L by W2.

How names and indices are told apart is said in `latex_names.py`, where the formulas of a text are in `latex_text.py`.
Besides:

    \\sigma(z)            the sigmoid, where sigma is no known name; \\sigma'(z) is its derivative
    \\delta_{ij}          [i == j], where delta is no known name and two indices stand below it
    \\mathbb{1}[j = y]    the bracket alone;  \\mathbf 1 is a vector of ones
    e^{z}                exp(z), where e is no known name
    h^{(t)}_i            h[t,i]: an index in parentheses above stands first
    a b, a \\cdot b       `beside`: a product of matrices, or by a number;  \\odot, \\circ and * are elementwise
    X^{-1}               inv(X); of a function's values or of a sum with a number in it, 1/x

`known` are the names of the model, also the adjoints dX.  Where it is a mapping, its values are their numbers of axes,
and a chain is `indexed` where each name stands with all its indices; otherwise where entries with index letters occur
and no operation of matrices.
"""

from __future__ import annotations

from collections.abc import Collection

from lark import Token

from .formula_grammar import Source, parsed
from .formula_nodes import FormulaNodes, chain
from .indexing import defines, is_indexed, own_axes, with_axes
from .latex_names import Names
from .latex_scanner import Scanner
from .latex_text import rows
from .statements import Chain, Expression, Item, Name, names_in


class LatexNodes(FormulaNodes):
    spread = True


def read_latex(source: str, known: Collection[str] = (), met: dict[str, int] | None = None) -> tuple[Chain, ...]:
    """The claims in the text, in order; `met` are names that formulas before have defined, and gets those of these.

    Raises ClaimError with line and column for what cannot be read.
    """
    text = Source(source)
    names = Names(known, {} if met is None else met)
    chains = []
    for row in rows(text):
        tokens: list[Token] = Scanner(text, names, row).tokens()
        sides = whole_name(parsed(tokens, text, LatexNodes), known)
        span = (tokens[0].start_pos or 0, tokens[-1].end_pos or 0)
        claim = chain(sides, span, text, is_indexed(sides, with_axes(known, names.met)))
        if (name := defines(claim, known)) is not None:
            names.met[name] = own_axes(claim)
        chains.append(claim)
    return tuple(chains)


def whole_name(sides: list[Expression], known: Collection[str]) -> list[Expression]:
    """delta_o where o stands nowhere on the right: the name delta_o, if neither is known."""
    subject, *rest = sides
    match subject:
        case Item(Name(name), (Name(letter),)) if name not in known and rest:
            if not any(letter in names_in(side) for side in rest):
                return [Name(f"{name}_{letter}", span=subject.span), *rest]
    return sides

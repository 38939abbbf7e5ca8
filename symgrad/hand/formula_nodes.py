"""Grammar trees of formulas -> nodes of `statements`.

Two rules of reading that no grammar writes down are enforced here: a function without parentheses reaches over one
factor, and where it could reach further the line is refused; so is `a/b c` where neither side of the stroke is a
number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from lark import Token, Transformer, v_args
from lark.tree import Meta

from .formula_grammar import Source
from .operations import ELEMENTWISE
from .statements import (
    Apply,
    Binary,
    Chain,
    Choice,
    Comparison,
    Derivative,
    Expression,
    Item,
    Name,
    Number,
    Reduction,
    Slice,
    Span,
    Total,
    Unary,
)
from .statements import Sequence as Listed

# Of each row, or column, of a matrix: what stays is a column, or a row.
ALONG = {"rowsum": ("sum", 1), "colsum": ("sum", 0), "rowmean": ("mean", 1), "colmean": ("mean", 0)}


@v_args(meta=True)
class FormulaNodes(Transformer):
    """Grammar trees -> nodes of `statements`, each with its span.

    `marks` tells, of products and applications that are written without parentheses, how they were written; what
    stands in parentheses loses its mark.
    """

    spread = False  # whether indices may stand side by side: W_{ij}

    def __init__(self, source: Source) -> None:
        super().__init__()
        self.source = source
        self.marks: dict[int, tuple[str, Expression]] = {}

    def marked(self, kind: str, node: Any) -> Any:
        self.marks[id(node)] = (kind, node)
        return node

    def mark(self, node: Expression) -> str:
        return self.marks.get(id(node), ("", node))[0]

    def span(self, meta: Meta) -> Span:
        return (meta.start_pos, meta.end_pos)

    def start(self, meta: Meta, children: list) -> list[Expression]:
        return [child for child in children if not isinstance(child, Token)]

    # -- sums and products -----------------------------------------------------------------------------------------

    def chosen(self, meta: Meta, children: list) -> Choice:
        then, _, condition, _, other = children
        return Choice(condition, then, other, span=self.span(meta))

    def comparison(self, meta: Meta, children: list) -> Comparison:
        left, relation, right = children
        return Comparison(relation.value, left, right, span=self.span(meta))

    def unary(self, meta: Meta, children: list) -> Unary:
        sign, operand = children
        return Unary(sign.value, operand, span=self.span(meta))

    def binary(self, meta: Meta, children: list) -> Expression:
        left, operator, right = children
        if operator.value == "outer":
            return Apply("outer", (left, right), span=self.span(meta))
        if operator.value == "/" and self.mark(right) == "beside":
            return self.stroke(left, operator, right, self.span(meta))
        return Binary(operator.value, left, right, span=self.span(meta))

    def stroke(self, left: Expression, operator: Token, right: Expression, span: Span) -> Expression:
        """1/N x = (1/N) x; where no number shows how far the stroke reaches, the line is refused."""
        factors = [right]
        while isinstance(factors[0], Binary) and self.mark(factors[0]) == "beside":
            factors[:1] = [factors[0].left, factors[0].right]
        if not isinstance(left, Number) and not isinstance(factors[0], Number):
            first, second = (self.source.text[slice(*factor.span)] for factor in factors[:2])
            raise self.source.error(
                f"does the stroke reach over {first} only, or over {second} too? write \\frac or parentheses",
                operator.start_pos or 0,
            )
        result: Expression = Binary("/", left, factors[0], span=(span[0], factors[0].span[1]))
        for factor in factors[1:]:
            result = Binary("beside", result, factor, span=(span[0], factor.span[1]))
        return result

    def beside(self, meta: Meta, children: list) -> Expression:
        left, right = children
        last = left.right if isinstance(left, Binary) and self.mark(left) == "beside" else left
        if self.mark(last) == "bare" and self.mark(right) not in ("bare", "call", "big"):
            word = last.function if isinstance(last, Apply) else "the function"
            raise self.source.error(
                f"does {word} reach over {self.source.text[slice(*right.span)]} too? write its argument in parentheses",
                right.span[0],
            )
        return self.marked("beside", Binary("beside", left, right, span=self.span(meta)))

    def group(self, meta: Meta, children: list) -> Expression:
        inner = children[1]
        span = self.span(meta) if isinstance(inner, Comparison) else inner.span  # [v == y[b]] is not without its signs
        return replace(inner, span=span)  # another object, without the mark

    def quotient(self, meta: Meta, children: list) -> Binary:
        above, below = (child for child in children if not isinstance(child, Token))
        return Binary("/", above, below, span=self.span(meta))

    # -- big operators ---------------------------------------------------------------------------------------------

    def names(self, meta: Meta, children: list) -> tuple[Name, ...]:
        return tuple(
            Name(token.value, span=(token.start_pos, token.end_pos)) for token in children if token.type == "NAME"
        )

    def head(self, meta: Meta, children: list) -> tuple:
        return children[1], None

    def restricted(self, meta: Meta, children: list) -> tuple:
        """k = 1 below a sum is its start; k != j, k < j a condition."""
        _, token, relation, other, _ = children
        index = Name(token.value, span=(token.start_pos, token.end_pos))
        sign = "==" if relation.type == "EQUAL" else relation.value
        return (index,), Comparison(sign, index, other, span=(token.start_pos, other.span[1]))

    def upper(self, meta: Meta, children: list) -> dict:
        return {"high": children[1]}

    def big(self, meta: Meta, children: list) -> Expression:
        token, *parts, body = children
        high = next((part["high"] for part in parts if isinstance(part, dict)), None)
        indices, condition = next((part for part in parts if isinstance(part, tuple)), ((), None))
        span = self.span(meta)
        if not indices:
            if token.value != "sum" or high is not None:
                raise self.source.error(f"{token.value} lacks its index", token.start_pos or 0)
            return self.marked("big", Apply("sum", (body,), span=span))
        names = tuple(index.name for index in indices)
        for name in names:
            if names.count(name) > 1:
                raise self.source.error(f"index {name} is bound twice", token.start_pos or 0)
        low = None
        if condition is not None and condition.operator == "==":
            low, condition = condition.right, None
        elif condition is not None:
            body = Binary("*", condition, body, span=(condition.span[0], body.span[1]))
        if token.value != "sum":
            if low is not None or high is not None or condition is not None:
                raise self.source.error(f"limits of {token.value} cannot be read", token.start_pos or 0)
            return self.marked("big", Reduction(token.value, names, body, span=span))
        if high is not None and low is None:
            low = Number(1, span=high.span)  # sum_i^N is from 1
        if low is not None and high is None:
            raise self.source.error("the sum has a first index and no last one", token.start_pos or 0)
        return self.marked("big", Total(names, body, low, high, span=span))

    def inverse(self, meta: Meta, children: list) -> Item:
        _, (indices, condition), _, body, _, places = children
        if condition is not None or len(indices) != 2:
            raise self.source.error("an inverse is over two indices, inverse_i,j(...)[k,l]", meta.start_pos)
        names = tuple(index.name for index in indices)
        return Item(Reduction("inverse", names, body, span=self.span(meta)), places, span=self.span(meta))

    # -- functions -------------------------------------------------------------------------------------------------

    def raised(self, meta: Meta, children: list) -> dict:
        """The 2 of tanh^2(z), or the prime of sigma'(z)."""
        if children[0].type == "PRIME":
            return {"power": None}
        exponent = children[1]
        if not (isinstance(exponent, Number) and isinstance(exponent.value, int) and exponent.value > 0):
            raise self.source.error(
                "between a function and its argument only a whole power can be read; write (f(x))^{...}",
                meta.start_pos,
            )
        return {"power": exponent}

    def wide(self, meta: Meta, children: list) -> Expression:
        function, *raised, argument = children
        return self.marked("big", self.applied(function, raised, (argument,), self.span(meta)))

    def bare(self, meta: Meta, children: list) -> Expression:
        function, *raised, argument = children
        return self.marked("bare", self.applied(function, raised, (argument,), self.span(meta)))

    def args(self, meta: Meta, children: list) -> tuple[Expression, ...]:
        return tuple(child for child in children if not isinstance(child, Token))

    def listed(self, meta: Meta, children: list) -> Listed:
        return Listed(self.args(meta, children), span=self.span(meta))

    def call(self, meta: Meta, children: list) -> Expression:
        function, *raised, _, arguments, _ = children
        return self.marked("call", self.applied(function, raised, arguments, self.span(meta)))

    def applied(self, function: Token, raised: list, arguments: tuple[Expression, ...], span: Span) -> Expression:
        if raised and raised[0]["power"] is None:
            return self.slope(function, arguments, span)
        value = self.called(function, arguments, span)
        return Binary("**", value, raised[0]["power"], span=span) if raised else value

    def called(self, function: Token, arguments: tuple[Expression, ...], span: Span) -> Expression:
        word = function.value
        if word in ("max", "min") and len(arguments) == 2:
            word = f"{word}imum"
        if word in ALONG:
            word, axis = ALONG[word]
            kept = (("keepdims", Number(1, span=span)),)
            return Apply(word, (*arguments, Number(axis, span=span)), kept, span=span)
        return Apply(word, arguments, span=span)

    def slope(self, function: Token, arguments: tuple[Expression, ...], span: Span) -> Expression:
        """f'(z), for the functions whose derivative people write so."""
        value, one, two = Apply(function.value, arguments, span=span), Number(1, span=span), Number(2, span=span)
        match function.value:
            case "sigmoid":
                return Binary("*", value, Binary("-", one, value, span=span), span=span)
            case "tanh":
                return Binary("-", one, Binary("**", value, two, span=span), span=span)
            case "relu":
                return Comparison(">", arguments[0], Number(0, span=span), span=span)
            case "softplus":
                return Apply("sigmoid", arguments, span=span)
            case "exp":
                return value
            case "log":
                return Binary("/", one, arguments[0], span=span)
        raise self.source.error(
            f"the derivative {function.value}' cannot be read; write it out (for a transpose write ^\\top)",
            function.start_pos or 0,
        )

    def root(self, meta: Meta, children: list) -> Expression:
        _, *degree, _, inner, _ = children
        if not degree:
            return Apply("sqrt", (inner,), span=self.span(meta))
        at = degree[0][0].span
        exponent = Binary("/", Number(1, span=at), degree[0][0], span=at)
        return Binary("**", inner, exponent, span=self.span(meta))

    def norm(self, meta: Meta, children: list) -> Apply:
        return self.marked("norm", Apply("norm", (children[1],), span=self.span(meta)))

    def absolute(self, meta: Meta, children: list) -> Apply:
        return Apply("abs", (children[1],), span=self.span(meta))

    # -- entries and powers ----------------------------------------------------------------------------------------

    def name(self, meta: Meta, children: list) -> Name:
        return Name(children[0].value, span=self.span(meta))

    def number(self, meta: Meta, children: list) -> Number:
        written = children[0].value
        return Number(int(written) if written.isdigit() else float(written), span=self.span(meta))

    def ones(self, meta: Meta, children: list) -> Apply:
        """A vector of ones; its neighbours give its length."""
        return Apply("ones", span=self.span(meta))

    def whole(self, meta: Meta, children: list) -> Slice:
        return Slice(span=self.span(meta))

    def places(self, meta: Meta, children: list) -> tuple[Expression, ...]:
        found: list[Expression] = []
        for place in children:
            if not isinstance(place, Token):
                found += self.apart(place) if self.spread else [place]
        return tuple(found)

    def apart(self, place: Expression) -> list[Expression]:
        """W_{ij} has two indices; x_{2i} has one."""
        if isinstance(place, Binary) and self.mark(place) == "beside":
            parts = [*self.apart(place.left), place.right]
            if all(isinstance(part, Name | Item) for part in parts):
                return parts
        return [place]

    def sub(self, meta: Meta, children: list) -> tuple[Expression, ...]:
        return children[1]

    def item(self, meta: Meta, children: list) -> Expression:
        base, places = children
        span = self.span(meta)
        if self.mark(base) == "norm":
            return self.norm_of(base, places, span)
        if isinstance(base, Derivative) and isinstance(base.of, Name):  # (dL/dW)_{ij} = dL/dW_{ij}
            array, before = (base.by.array, base.by.places) if isinstance(base.by, Item) else (base.by, ())
            return Derivative(base.of, Item(array, (*before, *places), span=span), span=span)
        return Item(base, places, span=span)

    def norm_of(self, norm: Apply, places: tuple[Expression, ...], span: Span) -> Expression:
        match places:
            case (Number(2) | Name("F" | "2"),):
                return replace(norm, span=span)
            case (Number(1),):
                return Apply("sum", (Apply("abs", norm.arguments, span=norm.span),), span=span)
        raise self.source.error("only the norms with 1, 2 and F can be read", places[0].span[0])

    def up(self, meta: Meta, children: list) -> tuple[str, Expression | None]:
        return (children[0].type, children[1]) if children[0].type == "UP" else (children[0].type, None)

    def raised_base(self, meta: Meta, children: list) -> Expression:
        base, up = children
        return self.to_the(base, up, self.span(meta))

    def raised_item(self, meta: Meta, children: list) -> Expression:
        base, *scripts = children
        if isinstance(scripts[0][0], str):
            scripts.reverse()  # h^2_t is (h_t)^2
        places, up = scripts
        return self.to_the(self.item(meta, [base, places]), up, self.span(meta))

    def to_the(self, base: Expression, up: tuple[str, Expression | None], span: Span) -> Expression:
        kind, exponent = up
        if kind == "UP":
            return Binary("**", base, exponent, span=span)
        if kind == "TRANSPOSE":
            return Apply("transpose", (base,), span=span)
        if kind == "INVERSE" and reciprocal(base):
            return Binary("**", base, Unary("-", Number(1, span=span), span=span), span=span)
        inverse = Apply("inv", (base,), span=span)
        return inverse if kind == "INVERSE" else Apply("transpose", (inverse,), span=span)

    # -- derivatives -----------------------------------------------------------------------------------------------

    def target(self, meta: Meta, children: list) -> Name | Item:
        token, *places = children
        name = Name(token.value, span=(token.start_pos, token.end_pos))
        return Item(name, places[0], span=self.span(meta)) if places else name

    def derivative(self, meta: Meta, children: list) -> Derivative:
        of, by = (child for child in children if not isinstance(child, Token))
        return Derivative(of, by, span=self.span(meta))

    def operator(self, meta: Meta, children: list) -> Derivative:
        by, of = (child for child in children if not isinstance(child, Token))
        return Derivative(of, by, span=self.span(meta))

    gradient = operator


def reciprocal(base: Expression) -> bool:
    """Whether ^{-1} can only be 1/x: of a number, of a function's values, of a sum with a number in it."""
    match base:
        case Number() | Comparison() | Derivative():
            return True
        case Apply(word):
            return word in ELEMENTWISE
        case Unary(_, operand):
            return reciprocal(operand)
        case Binary("+" | "-", left, right):
            return reciprocal(left) or reciprocal(right)
        case Binary("/", left, _):
            return reciprocal(left)
    return False


def chain(sides: Sequence[Expression], span: Span, source: Source, indexed: bool) -> Chain:
    """The claims of one line.  Raises where it has no equality, or its left side is not what a claim can be about."""
    if len(sides) < 2:
        raise source.error("there is no equality here; write left = right", span[0])
    subject, *rest = sides
    if not isinstance(subject, Name | Derivative) and not (
        isinstance(subject, Item) and isinstance(subject.array, Name)
    ):
        raise source.error(
            "a claim is about a name, its entries or a derivative; this left side is none of them", subject.span[0]
        )
    return Chain(subject, tuple(rest), indexed, span=span)

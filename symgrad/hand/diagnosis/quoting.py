"""An expression in the person's own words: what was read is quoted, what is new around it is written as NumPy code."""

from __future__ import annotations

from ..statements import (
    NOWHERE,
    Apply,
    Assign,
    Binary,
    Comparison,
    Item,
    Name,
    Node,
    Number,
    Sequence,
    Slice,
    Text,
    Unary,
)

PLACES = {"+": 1, "-": 1, "*": 2, "/": 2, "//": 2, "%": 2, "@": 2, "beside": 2, "**": 4}
NEGATION, ATOM = 3, 5
METHODS = ("sum", "mean", "max", "min", "copy", "reshape")
PLAIN = ("sigmoid", "relu", "softmax", "one_hot", "softplus", "rsqrt", "reversed", "range", "len", "float", "int")


def written(node: Node, source: str) -> str:
    """The node's text on one line."""
    if node.span != NOWHERE and node.span[1] <= len(source):
        return " ".join(source[slice(*node.span)].split())
    return spelled(node, source)


def place(node: Node) -> int:
    match node:
        case Binary(operator):
            return PLACES[operator]
        case Unary():
            return NEGATION
        case Comparison():
            return 0
        case Number(value) if value < 0:
            return NEGATION
    return ATOM


def within(node: Node, least: int, source: str) -> str:
    inner = written(node, source)
    return f"({inner})" if place(node) < least else inner


def spelled(node: Node, source: str) -> str:
    match node:
        case Number(value):
            return f"{value:g}" if isinstance(value, float) else str(value)
        case Text(value):
            return repr(value)
        case Name(name):
            return name
        case Unary(operator, operand):
            return f"{operator}{within(operand, NEGATION, source)}"
        case Binary(operator, left, right):
            own = PLACES[operator]
            sign = operator if operator in ("**",) else " " if operator == "beside" else f" {operator} "
            closer = own if operator in ("+", "*") and not (own == 2 and place(right) == 2) else own + 1
            return f"{within(left, own + (operator == '**'), source)}{sign}{within(right, closer, source)}"
        case Comparison(operator, left, right):
            return f"{within(left, 1, source)} {operator} {within(right, 1, source)}"
        case Apply("transpose", (array,), ()):
            return f"{within(array, ATOM, source)}.T"
        case Apply(function, (array, *rest), keywords) if function in METHODS:
            said = [written(r, source) for r in rest] + [f"{k}={written(v, source)}" for k, v in keywords]
            return f"{within(array, ATOM, source)}.{function}({', '.join(said)})"
        case Apply(function, arguments, keywords):
            said = [written(a, source) for a in arguments] + [f"{k}={written(v, source)}" for k, v in keywords]
            return f"{function if function in PLAIN else f'np.{function}'}({', '.join(said)})"
        case Item(array, places):
            inner = ", ".join("None" if p is None else written(p, source) for p in places)
            return f"{within(array, ATOM, source)}[{inner}]"
        case Slice(start, stop, step, rest):
            if rest:
                return "..."
            parts = ["" if p is None else written(p, source) for p in (start, stop)]
            return ":".join(parts + ([written(step, source)] if step is not None else []))
        case Sequence(items):
            return f"({', '.join(written(item, source) for item in items)})"
        case Assign(target, operator, value, repeated):
            if repeated:
                assert isinstance(target, Item)
                ids = ", ".join(written(p, source) for p in target.places if p is not None)
                ids = f"({ids})" if len(target.places) > 1 else ids
                function = "np.add.at" if operator == "+" else "np.subtract.at"
                return f"{function}({written(target.array, source)}, {ids}, {written(value, source)})"
            return f"{written(target, source)} {operator}= {written(value, source)}"
    return type(node).__name__.lower()

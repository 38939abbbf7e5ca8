"""One random change of one expression in a line of NumPy code, of each kind of slip that people make.

    operator    * for +, -x for x, sum for mean, > for >=, operands in the other order
    transpose   .T too many or too few
    index       [i, j] for [j, i], t - 1 for t, an index left out
    factor      2*x or x/n for x, a factor left out, another constant
    variable    another name that has a value there
    axis        another axis, keepdims, the letters of an einsum, the places of None

A change is a piece of text for a span of the source, so that the mutant is read like any file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import permutations

import numpy as np

from symgrad.hand.diagnosis.quoting import written
from symgrad.hand.statements import (
    Apply,
    Assign,
    Binary,
    Comparison,
    Comprehension,
    Expression,
    Item,
    Name,
    Node,
    Number,
    Slice,
    Text,
    Unary,
)
from symgrad.hand.statements import Sequence as Listed

OTHERS = {"+": "-*", "-": "+*", "*": "+/@", "/": "*-", "@": "*", "**": "*"}
COMPARISONS = (">", ">=", "<", "<=", "==")
FUNCTIONS = {
    "sum": ("mean",),
    "mean": ("sum",),
    "maximum": ("minimum",),
    "max": ("min",),
    "exp": ("log", "sigmoid"),
    "tanh": ("sigmoid", "sin"),
    "sigmoid": ("tanh", "exp"),
    "softmax": ("sigmoid",),
    "sqrt": ("square",),
    "log": ("exp",),
    "zeros_like": ("ones_like",),
    "ones_like": ("zeros_like",),
    "zeros": ("ones",),
    "add.at": ("subtract.at",),
}
OVER_AXES = ("sum", "mean", "max", "argmax", "softmax", "transpose", "swapaxes", "reshape")


@dataclass(frozen=True)
class Change:
    """`text` in the place of a span of the source."""

    kind: str
    start: int
    end: int
    text: str

    def made(self, source: str) -> str:
        return source[: self.start] + self.text + source[self.end :]


@dataclass(frozen=True)
class Line:
    """An assignment, the source, and the value of every name before the statement that holds it; `loops` are the
    variables of the loops around it."""

    statement: Assign
    source: str
    values: Mapping[str, object]
    loops: tuple[str, ...] = ()

    def nodes(self) -> Iterator[tuple[Expression, bool]]:
        """Every expression that is read, and whether it is an arithmetic one: no place, no shape, no loop."""

        def visit(node: Node, plain: bool) -> Iterator[tuple[Expression, bool]]:
            if isinstance(node, Expression) and node.span[1] > node.span[0]:
                yield node, plain
            for k, child in enumerate(node.children):
                inside = plain and not isinstance(node, Slice | Comprehension | Listed)
                if (isinstance(node, Item) and k) or (isinstance(node, Apply) and k and node.function not in TWO):
                    inside = False
                yield from visit(child, inside)

        target = self.statement.target
        while isinstance(target, Item):
            for place in target.places:
                if place is not None:
                    yield from visit(place, False)
            target = target.array
        yield from visit(self.statement.value, True)

    def ndim(self, node: Node) -> int:
        value = self.values.get(node.name) if isinstance(node, Name) else None
        return np.ndim(value) if value is not None else 0

    def changed(self, kind: str, old: Node, new: Node | str) -> Change:
        text = new if isinstance(new, str) else written(new, self.source)
        alone = isinstance(old, Slice | Text) or isinstance(new, str)
        return Change(kind, *old.span, text if alone else f"({text})")


TWO = ("maximum", "minimum", "where", "matmul", "dot", "outer", "add.at")


def operators(line: Line) -> Iterator[Change]:
    for node, plain in line.nodes():
        match node:
            case Binary(operator, left, right):
                for other in OTHERS.get(operator, ""):
                    yield line.changed("operator", node, Binary(other, left, right))
                yield line.changed("operator", node, Binary(operator, right, left))
            case Unary("-", operand):
                yield line.changed("operator", node, operand)
            case Comparison(operator, left, right):
                for other in COMPARISONS:
                    if other != operator:
                        yield line.changed("operator", node, Comparison(other, left, right))
            case Apply(function, (array, *_)) if function in FUNCTIONS:
                for other in FUNCTIONS[function]:
                    yield line.changed("operator", node, Apply(other, node.arguments[: 1 + (other in TWO)]))
                    yield line.changed("operator", node, replace(node, function=other, span=(0, 0)))
            case Apply("copy", (array,)):
                yield line.changed("operator", node, array)
        if plain and isinstance(node, Name | Apply | Item):
            yield line.changed("operator", node, Unary("-", node))
    yield from assigning(line)


def assigning(line: Line) -> Iterator[Change]:
    """`-=` or `=` for `+=`."""
    statement = line.statement
    if statement.repeated or not statement.target.span[1]:
        return
    start, end = statement.target.span[1], statement.value.span[0]
    between = line.source[start:end]
    own = f"{statement.operator}="
    if own not in between:
        return  # one of several names that a line assigns
    for other in ("=", "+=", "-=", "*="):
        known = statement.name in line.values
        if other != own and (known or other == "="):
            yield Change("operator", start, end, between.replace(own, other, 1))


def transposes(line: Line) -> Iterator[Change]:
    for node, plain in line.nodes():
        match node:
            case Apply("transpose", (array,), ()):
                yield line.changed("transpose", node, array)
            case Name() if line.ndim(node) > 1 and plain:
                yield line.changed("transpose", node, Apply("transpose", (node,)))
            case Binary("@") | Apply("einsum" | "swapaxes"):
                yield line.changed("transpose", node, Apply("transpose", (node,)))


def indices(line: Line) -> Iterator[Change]:
    for node, _ in line.nodes():
        match node:
            case Item(array, places) if not any(isinstance(place, Text) for place in places):
                for other in distinct(places):
                    yield line.changed("index", node, Item(array, other))
                if None not in places:
                    yield line.changed("index", node, array)
                for place in places:
                    yield from shifted(line, place)


def shifted(line: Line, place: Expression | None) -> Iterator[Change]:
    match place:
        case Slice(start, stop, None, False):
            for part in (start, stop):
                if part is not None:
                    yield from moved(line, part)
        case Number() | Binary("+" | "-") | Name():
            if not isinstance(place, Name) or place.name in line.loops or line.ndim(place):
                yield from moved(line, place)
    if isinstance(place, Name):
        for other in line.loops:
            if other != place.name:
                yield line.changed("index", place, Name(other))


def moved(line: Line, place: Expression) -> Iterator[Change]:
    yield line.changed("index", place, Binary("-", place, Number(1)))
    yield line.changed("index", place, Binary("+", place, Number(1)))


def factors(line: Line) -> Iterator[Change]:
    sizes = [name for name, value in line.values.items() if isinstance(value, int) and len(name) <= 2]
    for node, plain in line.nodes():
        match node:
            case Binary("*" | "/" as operator, left, right):
                yield line.changed("factor", node, left)
                if operator == "*":
                    yield line.changed("factor", node, right)
            case Number(value) if plain:
                for other in (value + 1, -value, value * 2, value * 1.1):
                    if other != value:
                        yield line.changed("factor", node, Number(round(other, 12)))
        if plain and isinstance(node, Name | Apply | Item | Binary):
            for number in (2, 0.5, -1, 1):
                yield line.changed("factor", node, Binary("*", Number(number), node))
            yield line.changed("factor", node, Binary("+", node, Number(0)))
            for size in sizes:
                yield line.changed("factor", node, Binary("/", node, Name(size)))
                yield line.changed("factor", node, Binary("*", node, Name(size)))


def variables(line: Line) -> Iterator[Change]:
    """Names of the same shape, and now and then of another."""
    arrays = {n: v for n, v in line.values.items() if isinstance(v, np.ndarray | np.number | int) and n.isidentifier()}
    for node, _ in line.nodes():
        if isinstance(node, Name) and node.name in arrays:
            for name, value in arrays.items():
                alike = np.shape(value) == np.shape(arrays[node.name])
                if name != node.name and (alike or sum(map(ord, name + node.name)) % 8 == 0):
                    yield line.changed("variable", node, Name(name))
            # the claim itself explains nothing, though it has the right value
            if line.statement.name not in line.values:
                yield line.changed("variable", node, Name(line.statement.name))


def axes(line: Line) -> Iterator[Change]:
    for node, _ in line.nodes():
        match node:
            case Item(array, places) if None in places:
                for other in distinct(places):
                    yield line.changed("axis", node, Item(array, other))
            case Apply("einsum", (Text(equation), *_)):
                yield from letters(line, node.arguments[0], equation)
            case Apply("reshape" | "transpose", (array, *rest)) if len(rest) > 1:
                for other in distinct(rest):
                    yield line.changed("axis", node, Apply(node.function, (array, *other)))
            case Apply(function, (_, *_), _) if function in OVER_AXES:
                yield from over_axes(line, node)


def over_axes(line: Line, node: Apply) -> Iterator[Change]:
    array, *rest = node.arguments
    keywords = dict(node.keywords)
    for k, place in enumerate(rest):
        for other in other_axes(place):
            yield line.changed(
                "axis", node, Apply(node.function, (array, *rest[:k], other, *rest[k + 1 :]), node.keywords)
            )
    for other in other_axes(keywords.get("axis")):
        yield line.changed(
            "axis", node, Apply(node.function, node.arguments, tuple({**keywords, "axis": other}.items()))
        )
    if "axis" in keywords or rest:
        kept = tuple((name, value) for name, value in node.keywords if name != "axis")
        yield line.changed("axis", node, Apply(node.function, (array,), kept))
    if node.function in ("sum", "mean", "max"):
        kept = tuple((name, value) for name, value in node.keywords if name != "keepdims")
        if "keepdims" not in keywords:
            kept += (("keepdims", Name("True")),)
        yield line.changed("axis", node, Apply(node.function, node.arguments, kept))


def other_axes(place: Expression | None) -> Iterator[Expression]:
    match place:
        case Number(value):
            yield from (Number(other) for other in (0, 1, 2, -1, -2) if other != value)
        case Unary("-", Number(value)):
            yield from (Number(other) for other in (0, 1, 2, -1, -2) if other != -value)
        case Listed(items):
            yield from items
            yield Listed(items[::-1])


def letters(line: Line, node: Node, equation: str) -> Iterator[Change]:
    """The letters of one operand, or of the result, in another order; or one letter for another."""
    given, _, made = equation.partition("->")
    parts = [*given.split(","), made]
    for k, part in enumerate(parts):
        for other in distinct(part):
            new = [*parts[:k], "".join(other), *parts[k + 1 :]]
            yield line.changed("axis", node, f'"{",".join(new[:-1])}->{new[-1]}"')


def distinct(items: Sequence) -> Iterator[tuple]:
    """The other orders of at most four items."""
    if 1 < len(items) <= 4:
        yield from (order for order in permutations(items) if list(order) != list(items))


KINDS: dict[str, Callable[[Line], Iterator[Change]]] = {
    "operator": operators,
    "transpose": transposes,
    "index": indices,
    "factor": factors,
    "variable": variables,
    "axis": axes,
}

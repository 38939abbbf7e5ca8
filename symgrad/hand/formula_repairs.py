"""A wrong formula repaired at one of its indices: places exchanged, a step in time forgotten, letters of the left.

sum_k U_{jk} delta_k      U_{kj} would be right: a transpose is missing
sum_t delta_t h_t^T       h_{t-1} would be right: off by one
dL/dW_{ij} = delta_j x_i  right for W_{ji}: the letters on the left are exchanged
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from itertools import islice, permutations

from .statements import Binary, Comparison, Expression, Item, Name, Number, Reduction, Total, replaced

MOST = 60  # repairs that are tried on one formula
Holds = Callable[[Expression], bool]


def repaired(expression: Expression, holds: Holds, source: str, tokens: Collection[str] = ()) -> str | None:
    """What is wrong, where one index put right makes the formula hold; `tokens` are names with one axis of ids."""
    for old, new, why in islice((*changes(expression), *of_words(expression, tokens)), MOST):
        if holds(replaced(expression, old, new)):
            quoted = " ".join(source[slice(*old.span)].split())
            return f"`{quoted}`: {why}"
    return None


def changes(expression: Expression) -> Iterator[tuple[Expression, Expression, str]]:
    for node in expression.walk():
        if not isinstance(node, Item) or not isinstance(node.array, Name):
            continue
        name = node.array.name
        for first, second in permutations(range(len(node.places)), 2):
            if first < second:
                places = list(node.places)
                places[first], places[second] = places[second], places[first]
                why = f"a transpose is missing, or one is too many: {spelled(name, places)} would be right"
                yield node, Item(node.array, tuple(places), span=node.span), why
        for k, place in enumerate(node.places):
            for step in (-1, 1):
                if (moved := shifted(place, step)) is not None:
                    places = [*node.places[:k], moved, *node.places[k + 1 :]]
                    why = f"the index is off by one: {spelled(name, places)} would be right"
                    yield node, Item(node.array, tuple(places), span=node.span), why


def of_words(expression: Expression, tokens: Collection[str]) -> Iterator[tuple[Expression, Expression, str]]:
    """[v == p] for [v == word[p]]; a word that occurs twice counted once."""
    for node in expression.walk():
        match node:
            case Comparison("==", left, Name(letter) as place):
                for name in tokens:
                    word = Item(Name(name, span=place.span), (place,), span=place.span)
                    why = f"a position stands for the word there, {name}[{letter}]: a gather instead of a scatter"
                    yield node, Comparison("==", left, word, span=node.span), why
            case Reduction("max", indices, body):
                why = "what occurs several times is counted once: a sum stands where it is a maximum here"
                yield node, Total(indices, body, span=node.span), why


def shifted(place: Expression | None, step: int) -> Expression | None:
    """t - 1 of t, t of t - 1; None where the place is no letter with a step."""
    match place:
        case Name():
            return Binary("+" if step > 0 else "-", place, Number(1, span=place.span), span=place.span)
        case Binary("-", Name() as letter, Number(1)) if step > 0:
            return letter
        case Binary("+", Name() as letter, Number(1)) if step < 0:
            return letter
    return None


def spelled(name: str, places: list[Expression | None]) -> str:
    """h[t-1]"""

    def one(place: Expression | None) -> str:
        match place:
            case Name(letter):
                return letter
            case Binary(operator, left, right):
                return f"{one(left)}{operator}{one(right)}"
            case Number(value):
                return str(value)
        return "..."

    return f"{name}[{','.join(map(one, places))}]"

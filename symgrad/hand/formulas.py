"""The array operations on formulas: what `numbers.Numbers` computes, as the entry of the result in index notation.

A softmax is its definition, a one-hot row a delta, a scatter-add a sum over deltas, `a if c else b` a branch.  What has
no formula, or none that is known to hold for all sizes, is Unprovable.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from ..language.algebra import mul, negated, subtract
from ..language.ranges import same_extent
from ..language.terms import ONE, ZERO, Const
from .array_formulas import (
    argmax,
    branches,
    chosen,
    clip,
    concatenate,
    cumsum,
    determinant,
    diagflat,
    diagonal,
    dot,
    einsum,
    expand_dims,
    eye,
    filled,
    flip,
    inner,
    inverse,
    least,
    logsumexp,
    matmul,
    mean,
    norm,
    one_hot,
    outer,
    over_axes,
    roll,
    slogdet,
    softmax,
    squeeze,
    stack,
    sum_items,
    sums,
    swapaxes,
    tensordot,
    trace,
    transpose,
    triangle,
    variance,
    vdot,
)
from .entries import Kind, Unprovable, broadcast_to, count, elementwise, largest, reshaped, scalar
from .entry_formulas import BINARY, COMPARE, TWO, UNARY, at_most, equals, root
from .formula_values import (
    Turns,
    Value,
    array,
    backwards,
    constant,
    counted,
    length,
    number_kind,
    numbered,
    place,
    result_kind,
    shape_of,
    sizes,
    turns_of,
    whole_number,
    zipped,
)
from .operations import SHORT, bound
from .repeated_formulas import repeat, tile
from .selection import Vocabularies, selected, stored


class Formulas:
    """See `interpretation.Operations`.  `vocabularies` bound the tokens, which may be used as ids."""

    def __init__(self, vocabularies: Vocabularies) -> None:
        self.vocabularies = vocabularies

    def unary(self, operator: str, value: Value) -> Value:
        a = array(value)
        if operator == "not":
            opposite = (lambda x: subtract(ONE, x)) if a.kind is Kind.MASK else (lambda x: equals(x, ZERO))
            return elementwise(opposite, a, kind=Kind.MASK)
        return elementwise(negated, a, kind=number_kind(a)) if operator == "-" else a

    def binary(self, operator: str, left: Value, right: Value) -> Value:
        if isinstance(left, list | tuple) and operator == "+":
            return [*left, *right]
        if isinstance(left, list | tuple) and operator == "*":
            return list(left) * constant(right)
        if isinstance(left, Turns) and operator in "+*" and not left.counter:
            raise Unprovable("a list of a length that is a size")
        a, b = array(left), array(right)
        if operator == "@":
            return matmul(a, b)
        if operator == "beside":
            return matmul(a, b) if a.ndim > 1 and b.ndim > 1 else elementwise(mul, a, b)
        if operator == "*" and a.kind is b.kind is Kind.MASK:
            return elementwise(mul, a, b, kind=Kind.MASK)
        return elementwise(BINARY[operator], a, b, kind=result_kind(operator, a, b))

    def compare(self, operator: str, left: Value, right: Value) -> Value:
        return elementwise(COMPARE[operator], array(left), array(right), kind=Kind.MASK)

    def apply(self, word: str, arguments: Sequence[Value], keywords: Mapping[str, Value]) -> Value:
        if word in SHORT:
            word, extra = SHORT[word]
            return self.apply(word, (*arguments, extra), keywords)
        if word == "as_type":
            a = array(arguments[0])
            return replace(a, kind=number_kind(a))
        if word == "einsum":
            return einsum(arguments[0], [array(a) for a in arguments[1:]])
        if word == "tensordot":
            axes = keywords.get("axes", arguments[2] if len(arguments) > 2 else 2)
            return tensordot(array(arguments[0]), array(arguments[1]), axes)
        if word == "zip":
            return zipped(arguments)
        if word not in FUNCTIONS:
            raise Unprovable(f"{word} has no formula")
        return FUNCTIONS[word](**bound(word, arguments, keywords))

    def choose(self, condition: Value, then: Callable[[], Value], other: Callable[[], Value]) -> Value:
        test = array(condition)
        if test.ndim:
            raise Unprovable("a condition that is an array")
        if isinstance(test.body, Const):
            return then() if test.body.value else other()
        a, b = array(then()), array(other())
        if len(a.shape) != len(b.shape) or not all(map(same_extent, a.shape, b.shape)):
            raise Unprovable("branches of different shapes")
        return chosen(test, a, b)

    def truth(self, value: Value) -> bool:
        return bool(constant(value))

    def item(self, items: Value, places: Sequence[Value]) -> Value:
        if isinstance(items, list | tuple):
            (where_,) = places
            return items[constant(where_)]
        return selected(array(items), [place(one) for one in places], self.vocabularies)

    def stored(
        self, items: Value, places: Sequence[Value], operator: str, value: Value, repeated: bool = False
    ) -> Value:
        if isinstance(items, list | tuple):
            raise Unprovable("an entry of a list is assigned")
        combine = BINARY[operator] if operator else lambda old, new: new
        a = array(items)
        a = replace(a, kind=Kind.REAL)  # as NumPy's float64
        return stored(a, [place(one) for one in places], combine, array(value), repeated, self.vocabularies)

    def is_shared(self, array: Value, values: Mapping[str, Value]) -> bool:
        return False  # formulas have no memory; the run on numbers tells

    def named(self, items: Sequence[Value], places: Sequence[Value], values: Mapping[str, Value]) -> bool:
        return False

    def in_place(self, name: str, new: Value, values: Mapping[str, Value]) -> dict[str, Value]:
        """A formula has no memory: where names share one, the numbers differ from it and nothing is proved."""
        return {name: new}

    def items(self, value: Value) -> list[Value]:
        turns = turns_of(value)
        if isinstance(turns, list):
            return turns
        raise Unprovable("a loop over a size")


FUNCTIONS: dict[str, Callable[..., Value]] = {
    **{word: (lambda a, f=function: elementwise(f, array(a))) for word, function in UNARY.items()},
    **{word: (lambda a, b, f=function: elementwise(f, array(a), array(b))) for word, function in TWO.items()},
    "sum": sums,
    "mean": mean,
    "max": over_axes(largest),
    "min": over_axes(least),
    "var": variance,
    "std": lambda a, axis, ddof, keepdims: elementwise(root, variance(a, axis, ddof, keepdims)),
    "outer": outer,
    "dot": dot,
    "inner": inner,
    "vdot": vdot,
    "matmul": lambda a, b: matmul(array(a), array(b)),
    "logsumexp": logsumexp,
    "argmax": argmax,
    "softmax": softmax,
    "log_softmax": lambda a, axis: elementwise(subtract, array(a), logsumexp(a, axis, True)),
    "one_hot": one_hot,
    "where": branches,
    "clip": clip,
    "transpose": transpose,
    "swapaxes": swapaxes,
    "reshape": lambda a, shape: reshaped(array(a), shape_of(shape)),
    "broadcast_to": lambda a, shape: broadcast_to(array(a), shape_of(shape)),
    "expand_dims": expand_dims,
    "squeeze": squeeze,
    "concatenate": concatenate,
    "stack": stack,
    "cumsum": cumsum,
    "flip": flip,
    "repeat": repeat,
    "tile": tile,
    "roll": roll,
    "diag": diagonal,
    "diagflat": diagflat,
    "trace": trace,
    "inv": inverse,
    "det": determinant,
    "slogdet": slogdet,
    "norm": norm,
    "tril": triangle(at_most),
    "triu": triangle(lambda j, i: at_most(i, j)),
    "eye": eye,
    "zeros": lambda shape: filled(shape_of(shape), 0.0),
    "ones": lambda shape: filled(shape_of(shape), 1.0),
    "full": lambda shape, value: filled(shape_of(shape), value),
    "zeros_like": lambda a: filled(array(a).shape, 0.0),
    "ones_like": lambda a: filled(array(a).shape, 1.0),
    "full_like": lambda a, value: filled(array(a).shape, value),
    "arange": lambda start, stop, step: array(counted(start, stop, step)),
    "array": lambda a: array(a),
    "asarray": lambda a: array(a),
    "copy": lambda a: array(a),
    "float": lambda a: array(a),
    "int": whole_number,
    "shape": sizes,
    "size": lambda a: scalar(count(array(a), None), Kind.INTEGER),
    "len": length,
    "range": counted,
    "reversed": backwards,
    "enumerate": numbered,
    "sum_items": sum_items,
}

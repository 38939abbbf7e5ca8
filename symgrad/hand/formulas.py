"""The array operations on formulas: what `numbers.Numbers` computes, as the entry of the result in index notation.

A softmax is its definition, a one-hot row a delta, a scatter-add a sum over deltas, `a if c else b` a branch.  What has
no formula, or none that is known to hold for all sizes, is Unprovable.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from ..language.algebra import add, construct, divide, mul, negated, power, subtract, where
from ..language.ranges import polynomial, same_extent
from ..language.rewriting import substitute
from ..language.terms import MINUS_ONE, ONE, ZERO, Call, Compare, Const, Index, Inverse, Reduce, Term, delta
from .entries import (
    Array,
    Kind,
    Unprovable,
    axis_index,
    bound_indices,
    broadcast_shape,
    broadcast_to,
    count,
    elementwise,
    largest,
    made,
    place_in,
    reduced,
    renamed,
    reshaped,
    scalar,
    total,
)
from .operations import SHORT, bound
from .selection import Vocabularies, selected, stored

Value = Any  # an Array, a number, a Range, or a list of them
HALF = Const(Fraction(1, 2))


@dataclass(frozen=True)
class Turns:
    """What a loop runs over, `extent` times: `item(k)` is its value at the k-th turn."""

    extent: Term
    item: Callable[[Term], Value]
    counter: bool = False  # whether the items are 0, 1, 2, ...


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

    def items(self, value: Value) -> list[Value]:
        turns = turns_of(value)
        if isinstance(turns, list):
            return turns
        raise Unprovable("a loop over a size")


# -- values --------------------------------------------------------------------------------------------------------


def array(value: Value) -> Array:
    """A number or an array as a formula; a list of equal shapes is stacked."""
    if isinstance(value, Array):
        return value
    if isinstance(value, bool | int):
        return scalar(Const(int(value)), Kind.INTEGER)
    if isinstance(value, float):
        return scalar(real_constant(value))
    if isinstance(value, Turns):
        return rows(value)
    if isinstance(value, list | tuple) and value:
        return stack([array(item) for item in value], 0)
    raise Unprovable(f"a {type(value).__name__} is no array")


def real_constant(value: float) -> Term:
    """The number that was written: 0.1 is 1/10, np.pi is pi."""
    if not math.isfinite(value):
        raise Unprovable("an infinite number")
    if value == math.pi:
        return Call("pi", ())
    if value == math.e:
        return Call("exp", (ONE,))
    return Const(Fraction(repr(value)))


def rows(turns: Turns) -> Array:
    """The items of a range or of a list made by a comprehension, stacked."""
    k = Index("row", turns.extent)
    item = array(turns.item(k))
    return made((turns.extent, *item.shape), lambda first, *rest: substitute(item.at(rest), {k: first}), item.kind)


def constant(value: Value) -> int:
    """A whole number that is known.  Raises Unprovable."""
    a = array(value)
    if a.ndim == 0 and isinstance(a.body, Const) and isinstance(a.body.value, int):
        return a.body.value
    raise Unprovable("a number that is not known")


def size_of(value: Value) -> Term:
    """A scalar as an extent; -1 is left as it is."""
    a = array(value)
    if a.ndim or polynomial(a.body) is None:
        raise Unprovable("a size that is not known")
    return a.body


def shape_of(value: Value) -> list[Term]:
    if isinstance(value, Array) and value.ndim:
        raise Unprovable("an array as a shape")
    return [size_of(one) for one in (value if isinstance(value, list | tuple) else (value,))]


def axes(axis: Value, ndim: int) -> list[int] | None:
    if axis is None:
        return None
    found = [constant(one) for one in (axis if isinstance(axis, list | tuple) else (axis,))]
    if any(not -ndim <= k < ndim for k in found):
        raise Unprovable("an axis that is not there")
    return [k % ndim for k in found]


def one_axis(axis: Value, ndim: int) -> int:
    (k,) = axes(axis, ndim) or (0,)
    return k


def place(value: Value) -> Value:
    if isinstance(value, slice):
        return slice(*(None if part is None else array(part) for part in (value.start, value.stop, value.step)))
    return value if value is None or value is Ellipsis else array(value)


def number_kind(a: Array) -> Kind:
    return Kind.INTEGER if a.kind is Kind.MASK else a.kind


def result_kind(operator: str, a: Array, b: Array) -> Kind:
    whole = operator in ("+", "-", "*", "//", "%") and Kind.REAL not in (a.kind, b.kind)
    return Kind.INTEGER if whole else Kind.REAL


def turns_of(value: Value) -> Turns | list[Value]:
    """What a loop over the value runs over: a list where its length is a number."""
    if isinstance(value, list | tuple):
        return list(value)
    if isinstance(value, Turns):
        if isinstance(value.extent, Const):
            return [value.item(Const(k)) for k in range(value.extent.value)]
        return value
    a = array(value)
    if not a.ndim:
        raise Unprovable("a loop over a number")

    def item(k: Term) -> Array:
        return made(a.shape[1:], lambda *rest: a.at((k, *rest)), a.kind)

    return turns_of(Turns(a.shape[0], item))


# -- the operations ------------------------------------------------------------------------------------------------


def quotient(a: Term, b: Term) -> Term:
    return divide(a, b)


def integer(function: str) -> Callable[[Term, Term], Term]:
    def entry(a: Term, b: Term) -> Term:
        return construct(Call(function, (a, b)))

    return entry


def call(function: str) -> Callable[..., Term]:
    return lambda *arguments: Call(function, arguments)


def equals(a: Term, b: Term) -> Term:
    return construct(delta(a, b))


def less(a: Term, b: Term) -> Term:
    return construct(Compare("<", a, b))


def at_most(a: Term, b: Term) -> Term:
    return construct(Compare("<=", a, b))


def root(a: Term) -> Term:
    return power(a, HALF)


def inverted(a: Term) -> Term:
    return power(a, MINUS_ONE)


def exp(a: Term) -> Term:
    return Call("exp", (a,))


def logistic(a: Term) -> Term:
    return inverted(add(ONE, exp(negated(a))))


def chosen(condition: Array, a: Array, b: Array) -> Array:
    kind = a.kind if a.kind is b.kind else Kind.REAL
    return elementwise(lambda c, x, y: where(c, x, y), condition, a, b, kind=kind)


def branches(condition: Value, a: Value, b: Value) -> Array:
    test = array(condition)
    if test.kind is not Kind.MASK:
        test = elementwise(lambda x: construct(Compare("!=", x, ZERO)), test, kind=Kind.MASK)
    return chosen(test, array(a), array(b))


def matmul(a: Array, b: Array) -> Array:
    if 0 in (a.ndim, b.ndim):
        raise Unprovable("a product of matrices with a number")
    left, right = a.shape[:-2], b.shape[:-2]
    batch = broadcast_shape(left, right)
    inner = a.shape[-1], b.shape[-2] if b.ndim > 1 else b.shape[-1]
    if not same_extent(*inner):
        raise Unprovable("the inner axes of a product are not known to fit")
    rows_, columns = a.shape[-2:-1] if a.ndim > 1 else (), b.shape[-1:] if b.ndim > 1 else ()
    (s,) = bound_indices(inner[:1], a.body, b.body)

    def entry(*at: Term) -> Term:
        many, row = at[: len(batch)], at[len(batch) : len(batch) + len(rows_)]
        column = at[len(batch) + len(rows_) :]
        k = place_in(s)
        x = a.at((*many[len(many) - len(left) :], *row, k))
        y = b.at((*many[len(many) - len(right) :], k, *column))
        return total((s,), mul(x, y))

    return made((*batch, *rows_, *columns), entry)


def dot(a: Value, b: Value) -> Array:
    a, b = array(a), array(b)
    return elementwise(mul, a, b) if 0 in (a.ndim, b.ndim) else matmul(a, b)


def outer(a: Value, b: Value) -> Array:
    x, y = (reshaped(array(one), [MINUS_ONE]) for one in (a, b))
    return made((*x.shape, *y.shape), lambda i, j: mul(x.at((i,)), y.at((j,))))


def einsum(equation: str, arrays: Sequence[Array]) -> Array:
    inputs, arrow, output = equation.replace(" ", "").partition("->")
    groups = inputs.split(",")
    if not inputs.replace(",", "").isalpha() or [len(g) for g in groups] != [a.ndim for a in arrays]:
        raise Unprovable("an einsum that is not plain")
    if not arrow:
        letters = inputs.replace(",", "")
        output = "".join(sorted(letter for letter in set(letters) if letters.count(letter) == 1))
    extents: dict[str, Term] = {}
    for group, a in zip(groups, arrays, strict=True):
        for letter, extent in zip(group, a.shape, strict=True):
            if not same_extent(extents.setdefault(letter, extent), extent):
                raise Unprovable(f"the sizes of {letter} are not known to be equal")
    letters = [letter for letter in extents if letter not in output]
    bound_ = bound_indices([extents[letter] for letter in letters], *(a.body for a in arrays))
    summed_ = dict(zip(letters, bound_, strict=True))

    def entry(*at: Term) -> Term:
        places = {**dict(zip(output, at, strict=True)), **{name: place_in(i) for name, i in summed_.items()}}
        factors = [a.at([places[letter] for letter in g]) for g, a in zip(groups, arrays, strict=True)]
        return total(tuple(summed_.values()), mul(*factors))

    return made([extents[letter] for letter in output], entry)


def tensordot(a: Array, b: Array, axes_: Value) -> Array:
    if isinstance(axes_, list | tuple):
        left, right = (axes(one, x.ndim) or [] for one, x in zip(axes_, (a, b), strict=True))
    else:
        n = constant(axes_)
        left, right = list(range(a.ndim - n, a.ndim)), list(range(n))
    names = [chr(97 + k) for k in range(a.ndim)]
    others = [chr(65 + k) for k in range(b.ndim)]
    for i, j in zip(left, right, strict=True):
        others[j] = names[i]
    kept = [x for k, x in enumerate(names) if k not in left] + [x for k, x in enumerate(others) if k not in right]
    return einsum(f"{''.join(names)},{''.join(others)}->{''.join(kept)}", [a, b])


def over_axes(op: Callable) -> Callable:
    def reduce(a: Value, axis: Value, keepdims: Value) -> Array:
        a = array(a)
        return reduced(a, axes(axis, a.ndim), op, bool(constant(keepdims)))

    return reduce


def sums(a: Value, axis: Value, keepdims: Value) -> Array:
    a = array(a)
    return replace(over_axes(total)(a, axis, keepdims), kind=number_kind(a))


def mean(a: Value, axis: Value, keepdims: Value) -> Array:
    a = array(a)
    size = scalar(count(a, axes(axis, a.ndim)))
    return elementwise(quotient, sums(a, axis, keepdims), size)


def least(indices: Sequence[Index], body: Term) -> Term:
    return negated(largest(indices, negated(body)))


def variance(a: Value, axis: Value, ddof: Value, keepdims: Value) -> Array:
    a = array(a)
    apart = elementwise(lambda x, m: power(subtract(x, m), Const(2)), a, mean(a, axis, True))
    below = subtract(count(a, axes(axis, a.ndim)), Const(constant(ddof)))
    return elementwise(quotient, sums(apart, axis, keepdims), scalar(below))


def logsumexp(a: Value, axis: Value, keepdims: Value) -> Array:
    return elementwise(call("log"), sums(elementwise(exp, array(a)), axis, keepdims))


def softmax(a: Value, axis: Value) -> Array:
    exponentials = elementwise(exp, array(a))
    return elementwise(quotient, exponentials, sums(exponentials, one_axis(axis, exponentials.ndim), True))


def argmax(a: Value, axis: Value, keepdims: Value) -> Array:
    a = array(a)
    k = one_axis(axis, a.ndim)
    if a.shape[k] == ONE:
        raise Unprovable("argmax of one entry")
    op = lambda indices, body: Reduce("argmax", tuple(indices), body)  # noqa: E731
    return reduced(a, (k,), op, bool(constant(keepdims)), Kind.INTEGER)


def norm(a: Value, ord: Value, axis: Value, keepdims: Value) -> Array:
    if ord is not None and ord != "fro" and constant(ord) != 2:
        raise Unprovable("only the 2-norm has a formula")
    return elementwise(root, sums(elementwise(lambda x: power(x, Const(2)), array(a)), axis, keepdims))


def one_hot(ids: Value, classes: Value) -> Array:
    a = array(ids)
    if classes is None:
        raise Unprovable("as many classes as the largest id")
    return made((*a.shape, size_of(classes)), lambda *at: equals(at[-1], a.at(at[:-1])), Kind.INTEGER)


def clip(a: Value, low: Value, high: Value) -> Array:
    a = array(a)
    a = a if low is None else elementwise(call("max"), a, array(low))
    return a if high is None else elementwise(call("min"), a, array(high))


def transpose(a: Value, axes: Value) -> Array:
    a = array(a)
    order = list(range(a.ndim))[::-1] if axes is None else [constant(k) % a.ndim for k in axes]
    if sorted(order) != list(range(a.ndim)):
        raise Unprovable("a transposition of other axes")
    return renamed(a, [a.indices[k] for k in order], [a.shape[k] for k in order])


def swapaxes(a: Value, first: Value, second: Value) -> Array:
    a = array(a)
    order = list(range(a.ndim))
    i, j = one_axis(first, a.ndim), one_axis(second, a.ndim)
    order[i], order[j] = order[j], order[i]
    return transpose(a, order)


def expand_dims(a: Value, axis: Value) -> Array:
    a = array(a)
    k = one_axis(axis, a.ndim + 1)
    return reshaped(a, (*a.shape[:k], ONE, *a.shape[k:]))


def squeeze(a: Value, axis: Value) -> Array:
    a = array(a)
    gone = axes(axis, a.ndim) if axis is not None else [k for k, extent in enumerate(a.shape) if extent == ONE]
    if any(a.shape[k] != ONE for k in gone):
        raise Unprovable("an axis of more than one entry is squeezed")
    return reshaped(a, [extent for k, extent in enumerate(a.shape) if k not in gone])


def concatenate(arrays: Value, axis: Value) -> Array:
    parts = [array(a) for a in arrays]
    k = one_axis(axis, parts[0].ndim)
    rest = [(*a.shape[:k], *a.shape[k + 1 :]) for a in parts]
    if any(len(r) != len(rest[0]) or not all(map(same_extent, r, rest[0])) for r in rest):
        raise Unprovable("pieces of different shapes")
    starts = [add(*(a.shape[k] for a in parts[:n])) for n in range(len(parts) + 1)]

    def entry(*at: Term) -> Term:
        pieces = [
            a.at((*at[:k], subtract(at[k], start) if a.shape[k] != ONE else ZERO, *at[k + 1 :]))
            for a, start in zip(parts, starts, strict=False)
        ]
        result = pieces[-1]
        for piece, below in zip(pieces[-2::-1], starts[-2:0:-1], strict=True):
            result = where(less(at[k], below), piece, result)
        return result

    return made((*parts[0].shape[:k], starts[-1], *parts[0].shape[k + 1 :]), entry, parts[0].kind)


def stack(arrays: Value, axis: Value) -> Array:
    if isinstance(arrays, Turns):
        return rows(arrays) if constant(axis) == 0 else stacked_turns(arrays, axis)
    parts = [array(a) for a in arrays]
    return concatenate([expand_dims(a, axis) for a in parts], axis)


def stacked_turns(turns: Turns, axis: Value) -> Array:
    a = rows(turns)
    k = one_axis(axis, a.ndim)
    return transpose(a, [*range(1, k + 1), 0, *range(k + 1, a.ndim)])


def cumsum(a: Value, axis: Value) -> Array:
    a = array(a) if axis is not None else reshaped(array(a), [MINUS_ONE])
    k = one_axis(axis, a.ndim) if axis is not None else 0
    (s,) = bound_indices([a.shape[k]], a.body)

    def entry(*at: Term) -> Term:
        return total((s,), mul(at_most(place_in(s), at[k]), a.at((*at[:k], place_in(s), *at[k + 1 :]))))

    return made(a.shape, entry)


def flip(a: Value, axis: Value) -> Array:
    a = array(a)
    turned = axes(axis, a.ndim) if axis is not None else range(a.ndim)

    def entry(*at: Term) -> Term:
        return a.at([subtract(subtract(a.shape[k], ONE), i) if k in turned else i for k, i in enumerate(at)])

    return made(a.shape, entry, a.kind)


def roll(a: Value, shift: Value, axis: Value) -> Array:
    a = array(a)
    if axis is None:
        return reshaped(roll(reshaped(a, [MINUS_ONE]), shift, 0), a.shape)
    k, by = one_axis(axis, a.ndim), size_of(shift)

    def entry(*at: Term) -> Term:
        return a.at([*at[:k], construct(Call("mod", (subtract(at[k], by), a.shape[k]))), *at[k + 1 :]])

    return made(a.shape, entry, a.kind)


def diagonal(a: Value) -> Array:
    a = array(a)
    if a.ndim == 1:
        return made((*a.shape, *a.shape), lambda i, j: mul(equals(i, j), a.at((i,))))
    if a.ndim != 2 or not same_extent(*a.shape):
        raise Unprovable("the diagonal of what is not square")
    return made(a.shape[:1], lambda i: a.at((i, i)))


def diagflat(a: Value) -> Array:
    return diagonal(reshaped(array(a), [MINUS_ONE]))


def trace(a: Value) -> Array:
    d = diagonal(a)
    if array(a).ndim != 2:
        raise Unprovable("the trace of no matrix")
    return reduced(d, None, total)


def matrix(a: Value) -> tuple[Array, tuple[Index, Index]]:
    """A square matrix, perhaps many, and indices for its rows and columns."""
    a = array(a)
    if a.ndim < 2 or not same_extent(*a.shape[-2:]) or a.shape[-1] == ONE:
        raise Unprovable("no square matrix")
    row, column = bound_indices(a.shape[-2:], a.body)
    return a, (row, column)


def inverse(a: Value) -> Array:
    a, own = matrix(a)
    return made(a.shape, lambda *at: Inverse(own, a.at((*at[:-2], *own)), (at[-2], at[-1])))


def determinant(a: Value) -> Array:
    a, own = matrix(a)
    return made(a.shape[:-2], lambda *at: Reduce("det", own, a.at((*at, *own))))


def slogdet(a: Value) -> list[Array]:
    d = determinant(a)
    return [elementwise(call("sign"), d), elementwise(lambda x: Call("log", (Call("abs", (x,)),)), d)]


def triangle(relation: Callable[[Term, Term], Term]) -> Callable:
    def part(a: Value, k: Value) -> Array:
        a, by = array(a), size_of(k)
        if a.ndim < 2:
            raise Unprovable("a triangle of no matrix")
        return made(a.shape, lambda *at: where(relation(at[-1], add(at[-2], by)), a.at(at), ZERO), a.kind)

    return part


def eye(n: Value, m: Value) -> Array:
    return made((size_of(n), size_of(n if m is None else m)), equals, Kind.INTEGER)


def filled(shape: Sequence[Term], value: Value) -> Array:
    return broadcast_to(array(value), shape)


def counted(start: Value, stop: Value, step: Value) -> Turns:
    """range(n) and range(a, b); a range of numbers may have any step."""
    first, last = (ZERO, size_of(start)) if stop is None else (size_of(start), size_of(stop))
    by = constant(step)
    if isinstance(first, Const) and isinstance(last, Const):
        numbers = range(first.value, last.value, by)
        return Turns(
            Const(len(numbers)),
            lambda k: scalar(add(Const(numbers.start), mul(Const(by), k)), Kind.INTEGER),
            counter=numbers == range(len(numbers)),
        )
    extent = subtract(last, first) if by == 1 else subtract(first, last)
    if abs(by) != 1 or polynomial(extent) is None:
        raise Unprovable("a range whose length is no formula")
    return Turns(
        axis_index(0, extent).extent,
        lambda k: scalar(add(first, mul(Const(by), k)), Kind.INTEGER),
        counter=first == ZERO and by == 1,
    )


def backwards(a: Value) -> Value:
    if isinstance(a, list | tuple):
        return list(a)[::-1]
    turns = turns_of(a)
    if isinstance(turns, list):
        return turns[::-1]
    last = subtract(turns.extent, ONE)
    return Turns(turns.extent, lambda k: turns.item(subtract(last, k)))


def numbered(a: Value, start: Value) -> Value:
    turns = turns_of(a)
    if isinstance(turns, list):
        return [[array(k), item] for k, item in enumerate(turns, constant(start))]
    first = Const(constant(start))
    return Turns(turns.extent, lambda k: [scalar(add(first, k), Kind.INTEGER), turns.item(k)], first == ZERO)


def zipped(arguments: Sequence[Value]) -> Value:
    each = [turns_of(a) for a in arguments]
    if all(isinstance(turns, list) for turns in each):
        return [list(items) for items in zip(*each, strict=False)]
    if any(isinstance(t, list) for t in each) or not all(same_extent(t.extent, each[0].extent) for t in each):
        raise Unprovable("lists of lengths that are not known to be equal")
    return Turns(each[0].extent, lambda k: [turns.item(k) for turns in each])


def sum_items(items: Value, start: Value) -> Array:
    turns = turns_of(items)
    if isinstance(turns, list):
        result = array(start)
        for item in turns:
            result = elementwise(add, result, array(item), kind=result_kind("+", result, array(item)))
        return result
    a = rows(turns)
    return elementwise(add, array(start), reduced(a, (0,), total), kind=a.kind)


def length(a: Value) -> Value:
    if isinstance(a, list | tuple):
        return len(a)
    return scalar(a.extent if isinstance(a, Turns) else array(a).shape[0], Kind.INTEGER)


def sizes(a: Value) -> list[Array]:
    return [scalar(extent, Kind.INTEGER) for extent in array(a).shape]


def whole_number(a: Value) -> Array:
    a = array(a)
    if a.ndim or a.kind is Kind.REAL:
        raise Unprovable("a real number is cut")
    return a


BINARY: dict[str, Callable[[Term, Term], Term]] = {
    "+": add,
    "-": subtract,
    "*": mul,
    "/": quotient,
    "//": integer("floordiv"),
    "%": integer("mod"),
    "**": power,
}
COMPARE: dict[str, Callable[[Term, Term], Term]] = {
    "==": equals,
    "!=": lambda a, b: construct(Compare("!=", a, b)),
    "<": less,
    "<=": at_most,
    ">": lambda a, b: less(b, a),
    ">=": lambda a, b: at_most(b, a),
}
UNARY: dict[str, Callable[[Term], Term]] = {
    **{word: call(word) for word in ("exp", "log", "sin", "cos", "tan", "sinh", "cosh", "tanh", "erf", "abs", "sign")},
    "arcsin": call("asin"),
    "arccos": call("acos"),
    "arctan": call("atan"),
    "sqrt": root,
    "square": lambda a: power(a, Const(2)),
    "negative": negated,
    "reciprocal": inverted,
    "rsqrt": lambda a: power(a, Const(Fraction(-1, 2))),
    "sech": lambda a: inverted(Call("cosh", (a,))),
    "log1p": lambda a: Call("log", (add(ONE, a),)),
    "expm1": lambda a: subtract(exp(a), ONE),
    "sigmoid": logistic,
    "relu": lambda a: Call("max", (a, ZERO)),
    "softplus": lambda a: Call("log", (add(ONE, exp(a)),)),
}
TWO: dict[str, Callable[[Term, Term], Term]] = {
    "maximum": call("max"),
    "minimum": call("min"),
    "hypot": lambda a, b: root(add(power(a, Const(2)), power(b, Const(2)))),
    "power": power,
    "add": add,
    "subtract": subtract,
    "multiply": mul,
    "divide": quotient,
}

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

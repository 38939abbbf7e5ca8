"""The operations on whole arrays as formulas: products, reductions, and entries in other places."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from ..language.algebra import add, construct, mul, negated, power, subtract, where
from ..language.ranges import same_extent
from ..language.terms import MINUS_ONE, ONE, ZERO, Call, Compare, Const, Index, Inverse, Reduce, Term
from .entries import (
    Array,
    Kind,
    Unprovable,
    bound_indices,
    broadcast_shape,
    broadcast_to,
    concatenated,
    count,
    elementwise,
    expanded,
    largest,
    made,
    place_in,
    reduced,
    renamed,
    reshaped,
    scalar,
    stacked,
    total,
)
from .entry_formulas import at_most, call, equals, exp, quotient, root
from .formula_values import (
    Turns,
    Value,
    array,
    axes,
    constant,
    number_kind,
    one_axis,
    result_kind,
    rows,
    size_of,
    turns_of,
)


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
    if b.ndim > 2:
        raise Unprovable("a dot product of more than two axes")
    return elementwise(mul, a, b) if 0 in (a.ndim, b.ndim) else matmul(a, b)


def inner(a: Value, b: Value) -> Array:
    """Over the last axis of both."""
    b = array(b)
    return dot(a, transpose(b, None) if b.ndim == 2 else b)


def vdot(a: Value, b: Value) -> Array:
    """Of all entries in order."""
    return matmul(*(reshaped(array(one), [MINUS_ONE]) for one in (a, b)))


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
    if axis is None and a.ndim != 1:
        raise Unprovable("the place among all entries")
    k = one_axis(axis, a.ndim) if axis is not None else 0
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
    return expanded(a, one_axis(axis, a.ndim + 1))


def squeeze(a: Value, axis: Value) -> Array:
    a = array(a)
    gone = axes(axis, a.ndim) if axis is not None else [k for k, extent in enumerate(a.shape) if extent == ONE]
    if any(a.shape[k] != ONE for k in gone):
        raise Unprovable("an axis of more than one entry is squeezed")
    return reshaped(a, [extent for k, extent in enumerate(a.shape) if k not in gone])


def concatenate(arrays: Value, axis: Value) -> Array:
    parts = [array(a) for a in arrays]
    return concatenated(parts, one_axis(axis, parts[0].ndim))


def stack(arrays: Value, axis: Value) -> Array:
    if isinstance(arrays, Turns):
        return rows(arrays) if constant(axis) == 0 else stacked_turns(arrays, axis)
    parts = [array(a) for a in arrays]
    return stacked(parts, one_axis(axis, parts[0].ndim + 1))


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


def sum_items(items: Value, start: Value) -> Array:
    turns = turns_of(items)
    if isinstance(turns, list):
        result = array(start)
        for item in turns:
            result = elementwise(add, result, array(item), kind=result_kind("+", result, array(item)))
        return result
    a = rows(turns)
    return elementwise(add, array(start), reduced(a, (0,), total), kind=a.kind)

"""Arrays as formulas: the entry at its indices, and what broadcasting, reshaping and reducing make of it.

    Array((i0, i1), W[i1, i0])     the transpose of W, by its entry

The indices are named by the axis at which they stand.  Sizes are polynomials: two are equal only where their
polynomials are, and an axis of one entry is one whose extent is the number 1; the entry never depends on its index.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from ..language.algebra import add, construct, mul, subtract, summed, where
from ..language.errors import ClaimError
from ..language.notation import text
from ..language.ranges import quotient_extent, same_extent, settled_extent
from ..language.rewriting import substitute
from ..language.terms import ONE, ZERO, Binder, Call, Compare, Const, Index, Reduce, Term


class Unprovable(ClaimError):
    """What has no formula here; the line is then judged by numbers alone, and nobody is told this."""


class Kind(Enum):
    """What an array may be used as: ids are integers, a mask chooses."""

    REAL = "real"
    INTEGER = "integer"
    MASK = "mask"


@dataclass(frozen=True)
class Array:
    """`body` is the entry at `indices`, one an axis."""

    indices: tuple[Index, ...]
    body: Term
    kind: Kind = Kind.REAL

    @property
    def shape(self) -> tuple[Term, ...]:
        return tuple(index.extent for index in self.indices)

    @property
    def ndim(self) -> int:
        return len(self.indices)

    def at(self, places: Sequence[Term]) -> Term:
        """The entry at other places."""
        return substitute(self.body, dict(zip(self.indices, places, strict=True)))


def scalar(body: Term, kind: Kind = Kind.REAL) -> Array:
    return Array((), body, kind)


def axis_index(axis: int, extent: Term) -> Index:
    return Index(f"i{axis}", settled_extent(extent))


def bound_indices(extents: Sequence[Term], *bodies: Term) -> tuple[Index, ...]:
    """Indices to be bound around the bodies, of names that nothing within binds: none shadows another."""
    used = [int(i.name[1:]) for body in bodies for n in body.walk() if isinstance(n, Binder) for i in n.indices]
    first = max(used, default=-1) + 1
    return tuple(Index(f"s{first + k}", settled_extent(extent)) for k, extent in enumerate(extents))


def axes_of(shape: Sequence[Term]) -> tuple[Index, ...]:
    return tuple(axis_index(k, extent) for k, extent in enumerate(shape))


def place_in(index: Index) -> Term:
    """The index as a place; the only one of an axis of one entry is 0."""
    return ZERO if index.extent == ONE else index


def made(shape: Sequence[Term], entry: Callable[..., Term], kind: Kind = Kind.REAL) -> Array:
    """The array of that shape whose entry at i0, i1, ... is entry(i0, i1, ...)."""
    indices = axes_of(shape)
    return Array(indices, entry(*map(place_in, indices)), kind)


def renamed(a: Array, indices: Sequence[Index], shape: Sequence[Term], kind: Kind | None = None) -> Array:
    """The array whose axes, in order, are the given ones of its entry's indices: `a` with its axes moved."""
    return made(shape, lambda *new: substitute(a.body, dict(zip(indices, new, strict=True))), kind or a.kind)


def written(shape: Sequence[Term]) -> str:
    return f"({', '.join(map(text, shape))})"


# -- broadcasting --------------------------------------------------------------------------------------------------


def broadcast_shape(*shapes: Sequence[Term]) -> tuple[Term, ...]:
    """NumPy's rule.  Raises Unprovable where two extents are not the same polynomial."""
    length = max(map(len, shapes), default=0)
    result: list[Term] = [ONE] * length
    for shape in shapes:
        for axis, extent in enumerate(shape, length - len(shape)):
            if result[axis] == ONE:
                result[axis] = extent
            elif extent != ONE and not same_extent(result[axis], extent):
                raise Unprovable(f"shapes are not known to fit: {', '.join(map(written, shapes))}")
    return tuple(result)


def spread(a: Array, indices: Sequence[Term]) -> Term:
    """The entry of `a` at the indices of an array that it is broadcast to."""
    return a.at(indices[len(indices) - a.ndim :])


def elementwise(function: Callable[..., Term], *arrays: Array, kind: Kind = Kind.REAL) -> Array:
    shape = broadcast_shape(*(a.shape for a in arrays))
    return made(shape, lambda *indices: function(*(spread(a, indices) for a in arrays)), kind)


def broadcast_to(a: Array, shape: Sequence[Term]) -> Array:
    found = broadcast_shape(a.shape, shape)
    if len(found) != len(shape) or not all(map(same_extent, found, shape)):
        raise Unprovable(f"{written(a.shape)} is not known to fit {written(shape)}")
    return made(shape, lambda *indices: spread(a, indices), a.kind)


# -- reshaping -----------------------------------------------------------------------------------------------------


def merged(indices: Sequence[Term], extents: Sequence[Term]) -> Term:
    """The one index that runs over all of them, the last fastest."""
    flat: Term = ZERO
    for index, extent in zip(indices, extents, strict=True):
        whole = index.arguments[0] if isinstance(index, Call) and index.function == "mod" else None
        again = whole is not None and (index, flat) == (Call("mod", (whole, extent)), Call("floordiv", (whole, extent)))
        flat = whole if again else add(mul(flat, extent), index)  # (k//D)*D + k%D is k
    return flat


def split(flat: Term, extents: Sequence[Term]) -> list[Term]:
    """The indices that `merged` would have made it from."""
    parts: list[Term] = []
    rest = flat
    for extent in reversed(extents[1:]):
        parts.append(construct(Call("mod", (rest, extent))))
        rest = construct(Call("floordiv", (rest, extent)))
    return [rest, *reversed(parts)]


def reshaped(a: Array, shape: Sequence[Term]) -> Array:
    """The entries in the same order on other axes; one extent may be -1."""
    shape = completed(a.shape, shape)

    def entry(*indices: Term) -> Term:
        places: dict[int, Term] = {}
        old = [k for k, extent in enumerate(a.shape) if extent != ONE]
        new = [k for k, extent in enumerate(shape) if extent != ONE]
        while old or new:
            left, right = first_groups([a.shape[k] for k in old], [shape[k] for k in new])
            extents = [shape[k] for k in new[:right]]
            flat = merged([indices[k] for k in new[:right]], extents)
            places.update(zip(old[:left], split(flat, [a.shape[k] for k in old[:left]]), strict=True))
            old, new = old[left:], new[right:]
        return a.at([places.get(k, ZERO) for k in range(a.ndim)])

    return made(shape, entry, a.kind)


def first_groups(old: Sequence[Term], new: Sequence[Term]) -> tuple[int, int]:
    """How many leading axes of each have the same number of entries together, as few as possible."""
    for total in range(2, len(old) + len(new) + 1):
        for left in range(max(1, total - len(new)), min(len(old), total - 1) + 1):
            if same_extent(mul(*old[:left]), mul(*new[: total - left])):
                return left, total - left
    raise Unprovable(f"{written(old)} is not known to have as many entries as {written(new)}")


def completed(old: Sequence[Term], shape: Sequence[Term]) -> tuple[Term, ...]:
    """The shape with its -1 replaced."""
    unknown = [k for k, extent in enumerate(shape) if extent == Const(-1)]
    if not unknown:
        return tuple(map(settled_extent, shape))
    rest = [extent for k, extent in enumerate(shape) if k not in unknown]
    found = quotient_extent(mul(*old), mul(*rest)) if len(unknown) == 1 else None
    if found is None:
        raise Unprovable(f"{written(old)} is not known to take the shape {written(shape)}")
    return tuple(settled_extent(found if k in unknown else extent) for k, extent in enumerate(shape))


def fitted(a: Array, shape: Sequence[Term]) -> Array:
    """`a` in another shape of as many entries in the same order: axes of one entry, neighbours merged or split."""
    plain = [[e for e in one if e != ONE] for one in (a.shape, shape)]
    if len(plain[0]) == len(plain[1]) and not all(map(same_extent, *plain)):
        raise Unprovable(f"{written(a.shape)} is not {written(shape)}")
    return a if a.shape == tuple(shape) else reshaped(a, shape)


# -- reducing ------------------------------------------------------------------------------------------------------


def reduced(
    a: Array, axes: Sequence[int] | None, op: Callable, keepdims: bool = False, kind: Kind = Kind.REAL
) -> Array:
    """`op(bound indices, entry)` over the axes, over all where they are None."""
    chosen = sorted({k % a.ndim for k in axes}) if axes is not None else list(range(a.ndim))
    bound = dict(zip(chosen, bound_indices([a.shape[k] for k in chosen], a.body), strict=True))
    kept = [k for k in range(a.ndim) if k not in chosen]
    shape = [ONE if k in bound else a.shape[k] for k in range(a.ndim) if keepdims or k in kept]

    def entry(*indices: Term) -> Term:
        at = dict(enumerate(indices)) if keepdims else dict(zip(kept, indices, strict=True))
        inner = a.at([place_in(bound[k]) if k in bound else at[k] for k in range(a.ndim)])
        return op(tuple(bound.values()), inner)

    return made(shape, entry, kind)


def count(a: Array, axes: Sequence[int] | None) -> Term:
    return mul(*(a.shape[k] for k in (axes if axes is not None else range(a.ndim))))


def largest(indices: Sequence[Index], body: Term) -> Term:
    used = tuple(index for index in indices if index.extent != ONE)
    return Reduce("max", used, body) if used else body


def total(indices: Sequence[Index], body: Term) -> Term:
    return summed(tuple(indices), body)


# -- several arrays ------------------------------------------------------------------------------------------------


def concatenated(parts: Sequence[Array], axis: int) -> Array:
    """The parts laid end to end along the axis."""
    rest = [(*a.shape[:axis], *a.shape[axis + 1 :]) for a in parts]
    if any(len(one) != len(rest[0]) or not all(map(same_extent, one, rest[0])) for one in rest):
        raise Unprovable("pieces of different shapes")
    starts = [add(*(a.shape[axis] for a in parts[:n])) for n in range(len(parts) + 1)]

    def entry(*at: Term) -> Term:
        pieces = [
            a.at((*at[:axis], subtract(at[axis], start) if a.shape[axis] != ONE else ZERO, *at[axis + 1 :]))
            for a, start in zip(parts, starts, strict=False)
        ]
        result = pieces[-1]
        for piece, below in zip(pieces[-2::-1], starts[-2:0:-1], strict=True):
            result = where(construct(Compare("<", at[axis], below)), piece, result)
        return result

    kinds = {a.kind for a in parts}
    kind = kinds.pop() if len(kinds) == 1 else Kind.REAL
    return made((*parts[0].shape[:axis], starts[-1], *parts[0].shape[axis + 1 :]), entry, kind)


def expanded(a: Array, axis: int) -> Array:
    """With an axis of one entry."""
    return reshaped(a, (*a.shape[:axis], ONE, *a.shape[axis:]))


def stacked(parts: Sequence[Array], axis: int = 0) -> Array:
    """The parts along a new axis."""
    return concatenated([expanded(a, axis) for a in parts], axis)

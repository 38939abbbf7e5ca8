"""Finding a definition inside a term: `1 - tanh(a[b,i])**2` holds the body of h, with h's indices bound to b and i.

A definition's left-hand indices are pattern variables; bound indices match bound indices; sums and products match in
any order, and a product also matches a part of a larger product: exp(o[b,v])*S[b]**-2 holds exp(o[b,v])/S[b] once.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..language.algebra import factors_of, mul, power
from ..language.ranges import Known, alone, difference, inside, same_extent, taken_apart
from ..language.terms import ONE, ZERO, Add, Compare, Const, Index, Inverse, Mul, Pow, Read, Reduce, Term

Binding = dict[Index, Term]
NOTHING: Known = {}


def match(
    pattern: Term, term: Term, variables: frozenset[Index], binding: Binding, known: Known = NOTHING
) -> Iterator[Binding]:
    """Every binding of `variables`, extending `binding`, under which pattern is term.

    A variable is bound to what is proven to stay inside its axis, where the term stands: there `known` holds.
    """
    for found in unified(pattern, term, variables, binding):
        if all(is_a_place(value, index, known) for index, value in found.items()):
            yield found


def is_a_place(value: Term, index: Index, known: Known) -> bool:
    """Whether the index may have this value; of what is read, a token id, its own equation has shown it."""
    return isinstance(value, Read) or inside(value, index.extent, known, {})


def unified(pattern: Term, term: Term, variables: frozenset[Index], binding: Binding) -> Iterator[Binding]:
    """Every binding under which pattern is term, whatever place it gives an index."""
    if isinstance(pattern, Index):
        yield from match_index(pattern, term, variables, binding)
    elif not (pattern.free & (variables | set(binding))) and pattern == term:
        yield binding
    elif type(pattern) is not type(term):
        return
    elif isinstance(pattern, Reduce):
        yield from match_reduce(pattern, term, variables, binding)
    elif isinstance(pattern, Inverse):
        yield from match_inverse(pattern, term, variables, binding)
    elif isinstance(pattern, Read):
        if pattern.tensor == term.tensor and len(pattern.indices) == len(term.indices):
            yield from match_places(pattern.indices, term.indices, variables, binding)
    elif isinstance(pattern, Add | Mul) or (isinstance(pattern, Compare) and pattern.relation == "=="):
        if len(pattern.children) == len(term.children) and plain(pattern) == plain(term):
            yield from match_unordered(pattern.children, term.children, variables, binding)
    elif isinstance(pattern, Compare):
        if plain(pattern) == plain(term):
            yield from match_places(pattern.children, term.children, variables, binding)
    elif plain(pattern) == plain(term) and len(pattern.children) == len(term.children):
        yield from match_ordered(pattern.children, term.children, variables, binding)


def plain(term: Term) -> tuple:
    """What a node says beside its children: the tensor of a read, the name of a function."""
    return tuple(field for field in term.fields if not isinstance(field, Term | tuple))


def match_index(pattern: Index, term: Term, variables: frozenset[Index], binding: Binding) -> Iterator[Binding]:
    if pattern in binding:
        bound = binding[pattern]
        if bound == term or (isinstance(term, Add) and difference(bound, term) == ZERO):
            yield binding
    elif pattern in variables:
        yield {**binding, pattern: term}
    elif pattern == term:
        yield binding


def match_places(
    patterns: tuple[Term, ...], places: tuple[Term, ...], variables: frozenset[Index], binding: Binding
) -> Iterator[Binding]:
    """Indices, or two that are compared, in their order.

    A variable that is shifted or turned is solved for: t - 1 at s is t = s + 1, and T - t at s is t = T - s.
    """
    if not patterns:
        yield binding
        return
    first, place = patterns[0], places[0]
    shifted = [index for index in first.free if index in variables] if isinstance(first, Add) else []
    parts = alone(shifted[0], first) if len(shifted) == 1 else None
    if parts is not None and not parts[1].free:
        sign, offset = parts
        value = difference(place, offset) if sign == ONE else difference(offset, place)
        found = match_index(shifted[0], taken_apart(value), variables, binding)
    else:
        found = unified(first, place, variables, binding)
    for extended in found:
        yield from match_places(patterns[1:], places[1:], variables, extended)


def match_ordered(
    patterns: tuple[Term, ...], terms: tuple[Term, ...], variables: frozenset[Index], binding: Binding
) -> Iterator[Binding]:
    if not patterns:
        yield binding
        return
    for extended in unified(patterns[0], terms[0], variables, binding):
        yield from match_ordered(patterns[1:], terms[1:], variables, extended)


def match_unordered(
    patterns: tuple[Term, ...], terms: tuple[Term, ...], variables: frozenset[Index], binding: Binding
) -> Iterator[Binding]:
    if not patterns:
        yield binding
        return
    for position, term in enumerate(terms):
        for extended in unified(patterns[0], term, variables, binding):
            yield from match_unordered(patterns[1:], terms[:position] + terms[position + 1 :], variables, extended)


def match_reduce(pattern: Reduce, term: Reduce, variables: frozenset[Index], binding: Binding) -> Iterator[Binding]:
    if pattern.op != term.op or len(pattern.indices) != len(term.indices):
        return
    for extended in match_bound(pattern.indices, term.indices, binding):
        for result in unified(pattern.body, term.body, variables, extended):
            yield from unbound(result, pattern.indices, term.indices)


def match_inverse(pattern: Inverse, term: Inverse, variables: frozenset[Index], binding: Binding) -> Iterator[Binding]:
    for form in (term, term.transposed):
        row, column = zip(pattern.indices, form.indices, strict=True)
        if same_extent(row[0].extent, row[1].extent):
            for inner in unified(pattern.body, form.body, variables, {**binding, row[0]: row[1], column[0]: column[1]}):
                for result in unbound(inner, pattern.indices, form.indices):
                    yield from match_ordered(pattern.at, form.at, variables, result)


def unbound(binding: Binding, patterns: tuple[Index, ...], terms: tuple[Index, ...]) -> Iterator[Binding]:
    """The binding outside a binder: what a variable stands for may not depend on an index that is bound inside."""
    outside = {index: value for index, value in binding.items() if index not in patterns}
    if not any(value.free & set(terms) for value in outside.values()):
        yield outside


def match_bound(patterns: tuple[Index, ...], terms: tuple[Index, ...], binding: Binding) -> Iterator[Binding]:
    if not patterns:
        yield binding
        return
    for position, term in enumerate(terms):
        if same_extent(patterns[0].extent, term.extent):
            rest = terms[:position] + terms[position + 1 :]
            yield from match_bound(patterns[1:], rest, {**binding, patterns[0]: term})


def powers_of(term: Term) -> tuple[list[tuple[Term, Term]], Const]:
    """The bases and exponents of a product, and its number."""
    value, powers = ONE, []
    for factor in factors_of(term):
        if isinstance(factor, Const):
            value = factor
        elif isinstance(factor, Pow):
            powers.append((factor.base, factor.exponent))
        else:
            powers.append((factor, ONE))
    return powers, value


def divides(part: Term, whole: Term) -> bool:
    """Whether whole**1 can give up one `part` of its exponent: 1 of 2, -1 of -2, never 1 of -1."""
    if not (isinstance(part, Const) and isinstance(whole, Const)):
        return part == whole
    return part.value * whole.value > 0 and abs(part.value) <= abs(whole.value)


def replace_part(
    term: Mul, pattern: Mul, variables: frozenset[Index], known: Known = NOTHING
) -> Iterator[tuple[Binding, Term]]:
    """(binding, cofactor) for every way in which the product `pattern` divides the product `term`."""
    wanted, value = powers_of(pattern)
    present, own = powers_of(term)
    if len(wanted) > sum(1 for _ in present):
        return

    def search(position: int, remaining: tuple[Term, ...], binding: Binding) -> Iterator[tuple[Binding, Term]]:
        if position == len(wanted):
            cofactor = [power(base, exponent) for (base, _), exponent in zip(present, remaining, strict=True)]
            if all(is_a_place(value, index, known) for index, value in binding.items()):
                yield binding, mul(own, power(value, Const(-1)), *cofactor)
            return
        base, exponent = wanted[position]
        for k, (candidate, _) in enumerate(present):
            if divides(exponent, remaining[k]):
                rest = subtract_exponent(remaining[k], exponent)
                for extended in unified(base, candidate, variables, binding):
                    yield from search(position + 1, (*remaining[:k], rest, *remaining[k + 1 :]), extended)

    yield from search(0, tuple(exponent for _, exponent in present), {})


def subtract_exponent(whole: Term, part: Term) -> Term:
    if isinstance(whole, Const) and isinstance(part, Const):
        return Const(whole.value - part.value)
    return Const(0)

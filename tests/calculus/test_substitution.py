"""Substitution never captures, and ranges prove what the contraction of a delta needs."""

from __future__ import annotations

import pytest

from symgrad.language.algebra import add, negated
from symgrad.language.notation import text
from symgrad.language.ranges import inside, narrowed
from symgrad.language.rewriting import substitute
from symgrad.language.terms import Compare, Const, Index, Read, Reduce, Size, Term

V, D, N = Size("V"), Size("D"), Size("N")
b, c = Index("b", V), Index("c", V)
v, v2, v3, v4 = (Index(name, V) for name in ("v", "v2", "v3", "v4"))
t, d = Index("t", N), Index("d", D)


def summed(index: Index, *reads: Index) -> Term:
    return Reduce("sum", (index,), Read("o", reads))


@pytest.mark.parametrize(
    ("term", "mapping", "expected"),
    [
        (summed(v, b, v), {b: c}, "sum_v o[c,v]"),
        (summed(v, b, v), {v: c}, "sum_v o[b,v]"),
        (summed(v, b, v), {b: v}, "sum_v2 o[v,v2]"),
        (summed(v3, v, v3), {v: v3, v2: v4}, "sum_v2 o[v3,v2]"),  # the fresh v2 is not the v2 that becomes v4
        (summed(v3, v, v3), {v: v3, v2: b}, "sum_v2 o[v3,v2]"),
        (Reduce("sum", (v,), summed(v2, v, v2)), {b: v}, "sum_v (sum_v2 o[v,v2])"),  # nothing comes in: nothing moves
        (Reduce("sum", (v, v2), Read("o", (b, v, v2))), {b: v}, "sum_v3,v2 o[v,v3,v2]"),
    ],
)
def test_bound_indices_step_aside(term: Term, mapping: dict[Term, Term], expected: str) -> None:
    written = text(substitute(term, mapping))
    assert written == expected


@pytest.mark.parametrize(
    ("term", "extent", "conditions", "proven"),
    [
        (add(t, negated(d)), N, [Compare("<=", d, t)], True),
        (add(t, negated(d)), N, [], False),
        (add(t, negated(d)), N, [Compare("<", d, t)], True),
        (add(t, negated(d)), N, [Compare("<=", t, d)], False),
        (add(t, d), N, [Compare("<", add(t, d), N)], True),
        (add(t, d), N, [Compare("<=", add(t, d), N)], False),
        (add(t, d, Const(1)), N, [Compare("<", add(t, d), N)], False),
        (add(N, negated(t), Const(-2)), N, [Compare("<=", Const(0), add(N, negated(t), Const(-2)))], True),
        (add(N, negated(t), Const(-2)), N, [Compare("<", add(t, Const(1)), N)], True),
        (add(N, negated(t), Const(-2)), N, [], False),
        (add(N, negated(t), Const(-2)), N, [Compare("<=", Const(1), add(N, negated(t), Const(-2)))], True),
        (add(N, negated(t), Const(-2)), N, [Compare("<=", add(N, negated(t), Const(-2)), Const(0))], False),
        (add(N, negated(t)), N, [Compare("<", add(N, negated(t)), N)], True),
        (add(N, negated(t)), N, [Compare("<=", add(N, negated(t)), N)], False),
        (add(Index("k", add(D, N)), negated(D)), N, [Compare("<=", D, Index("k", add(D, N)))], True),
        (add(Index("k", add(D, N)), negated(D)), N, [], False),
        (Reduce("argmax", (t,), Read("x", (t,))), N, [], True),
        (Reduce("argmax", (t,), Read("x", (t,))), D, [], False),
    ],
)
def test_an_index_is_proven_inside_its_axis(term: Term, extent: Term, conditions: list[Term], proven: bool) -> None:
    known = {}
    for condition in conditions:
        known = narrowed(condition, known, True)
    assert inside(term, extent, known, {}) is proven

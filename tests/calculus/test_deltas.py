"""Contraction: each term is worth the same before and after, and every delta that can be solved is gone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import sympy
from sympy import Idx, IndexedBase, KroneckerDelta, Piecewise, exp, tanh

from symgrad.calculus.deltas import contract
from symgrad.checking.interpreter import Evaluation
from symgrad.checking.points import draw, size_table
from symgrad.language.lowering import lower, lower_index, lower_size
from symgrad.language.notation import text
from symgrad.language.program import Equation, Program, Role, Tensor
from symgrad.language.surface import argmaximum, axes, merged, size, split, total
from symgrad.language.terms import Compare, Term
from symgrad.language.typecheck import typecheck

b, t, s, d, i, j, r, v, k, c = axes("b:B t:N s:N d:D i:H j:H r:H v:V k:N*D c:D+H")
SHAPES = {
    "x": (i,), "y": (b,), "z": (c,), "A": (i, j), "C": (v, d), "T": (t,), "W": (k,), "M": (t, d), "P": (b, i),
    "E": (d,),
}  # fmt: skip
TOKENS = {"n": (b,), "m": (b, t)}


def handles(shapes: dict[str, tuple[Idx, ...]]) -> list[IndexedBase]:
    return [IndexedBase(name, shape=tuple(map(size, shape)), real=True) for name, shape in shapes.items()]


x, y, z, A, C, T, W, M, P, E = handles(SHAPES)
n, m = handles(TOKENS)
delta = KroneckerDelta


@dataclass(frozen=True)
class Case:
    left: tuple[Idx, ...]
    body: sympy.Expr
    expected: str  # empty: its value is compared only


CASES = {
    "plain": Case((i,), total(delta(j, i) * x[j], j), "x[i]"),
    "of one": Case((i,), total(delta(j, i), j), "1"),
    "first entry": Case((), total(delta(j, 0) * x[j], j), "x[0]"),
    "two deltas": Case((s,), total(delta(i, t) * delta(j, t) * A[i, j] * T[t], i, j, t), ""),
    "both axes": Case((d,), total(delta(i, j) * A[i, j] * E[d], i, j), ""),
    "chain": Case((i,), total(delta(i, j) * total(delta(j, r) * x[r] ** 2, r), j), "x[i]**2"),
    "in a sum": Case((i,), total((delta(i, j) + 1) * x[j], j), ""),
    "in a product of sums": Case((i,), total((delta(i, j) + x[i]) * (x[j] - delta(i, j)), j), ""),
    "under an inner sum": Case((i,), total(x[j] * total(delta(i, j) * M[t, d], t, d), j), ""),
    "shorter axis": Case((c,), total(delta(c, d) * E[d], d), "E[c] if [c < D] else 0"),
    "longer axis": Case((d,), total(delta(c, d) * z[c], c), "z[d]"),
    "slice": Case((c,), total(delta(c, i + size(d)) * x[i], i), "x[c - D] if [0 <= c - D] else 0"),
    "slice from": Case((i,), total(delta(c, i + size(d)) * z[c], c), "z[D + i]"),
    "later": Case((s,), total(delta(s, t - 1) * T[t], t), "T[s + 1] if [s + 1 < N] else 0"),
    "earlier": Case((s,), total(delta(s, t + 1) * T[t], t), "T[s - 1] if [0 <= s - 1] else 0"),
    "backwards": Case((s,), total(delta(s, size(t) - 1 - t) * T[t], t), ""),
    "difference": Case((d,), total(delta(d, t - s) * T[t] * T[s], t, s), ""),
    "merged": Case((k,), total(delta(k, merged(t, d)) * M[t, d], t, d), "M[k//D,k%D]"),
    "split": Case((t, d), total(delta(t, split(k, t, d)[0]) * delta(d, split(k, t, d)[1]) * W[k], k), "W[t*D + d]"),
    "half split": Case((t,), total(delta(t, split(k, t, d)[0]) * W[k], k), ""),
    "gather": Case((b, d), total(delta(v, n[b]) * C[v, d], v), "C[n[b],d]"),
    "scatter": Case((v,), total(delta(v, n[b]) * y[b], b), "sum_b y[b]*[v == n[b]]"),
    "scatter of two axes": Case((v, d), total(delta(v, m[b, t]) * M[t, d], b, t), ""),
    "sparse product": Case((b, v, d), delta(v, n[b]) * exp(C[v, d]), "exp(C[n[b],d])*[v == n[b]]"),
    "two tokens": Case((), total(delta(v, n[b]) * delta(v, m[b, t]), v, b, t), ""),
    "argmax": Case((b,), total(delta(i, argmaximum(P[b, j], j)) * P[b, i], i), "P[b,argmax_j P[b,j]]"),
    "guard stays": Case((i,), total(Piecewise((delta(i, j) * x[j], i < j), (0, True)), j), ""),
    "guard moves": Case((i,), total(Piecewise((delta(i, j) * x[j], j > 0), (0, True)), j), "x[i] if [0 < i] else 0"),
    "guard over two": Case((t,), total(delta(t, s) * Piecewise((T[s] * E[d], d <= s), (0, True)), s, d), ""),
    "squared": Case((i,), total(delta(i, j) ** 2 * x[j], j), "x[i]"),
    "inside a function": Case((i,), total(tanh(delta(i, j) * x[j]), j), ""),
    "unequal": Case((i,), total(Piecewise((x[j], sympy.Ne(i, j)), (0, True)), j), ""),
}  # fmt: skip


def tensors() -> dict[str, Tensor]:
    real = {name: Tensor(name, tuple(map(lower_index, shape)), Role.INPUT) for name, shape in SHAPES.items()}
    below = lower_size(size(v))
    given = {name: Tensor(name, tuple(map(lower_index, shape)), Role.TOKENS, below) for name, shape in TOKENS.items()}
    return real | given


def equation(left: tuple[Idx, ...], body: Term) -> Program:
    indices = tuple(map(lower_index, left))
    made = Tensor("result", indices, Role.DEFINITION)
    return Program("contraction", {**tensors(), "result": made}, (Equation("result", indices, body),), ("result",))


@pytest.mark.parametrize("name", CASES)
def test_a_contracted_term_is_worth_the_same(name: str) -> None:
    case = CASES[name]
    body = lower(case.body, tensors(), name)
    contracted = contract(body, {token: lower_size(size(v)) for token in TOKENS})
    before, after = equation(case.left, body), equation(case.left, contracted)
    typecheck(after)
    for seed, sizes in enumerate(size_table(before)):
        given = draw(before, sizes, np.random.default_rng(seed))
        scope = tuple(map(lower_index, case.left))
        expected, found = (Evaluation(given, sizes, {}).value(term, scope) for term in (body, contracted))
        np.testing.assert_allclose(*np.broadcast_arrays(found, expected), rtol=1e-12, atol=1e-12, err_msg=str(sizes))
    if case.expected:
        assert text(contracted) == case.expected


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.expected and "==" not in case.expected])
def test_a_solved_delta_is_gone(name: str) -> None:
    contracted = contract(lower(CASES[name].body, tensors(), name), {})
    assert not any(isinstance(node, Compare) and node.relation == "==" for node in contracted.walk())

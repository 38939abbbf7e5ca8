"""Which arrays keep one turn's entries, that what a later turn reads stays whole, and products inside loops."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sympy import exp, log

from symgrad.calculus.stability import stabilize
from symgrad.checking.points import size_names
from symgrad.codegen.nests import Loop, MatrixProduct, Node, Sweep
from symgrad.codegen.schedule.plan import Nest, plan
from symgrad.language.model import Model
from symgrad.language.optimizers import SGD, with_optimizer
from symgrad.language.program import Program
from symgrad.language.surface import axes, mean, softmax, total
from symgrad.pipeline import derive_gradients, generate

from ..calculus.programs import PROGRAMS
from .models import attention_block
from .running import plain, step_errors, wrong


def two_attentions() -> Program:
    """The second has the names of the first's two axes of tokens exchanged."""
    model = Model("two_attentions")
    b, t, s, d, e, v = axes("b:B t:T s:T d:D e:E v:V")
    C, Q, K, P, R, U = model.parameters(C=(v, d), Q=(d, e), K=(d, e), P=(d, e), R=(d, e), U=(v, d))
    x, y = model.tokens(x=(b, t), y=(b, t), vocabulary=v)
    z = model.define("z", (b, t, d), C[x[b, t], d])
    q = model.define("q", (b, t, e), total(Q[d, e] * z[b, t, d], d))
    k = model.define("k", (b, s, e), total(K[d, e] * z[b, s, d], d))
    S = model.define("S", (b, t, s), total(q[b, t, e] * k[b, s, e], e))
    f = model.define("f", (b, t, s), exp(S[b, t, s] - S[b, s, t]))
    p = model.define("p", (b, s, e), total(P[d, e] * z[b, s, d], d))
    r = model.define("r", (b, t, e), total(R[d, e] * z[b, t, d], d))
    A = model.define("A", (b, s, t), f[b, s, t] * total(p[b, s, e] * r[b, t, e], e))
    g = model.define("g", (b, t, d), total(A[b, t, s] * z[b, s, d], s))
    o = model.define("o", (b, t, v), softmax(total(U[v, d] * g[b, t, d], d), v))
    model.minimize("L", mean(-log(o[b, t, y[b, t]]), b, t))
    return model.program


def heads_first() -> Program:
    """Attention of arrays with heads before tokens: neither operand of q has all of its axes before the last."""
    model = Model("heads_first")
    b, t, s, d, k, e, v = axes("b:B t:T s:T d:D k:K e:E v:V")
    C, Q, G, A, M = model.parameters(C=(v, d), Q=(k, e, d), G=(k, e, d), A=(k, e, d), M=(d, k, e))
    x, y = model.tokens(x=(b, t), y=(b, t), vocabulary=v)
    z = model.define("z", (b, t, d), C[x[b, t], d])
    q, key, value = (
        model.define(name, (b, k, t, e), total(W[k, e, d] * z[b, t, d], d))
        for name, W in (("q", Q), ("key", G), ("value", A))
    )
    S = model.define("S", (b, k, t, s), total(q[b, k, t, e] * key[b, k, s, e], e))
    p = model.define("p", (b, k, t, s), softmax(S[b, k, t, s], s))
    mix = model.define("mix", (b, k, t, e), total(p[b, k, t, s] * value[b, k, s, e], s))
    o = model.define("o", (b, t, d), z[b, t, d] + total(M[d, k, e] * mix[b, k, t, e], k, e))
    P = model.define("P", (b, t, v), softmax(total(C[v, d] * o[b, t, d], d), v))
    model.minimize("L", mean(-log(P[b, t, y[b, t]]), b, t))
    return model.program


OWN = {make.__name__: make for make in (attention_block, two_attentions, heads_first)}
PROGRAMS_HERE = {**PROGRAMS, **OWN}


def step_of(program: Program, schedule: str) -> Nest:
    gradients = derive_gradients(program)
    step, _ = stabilize(with_optimizer(gradients.program, gradients.of_parameters, SGD(), {}, None))
    return plan(step, None, schedule)


KEPT = [  # (program, schedule, {tensor: the axes of its array})
    ("causal_self_attention", "rows", {"S": "t s", "A": "t s", "dA": "t s", "dS": "t s"}),
    ("causal_self_attention", "plain", {"S": "b t s", "A": "b t s", "dA": "b t s", "dS": "b t s"}),
    ("several_heads", "auto", {"dA": "t s", "A": "h t s"}),  # A is read again, backwards
    ("softmax_of_softmax", "auto", {"dq": "v"}),
    ("lstm", "rows", {"ds": "b t i"}),  # a turn of time reads what the turn after it left
    ("two_attentions", "rows", {"S": "t s"}),
    ("heads_first", "rows", {"mix": "k t e", "dp": "t s", "p": "b k t s"}),
]


@pytest.mark.parametrize(("name", "schedule", "kept"), KEPT, ids=[f"{name}, {schedule}" for name, schedule, _ in KEPT])
def test_the_axes_that_arrays_keep(name: str, schedule: str, kept: dict[str, str]) -> None:
    nest = step_of(PROGRAMS_HERE[name](), schedule)
    assert {tensor: " ".join(index.name for index in nest.stored(tensor).indices) for tensor in kept} == kept


def test_an_attention_is_one_loop_over_its_examples() -> None:
    """Its scores, their softmax and the mixture of values, with two products inside."""
    sweep = next(node for node in step_of(attention_block(), "rows").nodes if isinstance(node, Sweep))
    inside = [[node for node in below(loop.body) if isinstance(node, MatrixProduct)] for loop in loops(sweep.body)]
    targets = [[node.product.target.tensor for node in products] for products in inside if products]
    assert any({"score", "g"} <= set(found) for found in targets), targets


@pytest.mark.parametrize("schedule", ("rows", "whole"))
def test_where_heads_come_first_each_has_its_products(schedule: str) -> None:
    nodes = [inner for node in step_of(heads_first(), schedule).nodes for inner in below([node])]
    products = {node.product.target.tensor: node.product for node in nodes if isinstance(node, MatrixProduct)}
    assert {"q", "key", "value", "S", "mix", "dp", "dq", "dkey"} <= products.keys()
    assert [index.name for index in products["q"].batch] == ["b", "k"]


def loops(nodes: list[Node]) -> Iterator[Loop]:
    return (node for node in nodes if isinstance(node, Loop))


def below(nodes: list[Node]) -> Iterator[Node]:
    for node in nodes:
        yield node
        if isinstance(node, Loop | Sweep):
            yield from below(node.body)


@pytest.mark.parametrize("threads", (1, 2))
@pytest.mark.parametrize("schedule", ("rows", "whole"))
@pytest.mark.parametrize("name", (*OWN, "lstm", "several_heads"))
def test_against_the_interpreter(name: str, schedule: str, threads: int) -> None:
    program = PROGRAMS_HERE[name]()
    emitted = plain(generate(program, SGD(), "float64", schedule=schedule))
    for lengths in ((3, 5, 2, 4, 7, 6), (2, 2, 2, 2, 2, 2), (1, 1, 1, 1, 1, 1)):
        sizes = dict(zip(size_names(program), lengths, strict=False))
        assert not wrong(step_errors(emitted, sizes, 2, threads=threads), 1e-10)

"""Loops that are the same but for their arrays become one function, and what only looks the same does not."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from sympy import Expr, Integer, Symbol, log, tanh

from symgrad.checking.points import size_names
from symgrad.codegen.alike import Alike
from symgrad.codegen.names import Names
from symgrad.codegen.schedule.plan import plan
from symgrad.language.model import Model
from symgrad.language.optimizers import SGD, Adam, Optimizer
from symgrad.language.program import Program
from symgrad.language.surface import axes, mean, softmax, total
from symgrad.pipeline import generate

from .running import plain, step_errors, wrong


def head(extra: Callable[..., Expr] = lambda *_: Integer(1)) -> Program:
    """A head over a vocabulary, with parameters of one to three axes, a number, and a factor of its scores."""
    model = Model("head")
    b, t, d, i, v = axes("b:B t:N d:D i:H v:V")
    C, W1, a1 = model.parameters(C=(v, d), W1=(i, t, d), a1=(i,))
    W2, a2, scale = model.parameters(W2=(v, i), a2=(v,), scale=())
    x, y = model.tokens(x=(b, t), y=(b,), vocabulary=v)
    h = model.define("h", (b, i), tanh(a1[i] + total(W1[i, t, d] * C[x[b, t], d], t, d)))
    factor = scale * extra(model, {"A": (v, d), "E": (i, d), "F": (i, t, d), "G": (v, i), "Q": (t, d)})
    o = model.define("o", (b, v), factor * total(W2[v, i] * h[b, i], i) + a2[v])
    p = model.define("p", (b, v), softmax(o[b, v], v))
    model.minimize("L", mean(-log(p[b, y[b]]), b))
    return model.program


def with_tables(entry: Callable[..., Expr]) -> Program:
    """Tables of other axes each, whose entries are made of a parameter's by `entry(W, *indices)`."""

    def factor(model: Model, shapes: dict[str, tuple[Symbol, ...]]) -> Expr:
        made = Integer(1)
        for name, shape in shapes.items():
            table = model.define(f"T{name}", shape, entry(model.parameters(**{name: shape}), *shape))
            made += total(table[shape] ** 2, *shape) / 10
        return model.define("S", (), made)

    return head(factor)


def with_states(kept: str) -> Program:
    """States that are updated by what no other loop reads, and so has no array; but that of one is read again."""

    def factor(model: Model, shapes: dict[str, tuple[Symbol, ...]]) -> Expr:
        for name, shape in shapes.items():
            state = model.states(**{name: shape})
            made = model.define(f"T{name}", shape, tanh(state[shape]))
            model.update(state, shape, made[shape] ** 3 + state[shape] * made[shape] / 2)
            if name == kept:
                again = total(made[shape], *shape)
        return model.define("S", (), 1 + again**2 / 10)

    return head(factor)


PROGRAMS = {
    "parameters of many shapes": head(),
    "entry by entry": with_tables(lambda W, *k: tanh(W[k])),
    "the index is a number": with_tables(lambda W, *k: tanh(W[k]) * (1 + k[0])),
    "the first is read again": with_states("A"),
    "the last is read again": with_states("Q"),
}


@pytest.mark.parametrize("rule", [SGD(), Adam()], ids=["sgd", "adam"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_against_the_interpreter(name: str, rule: Optimizer) -> None:
    emitted = plain(generate(PROGRAMS[name], rule, "float64", clip=0.1, tile=3))
    names = size_names(PROGRAMS[name])
    for lengths in ((2, 3, 5, 7, 4), [3] * 5, [1] * 5):
        for threads in (1, 2):
            sizes = dict(zip(names, lengths, strict=False))
            assert not wrong(step_errors(emitted, sizes, 2, threads=threads), 2e-10), (sizes, threads)


def calls(source: str) -> dict[str, int]:
    """How often a step calls each of the functions."""
    found = re.findall(r"^ +(?:\w+ = )?(each_\d+|zero)\(", source, re.MULTILINE)
    return {name: found.count(name) for name in found}


def test_what_is_done_to_every_parameter_is_written_once() -> None:
    source = generate(PROGRAMS["parameters of many shapes"], Adam(), clip=0.1, schedule="rows").source
    assert source.count("sqrt(real(C_new_factor2)") == 1, "the rule of an array"
    assert set(calls(source).values()) == {5}


def test_loops_that_need_their_indices_stay() -> None:
    flat, indexed = (
        generate(PROGRAMS[name], SGD(), schedule="rows").source for name in ("entry by entry", "the index is a number")
    )
    assert flat.count("[entry] = tanh(") == 1
    assert "[entry] = tanh(" not in indexed


def test_what_has_no_array_is_not_like_what_has_one() -> None:
    """A function that is written for the first would leave the other's array as it is."""
    nest = plan(PROGRAMS["the last is read again"], schedule="plain")

    def pattern(table: str, numbers: set[str]) -> object:
        alike = Alike(replace(nest, numbers=frozenset(numbers)), Names(nest.program.tensors), set())
        flats = [flat for _, flat in alike.pieces() if flat is not None]
        return next(alike.pattern(flat) for flat in flats if table in {read.tensor for read in flat.reads})

    assert pattern("TA", set()) == pattern("TE", set())
    assert pattern("TA", {"TA"}) == pattern("TE", {"TE"})
    assert pattern("TA", set()) != pattern("TE", {"TE"})

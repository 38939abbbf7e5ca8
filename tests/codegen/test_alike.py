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
    """States that are updated by what no other loop reads, and so has no array; but that of one is read at the end."""

    def factor(model: Model, shapes: dict[str, tuple[Symbol, ...]]) -> Expr:
        last = model.states(last=())
        for name, shape in shapes.items():
            state, other = model.states(**{name: shape, f"{name}1": shape})
            made = model.define(f"T{name}", shape, tanh(state[shape] ** 2 + other[shape]))
            model.update(state, shape, made[shape] ** 2 + state[shape] * made[shape] / 2)
            model.update(other, shape, other[shape] / 2 + state[shape] ** 3)
            if name == kept:
                model.update(last, (), last / 2 + total(made[shape], *shape))
        return Integer(1)

    return head(factor)


def with_a_number() -> Program:
    """States whose update reads the new value of a state without axes, which is an array all the same."""

    def factor(model: Model, shapes: dict[str, tuple[Symbol, ...]]) -> Expr:
        count = model.states(steps=())
        model.update(count, (), count / 2 + 1)
        for name, shape in shapes.items():
            state = model.states(**{name: shape})
            model.update(state, shape, state[shape] / 2 + Symbol("steps_new", real=True) / 3)
        return Integer(1)

    return head(factor)


PROGRAMS = {
    "a number that lasts": with_a_number(),
    "parameters of many shapes": head(),
    "entry by entry": with_tables(lambda W, *k: tanh(W[k])),
    "the index is a number": with_tables(lambda W, *k: tanh(W[k]) * (1 + k[0])),
    "the first is read again": with_states("A"),
    "the last is read again": with_states("Q"),
}


WAYS = {"adam": (Adam(), "auto"), "sgd": (SGD(), "auto"), "sgd by rows": (SGD(), "rows")}


@pytest.mark.parametrize(("rule", "schedule"), WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("name", PROGRAMS)
def test_against_the_interpreter(name: str, rule: Optimizer, schedule: str) -> None:
    emitted = plain(generate(PROGRAMS[name], rule, "float64", clip=0.1, schedule=schedule, tile=3))
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


def test_a_number_that_is_an_array_stays() -> None:
    source = generate(PROGRAMS["a number that lasts"], SGD(), schedule="rows").source
    assert not any("[entry]" in line and "[()]" in line for line in source.splitlines())


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

"""Loops that are the same but for their arrays become one function, and what only looks the same does not."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from sympy import Expr, Integer, Symbol, log, tanh

from symgrad.checking.points import size_names
from symgrad.language.model import Model
from symgrad.language.optimizers import SGD, Adam, Optimizer
from symgrad.language.program import Program
from symgrad.language.surface import axes, mean, softmax, total
from symgrad.pipeline import generate

from .running import plain, step_errors, wrong


def many_parameters(extra: Callable[..., Expr] = lambda *_: Integer(0)) -> Program:
    """A head over a vocabulary, with parameters of one to three axes, a number, and what `extra` adds to its scores."""
    model = Model("many_parameters")
    b, t, d, i, v = axes("b:B t:N d:D i:H v:V")
    C, W1, a1 = model.parameters(C=(v, d), W1=(i, t, d), a1=(i,))
    W2, a2, scale = model.parameters(W2=(v, i), a2=(v,), scale=())
    x, y = model.tokens(x=(b, t), y=(b,), vocabulary=v)
    h = model.define("h", (b, i), tanh(a1[i] + total(W1[i, t, d] * C[x[b, t], d], t, d)))
    o = model.define("o", (b, v), scale * total(W2[v, i] * h[b, i], i) + a2[v] + extra(model, t, d, i, v))
    p = model.define("p", (b, v), softmax(o[b, v], v))
    model.minimize("L", mean(-log(p[b, y[b]]), b))
    return model.program


def with_tables(entry: Callable[..., Expr]) -> Program:
    """Four tables of other axes each, whose entries are made of a parameter's by `entry(W, *indices)`."""

    def scores(model: Model, t: Symbol, d: Symbol, i: Symbol, v: Symbol) -> Expr:
        made = Integer(0)
        for name, shape in {"A": (v, d), "E": (i, d), "F": (i, t, d), "G": (v, i)}.items():
            table = model.define(f"T{name}", shape, entry(model.parameters(**{name: shape}), *shape))
            made += total(table[shape] ** 2, *shape)
        return model.define("S", (), made)

    return many_parameters(scores)


PROGRAMS = {
    "parameters of many shapes": many_parameters(),
    "entry by entry": with_tables(lambda W, *k: tanh(W[k])),
    "the index is a number": with_tables(lambda W, *k: tanh(W[k]) * (1 + k[0])),
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

"""What a recurrence is and what it is not; its gradients are checked with all other programs of the table."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sympy import tanh

from symgrad.calculus.reverse import differentiate
from symgrad.calculus.simplify import simplify
from symgrad.language.errors import DeclarationError
from symgrad.language.model import Model
from symgrad.language.notation import equation_text
from symgrad.language.program import Recurrence
from symgrad.language.surface import axes, total

from .programs import PROGRAMS


def test_the_adjoint_recurrence_runs_the_other_way() -> None:
    program = simplify(differentiate(PROGRAMS["rnn_lm"]())).program
    forward, backward = (item for item in program.items if isinstance(item, Recurrence))
    assert not forward.reverse and backward.reverse
    assert [equation_text(e) for e in backward.items] == [
        "dh[b,t,i] = (sum_v U[v,i]*do[b,t,v]) + (sum_i2 R[i2,i]*da[b,t + 1,i2] if [t + 1 < N] else 0)",
        "da[b,t,i] = (1 - h[b,t,i]**2)*dh[b,t,i]",
    ]


def refused_start() -> Model:
    model = Model("refused")
    t, i = axes("t:T i:H")
    model.recurrent("h", (t, i), along=t, start=t)
    return model


def never_defined() -> Model:
    model = Model("refused")
    t, i = axes("t:T i:H")
    (w,) = (model.parameters(w=(i,)),)
    model.recurrent("h", (t, i), along=t)
    model.minimize("L", total(w[i], i))
    return model


def circular() -> Model:
    model = Model("refused")
    t, i = axes("t:T i:H")
    h = model.recurrent("h", (t, i), along=t)
    model.define("h", (t, i), tanh(h[t, i]))
    return model


def circle_of_two() -> Model:
    model = Model("refused")
    t, i = axes("t:T i:H")
    h, g = model.recurrent("h", (t, i), along=t), model.recurrent("g", (t, i), along=t)
    model.define("h", (t, i), tanh(g[t, i]))
    model.define("g", (t, i), h[t, i] ** 2)
    return model


def both_ways() -> Model:
    model = Model("refused")
    t, i = axes("t:T i:H")
    h = model.recurrent("h", (t, i), along=t)
    model.define("h", (t, i), tanh(h[t - 1, i] + h[t + 1, i]))
    return model


def without_start() -> Model:
    model = Model("refused")
    t, i = axes("t:T i:H")
    x = model.inputs(x=(t, i))
    model.define("h", (t, i), tanh(x[t - 1, i]))
    return model


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (refused_start, "may depend on its axes without t only"),
        (never_defined, "h is announced as recurrent and never defined"),
        (circular, "h is defined by itself"),
        (circle_of_two, "g, h are defined by each other; a recurrence reads an earlier slice, such as"),
        (both_ways, "both earlier and later slices"),
        (without_start, "not proven to stay inside"),
    ],
)
def test_what_is_no_recurrence_is_refused(build: Callable[[], Model], message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        build()

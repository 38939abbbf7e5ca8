"""Recurrences: backpropagation through time, and through depth, from the definitions alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from sympy import log, tanh

from symgrad.calculus.reverse import differentiate
from symgrad.calculus.simplify import simplify
from symgrad.calculus.stability import stabilize
from symgrad.checking.interpreter import Values, evaluate
from symgrad.language.errors import DeclarationError
from symgrad.language.model import Model
from symgrad.language.notation import equation_text
from symgrad.language.program import Program, Recurrence, Role
from symgrad.language.surface import axes, mean, sigmoid, size, softmax, total
from symgrad.language.terms import Size
from symgrad.language.typecheck import typecheck


def rnn() -> Model:
    """h[t] = tanh(W C[x[t]] + R h[t-1]), the next token at every position (Elman 1990)."""
    model = Model("rnn")
    b, t, d, i, j, v = axes("b:B t:T d:D i:H j:H v:V")
    C, W, R, U, h0 = model.parameters(C=(v, d), W=(i, d), R=(i, j), U=(v, i), h0=(i,))
    x, y = model.tokens(x=(b, t), y=(b, t), vocabulary=v)
    h = model.recurrent("h", (b, t, i), along=t, start=h0[i])
    a = model.define("a", (b, t, i), total(W[i, d] * C[x[b, t], d], d) + total(R[i, j] * h[b, t - 1, j], j))
    model.define("h", (b, t, i), tanh(a[b, t, i]))
    o = model.define("o", (b, t, v), total(U[v, i] * h[b, t, i], i))
    p = model.define("p", (b, t, v), softmax(o[b, t, v], v))
    model.minimize("L", mean(-log(p[b, t, y[b, t]]), b, t))
    return model


def lstm() -> Model:
    """Four gates, a cell and an output that need each other's earlier slices (Hochreiter & Schmidhuber 1997)."""
    model = Model("lstm")
    b, t, d, i, j, k = axes("b:B t:T d:D i:H j:H k:4")
    W, R, c = model.parameters(W=(k, i, d), R=(k, i, j), c=(k, i))
    x, target = model.inputs(x=(b, t, d), target=(b, i))
    h = model.recurrent("h", (b, t, i), along=t)
    s = model.recurrent("s", (b, t, i), along=t)
    pre = total(W[k, i, d] * x[b, t, d], d) + total(R[k, i, j] * h[b, t - 1, j], j) + c[k, i]
    a = model.define("a", (b, t, k, i), pre)
    f = model.define("f", (b, t, i), sigmoid(a[b, t, 0, i]))
    g = model.define("g", (b, t, i), sigmoid(a[b, t, 1, i]))
    u = model.define("u", (b, t, i), tanh(a[b, t, 2, i]))
    q = model.define("q", (b, t, i), sigmoid(a[b, t, 3, i]))
    model.define("s", (b, t, i), f[b, t, i] * s[b, t - 1, i] + g[b, t, i] * u[b, t, i])
    model.define("h", (b, t, i), q[b, t, i] * tanh(s[b, t, i]))
    model.minimize("L", mean((h[b, t, i] - target[b, i]) ** 2, b, t, i))
    return model


def gru() -> Model:
    """Update and reset gates (Cho et al. 2014)."""
    model = Model("gru")
    b, t, i, j = axes("b:B t:T i:H j:H")
    R, Z, W = model.parameters(R=(i, j), Z=(i, j), W=(i, j))
    x = model.inputs(x=(b, t, i))
    h = model.recurrent("h", (b, t, i), along=t)
    z = model.define("z", (b, t, i), sigmoid(x[b, t, i] + total(Z[i, j] * h[b, t - 1, j], j)))
    r = model.define("r", (b, t, i), sigmoid(x[b, t, i] + total(R[i, j] * h[b, t - 1, j], j)))
    n = model.define("n", (b, t, i), tanh(x[b, t, i] + total(W[i, j] * r[b, t, j] * h[b, t - 1, j], j)))
    model.define("h", (b, t, i), (1 - z[b, t, i]) * h[b, t - 1, i] + z[b, t, i] * n[b, t, i])
    model.minimize("L", total(h[b, t, i] ** 2, b, t, i))
    return model


def stack() -> Model:
    """Equal residual layers along a layer axis: depth is a recurrence too."""
    model = Model("stack")
    b, n, i, j = axes("b:B n:N i:H j:H")
    (W,) = (model.parameters(W=(n, i, j)),)
    x = model.inputs(x=(b, i))
    h = model.recurrent("h", (b, n, i), along=n, start=x[b, i])
    hidden = tanh(total(W[n, i, j] * h[b, n - 1, j], j))
    model.define("h", (b, n, i), h[b, n - 1, i] + hidden)
    model.minimize("L", mean(h[b, size(n) - 1, i] ** 2, b, i))
    return model


def backwards() -> Model:
    """A recurrence from the last slice down, with a number behind it, that reads two slices away."""
    model = Model("backwards")
    t, i = axes("t:T i:H")
    (w,) = (model.parameters(w=(i,)),)
    x = model.inputs(x=(t, i))
    h = model.recurrent("h", (t, i), along=t, start=0.5)
    model.define("h", (t, i), tanh(w[i] * h[t + 1, i] + h[t + 2, i] * x[t, i]))
    model.minimize("L", total(h[t, i] * x[t, i], t, i))
    return model


MODELS = [rnn, lstm, gru, stack, backwards]
SIZES = [{"T": 4, "N": 3, "B": 3, "D": 2, "H": 5, "V": 6}, {"T": 1, "N": 1, "B": 1, "D": 1, "H": 1, "V": 2}]


def point(program: Program, sizes: dict[str, int]) -> Values:
    rng = np.random.default_rng(7)
    values = {}
    for tensor in program.with_role(Role.PARAMETER, Role.INPUT, Role.TOKENS):
        shape = tuple(sizes[e.name] if isinstance(e, Size) else e.value for e in tensor.shape)
        tokens = tensor.role is Role.TOKENS
        values[tensor.name] = rng.integers(0, sizes["V"], shape) if tokens else rng.normal(size=shape)
    return values


@pytest.mark.parametrize("sizes", SIZES, ids=["generic", "ones"])
@pytest.mark.parametrize("build", MODELS, ids=lambda build: build.__name__)
def test_gradients_through_time_agree_with_differences(build: Callable[[], Model], sizes: dict[str, int]) -> None:
    program = build().program
    raw = differentiate(program)
    simple = simplify(raw)
    stable, _ = stabilize(simple.program)
    given = point(program, sizes)
    derived = [evaluate(typecheck(p), given, sizes) for p in (raw.program, simple.program, stable)]
    for parameter in program.parameters:
        name, step = parameter.name, 1e-5
        expected = np.zeros_like(given[name])
        for place in np.ndindex(expected.shape):
            losses = []
            for sign in (1, -1):
                moved = given[name].copy()
                moved[place] += sign * step
                losses.append(evaluate(program, {**given, name: moved}, sizes)[program.outputs[0]])
            expected[place] = (losses[0] - losses[1]) / (2 * step)
        for values in derived:
            np.testing.assert_allclose(values[raw.adjoints[name]], expected, rtol=1e-6, atol=1e-8, err_msg=name)


def test_the_adjoint_recurrence_runs_the_other_way() -> None:
    program = simplify(differentiate(rnn().program)).program
    forward, backward = (item for item in program.items if isinstance(item, Recurrence))
    assert not forward.reverse and backward.reverse
    assert [equation_text(e) for e in backward.items] == [
        "dh[b,t,i] = (sum_v U[v,i]*do[b,t,v]) + (sum_i2 R[i2,i]*da[b,t + 1,i2] if [t + 1 < T] else 0)",
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
        (circular, "h are defined by each other"),
        (both_ways, "both earlier and later slices"),
        (without_start, "not proven to stay inside"),
    ],
)
def test_what_is_no_recurrence_is_refused(build: Callable[[], Model], message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        build()

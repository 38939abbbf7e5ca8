"""Programs drawn at random from the whole language.

Nested sums, means and maxima; gathers by tokens, by tokens of tokens; shared paths and repeated indices, A[h,h];
shifts, branches, merged, split and joined axes; recurrences up and down; softmaxes, logarithms, powers, quotients,
kinks.

Values stay small because every sum is a mean and every function is bounded or nearly so; a logarithm, a root and a
quotient get arguments from their domain.  A branch or a shift is a definition of its own, for SymPy draws the condition
of a Piecewise out of the sums around it.
"""

from __future__ import annotations

import os
from itertools import count

import sympy
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from sympy import (
    Abs,
    Expr,
    Idx,
    IndexedBase,
    Integer,
    Max,
    Min,
    Piecewise,
    Rational,
    atan,
    cos,
    erf,
    exp,
    log,
    sin,
    sqrt,
    tanh,
)  # fmt: skip

from symgrad.language.model import Model
from symgrad.language.program import Program
from symgrad.language.surface import axes, concatenated, maximum, mean, merged, sigmoid, softmax, split, total

# 200 programs a test, and as many as one likes by night.  Shrinking takes longer than reading the program that failed.
RANDOM = settings(
    max_examples=int(os.environ.get("SYMGRAD_PROGRAMS", "200")), derandomize=True, deadline=None, database=None,
    phases=[Phase.generate], suppress_health_check=list(HealthCheck),
)  # fmt: skip

FUNCTIONS = (
    tanh, sin, cos, atan, erf, sigmoid,
    lambda x: exp(tanh(x)), lambda x: 1 / (1 + x**2), lambda x: sqrt(1 + x**2), lambda x: x**2 / 2,
    lambda x: log(1 + x**2), lambda x: log(1 + exp(x)), lambda x: (2 + cos(x)) ** Rational(-3, 2),
    lambda x: (2 + sin(x)) ** (tanh(x) / 2), lambda x: log(sigmoid(x)), lambda x: tanh(x) ** 3,
)  # fmt: skip
KINKS = (Abs, lambda x: Max(x, 0), lambda x: Min(Max(x, -Rational(1, 2)), Rational(3, 4)))
LETTERS = {
    "H": axes("h:H i:H j:H k:H l:H"),
    "V": axes("v:V w:V q:V r:V s:V"),
    "T": axes("t:T u:T a:T e:T f:T"),
    "K": axes("m:H*T n:H*T o:H*T"),
    "J": axes("g:H+V b:H+V d:H+V"),
}
SIZES = (
    {"H": 3, "V": 3, "T": 3}, {"H": 2, "V": 5, "T": 3}, {"H": 4, "V": 2, "T": 3}, {"H": 1, "V": 3, "T": 2},
    {"H": 3, "V": 1, "T": 4}, {"H": 2, "V": 3, "T": 1}, {"H": 1, "V": 1, "T": 1},
)  # fmt: skip

Scope = tuple[Idx, ...]
Tensors = dict[str, tuple[IndexedBase, str]]  # name -> handle, and a letter for each of its axes


def axis_of(index: Idx) -> str:
    return next(axis for axis, row in LETTERS.items() if index in row)


class Drawing:
    """A model, and expressions over its tensors so far; `scope` are the indices that may occur."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.names = (f"y{number}" for number in count(1))
        self.model = Model("random")
        h, i, *_ = LETTERS["H"]
        v, t, m = (LETTERS[axis][0] for axis in "VTK")
        A, B, C, c, S, M = self.model.parameters(A=(h, i), B=(h,), C=(v, h), c=(), S=(t, h), M=(m,))
        self.words = self.model.tokens(x=(h,), vocabulary=v)
        self.places = self.model.tokens(z=(t,), vocabulary=h)
        self.tensors: Tensors = {
            "A": (A, "HH"), "B": (B, "H"), "C": (C, "VH"), "c": (c, ""), "S": (S, "TH"), "M": (M, "K"),
        }  # fmt: skip

    def one_of(self, options):
        return self.draw(st.sampled_from(list(options)))

    # -- definitions -----------------------------------------------------------------------------------------------

    def define(self, left: Scope, body: Expr) -> Expr:
        """A definition over `left`; its general entry."""
        name = next(self.names)
        handle = self.model.define(name, left, body)
        self.tensors[name] = handle, "".join(map(axis_of, left))
        return handle[left] if left else handle

    def recurrence(self) -> None:
        """r[t,h] = tanh(...) of a slice before, or behind, and of what stands beside it."""
        t, h, j = LETTERS["T"][0], LETTERS["H"][0], LETTERS["H"][2]
        back = self.one_of([1, 1, -1, 2])
        name = next(self.names)
        r = self.model.recurrent(name, (t, h), along=t, start=self.one_of([0, 0.5, self.tensors["B"][0][h]]))
        past = mean(self.tensors["A"][0][h, j] * r[t - back, j], j) + r[t - back, h] / 2
        self.model.define(name, (t, h), tanh(self.expression((t, h), 1) + past))
        self.tensors[name] = r, "TH"

    def joined(self) -> None:
        """B and a column of C, end to end."""
        (g, *_), (h, *_), (v, *_) = (LETTERS[axis] for axis in "JHV")
        B, C = self.tensors["B"][0], self.tensors["C"][0]
        self.define((g,), concatenated(g, (lambda n: tanh(B[n]), h), (lambda n: C[n, 0] ** 2, v)))

    def divided(self) -> None:
        """S with its two axes laid out as one."""
        (m, *_), (h, *_), (t, *_) = (LETTERS[axis] for axis in "KHT")
        row, column = split(m, h, t)
        self.define((m,), self.tensors["S"][0][column, row] * self.expression((m,), 1))

    def plain(self) -> None:
        (h, i, *_), (v, *_), (t, *_) = (LETTERS[axis] for axis in "HVT")
        left = self.one_of([(h,), (v,), (h, i), (h, v), (t, h), (t,), ()])
        self.define(left, self.expression(left, 3))

    # -- expressions -----------------------------------------------------------------------------------------------

    def expression(self, scope: Scope, depth: int) -> Expr:
        kinds = ["read"] if depth == 0 else [
            "read", "sum", "product", "function", "function", "kink", "mean", "mean", "largest", "softmax", "quotient",
            "log_mean_exp", "branch", "shift",
        ]  # fmt: skip
        return getattr(self, self.one_of(kinds))(scope, depth - 1)

    def read(self, scope: Scope, depth: int) -> Expr:
        base, shape = self.tensors[self.one_of(self.tensors)]
        return base[tuple(self.index(axis, scope) for axis in shape)] if shape else base

    def index(self, axis: str, scope: Scope) -> Expr:
        """An index in scope, a constant, a gather (x[h] is below V, z[t] below H), or one merged of two."""
        fitting: list[Expr] = [index for index in scope if index in LETTERS[axis]]
        gathers: list[Expr] = []
        if axis == "H":
            gathers = [self.places[t] for t in scope if t in LETTERS["T"]]
        if axis == "V":
            places = [self.places[t] for t in scope if t in LETTERS["T"]]
            gathers = [self.words[h] for h in (*(h for h in scope if h in LETTERS["H"]), *places)]
        if axis == "K":
            pairs = [(h, t) for h in scope for t in scope if h in LETTERS["H"] and t in LETTERS["T"]]
            gathers = [merged(*pair) for pair in pairs]
        return self.one_of([*fitting, *fitting, *gathers] or [Integer(0)])

    def sum(self, scope: Scope, depth: int) -> Expr:
        factor = self.one_of([1, -1, 2, Rational(1, 3)])
        return self.expression(scope, depth) + factor * self.expression(scope, depth)

    def product(self, scope: Scope, depth: int) -> Expr:
        return self.expression(scope, depth) * self.expression(scope, depth)

    def function(self, scope: Scope, depth: int) -> Expr:
        return self.one_of(FUNCTIONS)(self.expression(scope, depth))

    def kink(self, scope: Scope, depth: int) -> Expr:
        return self.one_of(KINKS)(self.expression(scope, min(depth, 1)))

    def quotient(self, scope: Scope, depth: int) -> Expr:
        return self.expression(scope, depth) / (1 + self.expression(scope, min(depth, 1)) ** 2)

    def mean(self, scope: Scope, depth: int) -> Expr:
        index = self.fresh(scope)
        return mean(self.expression((*scope, index), depth), index)

    def largest(self, scope: Scope, depth: int) -> Expr:
        index = self.fresh(scope)
        return maximum(self.expression((*scope, index), min(depth, 1)), index)

    def log_mean_exp(self, scope: Scope, depth: int) -> Expr:
        index = self.fresh(scope)
        return log(mean(exp(self.expression((*scope, index), min(depth, 1))), index))

    def softmax(self, scope: Scope, depth: int) -> Expr:
        """The mean of entries weighted by their shares of one, or the logarithm of a share."""
        index = self.fresh(scope)
        body = self.expression((*scope, index), min(depth, 1))
        if len(self.tensors) < 12 and self.draw(st.booleans()):
            left = tuple(i for i in scope if i in body.free_symbols)
            share = self.define((*left, index), softmax(body, index))
            return -log(share.xreplace({index: self.index(axis_of(index), scope)}))
        return total(softmax(body, index) * self.read((*scope, index), 0), index)

    def branch(self, scope: Scope, depth: int) -> Expr:
        """One of two by a real condition, or by the order of two indices of one axis."""
        conditions = [self.read(scope, 0) > Rational(1, 5)]
        conditions += [i <= j for i in scope for j in scope if i != j and axis_of(i) == axis_of(j)]
        pieces = self.expression(scope, min(depth, 1)), self.expression(scope, min(depth, 1))
        return self.define(scope, Piecewise((pieces[0], self.one_of(conditions)), (pieces[1], True)))

    def shift(self, scope: Scope, depth: int) -> Expr:
        """The entry before or behind along an axis; beyond its end, something else."""
        places = [i for i in scope if axis_of(i) == "T"]
        if not places or not scope:
            return self.function(scope, depth)
        t, h = places[0], self.index("H", scope)
        S, other = self.tensors["S"][0], self.expression(scope, min(depth, 1))
        read, inside = self.one_of([(S[t - 1, h], t >= 1), (S[t + 1, h], t < t.upper)])
        return self.define(scope, Piecewise((read, inside), (other, True)))

    def fresh(self, scope: Scope) -> Idx:
        axis = self.one_of("HHVVTTKJ")
        return next(index for index in LETTERS[axis] if index not in scope)


@st.composite
def programs(draw: st.DrawFn) -> Program:
    drawing = Drawing(draw)
    for _ in range(draw(st.integers(1, 3))):
        drawing.one_of(
            [drawing.plain, drawing.plain, drawing.plain, drawing.recurrence, drawing.joined, drawing.divided]
        )()
    loss = drawing.expression((), 3)
    # every parameter and the last definition take part, whatever was drawn
    last, shape = list(drawing.tensors.values())[-1]
    scope = tuple(LETTERS[axis][len(LETTERS[axis]) - 1 - position] for position, axis in enumerate(shape))
    loss += mean(last[scope] ** 2, *scope) if scope else last**2
    (h, i, *_), (t, *_), (m, *_) = (LETTERS[axis] for axis in "HTK")
    A, B, C, c, S, M = (drawing.tensors[name][0] for name in "ABCcSM")
    loss += mean(A[h, i] ** 2, h, i) + mean(sin(B[h]), h) + mean(C[drawing.words[h], i] ** 2, h, i) + c**2
    loss += mean(S[t, drawing.places[t]] ** 2, t) + mean(sin(M[m]), m)
    drawing.model.minimize("L", sympy.sympify(loss))
    return drawing.model.program

"""What a declaration is refused for, and what the message says: the tensor's name, what was expected, what to do."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sympy
from sympy import (
    Eq,
    Function,
    I,
    Idx,
    Indexed,
    IndexedBase,
    Mod,
    Or,
    Piecewise,
    Product,
    Rational,
    Sum,
    Symbol,
    floor,
    gamma,
    log,
    oo,
    sin,
    tanh,
)

from symgrad.language.errors import DeclarationError
from symgrad.language.model import Model, constant, normal, uniform, zeros
from symgrad.language.surface import axes, concatenated, maximum, mean, merged, size, softmax, total

b, t, d, i, j, v = axes("b:B t:N d:D i:H j:H v:V")
wide_i, q = axes("i:D"), axes("q:H")
k = Symbol("k", integer=True)


class Declared(Model):
    """A model with a few tensors to make mistakes with."""

    def __init__(self) -> None:
        super().__init__("m")
        self.W, self.U, self.K, self.c = self.parameters(W=(v, i), U=(i, j), K=(v, d), c=())
        self.h, self.z = self.inputs(h=(b, i), z=())
        self.x, self.y = self.tokens(x=(b, t), y=(b,), vocabulary=v)


REFUSED: dict[str, tuple[Callable[[Declared], object], str]] = {
    # axes and their sizes
    "one letter, two sizes": (
        lambda m: m.define("a", (b, v), total(m.W[v, i] * m.h[b, i] * m.K[v, wide_i], i)),
        "m: in a[b,v] = K[v,i] * sum_i W[v,i]*h[b,i]: index i is used with two sizes, D and H; give each axis its own",
    ),
    "one letter on the left, another size in a sum": (
        lambda m: m.define("a", (b, i), m.h[b, i] + total(m.K[v, wide_i], wide_i, v)),
        "index i is used with two sizes, D and H; give each axis its own index",
    ),
    "an index over another axis": (
        lambda m: m.define("a", (v,), total(m.K[v, i], i)),
        "m: in a[v] = sum_i K[v,i]: K[v,i]: index i runs over size H, not over the axis of size D",
    ),
    "swapped axes": (
        lambda m: m.define("a", (b, i), m.h[i, b]),
        "m: in a[b,i] = h[i,b]: h[i,b]: index i runs over size H, not over the axis of size B",
    ),
    "too few indices": (
        lambda m: m.define("a", (b,), m.h[b]),
        "h has 2 axes, of sizes (B, H), and is read with 1: h[b]",
    ),
    "too many indices": (
        lambda m: m.define("a", (b,), m.h[b, i, i]),
        "h has 2 axes, of sizes (B, H), and is read with 3: h[b, i, i]",
    ),
    "too few indices on an IndexedBase of one's own": (
        lambda m: m.define("a", (b,), IndexedBase("h")[b]),
        "m: in a: h has 2 axes, (b,i), and is read with 1",
    ),
    "a softmax over nothing": (
        lambda m: m.define("a", (b, i), softmax(m.h[b, i])),
        "softmax of h[b, i]: no axis is given; name one or more indices, softmax(o[b, v], v)",
    ),
    "no indices": (lambda m: m.define("a", (b, i), 2 * m.h), "m: in a: h stands without its indices; write h[b,i]"),
    "an indexed scalar": (
        lambda m: m.define("a", (b, i), IndexedBase("z")[i]),
        "m: in a: z has 0 axes, (), and is read with 1",
    ),
    "an index twice on the left": (
        lambda m: m.define("a", (i, i), m.U[i, i]),
        "m: in a[i,i] = U[i,i]: index i stands twice on the left; use two indices over the same axis",
    ),
    # bound and free indices
    "bound again below its own sum": (
        lambda m: m.define("a", (b,), total(m.h[b, i] * total(m.h[b, i], i), i)),
        "m: in a: index i is bound twice in Sum(h[b, i], (i, 0, H - 1)); sum over another index of the same axis",
    ),
    "bound twice by one sum": (
        lambda m: m.define("a", (b,), Sum(m.h[b, i], i, i)),
        "m: in a: index i is bound twice in Sum(h[b, i], (i, 0, H - 1), (i, 0, H - 1))",
    ),
    "bound twice by a sum of a sum": (
        lambda m: m.define("a", (b,), total(total(m.h[b, i], i), i)),
        "m: in a: index i is bound twice",
    ),
    "bound twice within a function": (
        lambda m: m.define("a", (b,), total(log(total(m.h[b, i], i)) * m.h[b, i], i)),
        "m: in a: index i is bound twice",
    ),
    "bound by a maximum within a sum": (
        lambda m: m.define("a", (b,), total(m.h[b, i] - maximum(m.h[b, i], i), i)),
        "m: in a: index i is bound twice in maximum(h[b, i], i)",
    ),
    "bound although on the left": (
        lambda m: m.define("a", (b, i), total(m.h[b, i], i)),
        "m: in a[b,i] = sum_i h[b,i]: index i is bound twice; sum over another index of the same axis",
    ),
    "free on the right": (
        lambda m: m.define("a", (b,), m.h[b, i]),
        "m: in a[b] = h[b,i]: index i is free on the right and missing on the left, a[b]; sum over it or add it there",
    ),
    "a maximum over another index": (
        lambda m: m.define("a", (b,), maximum(m.h[b, j], i)),
        "index j is free on the right and missing on the left, a[b]",
    ),
    # what an index may be
    "a fraction as index": (
        lambda m: m.define("a", (d,), m.K[Rational(1, 2), d]),
        "m: in a[d] = K[1/2,d]: 1/2 is no integer and cannot index",
    ),
    "a real tensor as index": (
        lambda m: m.define("a", (b, d), m.K[m.h[b, 0], d]),
        "h[b,0] is a real number and cannot index; declare h with model.tokens(...)",
    ),
    "a function as index": (lambda m: m.define("a", (b, d), m.K[tanh(m.z), d]), "tanh(z) cannot be an index"),
    "tokens of another vocabulary": (
        lambda m: m.define("a", (b, t), m.h[m.x[b, t], 0]),
        "h[x[b,t],0]: x[b,t] is not proven to stay inside the axis of size B; guard it with a Piecewise",
    ),
    "tokens as real numbers": (
        lambda m: m.define("a", (b,), m.y[b] * 2),
        "y[b] is a token id and no real number; use it as an index, C[y[b], ...]",
    ),
    "before the first": (
        lambda m: m.define("a", (d,), m.K[-1, d]),
        "K[-1,d]: -1 is not proven to stay inside the axis of size V; guard it with a Piecewise",
    ),
    "after the last": (
        lambda m: m.define("a", (b, i), m.h[b, i + 1]),
        "h[b,i + 1]: i + 1 is not proven to stay inside the axis of size H; guard it with a Piecewise, which says what",
    ),
    "a number that small axes do not have": (
        lambda m: m.define("a", (d,), m.K[3, d]),
        "3 is not proven to stay inside the axis of size V",
    ),
    "a plain symbol as index": (
        lambda m: m.define("a", (b,), m.h[b, k]),
        "m: in a: h is read at k, a plain symbol and no index; make it with axes('k:SIZE')",
    ),
    "a plain symbol by an index's name": (
        lambda m: m.define("a", (b, i), m.h[b, Symbol("i", integer=True, positive=True)]),
        "m: in a: h is read at i, a plain symbol and no index",
    ),
    "a plain symbol on the left": (
        lambda m: m.define("a", (b, k), m.h[b, k]),
        "m: a has axis k, which is no index; make it with axes(...)",
    ),
    "a plain symbol as axis": (
        lambda m: m.parameters(Z=(k,)),
        "m: Z has axis k, which is no index; make it with axes(...)",
    ),
    "a plain symbol summed over": (
        lambda m: m.define("a", (b,), Sum(m.h[b, k], (k, 0, size(i) - 1))),
        "sums over k, which is no index; make it with axes(...)",
    ),
    "an index without axis": (
        lambda m: m.define("a", (b,), total(m.h[b, Idx("k")], Idx("k"))),
        "k is no index with an axis; make it with axes('k:SIZE')",
    ),
    "an index without axis on the left": (
        lambda m: m.define("a", (b, Idx("k")), m.h[b, Idx("k")]),
        "index k has no axis; declare it with axes('k:SIZE')",
    ),
    "an axis that starts at 1": (
        lambda m: m.inputs(q=(Idx("k", (1, size(i))),)),
        "index k starts at 1; every axis starts at 0",
    ),
    "a vocabulary that is no index": (
        lambda m: m.tokens(q=(b,), vocabulary=Symbol("V")),
        "V is no index with an axis; make it with axes('V:SIZE')",
    ),
    "limits that leave out an element": (
        lambda m: m.define("a", (b,), Sum(m.h[b, i], (i, 1, size(i) - 1))),
        "m: in a: the sum over i runs from 1 to H - 1, its axis from 0 to H - 1; sum over the whole axis",
    ),
    "limits of another axis": (
        lambda m: m.define("a", (b,), Sum(m.h[b, i], (i, 0, size(d) - 1))),
        "m: in a: the sum over i runs from 0 to D - 1, its axis from 0 to H - 1; sum over the whole axis",
    ),
    # the order of definitions, and names
    "used before it is made": (
        lambda m: m.define("a", (b, i), IndexedBase("q")[b, i]),
        "m: in a: q is used before it is defined; declare or define it first",
    ),
    "a scalar before it is made": (
        lambda m: m.define("a", (b, i), m.h[b, i] * Symbol("q")),
        "m: in a: q is not declared; declare it as a parameter or an input, or define it, before it is used",
    ),
    "made from itself": (
        lambda m: m.define("a", (b, i), m.h[b, i] * IndexedBase("a")[b, i - 1]),
        "m: a reads itself; announce it before, with what stands before its first slice: a = model.recurrent('a', ",
    ),
    "made twice": (
        lambda m: (m.define("a", (b,), m.z), m.define("a", (b,), m.z)),
        "m: a is declared twice (it is a definition already); use another name",
    ),
    "a parameter made again": (
        lambda m: m.define("W", (b,), m.z),
        "m: W is declared twice (it is a parameter already); use another name",
    ),
    "a name that is no identifier": (
        lambda m: m.define("a-b", (b,), m.z),
        "m: 'a-b' cannot name a tensor; use a Python identifier",
    ),
    "a keyword": (lambda m: m.parameters(**{"lambda": ()}), "m: 'lambda' cannot name a tensor"),
    "a tensor named like an index": (
        lambda m: m.parameters(b=(i,)),
        "m: b is an index and cannot name a tensor; rename one of them",
    ),
    "a tensor named like an index summed over": (
        lambda m: (m.define("q", (), m.z), m.define("a", (i,), total(m.U[i, q], q))),
        "m: q is an index and cannot name a tensor; rename one of them",
    ),
    "a tensor named like a size": (
        lambda m: m.define("H", (), m.z),
        "m: H is the size of index j and cannot name a tensor; rename one",
    ),
    "an index named like a size": (
        lambda m: m.define("a", (axes("B:B"),), m.z),
        "m: B is an index and the size of index B; rename one of them",
    ),
    # the loss
    "a loss that is no scalar": (
        lambda m: m.minimize("L", m.h[b, i] ** 2),
        "m: the loss L is no scalar, it still depends on b, i; take the mean or the total over them",
    ),
    "a parameter without use": (
        lambda m: m.minimize("L", total(m.W[v, i] ** 2, i, v)),
        "m: the loss L does not depend on U, K, c; use the parameter or remove it",
    ),
    "two losses": (
        lambda m: (m.minimize("L", every_parameter(m)), m.minimize("Q", m.c)),
        "m: the loss is L already; a model has one loss",
    ),
    "no loss": (lambda m: m.program, "m: there is no loss yet; end the model with model.minimize(name, expression)"),
    "a state that is none": (
        lambda m: m.update(m.z, (), m.z),
        "m: z is no state; declare it with model.states(z=...)",
    ),
    # functions and numbers
    "a function without a derivative": (
        lambda m: m.define("a", (b, i), gamma(m.h[b, i])),
        "m: in a: gamma(h[b, i]) uses gamma, which has no derivative here; known functions: abs, acos, ",
    ),
    "a function that nobody knows": (
        lambda m: m.define("a", (b, i), Function("f")(m.h[b, i])),
        "m: in a: f(h[b, i]) uses f, which has no derivative here",
    ),
    "a product over an axis": (
        lambda m: m.define("a", (b,), Product(m.h[b, i], (i, 0, size(i) - 1))),
        "uses Product, which has no derivative here",
    ),
    "a rounded real number": (
        lambda m: m.define("a", (b, i), floor(m.h[b, i] / 2)),
        "rounds the real number h[b,i] and has no derivative; floor and Mod are for indices",
    ),
    "a remainder of a real number": (
        lambda m: m.define("a", (b, i), Mod(m.h[b, i], 2)),
        "rounds the real number h[b,i] and has no derivative",
    ),
    "an imaginary number": (lambda m: m.define("a", (b, i), I * m.h[b, i]), "m: in a: I is no finite real number"),
    "infinity": (lambda m: m.define("a", (b, i), oo * m.h[b, i]), "m: in a: oo is no finite real number"),
    "no number": (lambda m: m.define("a", (b,), sympy.nan), "m: in a: nan is no finite real number"),
    "a text": (lambda m: m.define("a", (b, i), "h[b,i]"), "m: in a: 'h[b,i]' is no SymPy expression"),
    "a case without value": (
        lambda m: m.define("a", (b, i), Piecewise((m.h[b, i], m.h[b, i] > 0))),
        "has no value where no condition holds; end it with (value, True)",
    ),
    "a disjunction": (
        lambda m: m.define("a", (b, i), Piecewise((m.z, Or(m.h[b, i] > 1, m.h[b, i] < 0)), (0, True))),
        "uses Or, which has no derivative here",
    ),
    # axes(...), concatenated(...) and models
    "no size": (lambda m: axes("b:B t"), "axes: cannot read 't'; write index:SIZE, for example b:B, k:4 or k:N*D"),
    "a difference as size": (lambda m: axes("b:B-1"), "axes: cannot read 'b:B-1'"),
    "no elements": (lambda m: axes("b:0"), "axes: cannot read 'b:0'"),
    "a size that is neither name nor number": (lambda m: axes("b:2B"), "axes: cannot read 'b:2B'"),
    "one letter for two axes": (lambda m: axes("b:B b:H"), "axes: index b is declared twice; give each index one axis"),
    "no axes": (lambda m: axes(""), "axes: nothing is declared; write index:SIZE, for example 'b:B v:V'"),
    "pieces that do not fill the axis": (
        lambda m: concatenated(axes("k:D+H"), (lambda q: m.K[0, q], d)),
        "concatenated: the pieces have D elements together, k has D + H",
    ),
    "a model's name": (lambda m: Model("a b"), "Model: 'a b' is no identifier; it names the emitted file"),
    "a probability above 1": (
        lambda m: m.masks(r=(b, i), keep=1.5),
        "m: keep is 1.5; it is the probability that an entry stays, above 0 and at most 1",
    ),
    "a mask that drops everything": (lambda m: m.masks(r=(b, i), keep=0), "m: keep is 0; it is the probability"),
    "a mask without axes": (
        lambda m: m.masks(r=(), keep=0.5),
        "m: the mask r has no axes; give it those of what it drops",
    ),
    "a mask that nothing reads": (
        lambda m: (m.masks(r=(b, i), keep=0.5), m.minimize("L", every_parameter(m))),
        "m: the loss L does not depend on r; use the mask or remove it",
    ),
    "a state without an update": (
        lambda m: (m.states(s=(i,)), m.minimize("L", every_parameter(m)), m.program),
        "m: the state s would stay as it starts; say what it becomes after a step with model.update(s, ...), or",
    ),
    "a state with two updates": (
        lambda m: [m.update(s, i, 1) for s in [m.states(s=(i,))] for _ in range(2)],
        "m: s has an update already; a step changes a state once",
    ),
    "an evaluation form with another index": (
        lambda m: m.define("a", (b,), total(m.h[b, i], i), evaluation=m.h[b, i]),
        "m: in a[b] = h[b,i]: index i is free on the right and missing on the left, a[b]",
    ),
    "a loss that is no scalar in evaluation": (
        lambda m: m.minimize("L", every_parameter(m), evaluation=m.h[b, i]),
        "m: the loss L is no scalar, it still depends on b, i",
    ),
    "an equation that is none": (
        lambda m: Model.from_equations("m", [Eq(m.z, m.z), Eq(Symbol("L"), m.c**2)], parameters={"c": ()}),
        "m: True is no equation; write Eq(left, right) with different sides",
    ),
    "a loss that is no equation": (
        lambda m: Model.from_equations("m", [m.c**2], parameters={"c": ()}),
        "m: c**2 is no equation; write Eq(left, right) with different sides",
    ),
    "no equations": (
        lambda m: Model.from_equations("m", [], parameters={"c": ()}),
        "m: there are no equations; give at least the loss",
    ),
    "a left side with other than indices": (
        lambda m: Model.from_equations("m", [Eq(Indexed("a", 0), 1), Eq(Symbol("L"), m.c**2)], parameters={"c": ()}),
        "m: the left side a[0] must carry plain indices",
    ),
}


REFUSED |= {
    f"{kind.__name__} from {value!r}": (
        lambda m, kind=kind, value=value: m.parameters(Q=kind((b, i), value)),
        f"{kind.__name__}(...): the {what} is {value!r}, expected {expected}",
    )
    for kind, value, what, expected in [
        (normal, -1, "standard deviation", "a finite number of 0 or more"),
        (normal, float("nan"), "standard deviation", "a finite number of 0 or more"),
        (normal, "0.1", "standard deviation", "a finite number of 0 or more"),
        (normal, (0, 1), "standard deviation", "a finite number of 0 or more"),
        (uniform, -0.1, "bound", "a finite number of 0 or more"),
        (constant, float("inf"), "value", "a finite number"),
    ]
}


def test_starts_may_be_sympy_numbers() -> None:
    assert normal((b, i), 1 / sympy.sqrt(4)).initial == normal((b, i), 0.5).initial
    assert constant(i, -1).initial.scale == -1


def every_parameter(m: Declared) -> sympy.Expr:
    return total(m.W[v, i] * m.U[i, j] * m.K[v, d], v, i, j, d) * m.c


@pytest.mark.parametrize(("declare", "message"), REFUSED.values(), ids=REFUSED)
def test_refused(declare: Callable[[Declared], object], message: str) -> None:
    with pytest.raises(DeclarationError) as raised:
        declare(Declared())
    assert message in str(raised.value)


def test_a_refused_equation_leaves_the_model_as_it_was() -> None:
    model = Declared()
    before = str(model)
    with pytest.raises(DeclarationError):
        model.define("a", (b,), model.h[b, i])
    assert str(model) == before
    model.define("a", (b, i), model.h[b, i])


def test_sums_beyond_an_axis_are_refused_by_sympy_itself() -> None:
    with pytest.raises(ValueError, match="too high"):
        Sum(Declared().h[b, i], (i, 0, size(i)))


def test_what_looks_alike_and_is_right_is_accepted() -> None:
    model = Declared()
    model.define("squared", (b,), total(model.h[b, i], i) * total(model.h[b, i] ** 2, i))  # one letter, two sums
    model.define("diagonal", (), total(model.U[i, i], i))
    model.define("last", (b,), model.h[b, size(i) - 1])
    model.define("first", (b,), model.h[b, 0])
    model.define("whole", (b,), Sum(model.h[b, i], (i, 0, size(i) - 1)))
    model.define("flat", (), total(softmax(model.h[b, i], i) * sin(model.z), b, i))
    state = model.states(s=zeros(i))
    model.update(state, i, mean(model.h[b, i], b))
    r = axes("r:B*H")
    model.define("q", (r,), model.h[floor(r / size(i)), Mod(r, size(i))] + merged(b, i).subs({b: 0, i: 0}))
    model.minimize("L", every_parameter(model))
    assert model.program.updates == {"s": "s_new"}

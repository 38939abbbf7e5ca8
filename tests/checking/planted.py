"""Mistakes that people make in a backward pass, planted into equations: data for the tests that must find them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from symgrad.language.algebra import construct, mul, negated, summed
from symgrad.language.model import Model
from symgrad.language.program import Equation, Program
from symgrad.language.rewriting import rebuild
from symgrad.language.surface import axes, mean, softmax, total
from symgrad.language.terms import MINUS_ONE, ONE, ZERO, Add, Compare, Const, Index, Pow, Read, Reduce, Size, Term

Change = Callable[[Term], Term]


def two_layer_model() -> Program:
    """An embedding, a tanh layer with a direct path around it, and a softmax: each mistake below has its place."""
    from sympy import log, tanh

    model = Model("two_layers")
    b, d, i, v = axes("b:B d:D i:H v:V")
    C, W, U, M = model.parameters(C=(v, d), W=(i, d), U=(v, i), M=(v, d))
    x, y = model.tokens(x=(b,), y=(b,), vocabulary=v)
    z = model.inputs(z=(b, i))
    e = model.define("e", (b, d), C[x[b], d])
    a = model.define("a", (b, i), total(W[i, d] * e[b, d], d) + z[b, i])
    h = model.define("h", (b, i), tanh(a[b, i]))
    o = model.define("o", (b, v), total(U[v, i] * h[b, i], i) + total(M[v, d] * e[b, d], d))
    p = model.define("p", (b, v), softmax(o[b, v], v))
    model.minimize("L", mean(-log(p[b, y[b]]), b))
    return model.program


@dataclass(frozen=True)
class Mistake:
    """In the equation of `tensor`, `change` is applied to every node, innermost first."""

    name: str
    tensor: str
    change: Change

    def __call__(self, program: Program) -> Program:
        items = []
        for item in program.items:
            if isinstance(item, Equation) and item.tensor == self.tensor:
                body = self.everywhere(item.body)
                assert body != item.body, f"{self.name} found no place in {item.tensor}"
                item = replace(item, body=body)
            items.append(item)
        return replace(program, items=tuple(items))

    def everywhere(self, term: Term) -> Term:
        return self.change(construct(rebuild(term, self.everywhere)))


def swap(old: Term, new: Term) -> Change:
    return lambda term: new if term == old else term


def transposed(tensor: str) -> Change:
    return lambda term: Read(tensor, term.indices[::-1]) if isinstance(term, Read) and term.tensor == tensor else term


def first_term_only(term: Term) -> Term:
    return term.terms[0] if isinstance(term, Add) else term


def opposite_sum(term: Term) -> Term:
    return negated(term) if isinstance(term, Reduce) else term


def last_row_only(term: Term) -> Term:
    """sum_b [v == x[b]] f(b), where a later row overwrites an earlier one of the same token."""
    if not isinstance(term, Compare) or term.relation != "==":
        return term
    token = next(node for node in term.walk() if isinstance(node, Read))
    (row,) = token.indices
    later = Index("later", Size("B"))
    repeated = mul(Compare("<", row, later), Compare("==", Read(token.tensor, (later,)), token))
    return mul(term, Compare("==", summed((later,), repeated), ZERO))


b, i = Index("b", Size("B")), Index("i", Size("H"))
h = Read("h", (b, i))
MISTAKES = (
    Mistake("a sign in a matrix product", "dU", opposite_sum),
    Mistake("a missing transpose", "dh", transposed("U")),
    Mistake("1 - h for 1 - h**2", "da", swap(Pow(h, Const(2)), h)),
    Mistake("the derivative at z, not at h", "da", swap(h, Read("a", (b, i)))),
    Mistake("a lost 1/B", "do", swap(Pow(Size("B"), MINUS_ONE), ONE)),
    Mistake("a doubled 1/B", "do", swap(Pow(Size("B"), MINUS_ONE), Pow(Size("B"), Const(-2)))),
    Mistake("the target not subtracted", "do", lambda term: ZERO if isinstance(term, Compare) else term),
    Mistake("overwrite for add", "dC", last_row_only),
    Mistake("a missing path", "de", first_term_only),
    Mistake("a mean for a sum", "dW", lambda t: mul(t, Pow(Size("B"), MINUS_ONE)) if isinstance(t, Reduce) else t),
)

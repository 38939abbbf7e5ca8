"""Index notation: what symgrad prints, SymPy's spelling, what people type; and symgrad's own equations read back."""

from __future__ import annotations

import pytest

from symgrad.calculus.normal_form import equal
from symgrad.hand.index_reader import read_index
from symgrad.hand.index_terms import term
from symgrad.language.errors import ClaimError
from symgrad.language.notation import equation_text
from symgrad.language.program import Program
from symgrad.language.terms import Binder, Index, Size
from symgrad.pipeline import derive_gradients

from ..calculus.programs import PROGRAMS
from .spelled import spelled

KNOWN = [*"LWhopyxCBN", "w1", "w2", "W1", "W2", "max_a"]

READ = [
    ("do[b,v] = (p[b,v] - [v == y[b]])/B", "do[b,v] = ((p[b,v]-[v == y[b]])/B)"),
    ("dW2[v,i] = sum_b do[b,v]*h[b,i]", "dW2[v,i] = sum_b (do[b,v]*h[b,i])"),
    ("(F3) h[b,i] = tanh(a[b,i])  # a comment", "h[b,i] = tanh(a[b,i])"),
    ("a[b,i] = sum_t,d W1[i,t,d]*C[x[b,t],d]", "a[b,i] = sum_t,d (W1[i,t,d]*C[x[b,t],d])"),
    ("z = x/B * sum_c x[c] + sum_b (p[b] - o[b])", "z = (((x/B)*sum_c x[c])+sum_b (p[b]-o[b]))"),
    ("z = x if [a < b]*[c <= d] else y", "z = (x if ([a < b]*[c <= d]) else y)"),
    ("z[b] = max_v o[b,v] + log(sum_w exp(o[b,w]))", "z[b] = (max_v o[b,v]+log(sum_w exp(o[b,w])))"),
    ("z = max_a + argmax_v o[v]", "z = (max_a+argmax_v o[v])"),
    ("z = inverse_i,j(x[i,j])[k,l] + det_i,j (x[i,j])", "z = (inverse_i,j x[i,j][k,l]+det_i,j x[i,j])"),
    ("z = -x**2 + 1/2*x//3%2 + x**-1", "z = (((-(x**2))+((((1/2)*x)//3)%2))+(x**(-1)))"),
    ("z = h[b,t-1] + h[b, 2*t + 1] + x[:, 3]", "z = ((h[b,(t-1)]+h[b,((2*t)+1)])+x[:,3])"),
    ("z = sqrt(x) + max(x, y) + pi + 1e-5 + .5", "z = ((((sqrt(x)+maximum(x, y))+np.pi)+1e-05)+0.5)"),
    # SymPy
    ("z = Sum(o[b,v]*h[b,i], (b, 0, B-1))", "z = sum_b(0..(B-1)) (o[b,v]*h[b,i])"),
    ("z = Sum(o[b,v], b, v) + total(o[b,v], b, v)", "z = (sum_v sum_b o[b,v]+sum_b sum_v o[b,v])"),
    ("z = KroneckerDelta(v, y[b]) + Heaviside(x)", "z = ([v == y[b]]+[x > 0])"),
    ("z = Piecewise((x, a < 2), (h, a < 3), (y, True))", "z = (x if [a < 2] else (h if [a < 3] else y))"),
    ("z = maximum(o[b,v], v) + maximum(o, v)", "z = (max_v o[b,v]+maximum(o, v))"),
    ("z = softmax(o[b,v], v) + Rational(1, 2) + Max(x, 0)", "z = ((softmax(o[b,v], v)+(1/2))+maximum(x, 0))"),
    # derivatives
    ("dL/dw1 = (o - y)*(1 - o**2)\n    = dL/do * do/dw1", "D(L|w1) = ((o-y)*(1-(o**2))) = (D(L|o)*D(o|w1))"),
    ("dp[b,v]/do[b,w] = p[b,v]*([v == w] - p[b,w])", "D(p[b,v]|o[b,w]) = (p[b,v]*([v == w]-p[b,w]))"),
    ("∂L/∂w1 = x; z = y", "D(L|w1) = x; z = y"),
    ("z = delta/dk", "z = (delta/dk)"),
    # matrices
    ("dW2 = (p - y)^T h / B + X.T @ h", "dW2 = (((transpose((p-y)) h)/B)+(transpose(X)@h))"),
    ("z = tanh^2(x) + h (1 - h) + X^-1 + 2 x", "z = ((((tanh(x)**2)+(h (1-h)))+inv(X))+(2 x))"),
    # lines
    ("z = (x +\n y)\n + 3\nq = 1", "z = ((x+y)+3); q = 1"),
]

REFUSED = [
    ("z = x\nd2L/dw1dw1 = x", "a second derivative", 2, 1),
    ("z = d^2L/dw1^2", "a second derivative", 1, 5),
    ("z = foo(x)", "foo is neither", 1, 5),
    ("z = ]x", "] closes nothing", 1, 5),
    ("z = (x + y", "( is not closed", 1, 5),
    ("z = x $ y", "$ cannot be read", 1, 7),
    ("z = x - -y", "got -", 1, 9),
    ("z = x and y", "and cannot be read", 1, 7),
    ("z = Piecewise((x, a < 2))", "has to end with (value, True)", 1, 5),
    ("z = Piecewise((x, a < 2), (y, a < 3))", "has to end with (value, True)", 1, 5),
    ("z = Sum(x[b], 3)", "over an index", 1, 15),
    ("x + y", "no equality", 1, 1),
    ("h*2 = x", "a claim is about a name", 1, 1),
    ("z = sum_b,b x[b,b]", "bound twice", 1, 5),
    ("z = x/y h", "does the stroke reach", 1, 6),
]


@pytest.mark.parametrize(("source", "expected"), READ, ids=[case[0] for case in READ])
def test_it_is_read_as(source: str, expected: str) -> None:
    assert "; ".join(map(spelled, read_index(source, KNOWN))) == expected


@pytest.mark.parametrize(("source", "message", "line", "column"), REFUSED, ids=[case[0] for case in REFUSED])
def test_it_is_refused(source: str, message: str, line: int, column: int) -> None:
    with pytest.raises(ClaimError) as caught:
        read_index(source, KNOWN)
    assert message in str(caught.value)
    assert (caught.value.line, caught.value.column) == (line, column)


def test_spans_quote_the_source() -> None:
    source = "do[b,v] = (p[b,v] - [v == y[b]])/B"
    (chain,) = read_index(source, KNOWN)
    (side,) = chain.sides
    quoted = [source[slice(*node.span)] for node in (chain.subject, side, side.left, side.left.right, side.right)]
    assert quoted == ["do[b,v]", "(p[b,v] - [v == y[b]])/B", "p[b,v] - [v == y[b]]", "[v == y[b]]", "B"]


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_is_printed_is_read_back(name: str) -> None:
    """The forward and backward equations of every program, as terms equal to those that were printed."""
    program = derive_gradients(PROGRAMS[name]()).program
    indices, sizes = names_in(program)
    vocabularies = {t.name: t.vocabulary for t in program.tensors.values() if t.vocabulary is not None}
    for equation in program.equations():
        if equation.tensor in vocabularies:
            continue  # an argmax is an index and makes no claim about a number
        (chain,) = read_index(equation_text(equation), program.tensors)
        free = {index.name: index for index in equation.indices}
        read = term(chain.sides[0], program.tensors, free, model=indices, sizes=sizes)
        assert read == equation.body or equal(read, equation.body, vocabularies), equation_text(equation)


def names_in(program: Program) -> tuple[dict[str, Index], set[str]]:
    """The program's indices by name, and its sizes."""
    indices = {index.name: index for tensor in program.tensors.values() for index in tensor.indices}
    nodes = [node for equation in program.equations() for node in equation.body.walk()]
    bound = [index for node in nodes if isinstance(node, Binder) for index in node.indices]
    return {**{index.name: index for index in reversed(bound)}, **indices}, {
        n.name for n in nodes if isinstance(n, Size)
    }

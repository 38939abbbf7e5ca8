"""Equation -> statements: loops with an innermost body, or one matrix product.

An equation T = E + alpha*sum(...) + beta*[v == x[b]]*f becomes, in this order: the elementwise part (or zeros), matrix
products, other sums, scattered rows.  A sum whose loops can all stand innermost runs in a local accumulator.  What is
added to nothing but products is added last, when they are in cache, and where the next loop may be over the same axes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ...language.algebra import add, factors_of, mul, terms_of
from ...language.program import Equation
from ...language.rewriting import substitute
from ...language.terms import ZERO, Call, Compare, Const, Index, Read, Reduce, Term
from ..nests import Assign, MatrixProduct, Node, Zero
from .builder import in_order
from .by_tile import LEAST
from .contractions import as_products_of_a_loop
from .forms import scatter_of


@dataclass(frozen=True)
class Statement:
    """`before` and `after` stand inside the first `depth` loops, `inside` within all of them."""

    equation: Equation
    loops: tuple[Index, ...]
    inside: tuple[Node, ...]
    depth: int = 0
    before: tuple[Node, ...] = ()
    after: tuple[Node, ...] = ()


def nodes_of(statement: Statement) -> tuple[Node, ...]:
    return (*statement.before, *statement.inside, *statement.after)


def statements(
    equation: Equation, in_place: bool, along: Index | None = None, by_blas: bool = True
) -> Iterator[Statement]:
    """`in_place`: the tensor already holds the entry that the elementwise part reads at the same indices.

    `along`: the index of the recurrence around, whose loop is there already.  `by_blas`: products are calls.
    """
    for statement in every_statement(equation, in_place, along, by_blas):
        if along not in statement.loops:
            yield statement
        else:
            outside = statement.loops.index(along) < statement.depth
            loops = tuple(index for index in statement.loops if index != along)
            yield replace(statement, loops=loops, depth=statement.depth - outside)


def every_statement(equation: Equation, in_place: bool, along: Index | None, by_blas: bool) -> Iterator[Statement]:
    target = equation.left
    plain, products, sums, scatters = sorted_terms(equation, along, by_blas)
    if not (in_place or products or sums or scatters) and (places := each_place(plain, target)):
        for at, value in places:
            loops = tuple(index for index in target.indices if index in at.free)
            yield Statement(equation, loops, (Assign(at, "=", value),))
        return
    if len(sums) == 1 and not products and not scatters:
        accumulated = accumulator(equation, sums[0], add(*plain), along)
        if accumulated is not None:
            yield accumulated
            return
    if len(sums) == 1 and isinstance(sums[0], Reduce) and sums[0].op == "max":  # of a tile, all rows side by side
        yield Statement(equation, target.indices, (Assign(target, "=", LEAST),))
        order = loop_order(target.indices, sums[0].indices, sums[0].body)
        yield Statement(equation, order, (Assign(target, "max", sums[0].body),))
        return
    start = add(*plain)
    started = in_place and isinstance(start, Read) and start.indices == target.indices
    late = bool(products) and not (in_place or sums or scatters or start == ZERO)  # a product writes over what is there
    if not (started or late or start == ZERO):
        yield Statement(equation, equation.indices, (Assign(target, "=", start),))
        started = True
    orders = [sum_order(equation, taken_apart(t)[0], along) for t in sums]
    depth = len(equation.indices)
    local_first = bool(sums) and set(orders[0][:depth]) == set(equation.indices)  # its value can be assigned
    if not started and (depth == 0 or not (products or local_first)):
        yield Statement(equation, (), (Zero(equation.tensor),))
        started = True
    for product in products:
        yield Statement(equation, product.batch, (MatrixProduct(product, accumulate=started),))
        started = True
    if late:
        yield Statement(equation, equation.indices, (Assign(target, "+=", start),))
    for term, order in zip(sums, orders, strict=True):
        reduction, others = taken_apart(term)
        if set(order[:depth]) != set(equation.indices):
            yield Statement(equation, order, (Assign(target, "+=", mul(*others, reduction.body)),))
            continue
        local = Read(f"{equation.tensor}.total")
        before, inside = (Assign(local, "=", Const(0)),), (Assign(local, "+=", reduction.body),)
        after = (Assign(target, "+=" if started else "=", mul(*others, local)),)
        yield Statement(equation, order, inside, depth, before, after)
        started = True
    for term in scatters:
        yield scattered(term, equation)


def each_place(terms: list[Term], target: Read) -> list[tuple[Read, Term]]:
    """[n == 0]*f + [n == 1]*g, with n < 2: T[.., 0] = f and T[.., 1] = g, an assignment for each value of n."""
    for index in target.indices:
        values: dict[Term, Term] = {}
        for term in terms:
            for factor in factors_of(term):
                if isinstance(factor, Compare) and factor.relation == "==" and index in (factor.left, factor.right):
                    place = factor.right if factor.left == index else factor.left
                    rest = mul(*(other for other in factors_of(term) if other is not factor))
                    if isinstance(place, Const) and index not in rest.free:
                        values[place] = add(values.get(place, ZERO), rest)
                        break
            else:
                break
        else:
            if isinstance(index.extent, Const) and values.keys() == {Const(k) for k in range(index.extent.value)}:
                return [(substitute(target, {index: place}), value) for place, value in values.items()]
    return []


def sorted_terms(equation: Equation, along: Index | None, by_blas: bool) -> tuple[list, list, list, list]:
    plain, products, sums, scatters = [], [], [], []
    for term in terms_of(equation.body):
        product = as_products_of_a_loop(term, equation.left, along) if by_blas else None
        if product is not None:
            products.append(product)
        elif scatter_of(term, equation.indices) is not None:
            scatters.append(term)
        elif any(isinstance(factor, Reduce) for factor in factors_of(term)):
            sums.append(term)
        else:
            plain.append(term)
    return plain, products, sums, scatters


def taken_apart(term: Term) -> tuple[Reduce, list[Term]]:
    reduction = next(factor for factor in factors_of(term) if isinstance(factor, Reduce))
    return reduction, [factor for factor in factors_of(term) if factor is not reduction]


def loop_order(target: tuple[Index, ...], inner: tuple[Index, ...], body: Term) -> tuple[Index, ...]:
    """The order of axes of the largest array that is read, so that the innermost loop runs along memory."""
    reads = [node for node in body.walk() if isinstance(node, Read)]
    largest = sorted(reads, key=lambda read: -len(read.free))
    axes = [[index for part in read.indices for index in in_order(part.free)] for read in largest]
    return in_order((*target, *inner), *axes, target, inner)


def sum_order(equation: Equation, reduction: Reduce, along: Index | None) -> tuple[Index, ...]:
    """The order of a sum's loops; the one that is there already is the first."""
    order = loop_order(equation.indices, reduction.indices, reduction.body)
    return in_order(order, (along,), order) if along in equation.indices else order


def accumulator(equation: Equation, term: Term, plain: Term, along: Index | None) -> Statement | None:
    """target = plain + alpha * (a local sum or maximum), where the bound loops can stand innermost."""
    reduction, others = taken_apart(term)
    order = sum_order(equation, reduction, along)
    depth = len(equation.indices)
    if set(order[:depth]) != set(equation.indices):
        if reduction.op == "sum" or (reduction.op == "max" and term == reduction and along in equation.indices):
            return None
        order = (*equation.indices, *reduction.indices)
    name = f"{equation.tensor}.{'argmax' if reduction.op == 'argmax' else 'total'}"
    own = equation.indices or plain != ZERO or others or reduction.op == "argmax"  # its index is no real number
    local = Read(name if own else equation.tensor)
    if reduction.op == "argmax":
        best = Read(f"{equation.tensor}.best")
        before = (Assign(best, "=", negative_infinity()), Assign(local, "=", Const(0)))
        inside = (Assign(best, "argmax", reduction.body, index=reduction.indices[0]),)
        return Statement(equation, order, inside, depth, before, (Assign(equation.left, "=", local),))
    start = negative_infinity() if reduction.op == "max" else Const(0)
    op = "max" if reduction.op == "max" else "+="
    after = () if local == equation.left else (Assign(equation.left, "=", add(plain, mul(*others, local))),)
    before = (Assign(local, "=", start),)
    return Statement(equation, order, (Assign(local, op, reduction.body),), depth, before, after)


def negative_infinity() -> Term:
    return mul(Const(-1), Call("inf"))


def scattered(term: Term, equation: Equation) -> Statement:
    """T[.., value, ..] += f for every entry at which the bracket holds: one addition per entry of the data."""
    reduction = next((f for f in factors_of(term) if isinstance(f, Reduce)), None)
    others = [factor for factor in factors_of(term) if factor is not reduction]
    body = mul(*others, reduction.body) if reduction is not None else term
    brackets: dict[Index, Term] = {}
    while (found := scatter_of(body, equation.indices)) is not None:
        bracket, index, value = found
        here = {index: value}  # in the other brackets too: [b == y] [i == k[b]] is the entry (y, k[y])
        brackets = {other: substitute(place, here) for other, place in brackets.items()} | here
        body = substitute(mul(*(factor for factor in factors_of(body) if factor is not bracket)), here)
    target = Read(equation.tensor, tuple(brackets.get(index, index) for index in equation.indices))
    looped = target.free | body.free
    order = loop_order(in_order(looped, equation.indices), (), body)
    return Statement(equation, tuple(index for index in order if index in looped), (Assign(target, "+=", body),))

"""How a derivative between two tensors is written: each bracket in a product of its own, indices in a fixed order.

p[b,v]*([v2 == v] - p[b,v2])/B      ->      (p[b,v]*[v == v2] - p[b,v]*p[b,v2])/B
"""

from __future__ import annotations

from dataclasses import replace

from ..calculus.collection import common_powers
from ..language.algebra import add, factors_of, mul, power, summed
from ..language.program import Program, Tensor
from ..language.rewriting import rebuild, substitute
from ..language.terms import Add, Compare, Const, Index, Mul, Read, Reduce, Term, reads


def multiplied_out(term: Term) -> Term:
    """p*([v == v2] - p') as p*[v == v2] - p*p', below sums too: each bracket in a product of its own."""
    node = rebuild(term, multiplied_out)
    if isinstance(node, Reduce) and node.op == "sum" and isinstance(node.body, Add) and has_bracket(node.body):
        return add(*(summed(node.indices, part) for part in node.body.terms))
    if not isinstance(node, Mul):
        return node
    for factor in node.factors:
        if isinstance(factor, Add) and has_bracket(factor):
            others = [other for other in node.factors if other is not factor]
            return add(*(multiplied_out(mul(term, *others)) for term in factor.terms))
    return node


def has_bracket(total: Add) -> bool:
    return any(isinstance(factor, Compare) for term in total.terms for factor in factors_of(term))


def numbers_outside(value: Term) -> Term:
    """a/B - b/B as (a - b)/B: only factors without an index."""
    if not isinstance(value, Add):
        return value
    common = [power(base, e) for base, e in common_powers(value.terms) if not base.free and not e.free]
    if not common:
        return value
    inverse = power(mul(*common), Const(-1))
    return mul(add(*(mul(term, inverse) for term in value.terms)), *common)


def in_order(value: Term, own: tuple[Index, ...], entry: tuple[Index, ...]) -> Term:
    """The indices of what is differentiated first, `p[b,v]*p[b,v2]` and `p[b,v]*[v == v2]`, brackets, then sums."""

    def place(factor: Term) -> tuple[bool, bool, bool]:
        later = not factor.free.isdisjoint(set(entry) - set(own))
        return any(isinstance(node, Reduce) for node in factor.walk()), isinstance(factor, Compare), later

    def visit(node: Term) -> Term:
        node = rebuild(node, visit)
        if isinstance(node, Mul):
            equal = {
                f.right: f.left for f in node.factors if isinstance(f, Compare) and f.left in own and f.right in entry
            }
            factors = [f if isinstance(f, Compare) else substitute(f, equal) for f in node.factors]
            return Mul(tuple(sorted(factors, key=place)))
        if isinstance(node, Compare) and node.relation == "==" and node.right in own and isinstance(node.left, Index):
            return node if node.left in own else Compare("==", node.right, node.left)
        return node

    return visit(value)


def without_indices(value: Term, shared: tuple[Index, ...], program: Program) -> tuple[Term, dict[str, Tensor]] | None:
    """The value and the tensors for one value of each shared index; None where such an index has no fixed place."""
    places: dict[str, tuple[int, ...]] = {}
    for read in reads(value):
        places.setdefault(read.tensor, tuple(k for k, index in enumerate(read.indices) if index in shared))

    def visit(node: Term) -> Term:
        node = rebuild(node, visit)
        if not isinstance(node, Read):
            return node
        fixed = tuple(k for k, index in enumerate(node.indices) if index in shared)
        if fixed != places[node.tensor]:
            return node
        return Read(node.tensor, tuple(index for k, index in enumerate(node.indices) if k not in fixed))

    opened = visit(value)
    uneven = any(
        len(r.indices) + len(places[r.tensor]) != len(program.tensors[r.tensor].indices) for r in reads(opened)
    )
    if uneven or any(isinstance(node, Index) and node in shared for node in opened.walk()):
        return None
    tensors = dict(program.tensors)
    for name, fixed in places.items():
        indices = tensors[name].indices
        tensors[name] = replace(tensors[name], indices=tuple(i for k, i in enumerate(indices) if k not in fixed))
    return opened, tensors

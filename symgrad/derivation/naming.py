"""Bound indices named for reading: the lowest number that is free, and the same one in sums that stand side by side.

exp(o[b,v])/(sum_v4 exp(o[b,v4]))**2 * sum_v3 exp(o[b,v3])    ->    ... (sum_v2 exp(o[b,v2]))**2 * sum_v2 ...
"""

from __future__ import annotations

from collections.abc import Iterable

from ..language.rewriting import fresh_index, rebuild, substitute
from ..language.terms import Binder, Index, Term


def presented(term: Term, around: Iterable[Term] = ()) -> Term:
    """The same term, its bound indices named as the module's docstring says and unlike the indices `around` it."""
    taken = frozenset(index.name for index in term.free) | {i.name for node in around for i in node.free}
    return visit(term, taken)


def visit(term: Term, taken: frozenset[str]) -> Term:
    if not isinstance(term, Binder):
        return rebuild(term, lambda child: visit(child, taken))
    # Two steps, so that an index may take a name that another one of this sum gives up.
    apart = {index: Index(f"%{index.name}", index.extent) for index in term.indices}
    chosen: list[Index] = []
    for index in term.indices:
        stem = Index(index.name.rstrip("0123456789") or index.name, index.extent)
        chosen.append(fresh_index(stem, taken | {other.name for other in chosen}))
    body = visit(substitute(term.body, apart), taken | {index.name for index in chosen})
    body = substitute(body, dict(zip(apart.values(), chosen, strict=True)))
    return term.rebound(tuple(chosen), body, tuple(visit(part, taken) for part in term.outside))

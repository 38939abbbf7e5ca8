"""The only primitives with a rule of their own: inverse, determinant and its logarithm, and where the rules come from.

    d log det M = sum_r,c (M^-1)[c,r] dM[r,c]          d det M = det M * d log det M
    d (M^-1)[i,j] = -sum_r,c (M^-1)[i,r] dM[r,c] (M^-1)[c,j]

Jacobi: det M = sum_c M[r,c] K[r,c] for each row r, with cofactors K[r,c] that hold nothing of row r, so that
d det M/dM[r,c] = K[r,c].  By Cramer K[r,c] = det M * (M^-1)[c,r] where M is invertible; the logarithm divides by det M.
The inverse: M M^-1 = I gives dM M^-1 + M d(M^-1) = 0; M^-1 from the left solves it for d(M^-1).
All of it holds where M is invertible, the logarithm where det M > 0: see `conditions`.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..language.rewriting import canonical, fresh_index, substitute
from ..language.terms import DETERMINANTS, MINUS_ONE, Inverse, Reduce, Term

Factors = tuple[Term, ...]


def around_matrix(node: Reduce | Inverse) -> tuple[Factors, Factors]:
    """(left, right) with d node = sum over `node.indices` of left * d `node.body` * right, as in the module's table."""
    taken = {index.name for inner in node.walk() for index in inner.free}
    others = []
    for index in node.indices:
        others.append(fresh_index(index, taken))
        taken.add(others[-1].name)
    indices = tuple(others)
    body = substitute(node.body, dict(zip(node.indices, indices, strict=True)))
    row, column = node.indices
    if isinstance(node, Inverse):
        above, below = node.at
        return (MINUS_ONE, Inverse(indices, body, (above, row))), (Inverse(indices, body, (column, below)),)
    left = (Reduce("det", indices, body),) if node.op == "det" else ()
    return left, (Inverse(indices, body, (column, row)),)


def conditions(terms: Iterable[Term]) -> tuple[Inverse | Reduce, ...]:
    """What the terms rest on, each once: every `Inverse` stands for "is invertible", every `logdet` for "det > 0"."""
    found: dict[Term, Inverse | Reduce] = {}
    for term in terms:
        for node in term.walk():
            if isinstance(node, Inverse):
                found.setdefault(canonical(Reduce("inverse", node.indices, node.body)), node)
            elif isinstance(node, Reduce) and node.op in DETERMINANTS[1:]:
                found.setdefault(canonical(node), node)
    return tuple(found.values())

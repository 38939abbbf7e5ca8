"""Sums in which entries get lost: over a batch of which one element is kept, over ids of which repeats count once.

dC[v,d] = sum_b [x[b] == v] g[b,d]      `dC[x] = g` keeps the last b of each id; `dC[:B] = g` forgets the ids
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...checking.interpreter import Evaluation, extent_value
from ...language.algebra import factors_of, mul, summed, terms_of
from ...language.notation import text
from ...language.terms import Compare, Index, Read, Reduce, Term
from ..binding import Meaning
from ..records import Seen
from .evidence import Evidence
from .findings import Finding, Way


def of_sums(evidence: Evidence) -> Iterator[Finding]:
    """Explanations of a claim for an adjoint by one of its sums."""
    if evidence.bound.meaning is not Meaning.ADJOINT or not evidence.fits:
        return
    truth = evidence.seen[0].at.truth
    if evidence.bound.tensor not in truth.adjoints:
        return
    equation = truth.program.equation(truth.adjoints[evidence.bound.tensor])
    for term in terms_of(equation.body):
        for index, inner in open_sums(term):
            for kind, sentence, make in MISTAKES:

                def made(seen: Seen, inner: Term = inner, index: Index = index, make=make) -> np.ndarray | None:
                    sizes = seen.at.sizes
                    evaluation = Evaluation(seen.at.values, sizes, {})
                    scope = (*equation.indices, index)
                    shape = tuple(extent_value(i.extent, sizes) for i in scope)
                    value = np.broadcast_to(evaluation.value(inner, scope), shape)
                    if not shape[-1]:
                        return None
                    mistaken = make(value)
                    if mistaken is None:
                        return None
                    right = np.asarray(seen.at.adjoint(evidence.bound.tensor))
                    return evidence.bound.spread(right - value.sum(-1) + mistaken, seen.at)

                if evidence.explained(made):
                    size = text(index.extent)
                    yield Finding(Way.DERIVATION, kind, sentence.format(index=index.name, size=size, ids=ids(inner)))
                    return


def open_sums(term: Term) -> Iterator[tuple[Index, Term]]:
    """Each index that the term sums over, and the term without that sum."""
    factors = factors_of(term)
    for position, factor in enumerate(factors):
        if isinstance(factor, Reduce) and factor.op == "sum":
            for index in factor.indices:
                others = tuple(other for other in factor.indices if other is not index)
                rest = (*factors[:position], summed(others, factor.body), *factors[position + 1 :])
                yield index, mul(*rest)


def ids(term: Term) -> str:
    """The tokens that a bracket compares with."""
    for node in term.walk():
        if isinstance(node, Compare):
            for side in (node.left, node.right):
                if isinstance(side, Read):
                    return side.tensor
    return "ids"


def last_hit(value: np.ndarray) -> np.ndarray | None:
    """Of the terms of each entry, the last that is not zero."""
    hits = value != 0
    if (hits.sum(-1) <= 1).all():
        return None
    last = value.shape[-1] - 1 - hits[..., ::-1].argmax(-1)
    return np.take_along_axis(value, last[..., None], -1)[..., 0]


def gathered(value: np.ndarray) -> np.ndarray | None:
    """The terms in the order of the sum, at the first rows."""
    if value.shape[-1] > value.shape[0] or value.ndim < 2:
        return None
    rows = np.moveaxis(value.sum(0), -1, 0)
    result = np.zeros(value.shape[:-1])
    result[: len(rows)] = rows
    return result


MISTAKES = (
    (
        "lost sum",
        "the sum over the batch ({index}, {size} elements) is missing: only the last element is kept "
        "(overwritten, = for +=)",
        lambda value: value[..., -1],
    ),
    (
        "lost sum",
        "the sum over {index} ({size}) is missing: only its first element is kept",
        lambda value: value[..., 0],
    ),
    (
        "scatter",
        "overwrite for add: an id of {ids} that is repeated counts only once (`G[k] += v` and `G[k] = v` keep the "
        "last; np.add.at adds all)",
        last_hit,
    ),
    (
        "scatter",
        "gather for scatter-add: the rows stand in the order of {index}, not at their ids {ids} (np.add.at)",
        gathered,
    ),
)

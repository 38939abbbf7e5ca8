"""What is said of a wrong claim that no single mistake explains: where and by how much it differs."""

from __future__ import annotations

import numpy as np

from ..truth import TOLERANCE
from .evidence import Evidence

NO_SINGLE = "no single mistake explains it"


def nearest(evidence: Evidence) -> str:
    """One sentence with the smallest description of the difference that was found."""
    return f"{NO_SINGLE}; nearest: {difference(evidence)}"


def difference(evidence: Evidence) -> str:
    if not evidence.seen:
        return "it has no value to compare"
    if not evidence.fits:
        seen = next(seen for seen in evidence.seen if seen.claimed.shape != seen.right.shape)
        return f"it has shape {seen.claimed.shape} where {seen.right.shape} is right"
    seen = max(evidence.seen, key=lambda one: one.right.size)
    with np.errstate(all="ignore"):
        off = np.abs(seen.claimed - seen.right)
        wrong = ~(off <= TOLERANCE * max(float(np.abs(seen.right).max(initial=0.0)), 1e-6))
        factors = (seen.claimed / seen.right)[wrong & (seen.right != 0)]
    if seen.right.ndim == 0:
        return by_factor(factors) or f"it gives {float(seen.claimed):.4g} where {float(seen.right):.4g} is right"
    sizes = f" at {seen.at.written()}" if seen.at.sizes else ""
    for axis in range(seen.right.ndim):
        others = tuple(k for k in range(seen.right.ndim) if k != axis)
        rows = np.flatnonzero(wrong.any(axis=others) if others else wrong)
        if len(rows) <= seen.right.shape[axis] // 2:
            which = ", ".join(map(str, rows))
            return f"it differs only at {which} of axis {axis}{sizes}{with_factor(factors)}"
    share = 100 * float(wrong.mean())
    return f"it differs in {share:.0f} % of its entries{sizes}{with_factor(factors)}"


def with_factor(factors: np.ndarray) -> str:
    said = by_factor(factors)
    return f", {said}" if said else ""


def by_factor(factors: np.ndarray) -> str:
    finite = factors[np.isfinite(factors)]
    if not finite.size:
        return ""
    low, high = float(finite.min()), float(finite.max())
    if np.isclose(low, high):
        return f"by a factor of {low:.4g}"
    return f"by factors between {low:.4g} and {high:.4g}"

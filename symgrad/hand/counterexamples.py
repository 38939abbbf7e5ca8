"""Numbers that show a wrong line: one entry at one point."""

from __future__ import annotations

import numpy as np

from .records import Judged, Seen
from .truth import cosine, deviation
from .verdicts import Counterexample


def counterexample(judged: Judged) -> Counterexample | None:
    """The entry that is furthest off, at the first point at which the claim differs."""
    wrong = [seen for seen in judged.compared if not seen.agrees]
    if not wrong:
        return None
    seen = next((one for one in wrong if one.claimed.shape == one.right.shape), wrong[0])
    return example_of(seen)


def example_of(seen: Seen) -> Counterexample:
    if seen.claimed.shape != seen.right.shape:
        shapes = f"the claim has shape {seen.claimed.shape}, right is {seen.right.shape}"
        return Counterexample(seen.at.sizes, seen.at.seed, (), 0.0, None, None, None, shapes)
    with np.errstate(all="ignore"):
        off = np.abs(seen.claimed - seen.right)
    off = np.where(np.isfinite(off), off, np.inf)
    entry = tuple(int(k) for k in np.unravel_index(int(off.argmax()), off.shape)) if off.ndim else ()
    return Counterexample(
        seen.at.sizes,
        seen.at.seed,
        entry,
        float(seen.right[entry]),
        float(seen.claimed[entry]),
        deviation(seen.claimed, seen.right),
        cosine(seen.claimed, seen.right),
    )

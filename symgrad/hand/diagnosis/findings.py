"""What a mistake is called, and which of several explanations is said first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

MOST = 3  # explanations of one line


class Way(IntEnum):
    """Where an explanation comes from; of each way the simplest is kept."""

    VALUE = 0  # the wrong value, taken apart
    LINE = 1  # the person's own text, with one thing changed
    DERIVATION = 2  # the right derivation, with one thing forgotten


# From the plainest kind to the one that explains least.  `vague` kinds are said only where nothing else is found.
ORDER = (
    *(
        "zero",
        "sign",
        "transpose",
        "constant",
        "lost operator",
        "scatter",
        "another tensor",
        "lost sum",
        "mean",
        "index",
    ),
    *("activation", "power", "path", "off diagonal", "name", "inner sign", "sum", "product", "term", "factor"),
    *("regularizer", "known factor", "kept", "mask", "shift", "added term", "symmetry", "flip"),
    *("several", "part", "reordered", "pattern"),
)
VAGUE = frozenset(("several", "part", "reordered", "pattern"))


@dataclass(frozen=True)
class Finding:
    """One explanation that gives the claim exactly, at every point."""

    way: Way
    kind: str
    sentence: str

    @property
    def rank(self) -> tuple[int, int]:
        return (ORDER.index(self.kind), self.way)


def simplest(findings: Iterable[Finding]) -> tuple[str, ...]:
    """The sentences to say: the simplest of each way, simplest first."""
    best: dict[Way, Finding] = {}
    for finding in findings:
        if finding.way not in best or finding.rank < best[finding.way].rank:
            best[finding.way] = finding
    kept = sorted(best.values(), key=lambda finding: finding.rank)
    if any(finding.kind not in VAGUE for finding in kept):
        kept = [finding for finding in kept if finding.kind not in VAGUE]
    return tuple(dict.fromkeys(finding.sentence for finding in kept))[:MOST]

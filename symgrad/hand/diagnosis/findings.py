"""What a mistake is called, and which of several explanations is said first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum


class Way(IntEnum):
    """Where an explanation comes from; of each way the simplest is kept."""

    VALUE = 0  # the wrong value, taken apart
    LINE = 1  # the person's own text, with one thing changed
    DERIVATION = 2  # the right derivation, with one thing forgotten


# From the plainest kind to the one that explains least; kinds on one line are one mistake in several words.
FAMILIES = (
    ("lost operator",),
    ("zero",),
    ("sign",),
    ("layout",),
    ("transpose",),
    ("constant",),
    ("mean",),
    ("scatter",),
    ("lost sum",),
    ("index",),
    ("power", "activation"),
    ("off diagonal",),
    ("held", "path"),
    ("another tensor",),
    ("name",),
    ("inner sign",),
    ("sum",),
    ("product",),
    ("regularizer",),
    ("term", "factor"),
    ("mask", "known factor"),
    ("shift",),
    ("added term",),
    ("symmetry",),
    ("flip",),
    ("kept",),
    ("several",),
    ("part",),
    ("extra factor",),
    ("pattern",),
)
KINDS = tuple(kind for family in FAMILIES for kind in family)
FAMILY = {kind: family[0] for family in FAMILIES for kind in family} | {"zero": "held"}  # all paths are missing
VAGUE = frozenset(("kept", "several", "part", "extra factor", "pattern"))  # said only where nothing else is found
QUOTED_FIRST = frozenset(("transpose", "scatter", "mean", "lost sum", "index"))  # plainest in the person's own text


@dataclass(frozen=True)
class Finding:
    """One explanation that gives the claim exactly, at every point."""

    way: Way
    kind: str
    sentence: str

    @property
    def rank(self) -> tuple[int, bool, int]:
        return (KINDS.index(self.kind), self.kind in QUOTED_FIRST and self.way is not Way.LINE, self.way)


def simplest(findings: Iterable[Finding]) -> tuple[str, ...]:
    """The sentences to say: the simplest of each way, simplest first, none in other words again."""
    best: dict[Way, Finding] = {}
    for finding in findings:
        if finding.way not in best or finding.rank < best[finding.way].rank:
            best[finding.way] = finding
    kept: dict[str, Finding] = {}
    for finding in sorted(best.values(), key=lambda finding: finding.rank):
        kept.setdefault(FAMILY[finding.kind], finding)
    if any(finding.kind not in VAGUE for finding in kept.values()):
        kept = {family: finding for family, finding in kept.items() if finding.kind not in VAGUE}
    return tuple(dict.fromkeys(finding.sentence for finding in kept.values()))

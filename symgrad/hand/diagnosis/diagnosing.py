"""The mistakes of wrong claims: one `Diagnosis` for a verification, asked for each wrong line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property

import numpy as np

from ...language.errors import DataError
from ...language.program import Tensor
from ...language.terms import Term
from ..binding import Bound, Names
from ..judging import Judge
from ..records import Judged, Seen
from ..statements import Statement
from ..truth import At, Truth, size_rows
from .contributions import of_sums
from .cuts import Cuts
from .evidence import Evidence
from .findings import Finding, simplest
from .nearest import nearest
from .repairs import Repairs
from .term_repairs import Claim, of_term
from .values import of_value


class Diagnosis:
    """`statements` and `source` where the claims are lines of code; a formula has none."""

    def __init__(self, truth: Truth, names: Names, statements: Sequence[Statement] = (), source: str = "") -> None:
        self.truth, self.names, self.source = truth, names, source
        self.repairs = Repairs(truth, names, statements, source)
        self.cuts = Cuts(truth.gradients, truth.model)

    def of_claim(self, seen: Sequence[Seen], bound: Bound) -> tuple[str, ...]:
        """Of a formula: its values beside the right ones."""
        return self.said(Evidence(tuple(seen), bound, self.names), ())

    def of_term(
        self, body: Term, claim: Claim, seen: Sequence[Seen], bound: Bound, tensors: Mapping[str, Tensor]
    ) -> tuple[str, ...]:
        """Of a formula that is a term of `tensors`; `claim` makes a changed term a claim at a point."""
        repairs = of_term(body, claim, [one.at for one in seen], tensors, self.truth.model)
        return self.said(Evidence(tuple(seen), bound, self.names), repairs)

    def of_line(self, judged: Judged, judge: Judge) -> tuple[str, ...]:
        """Of a line of code, also of one whose shapes do not fit."""
        evidence = Evidence(tuple(judged.compared), judged.record.bound, self.names, self.further(judged, judge))
        repairs = self.repairs.explanations(judged, judge, self.truth.points, self.other_points)
        return self.said(evidence, repairs)

    def said(self, evidence: Evidence, repairs: Iterable[Finding]) -> tuple[str, ...]:
        with np.errstate(all="ignore"):  # a wrong value may be infinite
            return simplest([*repairs, *self.of_evidence(evidence)]) or (nearest(evidence),)

    def of_evidence(self, evidence: Evidence) -> Iterator[Finding]:
        if not evidence.seen:
            return
        yield from of_value(evidence)
        yield from of_sums(evidence)
        yield from self.cuts.explanations(evidence)

    # -- other sizes -----------------------------------------------------------------------------------------------

    @cached_property
    def other_points(self) -> list[At]:
        """Points at which sizes that were fixed are all different, so that 2, sqrt(d) and T are told apart."""
        if not self.truth.fixed:
            return []
        found = []
        for row in size_rows(self.truth.model, {})[:2]:
            try:
                found.append(self.truth.at(row, self.truth.seed))
            except DataError:
                continue
        return found

    def further(self, judged: Judged, judge: Judge) -> tuple[Seen, ...]:
        target = self.repairs.replay.target(judged, judge)
        found = []
        for at in self.other_points:
            found += self.repairs.replay.seen({}, target, at)
        return tuple(seen for seen in found if seen.claimed.shape == seen.right.shape and not seen.agrees)

"""The mistakes of a wrong update rule: each is made in the right rule, and one that gives the claim exactly is named.

A mistake is one change of the rule's equations, in all places where the term stands, then in one of them; then two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from ...checking.interpreter import Evaluation
from ...language.program import Role
from ...language.rewriting import rebuild, unique_bound
from ...language.terms import Read, Term
from .term_repairs import Change, places
from .update_edits import KINDS, Rule

MOST_OF_A_KIND = 6  # changes that are tried in pairs
PAIRED = ("index", "sign", "power", "activation", "factor", "name", "term", "known factor", "added term")

Bodies = dict[str, Term]  # what each tensor of the line becomes, in terms of what the step is given


@dataclass(frozen=True)
class Step:
    """A step at which a line was seen: the right value of every tensor of the rule, `BEFORE` too, and whether a value
    of the target is what the line claims."""

    t: int
    sizes: Mapping[str, int]
    values: Mapping[str, np.ndarray]
    is_claimed: Callable[[np.ndarray], bool]


@dataclass(frozen=True)
class WrongRule:
    """The rule's target is claimed otherwise at `steps`, which come in the order of their runs.

    `judged` are states whose new values the code names, so that they are right whatever the line does; the others are
    its own and carry a mistake on.
    """

    rule: Rule
    judged: frozenset[str]
    steps: Sequence[Step]

    def mistakes(self) -> tuple[str, ...]:
        right = self.bodies()
        singles = list(self.changes(right))
        for change, changed in singles:
            if self.explained(changed):
                return (self.said(change),)
        for first, second in combinations(paired([change for change, _ in singles]), 2):
            if first.old != second.old and self.explained(everywhere(right, first, second)):
                return (f"two mistakes: {self.said(first)}; and {self.said(second)}",)
        return ("none of the mistakes that people make gives this line",)

    def bodies(self) -> Bodies:
        """The target and the states that are the code's own, each without definitions in between."""
        own = {new: state for state, new in self.rule.program.updates.items() if state not in self.judged | {"X"}}
        known = {self.rule.program.updates[state] for state in self.judged} | set(own)
        wanted = [*own, self.rule.target]
        return {
            name: self.inlined(self.rule.program.equation(name).body, known - {self.rule.target}) for name in wanted
        }

    def inlined(self, term: Term, known: set[str]) -> Term:
        if not isinstance(term, Read):
            return rebuild(term, lambda child: self.inlined(child, known))
        defined = self.rule.program.tensors[term.tensor].role is Role.DEFINITION and term.tensor not in known
        return self.inlined(self.rule.program.equation(term.tensor).body, known) if defined else term

    def explained(self, bodies: Bodies) -> bool:
        """Whether the rule with these bodies makes the claim at every step."""
        bodies = {name: unique_bound(body) for name, body in bodies.items()}
        old = {new: state for state, new in self.rule.program.updates.items()}
        carried: dict[str, np.ndarray] = {}
        for step in self.steps:
            values = {**step.values, **(carried if step.t > 1 else {})}
            for name, body in bodies.items():
                indices = self.rule.program.tensors[name].indices
                shape = step.values[name].shape
                try:
                    made = np.broadcast_to(Evaluation(values, step.sizes, {}).value(body, indices), shape)
                except ValueError:  # the changed term has other axes
                    return False
                values[name] = made
                if name != self.rule.target:
                    carried[old[name]] = made
            if not step.is_claimed(values[self.rule.target]):
                return False
        return True

    # -- changes ---------------------------------------------------------------------------------------------------

    def changes(self, right: Bodies) -> Iterator[tuple[Change, Bodies]]:
        """Plain kinds first; of each kind those made everywhere, then those in one place of several."""
        nodes = list(dict.fromkeys(node for body in right.values() for node, _ in places(body)))
        for kind in KINDS:
            found = [change for node in nodes for change in kind(node, self.rule)]
            for change in found:
                yield change, everywhere(right, change)
            for change in found:
                for name, body in right.items():
                    within = [make for node, make in places(body) if node == change.old]
                    if len(within) > 1 or len(right) > 1:
                        yield from ((change, {**right, name: make(change.new)}) for make in within)

    # -- words -----------------------------------------------------------------------------------------------------

    def said(self, change: Change) -> str:
        old, new = self.rule.written(change.old), self.rule.written(change.new)
        if not change.remark.startswith(" "):
            return change.remark.format(old=old, new=new)
        return f"`{new}` stands where `{old}` is right:{change.remark.format(old=old, new=new)}"


def paired(changes: Sequence[Change]) -> list[Change]:
    """Those that are tried two at a time, a few of each kind."""
    found: list[Change] = []
    for change in dict.fromkeys(changes):
        if change.kind in PAIRED and sum(other.kind == change.kind for other in found) < MOST_OF_A_KIND:
            found.append(change)
    return found


def everywhere(bodies: Bodies, *changes: Change) -> Bodies:
    new = {change.old: change.new for change in changes}

    def visit(node: Term) -> Term:
        if node in new:
            return new[node]
        return node if isinstance(node, Read) else rebuild(node, visit)

    return {name: visit(body) for name, body in bodies.items()}

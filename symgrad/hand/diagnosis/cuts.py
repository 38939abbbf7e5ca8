"""Forgotten parts of the right derivation: a path cut, a tensor held constant, a Jacobian's diagonal alone.

The adjoint of T is the sum of its paths' shares.  A mistake replaces some shares; the adjoints below are recomputed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import combinations

import numpy as np

from ...calculus.reverse import Gradients, Path, Sweep, differentiate
from ...calculus.steps import Local
from ...checking.interpreter import Values, run
from ...language.algebra import add, factors_of
from ...language.errors import DerivativeError
from ...language.notation import text
from ...language.program import Equation, Item, Program, Recurrence, equations_of
from ...language.terms import ZERO, Index, Read, Term, delta, reads
from ..binding import Meaning
from ..records import Seen
from ..truth import At
from .evidence import Evidence, close
from .findings import Finding, Way
from .hoisting import Hoisted, hoisted
from .paths import statistic

MOST_CUTS = 80  # of one derivation, tried for one claim
MOST_HELD = 8  # tensors, of which pairs are held constant


@dataclass(frozen=True)
class Cut:
    """`shares`: for a position in the gradients' `locals_`, the share that stands there by mistake."""

    kind: str
    sentence: str
    shares: Mapping[int, Term] = field(compare=False)


@dataclass
class Derivation:
    """A program's gradients whose shares can be changed."""

    gradients: Gradients
    words: Mapping[str, str] = field(default_factory=dict)  # what a definition is called, where its name says nothing

    @cached_property
    def locals_of(self) -> dict[str, list[int]]:
        """The positions of the shares of each tensor's adjoint."""
        found: dict[str, list[int]] = {}
        for position, local in enumerate(self.gradients.locals_):
            found.setdefault(local.read.tensor, []).append(position)
        return found

    @cached_property
    def adjoint_items(self) -> list[Item]:
        made = set(self.gradients.adjoints.values())
        items = self.gradients.program.items
        return [item for item in items if all(equation.tensor in made for equation in equations_of((item,)))]

    @cached_property
    def readers(self) -> dict[str, set[str]]:
        """adjoint -> the adjoints that read it."""
        found: dict[str, set[str]] = {}
        for equation in equations_of(tuple(self.adjoint_items)):
            for read in reads(equation.body):
                found.setdefault(read.tensor, set()).add(equation.tensor)
        return found

    def below(self, names: set[str]) -> set[str]:
        """The adjoints that change with these."""
        found, waiting = set(names), list(names)
        while waiting:
            for reader in self.readers.get(waiting.pop(), ()):
                if reader not in found:
                    found.add(reader)
                    waiting.append(reader)
        return found

    def adjoint(self, cut: Cut, tensor: str, values: Values, sizes: Mapping[str, int]) -> np.ndarray | None:
        """dL/dtensor with the mistake; None where the mistake does not touch it."""
        name = self.gradients.adjoints[tensor]
        changed = {self.gradients.adjoints[self.gradients.locals_[k].read.tensor] for k in cut.shares}
        touched = self.below(changed)
        if name not in touched:
            return None
        bodies = {}
        for other, positions in self.locals_of.items():
            if self.gradients.adjoints.get(other) in changed:
                locals_ = self.gradients.locals_
                bodies[self.gradients.adjoints[other]] = add(*(cut.shares.get(k, locals_[k].share) for k in positions))
        own = {key: value for key, value in values.items() if key not in touched}
        items = tuple(replaced_bodies(item, bodies) for item in self.adjoint_items if touches(item, touched))
        run(self.gradients.program, items, own, sizes)
        return np.asarray(own[name], dtype=np.float64)

    # -- the mistakes ----------------------------------------------------------------------------------------------

    def cuts(self) -> Iterator[Cut]:
        """Single paths, tensors held constant, diagonals, and two tensors held constant."""
        for position in sorted(range(len(self.gradients.locals_)), key=self.indirect):
            words = self.path_words(self.gradients.locals_[position])
            yield Cut("held" if "constant" in words else "path", words, {position: ZERO})
        yield from self.diagonals()
        held = [name for name in self.locals_of if self.is_definition(name)]
        held.sort(key=lambda name: self.word(name) == "standard deviation")
        for name in held:
            if len(self.locals_of[name]) > 1 or name in self.words:
                yield self.held_constant((name,))
        if len(held) <= MOST_HELD:
            for pair in combinations(held, 2):
                yield self.held_constant(pair)

    def indirect(self, position: int) -> bool:
        """Whether the path is better told by another: through a deviation, which is a function of a variance."""
        return self.word(self.gradients.locals_[position].read.tensor) == "standard deviation"

    def word(self, name: str) -> str:
        """The statistic that a definition is, if any."""
        if not self.is_definition(name):
            return ""
        return statistic(self.gradients.program.equation(name).body, self.gradients.program)

    def is_definition(self, name: str) -> bool:
        program = self.gradients.program
        return name != program.outputs[0] and any(e.tensor == name for e in program.equations())

    def held_constant(self, names: tuple[str, ...]) -> Cut:
        said = " and ".join(self.called(name) for name in names)
        verb = "is" if len(names) == 1 else "are"
        what = "the path through it is" if len(names) == 1 else "the paths through them are"
        positions = [k for name in names for k in self.locals_of[name]]
        return Cut("held", f"{said} {verb} treated as constant: {what} missing", dict.fromkeys(positions, ZERO))

    def called(self, name: str) -> str:
        if name in self.words:
            return self.words[name]
        word = self.word(name)
        return f"{name} (the {word})" if word else name

    def path_words(self, local: Local) -> str:
        """`the path from x through mu (the mean) is missing`."""
        here, there = local.equation.tensor, local.read.tensor
        if there in self.words:
            return f"{self.words[there]} is treated as a constant: the path through it is missing"
        word = self.word(there)
        if word:
            return f"{there} (the {word}) is treated as a constant in {here}: the path through the {word} is missing"
        through = self.called(here)
        where = f", through {text(local.read)}" if self.readings(local) > 1 else ""
        return f"a path is missing: from {there} through {through}{where}"

    def readings(self, local: Local) -> int:
        return sum(
            other.equation.tensor == local.equation.tensor and other.read.tensor == local.read.tensor
            for other in self.gradients.locals_
        )

    def diagonals(self) -> Iterator[Cut]:
        """Where an equation's entries read other entries under a sum: dp[v]/do[w] only for v = w."""
        groups: dict[tuple[str, str], dict[int, Term]] = {}
        for position, local in enumerate(self.gradients.locals_):
            share = self.diagonal(local)
            if share is not None:
                groups.setdefault((local.equation.tensor, local.read.tensor), {})[position] = share
        for (here, there), shares in groups.items():
            coupled = self.gradients.locals_[next(iter(shares))]
            own = coupled.equation.left
            word = self.words.get(here) or here
            entry = text(own) if here not in self.words else word
            yield Cut(
                "off diagonal",
                f"{word} without its off-diagonal terms: each {entry} is differentiated by its own "
                f"{text(Read(there, own.indices[-len(coupled.read.indices) :]))} only, where all share a sum "
                "(a softmax's Jacobian is no diagonal)",
                shares,
            )

    def diagonal(self, local: Local) -> Term | None:
        """The share with a summed index equal to the equation's own; None where the read has none that matches."""
        pairs = []
        for index in local.read.indices:
            if isinstance(index, Index) and index in local.indices:
                same = [
                    own
                    for own in local.equation.indices
                    if own.extent == index.extent and own not in local.read.indices
                ]
                if len(same) != 1:
                    return None
                pairs.append((index, same[0]))
        if not pairs:
            return None
        deltas = tuple(delta(index, own) for index, own in pairs)
        target = self.gradients.program.tensors[local.read.tensor]
        return self.sweep.share(local.equation, self.path(local, deltas), target)

    def path(self, local: Local, extra: tuple[Term, ...]) -> Path:
        equation, program = local.equation, self.gradients.program
        loss = equation.tensor == program.outputs[0]
        cotangent = () if loss else (Read(self.gradients.adjoints[equation.tensor], equation.indices),)
        factors = (*cotangent, *factors_of(local.local), *extra)
        return Path(local.read, factors, local.conditions, local.indices)

    @cached_property
    def sweep(self) -> Sweep:
        program = self.gradients.program
        made = set(self.gradients.adjoints.values())
        forward = [e.tensor for e in program.equations() if e.tensor not in made]
        items = tuple(item for item in program.items if all(e.tensor in forward for e in equations_of((item,))))
        tensors = {name: tensor for name, tensor in program.tensors.items() if name not in made}
        return Sweep(replace(program, items=items, tensors=tensors, outputs=program.outputs[:1]), ())


def touches(item: Item, names: set[str]) -> bool:
    return any(equation.tensor in names for equation in equations_of((item,)))


def replaced_bodies(item: Item, bodies: Mapping[str, Term]) -> Item:
    if isinstance(item, Equation):
        return replace(item, body=bodies.get(item.tensor, item.body))
    assert isinstance(item, Recurrence)
    return replace(item, items=tuple(replaced_bodies(inner, bodies) for inner in item.items))


class Cuts:
    """The mistaken derivations of one model, at the points of its truth; values are kept from claim to claim."""

    def __init__(self, gradients: Gradients, model: Program) -> None:
        self.model = model
        self.own = Derivation(gradients)

    @cached_property
    def split(self) -> tuple[Derivation, Hoisted] | None:
        """The model with its inner reductions as definitions of their own; None where it has none."""
        found = hoisted(self.model)
        if not found.words:
            return None
        wanted = [name for name in self.own.gradients.adjoints if name in found.program.tensors]
        wrt = [name for name in wanted if not self.own.is_definition(name) and name != self.model.outputs[0]]
        try:
            return Derivation(differentiate(found.program, wrt), found.words), found
        except DerivativeError:  # an inner reduction without a derivative of its own
            return None

    def explanations(self, evidence: Evidence) -> Iterator[Finding]:
        if evidence.bound.meaning is not Meaning.ADJOINT or not evidence.fits:
            return
        tensor = evidence.bound.tensor
        if tensor not in self.own.gradients.adjoints:
            return
        yield from self.tried(self.own, evidence, lambda at: at.values)
        if self.split is not None:
            derivation, made = self.split
            if tensor in derivation.gradients.adjoints:
                yield from self.tried(
                    derivation, evidence, lambda at: made.values(derivation.gradients, at), made.words
                )

    def tried(
        self,
        derivation: Derivation,
        evidence: Evidence,
        values: Callable[[At], Values],
        only: Mapping[str, str] | None = None,
    ) -> Iterator[Finding]:
        """The first cut that gives the claim at every point; `only` those that speak of these words."""
        held: dict[int, Values] = {}

        def made(seen: Seen, cut: Cut) -> np.ndarray | None:
            if id(seen) not in held:
                held[id(seen)] = values(seen.at)
            array = derivation.adjoint(cut, evidence.bound.tensor, held[id(seen)], seen.at.sizes)
            return None if array is None else evidence.bound.spread(array, seen.at)

        tried = 0
        for cut in derivation.cuts():
            if only is not None and not any(word in cut.sentence for word in only.values()):
                continue
            tried += 1
            if tried > MOST_CUTS:
                return
            first = made(evidence.seen[0], cut)
            if first is None or first.shape != evidence.seen[0].claimed.shape:
                continue
            if close(first, evidence.seen[0].claimed) and evidence.explained(lambda seen, cut=cut: made(seen, cut)):
                yield Finding(Way.DERIVATION, cut.kind, cut.sentence)
                return

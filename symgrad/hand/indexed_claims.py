"""Claims that carry their indices: `dW[v,i] = sum_b do[b,v]*h[b,i]`, `dp[v]/do[w] = p[v]*([v == w] - p[w])`.

The letters on the left are the axes of the subject; a letter that stands twice (`dp[b,v]/do[b,w]`) is its diagonal.
A side is a term of the language: it is evaluated by the interpreter and proved by its normal form.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ..checking.interpreter import Evaluation
from ..language.errors import ClaimError
from ..language.program import Role, Tensor
from ..language.rewriting import rebuild
from ..language.terms import Index, Read, Term
from .binding import Bound, Meaning, Names
from .counterexamples import example_of
from .diagnosis import Diagnosis
from .index_terms import term
from .judging import Seen
from .statements import Chain, Derivative, Expression, Item, Name
from .subjects import Subject, Subjects, placed
from .term_proofs import TermProver
from .truth import At, Truth, agree
from .verdicts import Status, Verdict


class IndexedClaims:
    def __init__(self, truth: Truth, names: Names, source: str, subjects: Subjects, diagnosis: Diagnosis) -> None:
        self.truth, self.names, self.source = truth, names, source
        self.subjects, self.diagnosis = subjects, diagnosis
        self.prover = TermProver(truth)
        self.derivatives: dict[str, tuple[str, str]] = {}  # the name of a Jacobian's entries -> of, by
        self.tensors = self.readable()
        # the model's own letters, for an index that stands on no axis
        self.letters = {i.name: i for tensor in truth.model.tensors.values() for i in tensor.indices}

    def readable(self) -> dict[str, Tensor]:
        """Everything that has entries, by the names of the file, in the file's layout."""
        found: dict[str, Tensor] = {}
        for name in (*self.names.all(), *self.names.stated):
            bound = self.names.meaning(name)
            if bound is None or bound.layout is None:
                continue
            indices = self.axes(bound)
            vocabulary = bound.layout.tensor.vocabulary if bound.meaning is Meaning.VALUE else None
            role = Role.TOKENS if vocabulary is not None else Role.DEFINITION
            found[name] = Tensor(name, indices, role, vocabulary)
        return found

    def axes(self, bound: Bound) -> tuple[Index, ...]:
        assert bound.layout is not None
        if bound.layout.plain:
            return bound.layout.tensor.indices
        return tuple(Index(f"axis{k}", extent) for k, extent in enumerate(bound.layout.extents))

    # -- one side --------------------------------------------------------------------------------------------------

    def verdict(self, chain: Chain, subject: Subject, side: Expression) -> Verdict:
        """Raises ClaimError for what cannot be read."""
        letters = self.left(chain, subject)
        indices = {index.name: index for index in letters}
        body = term(side, self.tensors, indices, self.derivative, self.letters, self.names.sizes, self.source)
        return self.verdict_on(body, letters, subject)

    def verdict_on(self, body: Term, letters: tuple[Index, ...], subject: Subject) -> Verdict:
        """On a term in the indices `letters`, one for each axis of the subject."""
        scope = tuple(dict.fromkeys(letters))
        seen = [self.seen(body, scope, letters, subject, at) for at in self.truth.points]
        verdict = Verdict(1, "", "", Status.RIGHT)
        if all(one.agrees for one in seen):
            proof = self.proof(body, scope, letters, subject, seen[0])
            return replace(verdict, how=proof or f"agrees at {len(seen)} random points")
        wrong = next(one for one in seen if not one.agrees)
        mistakes: tuple[str, ...] = ()
        if not subject.of and len(scope) == len(letters):

            def claim(changed: Term, at: At) -> Seen:
                return self.seen(changed, scope, letters, subject, at)

            mistakes = self.diagnosis.of_term(body, claim, seen, subject.bound, self.tensors)
        return replace(
            verdict,
            status=Status.WRONG,
            derived=self.subjects.derived(subject),
            mistakes=mistakes,
            example=example_of(wrong),
        )

    def left(self, chain: Chain, subject: Subject) -> tuple[Index, ...]:
        """The index on each axis of the subject."""
        node = chain.subject
        parts = (
            (node.of, node.by)
            if isinstance(node, Derivative) and subject.of
            else (node.by if isinstance(node, Derivative) else node,)
        )
        tensors = (self.truth.model.tensors[subject.of].indices,) if subject.of else ()
        axes = (*tensors, self.axes(subject.bound))
        found: list[Index] = []
        for part, extents in zip(parts, axes, strict=True):
            places = part.places if isinstance(part, Item) else ()
            if len(places) != len(extents):
                raise placed(ClaimError(f"{len(extents)} indices are needed here, got {len(places)}"), part)
            for place, own in zip(places, extents, strict=True):
                if not isinstance(place, Name):
                    raise placed(ClaimError("an index on the left has to be a letter"), part)
                found.append(Index(place.name, own.extent))
        return tuple(found)

    def seen(self, body: Term, scope: tuple[Index, ...], letters: tuple[Index, ...], subject: Subject, at: At) -> Seen:
        right = subject.right(at)
        if len(scope) != len(letters):
            place = [scope.index(letter) for letter in letters]
            right = np.einsum(right, place, list(range(len(scope))))
        value = Evaluation(self.values(body, at), at.sizes, {}).value(body, scope)
        return Seen(at, np.broadcast_to(np.asarray(value, dtype=np.float64), right.shape), right)

    def values(self, body: Term, at: At) -> Mapping[str, np.ndarray]:
        found = {}
        for name in {node.tensor for node in body.walk() if isinstance(node, Read)}:
            if name in self.derivatives:
                found[name] = at.jacobian(*self.derivatives[name])
            else:
                bound = self.names.meaning(name)
                assert bound is not None
                found[name] = np.asarray(bound.at(at))
        return found

    def derivative(self, of: Read, by: Read) -> Term:
        """The entry of d of/d by: of an adjoint, or of a Jacobian, which then is a tensor of its own."""
        whole, part = (self.names.meaning(read.tensor) for read in (of, by))
        for bound in (whole, part):
            if bound is None or bound.meaning is not Meaning.VALUE:
                raise ClaimError("only tensors of the model are differentiated, and by tensors of it")
        assert whole is not None
        assert part is not None
        if whole.tensor == self.truth.loss:
            name = f"d{part.tensor}"
            bound = self.names.meaning(name)
            if bound is None or bound.meaning is not Meaning.ADJOINT or bound.tensor != part.tensor:
                raise ClaimError(f"{name} means something else in this model, so dL/d{part.tensor} cannot be read here")
            return Read(name, by.indices)
        name = f"d{whole.tensor}/d{part.tensor}"
        indices = self.truth.model.tensors[whole.tensor].indices + self.truth.model.tensors[part.tensor].indices
        if (whole.layout and not whole.layout.plain) or (part.layout and not part.layout.plain):
            raise ClaimError(f"{name} is read in the model's own layout only; leave the shape comments out")
        self.truth.jacobian(whole.tensor, part.tensor)
        self.derivatives[name] = (whole.tensor, part.tensor)
        own = tuple(replace(index, name=f"{index.name}{k}") for k, index in enumerate(indices))
        self.tensors[name] = Tensor(name, own, Role.DEFINITION)
        return Read(name, of.indices + by.indices)

    # -- proof -----------------------------------------------------------------------------------------------------

    def proof(
        self, body: Term, scope: tuple[Index, ...], letters: tuple[Index, ...], subject: Subject, seen: Seen
    ) -> str | None:
        """`proved ...`; None where it is not, and where the file lays arrays out in its own way."""
        own = self.as_model(body)
        if own is None or (subject.bound.layout and not subject.bound.layout.plain):
            return None
        if subject.of:
            rights = [self.truth.jacobian_entry(subject.of, subject.bound.tensor, letters)]
        elif len(scope) == len(letters):
            rights = self.prover.rights_of(subject.bound, scope)
        else:
            return None
        return self.prover.proof_of(own, rights) if self.reads_alike(own, scope, seen) else None

    def reads_alike(self, own: Term, scope: tuple[Index, ...], seen: Seen) -> bool:
        """Whether the term in the derivation's names has the claim's numbers."""
        value = Evaluation(seen.at.values, seen.at.sizes, {}).value(own, scope)
        return agree(np.broadcast_to(np.asarray(value, dtype=np.float64), seen.claimed.shape), seen.claimed)

    def as_model(self, body: Term) -> Term | None:
        """The term in the names of the derivation; None where it reads what that does not have."""
        if any(isinstance(node, Read) and self.model_name(node.tensor) is None for node in body.walk()):
            return None
        return self.renamed(body)

    def renamed(self, term: Term) -> Term:
        node = rebuild(term, self.renamed)
        if not isinstance(node, Read):
            return node
        if node.tensor in self.derivatives:
            return self.truth.jacobian_entry(*self.derivatives[node.tensor], node.indices)
        name = self.model_name(node.tensor)
        assert name is not None
        return Read(name, node.indices)

    def model_name(self, name: str) -> str | None:
        """The tensor of the derivation that a name of the file is; None where it has another layout, or none."""
        if name in self.derivatives:
            return name
        bound = self.names.meaning(name)
        if bound is None or (bound.layout is not None and not bound.layout.plain):
            return None
        return bound.tensor if bound.meaning is Meaning.VALUE else self.truth.adjoints.get(bound.tensor)

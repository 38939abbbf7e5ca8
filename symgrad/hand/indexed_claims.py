"""Claims that carry their indices: `dW[v,i] = sum_b do[b,v]*h[b,i]`, `dp[v]/do[w] = p[v]*([v == w] - p[w])`.

The letters on the left are the axes of the subject; a letter that stands twice (`dp[b,v]/do[b,w]`) is its diagonal.
A side is a term of the language: it is evaluated by the interpreter and proved by its normal form.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import replace
from itertools import permutations

import numpy as np

from ..checking.interpreter import Evaluation
from ..language.errors import ClaimError, SymgradError
from ..language.program import Role, Tensor
from ..language.rewriting import rebuild
from ..language.terms import Index, Read, Term
from .binding import Meaning, Names
from .code_claims import CodeVerification
from .counterexamples import example_of
from .diagnosis import NO_SINGLE, Diagnosis
from .formula_code import NoCode
from .formula_repairs import repaired
from .formula_scope import FormulaScope, axes
from .index_terms import IndexMisfit, term
from .matrix_formulas import MatrixReading
from .own_formulas import OwnEntries, entry_lines, extents_of
from .records import Seen
from .statements import Chain, Derivative, Expression, Item, Name, names_in, target_name
from .subjects import Subject, Subjects, placed
from .term_proofs import TermProver
from .truth import At, Truth, agree
from .verdicts import Status, Verdict


class NoFormula(Exception):
    """A name that the derivation has no formula for."""


class IndexedClaims:
    def __init__(self, truth: Truth, names: Names, source: str, subjects: Subjects, diagnosis: Diagnosis) -> None:
        self.truth, self.names, self.source = truth, names, source
        self.subjects, self.diagnosis = subjects, diagnosis
        self.prover = TermProver(truth)
        self.derivatives: dict[str, tuple[str, str]] = {}  # the name of a Jacobian's entries -> of, by
        self.scope = FormulaScope.of(truth, names)
        self.tensors = dict(self.scope.given)

    def within(self, scope: FormulaScope) -> IndexedClaims:
        """The same for formulas in another scope."""
        found = copy(self)
        found.scope, found.tensors = scope, dict(self.tensors)
        return found

    def lowered(self, side: Expression, letters: tuple[Index, ...]) -> Term:
        """Raises ClaimError for what cannot be read."""
        own = {name: tensor for name, tensor in self.scope.tensors(names_in(side)).items() if name in self.scope.own}
        self.tensors = {**self.tensors, **own}
        indices = {index.name: index for index in letters}
        scope = self.scope
        return term(
            side, self.tensors, indices, self.derivative, scope.letters, self.names.sizes, self.source, scope.start
        )

    def defined(self, chain: Chain, side: Expression) -> OwnEntries:
        """What a chain about a name of the file's own defines."""
        places = chain.subject.places if isinstance(chain.subject, Item) else ()
        if not all(isinstance(one, Name) for one in places) or len({*places}) != len(places):
            error = ClaimError("the indices of a name that is defined have to be letters, all different")
            raise placed(error, chain.subject)
        letters = extents_of(side, tuple(one.name for one in places if isinstance(one, Name)), self.scope)
        body = self.lowered(side, letters)
        return OwnEntries(target_name(chain.subject), letters, body, side, self.scope, self.values)

    # -- one side --------------------------------------------------------------------------------------------------

    def verdict(self, chain: Chain, subject: Subject, side: Expression, in_full: bool = True) -> Verdict:
        """Proved or diagnosed where `in_full`.  Raises ClaimError for what cannot be read."""
        letters = self.left(chain, subject)
        try:
            verdict = self.verdict_on(self.lowered(side, letters), letters, subject, in_full)
        except IndexMisfit as error:
            shown = Verdict(1, "", "", Status.WRONG, error=str(error), column=error.column)
            verdict = replace(shown, derived=self.subjects.derived(subject))
        if verdict.status is not Status.WRONG or not in_full:
            return verdict
        told = self.repaired(side, letters, subject)
        if told is None:
            # in the person's own spelling; where the loops of the code take too long, as terms
            return replace(verdict, mistakes=explained(self.as_code(side, letters, subject)) or verdict.mistakes)
        return replace(verdict, mistakes=(told, *explained(verdict.mistakes)))

    def as_code(self, side: Expression, letters: tuple[Index, ...], subject: Subject) -> tuple[str, ...]:
        """What is said of the formula as the code that computes its entries; nothing where there is none."""
        if subject.of:
            return ()
        try:
            lines = entry_lines(subject.name, side, letters, MatrixReading(self.scope, self.truth.points[0]))
            found = CodeVerification(self.truth, self.names, self.source, lines).verdicts()
            verdict = next(one for start, one in found if start == side.span[0])
        except (NoCode, ClaimError):
            return ()
        return verdict.mistakes if verdict.status is Status.WRONG else ()

    def repaired(self, side: Expression, letters: tuple[Index, ...], subject: Subject) -> str | None:
        """What is wrong where one index put right makes it hold."""

        def holds(expression: Expression, left: tuple[Index, ...] = letters) -> bool:
            try:
                body = self.lowered(expression, left)
                scope = tuple(dict.fromkeys(left))
                return all(self.seen(body, scope, left, subject, at).agrees for at in self.truth.points)
            except SymgradError:
                return False

        for order in permutations(letters):
            names = tuple(index.name for index in order)
            if names == tuple(index.name for index in letters) or subject.of:
                continue
            left = tuple(Index(name, index.extent) for name, index in zip(names, letters, strict=True))
            if holds(side, left):
                which = ",".join(names)
                return f"the indices on the left are exchanged (a transpose): it is right for {subject.name}[{which}]"
        tokens = [name for name, one in self.tensors.items() if one.role is Role.TOKENS and len(one.indices) == 1]
        return repaired(side, holds, self.source, tokens)

    def verdict_on(self, body: Term, letters: tuple[Index, ...], subject: Subject, in_full: bool = True) -> Verdict:
        """On a term in the indices `letters`, one for each axis of the subject."""
        scope = tuple(dict.fromkeys(letters))
        seen = [self.seen(body, scope, letters, subject, at) for at in self.truth.points]
        verdict = Verdict(1, "", "", Status.RIGHT)
        if all(one.agrees for one in seen):
            proof = self.proof(body, scope, letters, subject, seen[0]) if in_full else None
            return replace(verdict, how=proof or f"agrees at {len(seen)} random points")
        wrong = next(one for one in seen if not one.agrees)
        mistakes: tuple[str, ...] = ()
        if in_full and not subject.of and len(scope) == len(letters):

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
        axes_ = (*tensors, axes(subject.bound))
        found: list[Index] = []
        for part, extents in zip(parts, axes_, strict=True):
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
            elif self.is_own(name):
                found[name] = self.scope.own[name].entries(at)
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
        try:
            return self.renamed(body)
        except NoFormula:
            return None

    def renamed(self, term: Term) -> Term:
        node = rebuild(term, self.renamed)
        if not isinstance(node, Read):
            return node
        if self.is_own(node.tensor):
            entry = self.scope.own[node.tensor].entry(node.indices)
            if entry is None:
                raise NoFormula
            return self.renamed(entry)
        if node.tensor in self.derivatives:
            return self.truth.jacobian_entry(*self.derivatives[node.tensor], node.indices)
        name = self.model_name(node.tensor)
        if name is None:
            raise NoFormula
        return Read(name, node.indices)

    def is_own(self, name: str) -> bool:
        return name in self.scope.own and name not in self.derivatives and self.names.meaning(name) is None

    def model_name(self, name: str) -> str | None:
        """The tensor of the derivation that a name of the file is; None where it has another layout, or none."""
        if name in self.derivatives:
            return name
        bound = self.names.meaning(name)
        if bound is None or (bound.layout is not None and not bound.layout.plain):
            return None
        return bound.tensor if bound.meaning is Meaning.VALUE else self.truth.adjoints.get(bound.tensor)


def explained(mistakes: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(one for one in mistakes if not one.startswith(NO_SINGLE))

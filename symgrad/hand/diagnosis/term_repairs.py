"""Repairing a claim in index notation: single changes of its term are tried until it is right at every point."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from ...language.algebra import add, mul, negated
from ...language.functions import ELEMENTARY
from ...language.notation import text
from ...language.program import Program, Tensor
from ...language.rewriting import rebuild
from ...language.terms import ONE, Add, Call, Const, Mul, Pow, Read, Size, Term
from ..records import Seen
from ..truth import At
from .findings import Finding, Way
from .likeness import mistaken_for

MOST_TRIED = 1500
APPLIED = ("tanh", "exp", "log")

Claim = Callable[[Term, At], Seen]


@dataclass(frozen=True)
class Change:
    """What stands in the place of one node."""

    kind: str
    old: Term
    new: Term
    remark: str


def of_term(
    body: Term, claim: Claim, points: Sequence[At], tensors: Mapping[str, Tensor], program: Program
) -> Iterator[Finding]:
    """The first change that makes `claim` right at every point; `tensors` are those that a formula can read."""
    tried = 0
    for kind in KINDS:
        for node, within in places(body):
            for change in kind(node, tensors, program):
                tried += 1
                if tried > MOST_TRIED:
                    return
                changed = within(change.new)
                if all(claim(changed, at).agrees for at in points):
                    said = f"`{text(change.old)}` stands where `{text(change.new)}` is right ({change.remark})"
                    yield Finding(Way.LINE, change.kind, said)
                    return
    for change in renamings(body, tensors, program):
        changed = renamed(body, change.old.tensor, change.new.tensor)
        if all(claim(changed, at).agrees for at in points):
            said = f"`{change.old.tensor}` stands where `{change.new.tensor}` is right (everywhere; {change.remark})"
            yield Finding(Way.LINE, change.kind, said)
            return


def places(term: Term) -> Iterator[tuple[Term, Callable[[Term], Term]]]:
    """Every node but those in indices, and what the whole is with another one there."""
    yield term, lambda new: new
    if isinstance(term, Read):
        return
    for position, child in enumerate(term.children):
        for node, within in places(child):

            def outer(new: Term, position: int = position, within: Callable = within) -> Term:
                children = term.children
                return term.with_children((*children[:position], within(new), *children[position + 1 :]))

            yield node, outer


Changes = Iterator[Change]


def swapped_indices(node: Term, tensors: Mapping[str, Tensor], program: Program) -> Changes:
    if isinstance(node, Read):
        for first, second in combinations(range(len(node.indices)), 2):
            indices = list(node.indices)
            indices[first], indices[second] = indices[second], indices[first]
            new = Read(node.tensor, tuple(indices))
            yield Change("transpose", node, new, "the indices are swapped: a transpose is missing")


def powers(node: Term, tensors: Mapping[str, Tensor], program: Program) -> Changes:
    match node:
        case Add(terms) if ONE in terms:
            for k, part in enumerate(terms):
                inner = negated(part)
                if isinstance(inner, Read | Call):
                    new = Add((*terms[:k], negated(Pow(inner, Const(2))), *terms[k + 1 :]))
                    yield Change("power", node, new, "1 - h for 1 - h**2, the derivative of tanh")
        case Pow(base, Const(value)):
            for other in (value - 1, value + 1, -value):
                if other:
                    new = base if other == 1 else Pow(base, Const(other))
                    yield Change("power", node, new, "a wrong exponent")
        case Read() | Call():
            yield Change("power", node, Pow(node, Const(2)), "a square is missing")


def functions(node: Term, tensors: Mapping[str, Tensor], program: Program) -> Changes:
    if isinstance(node, Call) and len(node.arguments) == 1:
        yield Change("activation", node, node.arguments[0], f"{node.function} is applied once too often")


def missing_functions(node: Term, tensors: Mapping[str, Tensor], program: Program) -> Changes:
    if isinstance(node, Read | Add):
        for word in APPLIED:
            if word in ELEMENTARY:
                yield Change("activation", node, Call(word, (node,)), f"the function {word} is missing")


def other_tensors(node: Term, tensors: Mapping[str, Tensor], program: Program) -> Changes:
    if not isinstance(node, Read) or node.tensor not in tensors:
        return
    own = tensors[node.tensor]
    for name, tensor in tensors.items():
        if name != node.tensor and tensor.shape == own.shape and tensor.vocabulary == own.vocabulary:
            yield Change("name", node, Read(name, node.indices), mistaken_for(node.tensor, name, program))


def signs(node: Term, tensors: Mapping[str, Tensor], program: Program) -> Changes:
    match node:
        case Add((Pow(Add(), Const(-1)) as sigmoid, Const(-1)) | (Const(-1), Pow(Add(), Const(-1)) as sigmoid)):
            remark = (
                "the sign inside the sigmoid is wrong: sigmoid(z) - 1 is -sigmoid(-z), a negative taken for a positive"
            )
            yield Change("inner sign", node, sigmoid, remark)
    if isinstance(node, Add):
        for k, part in enumerate(node.terms):
            new = Add((*node.terms[:k], negated(part), *node.terms[k + 1 :]))
            yield Change("inner sign", node, new, "a sign is wrong")
    if isinstance(node, Call):
        new = Call(node.function, tuple(map(negated, node.arguments)))
        yield Change("inner sign", node, new, f"a sign inside {node.function} is wrong")


def dropped(node: Term, tensors: Mapping[str, Tensor], program: Program) -> Changes:
    if isinstance(node, Add):
        for k, part in enumerate(node.terms):
            yield Change("term", node, add(*node.terms[:k], *node.terms[k + 1 :]), f"an extra term {text(part)}")
    if isinstance(node, Mul):
        for k, part in enumerate(node.factors):
            yield Change(
                "factor", node, mul(*node.factors[:k], *node.factors[k + 1 :]), f"an extra factor {text(part)}"
            )


def constants(node: Term, tensors: Mapping[str, Tensor], program: Program) -> Changes:
    """A term of a sum times a number or a size."""
    if isinstance(node, Add):
        sizes = {extent for tensor in tensors.values() for extent in tensor.shape if isinstance(extent, Size)}
        factors = [Const(2), Pow(Const(2), Const(-1))]
        for extent in sorted(sizes, key=text):
            factors += [extent, Pow(extent, Const(-1))]
        for k, part in enumerate(node.terms):
            for factor in factors:
                new = Add((*node.terms[:k], mul(factor, part), *node.terms[k + 1 :]))
                yield Change("constant", node, new, f"a wrong constant: the factor {text(factor)} is missing")


def known_factors(node: Term, tensors: Mapping[str, Tensor], program: Program) -> Changes:
    """A read times the entry of a tensor with the same indices, or with some of them."""
    if not isinstance(node, Read):
        return
    for name, tensor in tensors.items():
        if name == node.tensor or not tensor.indices:
            continue
        by_extent = {index.extent: index for index in node.indices if hasattr(index, "extent")}
        places = tuple(by_extent.get(extent) for extent in tensor.shape)
        if None not in places and len(set(places)) == len(places):
            factor = Read(name, places)
            new = mul(node, factor)
            yield Change("known factor", node, new, f"the factor {text(factor)} is missing")


def renamings(body: Term, tensors: Mapping[str, Tensor], program: Program) -> Iterator[Change]:
    read = {node.tensor: node for node in body.walk() if isinstance(node, Read)}
    for node in read.values():
        yield from other_tensors(node, tensors, program)


def renamed(term: Term, old: str, new: str) -> Term:
    node = rebuild(term, lambda child: renamed(child, old, new))
    return Read(new, node.indices) if isinstance(node, Read) and node.tensor == old else node


KINDS = (
    swapped_indices,
    powers,
    functions,
    other_tensors,
    signs,
    dropped,
    constants,
    missing_functions,
    known_factors,
)

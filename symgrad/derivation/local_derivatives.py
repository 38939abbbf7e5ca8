"""d X[i] / d T[k] for every equation X[i] = f(...) and every tensor T that f reads, with the reason.

    do/da = 1 - o**2                 from F4: d tanh(a)/da = 1 - tanh(a)**2, and tanh(a) is o
    do[b,v]/dW2[v,i] = h[b,i]        from F3; an index that both sides carry is equal, elsewhere the derivative is 0
    dp[b,v]/do[b,v2] = p[b,v]*([v2 == v] - p[b,v2])      from F4, which connects every v with every v2

These are whole partial derivatives: where an equation reads a tensor twice, both paths are in the value.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..calculus.collection import collect
from ..calculus.deltas import contract
from ..calculus.local import derivative
from ..calculus.reverse import Gradients
from ..calculus.saved import Reuse, Saved
from ..calculus.steps import Local, Reason, Rule
from ..language.algebra import add, factors_of, mul, summed, terms_of, where
from ..language.notation import text
from ..language.program import Equation, Tensor
from ..language.ranges import same_extent
from ..language.rewriting import fresh_index, substitute
from ..language.terms import ZERO, Call, Index, Read, Term, Where, delta
from .naming import presented
from .reasons import joined, spelled


@dataclass(frozen=True)
class LocalDerivative:
    """d `of` / d `by` = `value`, which follows from `equation`.

    `shared` are the indices that both carry: where they differ the derivative is 0.  `rules` are the elementary
    derivatives behind it, `saved` the values that stand in it instead of being computed again.
    `partial` says that dL/dX has other parts beside what the loss's own equation gives; `letter` stands for an argument
    that is no single tensor when a rule is written down.
    """

    equation: Equation
    by: Read
    value: Term
    shared: tuple[Index, ...]
    rules: tuple[Rule, ...]
    saved: tuple[Saved, ...]
    partial: bool = False
    letter: str = "u"

    @property
    def of(self) -> Read:
        return self.equation.left

    @property
    def name(self) -> str:
        """`do[b,v]/dW2[v,i]`; with `|F5` where only the part that F5 gives itself is meant."""
        return f"d{text(self.of)}/d{text(self.by)}" + (f"|{self.equation.label}" if self.partial else "")

    @property
    def reason(self) -> str:
        """`from F4: d tanh(a)/da = 1 - tanh(a)**2, and tanh(a) is o`."""
        return spelled(self.because)

    @property
    def because(self) -> Reason:
        """The reason as words and terms."""
        rules = dict.fromkeys(explained(rule, self.letter) for rule in self.rules if isinstance(rule.function, Call))
        saved = [(saved.pattern, " is ", saved.value) for saved in self.saved]
        details = joined([joined(part, ", ") for part in (rules, saved) if part], ", and ")
        return (f"{self.source}: ", *details) if details else (self.source,)

    @property
    def source(self) -> str:
        """`from F4`, and what is special about it."""
        source = f"from {self.equation.label}"
        if self.partial:
            source += f", its own part of d{text(self.of)}/d{text(self.by)}"
        pairs = [f"every {i.name} with every {k.name}" for i, k in self.connected]
        return source + (f", which connects {' and '.join(pairs)}" if pairs else "")

    @property
    def connected(self) -> tuple[tuple[Index, Index], ...]:
        """Pairs of different indices over one axis: a sum or a maximum in the equation connects them."""
        own = [index for index in self.equation.indices if index not in self.shared]
        others = [index for index in self.by.indices if isinstance(index, Index) and index not in self.shared]
        return tuple((i, k) for i in own for k in others if same_extent(i.extent, k.extent))


def local_derivatives(gradients: Gradients) -> tuple[LocalDerivative, ...]:
    """One for each equation and tensor that it reads, from the loss down, in the order of reading."""
    adjoints = set(gradients.adjoints.values())
    forward = [equation for equation in gradients.program.equations() if equation.tensor not in adjoints]
    groups: dict[tuple[str, str], list[Local]] = {}
    for local in gradients.locals_:
        groups.setdefault((local.equation.tensor, local.read.tensor), []).append(local)
    tensors = gradients.program.tensors
    vocabularies = {t.name: t.vocabulary for t in tensors.values() if t.vocabulary is not None}
    reuse = Reuse(forward, vocabularies)
    letter = next(name for name in (*"uszrq", "argument") if name not in tensors)
    loss, readers = gradients.program.outputs[0], Counter(name for _, name in groups)
    return tuple(
        replace(
            partial_derivative(paths, tensors[name], reuse, vocabularies),
            partial=reader == loss and readers[name] > 1,
            letter=letter,
        )
        for (reader, name), paths in groups.items()
    )


def reasons(locals_: Sequence[LocalDerivative]) -> list[Reason]:
    """The reason of each; a function's derivative, and that its value is saved, is explained where it is met first."""
    met: set[tuple[str, bool]] = set()
    result = []
    for local in locals_:
        functions = {
            (rule.function.function, bool(local.saved)) for rule in local.rules if isinstance(rule.function, Call)
        }
        result.append((local.source,) if functions and functions <= met else local.because)
        met |= functions
    return result


def partial_derivative(
    paths: list[Local], tensor: Tensor, reuse: Reuse, vocabularies: dict[str, Term]
) -> LocalDerivative:
    """The sum over the paths of sum_path (product on the path) * [k == e], simplified."""
    equation = paths[0].equation
    taken = {index.name for index in equation.indices}
    entry = []
    for index in tensor.indices:
        entry.append(fresh_index(index, taken))
        taken.add(entry[-1].name)
    value = contract(add(*(path_entry(path, tuple(entry)) for path in paths)), vocabularies)
    shared: list[Index] = []
    for position, index in enumerate(entry):
        equal = equal_index(value, index, [i for i in equation.indices if i not in shared])
        if equal is not None:
            value = contract(substitute(value, {index: equal}), vocabularies)
            entry[position] = equal
            shared.append(equal)
    value, saved = reuse(value)
    value = collect(contract(value, vocabularies))
    rules = tuple(rule for path in paths for rule in path.rules)
    by = Read(tensor.name, tuple(entry))
    value = presented(value, (*equation.indices, *entry))
    return LocalDerivative(equation, by, value, tuple(shared), rules, tuple(dict.fromkeys(saved)))


def path_entry(path: Local, entry: tuple[Index, ...]) -> Term:
    """sum over the path's indices of (product on it) * [k == e], for the entry k."""
    taken = {index.name for index in (*entry, *path.equation.indices, *path.indices)}
    renamed: dict[Term, Term] = {}
    for index in path.indices:
        if index.name in {other.name for other in entry}:
            renamed[index] = fresh_index(index, taken)
            taken.add(renamed[index].name)
    places = [substitute(place, renamed) for place in path.read.indices]
    deltas = [delta(e, k) if isinstance(e, Index) else delta(k, e) for k, e in zip(entry, places, strict=True)]
    body = mul(substitute(path.local, renamed), *deltas)
    if path.conditions:
        body = where(substitute(mul(*path.conditions), renamed), body, ZERO)
    return summed(tuple(renamed.get(index, index) for index in path.indices), body)


def equal_index(value: Term, index: Index, candidates: list[Index]) -> Index | None:
    """The candidate i for which every term of `value` carries [index == i]."""
    for candidate in candidates:
        brackets = (delta(index, candidate), delta(candidate, index))
        if all(any(bracket in product_of(term) for bracket in brackets) for term in terms_of(value)):
            return candidate
    return None


def product_of(term: Term) -> tuple[Term, ...]:
    """The factors of a product, also of one that stands under a condition."""
    if isinstance(term, Where) and term.other == ZERO:
        return product_of(term.then)
    return factors_of(term)


def explained(rule: Rule, letter: str) -> Reason:
    """`d tanh(a)/da = 1 - tanh(a)**2`: the argument by its name, or a letter where it is no single tensor."""
    arguments = list(rule.function.children)
    argument = arguments[rule.position]
    name = Read(argument.tensor if isinstance(argument, Read) else letter)
    arguments[rule.position] = name
    function = rule.function.with_children(tuple(arguments))
    return ("d ", function, "/d", name, " = ", derivative(function, rule.position))

"""Saved forward values instead of recomputation: `1 - h**2` for `1 - tanh(a)**2`.

A definition's value says more than its own right side.  With h, r and m defined as on the left,

    h = tanh(a)                 tanh(a)                 ->  h
    r = 1/sqrt(u)               (u)**(-3/2)             ->  r**3           a whole power of a root
    h = max(0, u)               [0 < u]                 ->  [0 < h]
    m = 1/H * sum_i x           sum_i x                 ->  H*m
    h = f(h[t-1] if 0 <= t - 1 else s)      f(h[t])     ->  h[t+1]         where the condition is proven
                                            f(s)        ->  h[0]           where its opposite is
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from ..language.algebra import add, construct, mul, power, summed
from ..language.program import Equation
from ..language.ranges import Known, narrowed
from ..language.rewriting import rebuild, substitute, unique_bound
from ..language.terms import (
    MINUS_ONE,
    ONE,
    ZERO,
    Add,
    Call,
    Compare,
    Const,
    Index,
    Mul,
    Pow,
    Read,
    Reduce,
    Term,
    Where,
    reads,
)
from .collection import negation
from .deltas import contract, proven
from .inlining import inline
from .matching import NOTHING, Binding, match, replace_part


@dataclass(frozen=True)
class Saved:
    """`pattern` is `value`, for every value of the equation's indices for which `conditions` hold."""

    equation: Equation
    pattern: Term
    value: Term
    conditions: tuple[Term, ...] = ()

    @property
    def variables(self) -> frozenset[Index]:
        return frozenset(self.equation.indices)

    @property
    def is_bound_by_its_pattern(self) -> bool:
        """Whether a match says where the value is to be read; along an axis of one entry it is at 0."""
        return all(index in self.pattern.free or index.extent == ONE for index in self.equation.indices)

    def at(self, binding: Binding) -> Term:
        """The value where the variables are bound so."""
        only = {index: ZERO for index in self.equation.indices if index.extent == ONE}
        return substitute(self.value, {**only, **binding})


def what_is_saved(equation: Equation) -> Iterator[Saved]:
    """The table of the module's docstring for one definition; whole powers are found by `Reuse.root`."""
    body, left = equation.body, equation.left
    if is_short(body):
        return
    yield Saved(equation, body, left)
    match body:
        case Call("max", (Const() as bound, argument)) if not isinstance(argument, Read):
            yield Saved(equation, Compare("<", bound, argument), Compare("<", bound, left))
        case Call("min", (Const() as bound, argument)) if not isinstance(argument, Read):
            yield Saved(equation, Compare("<", argument, bound), Compare("<", left, bound))
        case Mul(factors):
            sums = [factor for factor in factors if isinstance(factor, Reduce) and factor.op == "sum"]
            scale = mul(*(factor for factor in factors if factor not in sums))
            if len(sums) == 1 and not scale.free and not reads(scale):
                yield Saved(equation, sums[0], mul(left, power(scale, MINUS_ONE)))
    if any(read.tensor == equation.tensor for read in reads(body)):
        conditions = tuple(dict.fromkeys(node.condition for node in body.walk() if isinstance(node, Where)))
        yield Saved(equation, decided(body, True), left, conditions)
        opposite = tuple(map(negation, conditions))
        if None not in opposite:
            yield Saved(equation, decided(body, False), left, opposite)


def below(node: Term, visit: Callable[[Term, Known], Term], known: Known) -> Term:
    """The node with its children visited, each branch of a case with what its condition says there."""
    if not isinstance(node, Where):
        return rebuild(node, lambda child: visit(child, known))
    then = visit(node.then, narrowed(node.condition, known, True))
    return Where(visit(node.condition, known), then, visit(node.other, narrowed(node.condition, known, False)))


def is_short(body: Term) -> bool:
    """Whether it is only a read, a number or a bracket: no value worth saving."""
    return isinstance(body, Read | Const | Index | Compare)


def decided(term: Term, truth: bool) -> Term:
    """The term with every `a if c else b` as a, or as b."""
    node = construct(rebuild(term, lambda child: decided(child, truth)))
    return (node.then if truth else node.other) if isinstance(node, Where) else node


class Reuse:
    """Every occurrence of what a definition has saved becomes a read of it."""

    def __init__(self, definitions: list[Equation], vocabularies: Mapping[str, Term] | None = None) -> None:
        self.vocabularies = vocabularies or {}
        saved = [s for e in definitions for s in what_is_saved(e) if s.is_bound_by_its_pattern]
        self.made = {equation.tensor: equation for equation in definitions}
        # larger ones are tried first
        self.saved = sorted(saved, key=lambda s: -sum(1 for _ in s.pattern.walk()))

    def __call__(self, term: Term, known: Known = NOTHING) -> tuple[Term, list[Saved]]:
        """The rewritten term, and what was found in it; `known` holds where it stands."""
        used: list[Saved] = []
        memo: dict[tuple[Term, frozenset], Term] = {}

        def visit(node: Term, known: Known) -> Term:
            key = node, frozenset(known.items())
            if key not in memo:
                found = self.at(node, used, known)
                memo[key] = found if found is not None else self.again(below(node, visit, known), used, known)
            return memo[key]

        return visit(term, known), used

    def known_sums(self, term: Term) -> Term:
        """sum_i (x[i] - m) as 0, where m is the mean of x; sum_v p[v] as 1, where p is a softmax."""
        node = rebuild(term, self.known_sums)
        node = construct(node) if node is not term else node
        if isinstance(node, Reduce) and node.op == "sum":
            if isinstance(node.body, Add):
                apart = add(*(self(summed(node.indices, part))[0] for part in node.body.terms))
                return ZERO if apart == ZERO else node
            if isinstance(node.body, Read) and node.body.tensor in self.made:
                body = inline(node.body, self.made[node.body.tensor])
                whole = contract(Reduce("sum", node.indices, body), self.vocabularies)
                return whole if isinstance(whole, Const) else node
        return node

    def again(self, node: Term, used: list[Saved], known: Known) -> Term:
        """What its children have become may have made the node the body of a definition."""
        found = self.at(node, used, known)
        return node if found is None else found

    def at(self, node: Term, used: list[Saved], known: Known) -> Term | None:
        for saved in self.saved:
            for binding in match(saved.pattern, node, saved.variables, {}, known):
                if all(
                    proven(substitute(condition, binding), self.vocabularies) == ONE for condition in saved.conditions
                ):
                    used.append(saved)
                    return saved.at(binding)
            found = self.root(node, saved, used, known) or self.part(node, saved, used, known)
            if found is not None:
                return found
        return None

    def root(self, node: Term, saved: Saved, used: list[Saved], known: Known) -> Term | None:
        """u**(e*n) as r**n, where r = u**e is a root."""
        pattern = saved.pattern
        if not (isinstance(node, Pow) and isinstance(pattern, Pow) and saved.value == saved.equation.left):
            return None
        if not (isinstance(node.exponent, Const) and isinstance(pattern.exponent, Const)):
            return None
        if not isinstance(pattern.exponent.value, Fraction) or isinstance(node.exponent.value, float):
            return None
        times = Fraction(node.exponent.value) / pattern.exponent.value
        if times.denominator != 1:
            return None
        for binding in match(pattern.base, node.base, saved.variables, {}, known):
            used.append(saved)
            return power(saved.at(binding), Const(times))
        return None

    def part(self, node: Term, saved: Saved, used: list[Saved], known: Known) -> Term | None:
        """A product that holds the product that was saved."""
        if not (isinstance(node, Mul) and isinstance(saved.pattern, Mul)) or saved.conditions:
            return None
        for bound, product in ((), node), *opened(node):
            for binding, cofactor in replace_part(product, saved.pattern, saved.variables, known):
                if bound and not any(value.free & set(bound) for value in binding.values()):
                    continue  # found without what stands under the sum
                used.append(saved)
                return self(summed(bound, mul(saved.at(binding), cofactor)), known)[0]
        return None


def opened(product: Mul) -> Iterator[tuple[tuple[Index, ...], Mul]]:
    """(v, p) with product = sum_v p, for each sum among its factors: 1/S * sum_v exp(o[v])*u[v] hides a softmax."""
    for position, factor in enumerate(product.factors):
        if isinstance(factor, Reduce) and factor.op == "sum":
            others = mul(*product.factors[:position], *product.factors[position + 1 :])
            taken = {index.name for node in factor.walk() for index in node.free}
            whole = mul(factor.body, unique_bound(others, taken))
            if isinstance(whole, Mul):
                yield factor.indices, whole

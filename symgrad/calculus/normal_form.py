"""Are two terms equal?  A normal form: a sum of monomials, each a product of connected sums, bound names settled.

    normal(sum_b (x[b] - y[b])*h[b])   =   sum_b h[b]*x[b] - sum_b h[b]*y[b]

Products are expanded over sums, deltas contracted, a branch `a if c else b` is [c]*a + (1 - [c])*b, which holds where
both are finite.  Equal normal forms prove equality; different ones prove nothing, for what functions and inverses of
whole expressions have in common is not looked for.  Expansion may be exponential: not for the main path.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count, permutations, product

from ..language.algebra import add, factors_of, mul, power, subtract, tidy
from ..language.rewriting import canonical, rebuild, repr_key, substitute
from ..language.terms import (
    ONE,
    Add,
    Binder,
    Call,
    Compare,
    Const,
    Index,
    Inverse,
    Mul,
    Pow,
    Reduce,
    Term,
    Where,
)
from .deltas import Vocabularies, contract
from .identities import apply_identities

SMALL_POWER = 4  # larger whole powers stay powers


def equal(left: Term, right: Term, vocabularies: Vocabularies | None = None) -> bool:
    """Whether the terms are proven equal; False proves nothing.  `vocabularies` bounds the tokens in them."""
    return normal(left, vocabularies) == normal(right, vocabularies)


def normal(term: Term, vocabularies: Vocabularies | None = None) -> Term:
    """The normal form of the module's docstring."""
    term = apply_identities(contract(tidy(term), vocabularies or {}))
    return canonical(Normalizer().sum(contract(term, vocabularies or {})))


@dataclass(frozen=True)
class Monomial:
    """sum over `bound` of the product of `factors`; the names of bound indices are unique."""

    factors: tuple[Term, ...] = ()
    bound: tuple[Index, ...] = ()

    def __mul__(self, other: Monomial) -> Monomial:
        return Monomial(self.factors + other.factors, self.bound + other.bound)


@dataclass
class Normalizer:
    names: Iterator[int] = field(default_factory=count)
    symmetric: set[Term] = field(default_factory=set)  # the bodies of inverses of symmetric matrices

    def sum(self, term: Term) -> Term:
        return add(*(self.settled(monomial) for monomial in self.monomials(term)))

    def monomials(self, term: Term) -> list[Monomial]:
        """The terms of the expanded sum."""
        match term:
            case Const():
                return [Monomial((term,))]
            case Add(terms):
                return [monomial for part in terms for monomial in self.monomials(part)]
            case Mul(factors):
                return self.multiplied(factors)
            case Pow(base, Const(int() as exponent)) if 1 < exponent <= SMALL_POWER:
                return self.multiplied((base,) * exponent)
            case Pow(base, exponent):
                return [Monomial((power(self.sum(base), self.sum(exponent)),))]
            case Where(condition, then, other):
                return self.monomials(add(mul(condition, then), mul(subtract(ONE, condition), other)))
            case Compare("<=", left, right):
                return self.monomials(subtract(ONE, Compare("<", right, left)))
            case Compare("!=", left, right):
                return self.monomials(subtract(ONE, Compare("==", left, right)))
            case Reduce("sum", indices, body):
                fresh = {index: Index(f"%{next(self.names)}", index.extent) for index in indices}
                bound = Monomial((), tuple(fresh.values()))
                return [bound * monomial for monomial in self.monomials(substitute(body, fresh))]
            case Inverse():
                return [Monomial((self.inverse(term),))]
            case Binder():
                return [Monomial((term.rebound(term.indices, self.sum(term.body), term.outside),))]
            case Call():
                return [Monomial((rebuild(term, self.sum),))]
        return [Monomial((term,))]

    def multiplied(self, factors: Iterable[Term]) -> list[Monomial]:
        result = [Monomial()]
        for factor in factors:
            result = [left * right for left, right in product(result, self.monomials(factor))]
        return result

    def inverse(self, node: Inverse) -> Inverse:
        """The inverse with its body in normal form, the smaller one of the matrix and its transpose."""
        own = tuple(Index(name, i.extent) for name, i in zip(("%row", "%column"), node.indices, strict=True))
        forms = []
        for form in (node, node.transposed):
            body = canonical(self.sum(substitute(form.body, dict(zip(form.indices, own, strict=True)))))
            forms.append(Inverse(own, body, form.at))
        if forms[0].body == forms[1].body:
            self.symmetric.add(forms[0].body)
        return min(forms, key=lambda form: repr_key(form.body))

    # -- bound names -----------------------------------------------------------------------------------------------

    def settled(self, monomial: Monomial) -> Term:
        """The monomial as a product of sums that share no index, each with its bound names settled."""
        parts = []
        for factors, bound in components(monomial):
            if not bound:
                parts += factors
                continue
            parts.append(min((self.named(factors, order) for order in self.orders(factors, bound)), key=repr_key))
        return mul(*parts)

    def orders(self, factors: tuple[Term, ...], bound: tuple[Index, ...]) -> Iterator[tuple[Index, ...]]:
        """Orders of the bound indices, the same whatever their names: by colours, and all orders among equal ones."""
        colour = {index: repr_key(index.extent) for index in bound}
        for _ in bound:
            colour = {index: self.seen_from(index, factors, colour) for index in bound}
            rank = {value: f"%c{k}" for k, value in enumerate(sorted(set(colour.values())))}
            colour = {index: rank[value] for index, value in colour.items()}
        groups: dict[str, list[Index]] = defaultdict(list)
        for index in bound:
            groups[colour[index]].append(index)
        for chosen in product(*(permutations(groups[key]) for key in sorted(groups))):
            yield tuple(index for group in chosen for index in group)

    def seen_from(self, index: Index, factors: tuple[Term, ...], colour: Mapping[Index, str]) -> str:
        """How the factors look from one bound index, the others known by their colours only."""
        names = {other: Index(name, other.extent) for other, name in colour.items()}
        names[index] = Index("%self", index.extent)
        views = [repr_key(canonical(self.turned(substitute(f, names)))) for f in factors if index in f.free]
        return " ".join([colour[index], *sorted(views)])

    def named(self, factors: tuple[Term, ...], order: tuple[Index, ...]) -> Term:
        names = {index: Index(f"%{k}", index.extent) for k, index in enumerate(order)}
        body = mul(*sorted((self.turned(substitute(factor, names)) for factor in factors), key=repr_key))
        body = Mul(tuple(sorted(factors_of(body), key=repr_key))) if isinstance(body, Mul) else body
        return Reduce("sum", tuple(names.values()), body)

    def turned(self, term: Term) -> Term:
        """The inverse of a symmetric matrix at the smaller one of (i, j) and (j, i)."""
        node = rebuild(term, self.turned)
        if isinstance(node, Inverse) and node.body in self.symmetric:
            return Inverse(node.indices, node.body, tuple(sorted(node.at, key=repr_key)))
        return node


def components(monomial: Monomial) -> list[tuple[tuple[Term, ...], tuple[Index, ...]]]:
    """(factors, bound indices) of the parts that share no bound index; the factors that have none stand alone."""
    left = list(monomial.bound)
    result = []
    while left:
        reached = {left[0]}
        size = 0
        while size != len(reached):
            size = len(reached)
            joined = [f.free for f in monomial.factors if f.free & reached]
            reached |= {index for free in joined for index in free if index in monomial.bound}
        inner = tuple(f for f in monomial.factors if f.free & reached)
        bound = tuple(index for index in monomial.bound if index in reached)
        # an index that no factor depends on counts the entries of its axis
        result.append((inner, bound) if inner else ((bound[0].extent,), ()))
        left = [index for index in left if index not in reached]
    alone = tuple(f for f in monomial.factors if not f.free & set(monomial.bound))
    return [(alone, ()), *result]

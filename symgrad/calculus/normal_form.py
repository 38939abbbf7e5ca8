"""Are two terms equal?  A normal form: a sum of monomials, each a product of connected sums, bound names settled.

    normal(sum_b (x[b] - y[b])*h[b])   =   sum_b h[b]*x[b] - sum_b h[b]*y[b]

Products are expanded over sums, deltas contracted, a branch `a if c else b` is [c]*a + (1 - [c])*b, functions are
brought to what they have in common (`function_forms`), and a quotient is divided out (`quotients`).  A difference is
multiplied by its denominators, so fractions are compared as over a common one.  What is proven equal is so wherever
both sides are defined and finite; what is not proven may still be equal.  Expansion may be exponential: not for the
main path, and a `Budget` ends it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import count, permutations, product
from math import factorial, prod

from ..language.algebra import ZERO, add, factors_of, mul, subtract, tidy
from ..language.ranges import settled_extent
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
    Read,
    Reduce,
    Term,
    Where,
)
from .axes_in_sums import joined, separated
from .deltas import Vocabularies, contract
from .function_forms import bracket_form, call_form, exponentials_only, power_form, square_form
from .quotients import cleared, divided

SMALL_POWER = 4  # larger whole powers stay powers
ROUNDS = 4  # of expanding and contracting, and of clearing denominators


class Exhausted(Exception):
    """The budget is spent: nothing is proven."""


@dataclass
class Budget:
    """How many monomials may still be made."""

    left: int = 1_000_000

    def spend(self, number: int = 1) -> None:
        self.left -= number
        if self.left < 0:
            raise Exhausted


KnownSums = Callable[[str, int], Term | None]  # of a tensor over one of its axes: sum_v p[b,v] = 1


@dataclass
class Comparison:
    """What may be used to prove terms equal: `vocabularies` bounds the tokens in them, `sums` are known numbers."""

    vocabularies: Vocabularies = field(default_factory=dict)
    budget: Budget = field(default_factory=Budget)
    sums: KnownSums | None = None

    def equal(self, left: Term, right: Term) -> bool:
        """Whether the terms are proven equal; False proves nothing."""
        if left == right or canonical(left) == canonical(right):
            return True
        try:
            difference = self.normal(subtract(left, right))
            return self.vanishes(difference) or any(
                self.vanishes(self.normal(form)) for form in exponentials_only(difference)
            )
        except Exhausted:
            return False

    def vanishes(self, difference: Term) -> bool:
        """Whether a normal form is zero, once it is multiplied by its denominators."""
        for _ in range(ROUNDS):
            whole = cleared(difference) if difference != ZERO else None
            if whole is None:
                break
            difference = self.normal(whole)
        return difference == ZERO

    def normal(self, term: Term) -> Term:
        """The normal form of the module's docstring.  Raises Exhausted where the budget ends."""
        term = contract(tidy(term), self.vocabularies)
        for _ in range(ROUNDS):
            expanded = Normalizer(self.budget, self.sums).sum(term)
            term = contract(expanded, self.vocabularies)
            if term == expanded:
                break
        return canonical(term)


def equal(left: Term, right: Term, vocabularies: Vocabularies | None = None) -> bool:
    """Whether the terms are proven equal; False proves nothing."""
    return Comparison(vocabularies or {}).equal(left, right)


def normal(term: Term, vocabularies: Vocabularies | None = None) -> Term:
    """The normal form of the module's docstring."""
    return Comparison(vocabularies or {}).normal(term)


@dataclass(frozen=True)
class Monomial:
    """sum over `bound` of the product of `factors`; the names of bound indices are unique."""

    factors: tuple[Term, ...] = ()
    bound: tuple[Index, ...] = ()

    def __mul__(self, other: Monomial) -> Monomial:
        return Monomial(self.factors + other.factors, self.bound + other.bound)


@dataclass
class Normalizer:
    budget: Budget = field(default_factory=Budget)
    sums: KnownSums | None = None
    names: Iterator[int] = field(default_factory=count)
    symmetric: set[Term] = field(default_factory=set)  # the bodies of inverses of symmetric matrices
    memo: dict[Term, Term] = field(default_factory=dict)

    def sum(self, term: Term) -> Term:
        if term not in self.memo:
            found = [done for monomial in self.monomials(term) for done in self.finished(monomial)]
            self.memo[term] = add(*(self.settled(monomial) for monomial in found))
        return self.memo[term]

    def monomials(self, term: Term) -> list[Monomial]:
        """The terms of the expanded sum."""
        self.budget.spend()
        match term:
            case Const(float() as value):
                return [Monomial((Const(Fraction(repr(value))),))]  # as it was written: 0.1 is 1/10
            case Const():
                return [Monomial((term,))]
            case Add(terms):
                return [monomial for part in terms for monomial in self.monomials(part)]
            case Mul(factors):
                return self.multiplied(factors)
            case Pow(base, Const(int() as exponent)) if 1 < exponent <= SMALL_POWER:
                return self.multiplied((base,) * exponent)
            case Pow(base, exponent):
                return self.formed(power_form(self.sum(base), self.sum(exponent)))
            case Where(condition, then, other):
                return self.monomials(add(mul(condition, then), mul(subtract(ONE, condition), other)))
            case Compare():
                return self.formed(bracket_form(term, self.sum))
            case Reduce("sum", indices, body):
                fresh = {i: self.fresh(settled_extent(i.extent)) for i in indices}
                bound = Monomial((), tuple(i for i in fresh.values() if isinstance(i, Index)))
                return [bound * monomial for monomial in self.monomials(substitute(body, fresh))]
            case Inverse():
                return [Monomial((self.inverse(term),))]
            case Binder():
                fresh = {i: Index(i.name, settled_extent(i.extent)) for i in term.indices}
                body = self.sum(substitute(term.body, fresh))
                return [Monomial((term.rebound(tuple(fresh.values()), body, term.outside),))]
            case Call():
                return self.formed(call_form(rebuild(term, self.sum)))
        return [Monomial((term,))]

    def formed(self, form: Term) -> list[Monomial]:
        """The monomials of what a node was rewritten to: sums and products of parts that are in their form."""
        match form:
            case Add(terms):
                return [monomial for part in terms for monomial in self.formed(part)]
            case Mul(factors):
                result = [Monomial()]
                for factor in factors:
                    result = [left * right for left, right in product(result, self.formed(factor))]
                    self.budget.spend(len(result))
                return result
            case Reduce("sum"):
                return self.monomials(form)
        return [Monomial((form,))]

    def multiplied(self, factors: Iterable[Term]) -> list[Monomial]:
        result = [Monomial()]
        for factor in factors:
            result = [left * right for left, right in product(result, self.monomials(factor))]
            self.budget.spend(len(result))
        return result

    def finished(self, monomial: Monomial) -> Iterator[Monomial]:
        """The monomial with the powers of each factor together, and what that leaves to expand expanded."""
        waiting = [monomial]
        while waiting:
            self.budget.spend()
            one = waiting.pop()
            whole = mul(*one.factors)
            if whole == ZERO:
                continue
            one = with_sizes(Monomial(factors_of(whole), one.bound))
            found = expandable(one.factors)
            if found is None:
                yield self.with_plain_axes(one)
                continue
            others, rewritten = found
            kept = Monomial(others, one.bound)
            waiting += [kept * part for part in self.monomials(rewritten)]

    def with_plain_axes(self, monomial: Monomial) -> Monomial:
        """Sums over k that is read as k//D and k%D run over both; over t and d that are read as t*D + d, over k."""
        return Monomial(*joined(*separated(monomial.factors, monomial.bound, self.fresh), self.fresh))

    def fresh(self, extent: Term) -> Term:
        """A new index that no settled sum binds, for those are named %0, %1, ...; of one entry there is only 0."""
        return ZERO if extent == ONE else Index(f"%f{next(self.names)}", extent)

    def inverse(self, node: Inverse) -> Inverse:
        """The inverse with its body in normal form, the smaller one of the matrix and its transpose."""
        own = tuple(
            Index(name, settled_extent(i.extent)) for name, i in zip(("%row", "%column"), node.indices, strict=True)
        )
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
            named = min((self.named(factors, order) for order in self.orders(factors, bound)), key=repr_key)
            parts.append(named if self.sums is None else known_sum(named, self.sums))
        return mul(*parts)

    def orders(self, factors: tuple[Term, ...], bound: tuple[Index, ...]) -> Iterator[tuple[Index, ...]]:
        """Orders of the bound indices, the same whatever their names: by colours, and all orders among equal ones."""
        colour = {index: repr_key(index.extent) for index in bound}
        for _ in bound:
            colour = {index: self.seen_from(index, factors, colour) for index in bound}
            rank = {value: f"%c{k}" for k, value in enumerate(sorted(set(colour.values())))}
            colour = {index: rank[value] for index, value in colour.items()}
            if len(rank) == len(bound):
                break
        groups: dict[str, list[Index]] = defaultdict(list)
        for index in bound:
            groups[colour[index]].append(index)
        self.budget.spend(prod(factorial(len(group)) for group in groups.values()))
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
        result.append((inner, bound))
        left = [index for index in left if index not in reached]
    alone = tuple(f for f in monomial.factors if not f.free & set(monomial.bound))
    return [(alone, ()), *result]


def with_sizes(monomial: Monomial) -> Monomial:
    """A sum over an index that no factor depends on counts the entries of its axis."""
    used = frozenset().union(*(factor.free for factor in monomial.factors))
    counted = tuple(index.extent for index in monomial.bound if index not in used)
    kept = tuple(index for index in monomial.bound if index in used)
    return Monomial(monomial.factors + counted, kept)


def expandable(factors: tuple[Term, ...]) -> tuple[tuple[Term, ...], Term] | None:
    """(others, sum) whose product is that of the factors, where they have become something to expand."""
    for k, factor in enumerate(factors):
        form = square_form(factor)
        if form is not None:
            kept, rewritten = form
            return (*factors[:k], kept, *factors[k + 1 :]), rewritten
    return divided(factors)


def known_sum(total: Term, sums: KnownSums) -> Term:
    """The number that the sum of one tensor's entries along an axis is known to be, else the sum."""
    if isinstance(total, Reduce) and isinstance(total.body, Read) and len(total.indices) == 1:
        (index,) = total.indices
        axes = [k for k, place in enumerate(total.body.indices) if index in place.free]
        if len(axes) == 1 and total.body.indices[axes[0]] == index:
            found = sums(total.body.tensor, axes[0])
            return total if found is None else found
    return total

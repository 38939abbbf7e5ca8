"""The terms of the language: the right-hand sides of equations, as plain immutable data.

    Term = Const(value)                    an exact number (int, Fraction) or a float
         | Size(name)                      the number of elements along an axis: B, V
         | Index(name, extent)             an index as a number, 0 <= index < extent
         | Read(tensor, indices)           an entry of a tensor; an index is any integer term: C[x[b,t], d]
         | Add(terms) | Mul(factors)       n-ary, in the order in which they were built: (y - o) stays (y - o)
         | Pow(base, exponent)
         | Call(function, arguments)       an elementary function, see functions.py: tanh(a), floordiv(k, D)
         | Compare(relation, left, right)  the Iverson bracket: 1 where it holds, else 0; `==` of integers is the delta
         | Where(condition, then, other)   only the branch that is taken is evaluated
         | Reduce(op, indices, body)       sum, max or argmax over indices, which it binds; det or logdet over two
         | Inverse(indices, body, at)      the entry `at` of the inverse of the matrix [body] over its two indices

SymPy is the surface on which people declare and read; it reorders products, captures bound indices and is slow to
walk.  The passes therefore work on this grammar of eleven node kinds.  Terms compare by structure;
`rewriting.canonical` compares them up to the names of bound indices and the order of sums and products.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction

Number = int | Fraction | float


class kept:
    """A property computed once; `functools.cached_property` takes a lock for it before Python 3.12."""

    def __init__(self, compute: Callable[[Term], object]) -> None:
        self.compute, self.name = compute, compute.__name__

    def __get__(self, term: Term, owner: type) -> object:
        value = term.__dict__[self.name] = self.compute(term)
        return value


class Term:
    """A node: immutable, hashable (the hash is computed once), compared by structure."""

    __match_args__: tuple[str, ...] = ()

    @kept
    def fields(self) -> tuple:
        return tuple([getattr(self, name) for name in self.__match_args__])

    def __hash__(self) -> int:  # the busiest place of all
        try:
            return self._hash
        except AttributeError:
            value = self.__dict__["_hash"] = hash((type(self).__name__, *self.fields))
            return value

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if type(self) is not type(other):
            return False
        try:
            alike = self._hash == other._hash
        except AttributeError:
            alike = hash(self) == hash(other)
        return alike and self.fields == other.fields

    @property
    def children(self) -> tuple[Term, ...]:
        """The terms directly below, in order; for a `Reduce` its body."""
        return ()

    def with_children(self, children: tuple[Term, ...]) -> Term:
        """The same node over other children.  It does not simplify: `algebra` has the constructors that do."""
        return self

    @kept
    def free(self) -> frozenset[Index]:
        """The indices that occur and are not bound within."""
        return frozenset().union(*(child.free for child in self.children))

    def walk(self) -> Iterator[Term]:
        """This node and everything below it, parents first."""
        waiting: list[Term] = [self]
        while waiting:
            node = waiting.pop()
            yield node
            waiting += node.children[::-1]


@dataclass(frozen=True, eq=False)
class Const(Term):
    value: Number

    def __post_init__(self) -> None:
        if isinstance(self.value, Fraction) and self.value.denominator == 1:
            object.__setattr__(self, "value", self.value.numerator)


@dataclass(frozen=True, eq=False)
class Size(Term):
    name: str


@dataclass(frozen=True, eq=False)
class Index(Term):
    name: str
    extent: Term

    @kept
    def free(self) -> frozenset[Index]:
        return frozenset((self,))


@dataclass(frozen=True, eq=False)
class Read(Term):
    tensor: str
    indices: tuple[Term, ...] = ()

    @property
    def children(self) -> tuple[Term, ...]:
        return self.indices

    def with_children(self, children: tuple[Term, ...]) -> Term:
        return Read(self.tensor, children)


@dataclass(frozen=True, eq=False)
class Add(Term):
    terms: tuple[Term, ...]

    @property
    def children(self) -> tuple[Term, ...]:
        return self.terms

    def with_children(self, children: tuple[Term, ...]) -> Term:
        return Add(children)


@dataclass(frozen=True, eq=False)
class Mul(Term):
    factors: tuple[Term, ...]

    @property
    def children(self) -> tuple[Term, ...]:
        return self.factors

    def with_children(self, children: tuple[Term, ...]) -> Term:
        return Mul(children)


@dataclass(frozen=True, eq=False)
class Pow(Term):
    base: Term
    exponent: Term

    @property
    def children(self) -> tuple[Term, ...]:
        return (self.base, self.exponent)

    def with_children(self, children: tuple[Term, ...]) -> Term:
        return Pow(*children)


@dataclass(frozen=True, eq=False)
class Call(Term):
    function: str
    arguments: tuple[Term, ...] = ()

    @property
    def children(self) -> tuple[Term, ...]:
        return self.arguments

    def with_children(self, children: tuple[Term, ...]) -> Term:
        return Call(self.function, children)


@dataclass(frozen=True, eq=False)
class Compare(Term):
    """`[left relation right]`, 1 or 0; relation is one of == != < <=."""

    relation: str
    left: Term
    right: Term

    @property
    def children(self) -> tuple[Term, ...]:
        return (self.left, self.right)

    def with_children(self, children: tuple[Term, ...]) -> Term:
        return Compare(self.relation, *children)


@dataclass(frozen=True, eq=False)
class Where(Term):
    """`then` where the condition is not 0, else `other`; the branch that is not taken is not evaluated."""

    condition: Term
    then: Term
    other: Term

    @property
    def children(self) -> tuple[Term, ...]:
        return (self.condition, self.then, self.other)

    def with_children(self, children: tuple[Term, ...]) -> Term:
        return Where(*children)


class Binder(Term):
    """A node that binds `indices` within `body`, its first child; what else stands below it is `outside`."""

    indices: tuple[Index, ...]
    body: Term

    @property
    def outside(self) -> tuple[Term, ...]:
        return ()

    def rebound(self, indices: tuple[Index, ...], body: Term, outside: tuple[Term, ...]) -> Binder:
        """The same node over other parts."""
        raise NotImplementedError

    @property
    def children(self) -> tuple[Term, ...]:
        return (self.body, *self.outside)

    def with_children(self, children: tuple[Term, ...]) -> Term:
        return self.rebound(self.indices, children[0], children[1:])

    @kept
    def free(self) -> frozenset[Index]:
        return (self.body.free - frozenset(self.indices)).union(*(term.free for term in self.outside))


@dataclass(frozen=True, eq=False)
class Reduce(Binder):
    """sum or max over `indices`, argmax over one of them (the first value at which the maximum is reached), or the
    determinant, or its logarithm, of the matrix whose entry at two of them is `body`."""

    op: str
    indices: tuple[Index, ...]
    body: Term

    def rebound(self, indices: tuple[Index, ...], body: Term, outside: tuple[Term, ...]) -> Reduce:
        return Reduce(self.op, indices, body)


@dataclass(frozen=True, eq=False)
class Inverse(Binder):
    """(M^-1)[at], where M[row, column] = body and `indices` = (row, column), which it binds."""

    indices: tuple[Index, Index]
    body: Term
    at: tuple[Term, Term]

    @property
    def outside(self) -> tuple[Term, ...]:
        return self.at

    def rebound(self, indices: tuple[Index, ...], body: Term, outside: tuple[Term, ...]) -> Inverse:
        return Inverse(indices, body, outside)

    @property
    def transposed(self) -> Inverse:
        """The same number: (M^T)^-1 is the transpose of M^-1."""
        return Inverse(self.indices[::-1], self.body, self.at[::-1])


ZERO, ONE, MINUS_ONE = Const(0), Const(1), Const(-1)


DETERMINANTS = ("det", "logdet")


def delta(left: Term, right: Term) -> Compare:
    """delta(left, right): 1 where the two integers are equal, else 0."""
    return Compare("==", left, right)


def reads(term: Term) -> list[Read]:
    """Every `Read` in the term, outermost first, in order, with repetitions."""
    return [node for node in term.walk() if isinstance(node, Read)]

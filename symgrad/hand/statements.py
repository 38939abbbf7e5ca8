"""The grammar of a derivation as a person writes it; every notation is read into it.

    Statement  = Assign(target, operator, value)     dW = ..., dW += ..., dC[ix] += ..., np.add.at(dC, ix, ...)
               | Loop(variables, over, body)         for t in reversed(range(T)): ...
               | Branch(condition, then, other)      if t > 0: ...
               | Define(name, parameters, body)      def sig(z): return 1/(1 + np.exp(-z))
               | Bare(value)                         an expression that is not kept: `dbh + dr`
               | Return(value)                       the end of a Define
               | Unread(reason, column)              what cannot be read; the lines around it still can
               | Chain(subject, sides)               dL/dw1 = A = B = C, as formulas are written
    Expression = Number | Name | Text | Unary | Binary | Comparison | Apply | Item | Slice | Sequence | Choice
               | Comprehension | Total | Reduction | Derivative

An operation is an `Apply` of a plain word, however it was spelled: `np.exp(a)`, `a.sum(0)` and `a.T` are exp(a),
sum(a, 0) and transpose(a).  `span` is where a node stands in the source text, so that a verdict can quote it and a
diagnosis can replace it; nodes are compared without it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from functools import cache, cached_property
from operator import is_

Span = tuple[int, int]  # character offsets into the source: start, end
NOWHERE: Span = (0, 0)


@dataclass(frozen=True)
class Node:
    """Something that was read, and where it stands."""

    span: Span = field(default=NOWHERE, compare=False, kw_only=True)

    @cached_property
    def children(self) -> tuple[Node, ...]:
        """The nodes directly below, in the order of their fields."""
        found: list[Node] = []
        for part in parts_of(type(self)):
            value = getattr(self, part)
            for item in value if isinstance(value, tuple) else (value,):
                if isinstance(item, Node):
                    found.append(item)
                elif isinstance(item, tuple):  # a keyword and its value
                    found += [inner for inner in item if isinstance(inner, Node)]
        return tuple(found)

    @cached_property
    def names(self) -> frozenset[str]:
        """Every name that is read or written within."""
        return frozenset().union(*(child.names for child in self.children))

    def walk(self) -> Iterator[Node]:
        """This node and everything below it, parents first."""
        yield self
        for child in self.children:
            yield from child.walk()


class Expression(Node):
    """What has a value."""


@dataclass(frozen=True)
class Number(Expression):
    value: int | float


@dataclass(frozen=True)
class Name(Expression):
    name: str

    @cached_property
    def names(self) -> frozenset[str]:
        return frozenset((self.name,))


@dataclass(frozen=True)
class Text(Expression):
    """A string: the equation of an einsum, the key of grads["W1"]."""

    value: str


@dataclass(frozen=True)
class Unary(Expression):
    """operator: -, + or not."""

    operator: str
    operand: Expression


@dataclass(frozen=True)
class Binary(Expression):
    """operator: + - * / // % ** @, and `beside` for two factors of LaTeX with nothing between them."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True)
class Comparison(Expression):
    """operator: == != < <= > >=; 1 where it holds, else 0."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True)
class Apply(Expression):
    function: str
    arguments: tuple[Expression, ...] = ()
    keywords: tuple[tuple[str, Expression], ...] = ()


@dataclass(frozen=True)
class Item(Expression):
    """array[places]; a place may be a Slice, and None stands for a new axis."""

    array: Expression
    places: tuple[Expression | None, ...]


@dataclass(frozen=True)
class Slice(Expression):
    """start:stop:step; `...` is a Slice with `rest`."""

    start: Expression | None = None
    stop: Expression | None = None
    step: Expression | None = None
    rest: bool = False


@dataclass(frozen=True)
class Sequence(Expression):
    """A tuple or a list."""

    items: tuple[Expression, ...]


@dataclass(frozen=True)
class Choice(Expression):
    condition: Expression
    then: Expression
    other: Expression


@dataclass(frozen=True)
class Comprehension(Expression):
    """[body for variables in over]."""

    body: Expression
    variables: tuple[str, ...]
    over: Expression


@dataclass(frozen=True)
class Total(Expression):
    """sum over `indices` of body, as formulas write it; `low` and `high` (inclusive) where they are written."""

    indices: tuple[str, ...]
    body: Expression
    low: Expression | None = None
    high: Expression | None = None


@dataclass(frozen=True)
class Reduction(Expression):
    """operator: max, argmax, mean, det, logdet or inverse over `indices`, which it binds; an entry of an inverse is an
    Item of it."""

    operator: str
    indices: tuple[str, ...]
    body: Expression


@dataclass(frozen=True)
class Derivative(Expression):
    """d of/d by, both a Name, or an Item where a formula names its indices."""

    of: Name | Item
    by: Name | Item


class Statement(Node):
    """What is done."""


@dataclass(frozen=True)
class Assign(Statement):
    """`target operator= value`, operator "" for a plain one; `repeated`: an id that occurs twice counts twice."""

    target: Name | Item
    operator: str
    value: Expression
    repeated: bool = False

    @property
    def name(self) -> str:
        """The name that is assigned, or that of the array whose entries are."""
        return target_name(self.target)


@dataclass(frozen=True)
class Loop(Statement):
    variables: tuple[str, ...]
    over: Expression
    body: tuple[Statement, ...]


@dataclass(frozen=True)
class Branch(Statement):
    condition: Expression
    then: tuple[Statement, ...]
    other: tuple[Statement, ...]


@dataclass(frozen=True)
class Define(Statement):
    name: str
    parameters: tuple[str, ...]
    defaults: tuple[Expression, ...]  # of the last parameters
    body: tuple[Statement, ...]


@dataclass(frozen=True)
class Bare(Statement):
    value: Expression


@dataclass(frozen=True)
class Return(Statement):
    value: Expression


@dataclass(frozen=True)
class Unread(Statement):
    """What cannot be read, and why; its column counts from 1.  `changed`: the names that it may have changed."""

    reason: str
    column: int | None
    changed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Chain(Statement):
    """subject = side = side ...: each equality is a claim.

    `indexed`: every array in it carries its indices (dW[v,i] = sum_b do[b,v]*h[b,i]); otherwise the products are of
    matrices, and a vector is a column.
    """

    subject: Derivative | Name | Item
    sides: tuple[Expression, ...]
    indexed: bool


def target_name(target: Expression) -> str:
    """W of W, W[i] and W[i][j]; grads["W1"] is a name of its own, written grads.W1."""
    if isinstance(target, Name):
        return target.name
    if isinstance(target, Item):
        if isinstance(target.array, Name) and len(target.places) == 1 and isinstance(target.places[0], Text):
            return f"{target.array.name}.{target.places[0].value}"
        return target_name(target.array)
    raise TypeError(f"{type(target).__name__} is no target")


def temporary(number: int, place: int) -> str:
    """The name, which no one can write, of the value that `a, b = b, a` keeps until all are taken."""
    return f"{number} of {place}"


def is_temporary(name: str) -> bool:
    return " " in name


def assignments(statements: tuple[Statement, ...]) -> Iterator[Assign]:
    """Every assignment in order, those in loops and branches too; not those within a Define."""
    for statement in statements:
        match statement:
            case Assign():
                yield statement
            case Loop(_, _, body):
                yield from assignments(body)
            case Branch(_, then, other):
                yield from assignments(then)
                yield from assignments(other)


def names_in(node: Node) -> frozenset[str]:
    """Every name that is read or written within."""
    return node.names


@cache
def parts_of(kind: type[Node]) -> tuple[str, ...]:
    """The names of a node's fields, but for its place."""
    return tuple(part.name for part in fields(kind) if part.name != "span")


def replaced(node: Node, old: Node, new: Node) -> Node:
    """`node` with the very node `old`, not its equals, replaced by `new`; the same object where it is not within."""
    if node is old:
        return new

    def visit(value: object) -> object:
        if isinstance(value, Node):
            return replaced(value, old, new)
        if not isinstance(value, tuple):
            return value
        items = tuple([visit(item) for item in value])
        return value if all(map(is_, items, value)) else items

    changed = {}
    for name in parts_of(type(node)):
        before = getattr(node, name)
        after = visit(before)
        if after is not before:
            changed[name] = after
    return replace(node, **changed) if changed else node

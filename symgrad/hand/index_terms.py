"""An expression that carries its indices -> a term of the language, checked as every equation of a program is.

    sum_b do[b,v]*h[b,i]   ->   Reduce("sum", (b,), Mul((Read("do", (b, v)), Read("h", (b, i)))))

An index has the size of the axes on which it stands; where it stands on none, that of a comparison, of the limits of
its sum, or of the model's index of that name.  A read that may leave its axis is refused unless a condition guards it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import singledispatchmethod

from ..language.algebra import add, divide, mul, negated, subtract, summed, where
from ..language.errors import ClaimError
from ..language.functions import STOP_GRADIENT
from ..language.notation import text
from ..language.program import Equation, Program, Tensor
from ..language.ranges import at_least, same_extent
from ..language.rewriting import fresh_index
from ..language.terms import ONE, ZERO, Call, Compare, Const, Index, Inverse, Read, Reduce, Size, Term
from ..language.typecheck import EquationCheck
from .formula_grammar import Source
from .formulas import BINARY as PLAIN_BINARY
from .formulas import COMPARE, TWO, UNARY
from .index_sizes import IndexSizes
from .recurrent_starts import Start
from .statements import (
    Apply,
    Binary,
    Choice,
    Comparison,
    Derivative,
    Expression,
    Item,
    Name,
    Node,
    Number,
    Reduction,
    Total,
    Unary,
)

# The operations of one entry, by their plain words.
MEANINGS: dict[str, Callable[..., Term]] = {
    **UNARY,
    **TWO,
    "inv": UNARY["reciprocal"],  # of an entry
    "where": where,
    STOP_GRADIENT: lambda a: Call(STOP_GRADIENT, (a,)),
}
BINARY = {**PLAIN_BINARY, "beside": mul}
Indices = Mapping[str, Index]


def term(
    expression: Expression,
    tensors: Mapping[str, Tensor],
    free: Indices,
    derivative: Callable[[Read, Read], Term] | None = None,
    model: Indices | None = None,
    sizes: Collection[str] = (),
    source: str = "",
    start: Callable[[str], Start | None] = lambda name: None,
) -> Term:
    """The term of the expression, whose indices are those on the left, `free`, and those that its sums bind.

    `tensors` are all names that have entries; `derivative(of, by)` gives d of/d by, such as the adjoint's entry for
    dL/dW[v,i]; `model` the model's own indices by name, `sizes` the names of sizes beside those of all axes;
    `start(name)` is where a recurrence begins.  Raises ClaimError, with line and column in `source`.
    """
    lowering = Lowering(tensors, Source(source), derivative, model or {}, frozenset(sizes), start)
    result = lowering.lowered(expression, dict(free))
    claim = Program("claim", dict(tensors), (), ())
    check = ClaimCheck(claim, Equation("claim", tuple(free.values()), result), set(tensors), frozenset())
    check.where = lowering.place(expression)
    check.real(result, frozenset(free.values()), {})
    return result


class IndexMisfit(ClaimError):
    """An index on an axis of another size: what fits only where the two are equal."""


def told(message: str, line: int | None, column: int | None) -> ClaimError:
    made = IndexMisfit if "runs over size" in message else ClaimError
    return made(message, line, column)


class ClaimCheck(EquationCheck):
    """The checks of an equation, told as what is wrong with a claim."""

    where: tuple[int | None, int | None] = (None, None)

    def fail(self, message: str) -> ClaimError:
        return told(message.replace("with a Piecewise", "with a condition, (... if 1 <= t else 0)"), *self.where)


@dataclass
class Lowering:
    tensors: Mapping[str, Tensor]
    source: Source
    derivative: Callable[[Read, Read], Term] | None
    model: Indices
    sizes: frozenset[str]
    start: Callable[[str], Start | None] = lambda name: None

    def __post_init__(self) -> None:
        extents = [extent for tensor in self.tensors.values() for extent in tensor.shape]
        extents += [tensor.vocabulary for tensor in self.tensors.values() if tensor.vocabulary is not None]
        extents += [index.extent for index in self.model.values()]
        self.sizes |= frozenset(node.name for extent in extents for node in extent.walk() if isinstance(node, Size))

    def place(self, node: Node) -> tuple[int | None, int | None]:
        return self.source.place(node.span[0]) if self.source.text else (None, None)

    def error(self, message: str, node: Node) -> ClaimError:
        return told(message, *self.place(node))

    @singledispatchmethod
    def lowered(self, node: Node, scope: Indices) -> Term:
        """The term of a node; `scope` are the indices that may occur in it."""
        raise self.error(f"a {type(node).__name__.lower()} has no meaning where every array carries its indices", node)

    @lowered.register
    def _(self, node: Number, scope: Indices) -> Term:
        return Const(node.value)

    @lowered.register
    def _(self, node: Name, scope: Indices) -> Term:
        tensor = self.tensors.get(node.name)
        if tensor is not None and not tensor.indices:
            if node.name in scope:
                raise self.error(f"{node.name} is an index and a number here; rename the index", node)
            return Read(node.name)
        if node.name in scope:
            return scope[node.name]
        if tensor is not None:
            axes = ",".join(index.name for index in tensor.indices)
            raise self.error(f"{node.name} stands without its indices; write {node.name}[{axes}]", node)
        if node.name in self.sizes:
            return Size(node.name)
        if node.name in ("np.pi", "pi"):
            return Call("pi")
        if node.name in self.model:
            raise self.error(f"index {node.name} is neither on the left nor summed", node)
        raise self.error(
            f"{node.name} is not known: no name of the model, no size, no index on the left or of a sum", node
        )

    @lowered.register
    def _(self, node: Item, scope: Indices) -> Term:
        if isinstance(node.array, Reduction) and node.array.operator == "inverse" and len(node.places) == 2:
            at = tuple(self.index(place, scope) for place in node.places)
            indices, body = self.bound(node.array, node.array.indices, node.array.body, scope)
            return Inverse(indices, body, at)
        read = self.entry(node, scope)
        start = self.start(read.tensor)
        return start.guarding(read) if start is not None else read

    def entry(self, node: Name | Item, scope: Indices) -> Read:
        """The read of a name with its indices."""
        array, places = (node.array, node.places) if isinstance(node, Item) else (node, ())
        tensor = self.tensors.get(array.name) if isinstance(array, Name) else None
        if tensor is None:
            quoted = array.name if isinstance(array, Name) else "what stands before these indices"
            raise self.error(f"{quoted} is no name of the model, and has no entries", node)
        if len(places) != len(tensor.indices):
            axes = ",".join(index.name for index in tensor.indices)
            raise self.error(f"{tensor.name} has {len(tensor.indices)} axes, ({axes}), got {len(places)} indices", node)
        return Read(tensor.name, tuple(self.index(place, scope) for place in places))

    def index(self, place: Expression | None, scope: Indices) -> Term:
        """A term that stands for an index: here a letter is the index even where a number has its name."""
        if isinstance(place, Name) and place.name in scope:
            return scope[place.name]
        if isinstance(place, Name) and place.name not in self.tensors and place.name not in self.sizes:
            raise self.error(f"index {place.name} is neither on the left nor summed", place)
        if place is None or not isinstance(place, Name | Number | Item | Binary | Unary | Reduction):
            raise self.error("expected an index", place or Number(0))
        if isinstance(place, Binary):
            if place.operator not in BINARY:
                raise self.error(f"{place.operator} cannot be read in an index", place)
            return BINARY[place.operator](self.index(place.left, scope), self.index(place.right, scope))
        return self.lowered(place, scope)

    @lowered.register
    def _(self, node: Unary, scope: Indices) -> Term:
        value = self.lowered(node.operand, scope)
        return {"-": negated, "+": lambda a: a, "not": lambda a: Compare("==", a, ZERO)}[node.operator](value)

    @lowered.register
    def _(self, node: Binary, scope: Indices) -> Term:
        if node.operator not in BINARY:
            raise self.error(f"{node.operator} is a product of matrices; write the sum with its index", node)
        left, right = self.lowered(node.left, scope), self.lowered(node.right, scope)
        if node.operator in ("*", "beside"):
            return guarded(left, right)
        return BINARY[node.operator](left, right)

    @lowered.register
    def _(self, node: Comparison, scope: Indices) -> Term:
        return COMPARE[node.operator](self.side(node.left, scope), self.side(node.right, scope))

    def side(self, node: Expression, scope: Indices) -> Term:
        """A side of a comparison: an index where a letter in scope stands there, else a number."""
        return scope[node.name] if isinstance(node, Name) and node.name in scope else self.lowered(node, scope)

    @lowered.register
    def _(self, node: Choice, scope: Indices) -> Term:
        return where(*(self.lowered(part, scope) for part in (node.condition, node.then, node.other)))

    @lowered.register
    def _(self, node: Apply, scope: Indices) -> Term:
        if node.function in OVER_INDEX and len(node.arguments) == 2 and not node.keywords:
            return self.over_index(node, scope)
        meaning = MEANINGS.get(node.function)
        if node.keywords or meaning is None:
            hint = f"; write {node.function}(..., v) with its index" if node.function in OVER_INDEX else ""
            raise self.error(f"{node.function} has no meaning where every array carries its indices{hint}", node)
        arguments = [self.lowered(argument, scope) for argument in node.arguments]
        try:
            return meaning(*arguments)
        except TypeError:
            raise self.error(f"{node.function} does not take {len(arguments)} arguments", node) from None

    def over_index(self, node: Apply, scope: Indices) -> Term:
        """softmax(o[b,v], v): of the entries along v, the one at v."""
        body, name = node.arguments
        if not isinstance(name, Name) or (name.name not in scope and node.function != "logsumexp"):
            raise self.error(f"{node.function} is over an index on the left or of a sum around it", node)
        (index,), inner = self.bound(node, (name.name,), body, scope)
        outer = self.lowered(body, scope) if node.function != "logsumexp" else ZERO
        return OVER_INDEX[node.function](outer, Reduce("sum", (index,), Call("exp", (inner,))))

    @lowered.register
    def _(self, node: Total, scope: Indices) -> Term:
        indices, body = self.bound(node, node.indices, node.body, scope, node)
        if node.high is None:
            return summed(indices, body)
        (index,) = indices
        inner = {**scope, node.indices[0]: index}
        condition = self.limits(node, index, inner)
        return summed(indices, body if condition == ONE else where(condition, body, ZERO))

    def limits(self, node: Total, index: Index, scope: Indices) -> Term:
        """What the limits leave of the axis; 1 to N is the whole axis as 0 to N-1 is, both as people count."""
        low, high = (self.index(limit, scope) for limit in (node.low, node.high))
        last = subtract(index.extent, ONE)
        to_size, to_last = same_extent(high, index.extent), same_extent(high, last)
        from_one = to_size or (low == ONE and not to_last)
        unclear = isinstance(low, Const) and low not in (ZERO, ONE) and not to_size
        if unclear or (low == ONE and to_last) or (low == ZERO and to_size):
            raise self.error(
                f"where does index {index.name} start? the axis is 0 to {text(last)}, or 1 to its size", node
            )
        if from_one and counts(node.body, node.indices[0]):
            raise self.error(f"index {index.name} is counted from 1 and used as a number; count from 0", node)
        if not (to_size or to_last or high.free or at_least(index.extent, high)):
            raise self.error(
                f"the sum over {index.name} is to {text(high)}, its axis has size {text(index.extent)}", node
            )
        if isinstance(low, Const) and isinstance(low.value, int):
            low = Const(low.value - from_one)
        parts = [] if low == ZERO else [Compare("<=", low, index)]
        if not (to_size or to_last):
            parts.append(Compare("<=", index, high if high.free or not from_one else subtract(high, ONE)))
        return mul(*parts) if parts else ONE

    @lowered.register
    def _(self, node: Reduction, scope: Indices) -> Term:
        indices, body = self.bound(node, node.indices, node.body, scope)
        if node.operator == "mean":
            return divide(summed(indices, body), mul(*(index.extent for index in indices)))
        if node.operator == "inverse":
            raise self.error("an inverse lacks the two indices of its entry", node)
        return Reduce(node.operator, indices, body)

    def bound(
        self, node: Node, names: tuple[str, ...], body: Expression, scope: Indices, total: Total | None = None
    ) -> tuple[tuple[Index, ...], Term]:
        """The indices of a sum, with their sizes, and its body; a name that is in use around it is changed."""
        sizes = IndexSizes(self.tensors, self.model, self.error)
        limit = self.upper_limit(total, scope) if total is not None else None
        made: dict[str, Index] = {}
        for name in names:
            extent = sizes.of(name, body, {**scope, **made}, limit, node)
            made[name] = fresh_index(Index(name, extent), {index.name for index in (*scope.values(), *made.values())})
        return tuple(made.values()), self.lowered(body, {**scope, **made})

    def upper_limit(self, total: Total, scope: Indices) -> Term | None:
        """The size that 1 to N or 0 to N-1 says, where it says one."""
        if total.high is None:
            return None
        low, high = (self.index(limit, scope) for limit in (total.low, total.high))
        if high.free or low not in (ZERO, ONE):
            return None
        return high if low == ONE else add(high, ONE)

    @lowered.register
    def _(self, node: Derivative, scope: Indices) -> Term:
        if self.derivative is None:
            raise self.error("a derivative cannot be read here", node)
        of, by = self.entry(node.of, scope), self.entry(node.by, scope)
        try:
            return self.derivative(of, by)
        except ClaimError as error:
            raise self.error(str(error), node) from None


OVER_INDEX: dict[str, Callable[[Term, Term], Term]] = {
    "softmax": lambda entry, total: divide(Call("exp", (entry,)), total),
    "log_softmax": lambda entry, total: subtract(entry, Call("log", (total,))),
    "logsumexp": lambda entry, total: Call("log", (total,)),
}


def guarded(left: Term, right: Term) -> Term:
    """left * right; a comparison that a read in the other factor may rest on decides whether it is read at all."""
    for condition, other in ((left, right), (right, left)):
        if isinstance(condition, Compare) and condition.relation in ("<", "<=") and reads_elsewhere(other):
            return where(condition, other, ZERO)
    return mul(left, right)


def reads_elsewhere(value: Term) -> bool:
    """Whether some read's index is computed: h[t-1]."""
    return any(
        isinstance(node, Read) and any(not isinstance(index, Index | Read | Const) for index in node.indices)
        for node in value.walk()
    )


def counts(body: Expression, name: str) -> bool:
    """Whether the index is used as a number, or stands beside one: otherwise it does not matter where it starts."""

    def visit(node: Node) -> bool:
        match node:
            case Item(array, places):
                if any(isinstance(place, Number) for place in places):
                    return True  # x_1 is the first or the second
                return visit(array) or any(number_in(place, name) for place in places if place is not None)
            case Comparison(_, left, right):
                sides = (left, right)
                return any(mentions(side, name) for side in sides) and any(isinstance(s, Number) for s in sides)
            case Name(other):
                return other == name
        return any(visit(child) for child in node.children)

    return visit(body)


def number_in(place: Expression, name: str) -> bool:
    """Whether an index position is more than the index and a shift: 2*k, or a constant beside the index's axis."""
    match place:
        case Name():
            return False
        case Binary("+" | "-", Name(), Number()):
            return False
        case Item(_, places):
            return any(number_in(inner, name) for inner in places if inner is not None)
    return mentions(place, name)


def mentions(node: Node, name: str) -> bool:
    return any(isinstance(inner, Name) and inner.name == name for inner in node.walk())

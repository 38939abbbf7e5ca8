"""Loops over a size, run once at a turn that stands for all of them.

    for k in range(n): dW += np.outer(x[k], d[k])      dW + sum_k x[k,i]*d[k,j]         only added to
    for k in range(n): p[k] = e[k] / e[k].sum()        p[k,:] for every k               only its own slice is touched

A name that is assigned anew in every turn is the turn's own.  Whatever else a turn hands to the next has no formula.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ..language.algebra import summed
from ..language.ranges import same_extent
from ..language.rewriting import substitute
from ..language.terms import Index, Term
from .entries import Array, Unprovable, bound_indices, elementwise, made
from .entry_formulas import BINARY
from .formula_values import Turns, array, turns_of
from .interpretation import Interpreter, Value
from .statements import Apply, Assign, Comprehension, Expression, Item, Loop, Name, Statement, assignments, names_in


@dataclass
class LoopFree(Interpreter):
    """An interpreter over `Formulas`: a loop over a size becomes a formula, any other is run turn by turn."""

    turns: list[Index] = field(default_factory=list)  # of the loops around
    made: int = 0

    def step(self, statement: Statement) -> None:
        try:
            super().step(statement)
        except (ValueError, IndexError, TypeError, AttributeError, KeyError, ArithmeticError) as error:
            # what NumPy would refuse too, or a use of an operation that its formula does not foresee
            raise Unprovable(f"it has no formula: {error}") from None

    def loop(self, statement: Loop) -> None:
        over = statement.over
        if isinstance(over, Apply) and over.function == "reversed":  # the order of independent turns is no matter
            (over,) = over.arguments
        turns = turns_of(self.value(over))
        if isinstance(turns, list):
            super().loop(statement)
            return
        if rebound(statement):
            raise Unprovable("a loop variable that means something else within the loop")
        index = self.fresh(turns.extent)
        self.watcher.entered(statement, self.environment)
        self.turns.append(index)
        uses = {name: use_of(name, statement) for name in dict.fromkeys(a.name for a in assignments(statement.body))}
        if any(uses.keys() & names_in(function) for function in self.defined.values()):
            raise Unprovable("a function of the file may read what the loop makes")
        before = {name: self.read(name) for name, use in uses.items() if use is not Own}
        for name, use in uses.items():
            if use is Added:
                self.environment[name] = made(array(before[name]).shape, lambda *_: array(0).body)
        self.bind(statement.variables, turns.item(index))
        self.run(statement.body)
        for name, use in uses.items():
            after = self.environment.pop(name, None)
            if use is Own:
                continue
            if after is None:
                raise Unprovable(f"{name} has no formula in the loop")
            if use is Added:
                self.environment[name] = elementwise(
                    BINARY["+"], array(before[name]), summed_turns(array(after), index)
                )
            else:
                self.environment[name] = whole(array(after), use, index, turns)
        for name in statement.variables:
            self.environment.pop(name, None)
        self.turns.pop()
        self.watcher.left(statement, self.environment)

    def comprehension(self, body: Expression, variables: Sequence[str], over: Expression) -> Value:
        turns = turns_of(self.value(over))
        if isinstance(turns, list):
            return super().comprehension(body, variables, over)
        index = self.fresh(turns.extent)
        before = dict(self.environment)
        self.bind(variables, turns.item(index))
        each = array(self.value(body))
        self.environment = before

        def item(k: Term) -> Array:
            return made(each.shape, lambda *at: substitute(each.at(at), {index: k}), each.kind)

        return Turns(turns.extent, item)

    def fresh(self, extent: Term) -> Index:
        self.made += 1
        return Index(f"turn{self.made}_{self.depth}", extent)


Own, Added = "own", "added"  # or the axis of which a turn touches its own slice only


def summed_turns(each: Array, index: Index) -> Array:
    (bound,) = bound_indices([index.extent], each.body)
    return made(each.shape, lambda *at: summed((bound,), substitute(each.at(at), {index: bound})), each.kind)


def whole(after: Array, axis: int, index: Index, turns: Turns) -> Array:
    """The array whose slice at every k is what the turn at k made of it."""
    if not turns.counter or axis >= after.ndim or not same_extent(after.shape[axis], index.extent):
        raise Unprovable("a loop that does not run over the whole axis")
    return made(after.shape, lambda *at: substitute(after.at(at), {index: at[axis]}))


def use_of(name: str, loop: Loop) -> str | int:
    """How the turns of the loop use an outer name; Unprovable where one turn may need what another made."""
    lines = [line for line in assignments(loop.body) if line.name == name]
    uses = sum(count_name(name, statement) for statement in loop.body)
    if all(line.operator in ("+", "-") and only_target(name, line) for line in lines) and uses == len(lines):
        return Added
    if begins_anew(name, loop.body):
        return Own
    places = [item.places for item in items_of(name, loop.body)]
    if len(places) == uses and len(loop.variables) == 1:
        for axis in range(min(map(len, places))):
            if all(place[axis] == Name(loop.variables[0]) for place in places):
                return axis
    raise Unprovable(f"a turn of the loop reads the {name} that another made")


def rebound(loop: Loop) -> bool:
    """Whether a variable of the loop is bound anew in its body, so that its name is not the turn."""
    names = set(loop.variables)
    inner = [node for statement in loop.body for node in statement.walk()]
    again = [name for node in inner if isinstance(node, Loop | Comprehension) for name in node.variables]
    return bool(names & {*again, *(line.name for line in assignments(loop.body))})


def only_target(name: str, line: Assign) -> bool:
    """Whether the line names it as what is added to, and nowhere else."""
    return count_name(name, line) == 1


def begins_anew(name: str, body: Sequence[Statement]) -> bool:
    """Whether the first statement of the turn that names it assigns the whole of it."""
    for statement in body:
        if name in names_in(statement):
            if isinstance(statement, Loop) and name not in names_in(statement.over):
                return begins_anew(name, statement.body)
            plain = isinstance(statement, Assign) and isinstance(statement.target, Name) and not statement.operator
            return plain and statement.name == name and name not in names_in(statement.value)
    return False


def count_name(name: str, statement: Statement) -> int:
    return sum(isinstance(node, Name) and node.name == name for node in statement.walk())


def items_of(name: str, body: Sequence[Statement]) -> Iterator[Item]:
    for statement in body:
        for node in statement.walk():
            if isinstance(node, Item) and node.array == Name(name):
                yield node

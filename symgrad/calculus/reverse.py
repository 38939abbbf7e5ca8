"""The reverse sweep: one adjoint per definition, each computed once and used by all that it depends on.

For every equation X[i] = f(...) and every T[e] that f reads,

    dT[k] += sum_i dX[i] * df/dT[e] * [k == e]

where df/dT[e] comes from the derivatives of elementary functions, the product rule, and the linearity of sums.  The
deltas are then contracted.  There is no rule for a layer or a loss: softmax, embeddings and norms are what comes out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from ..language.algebra import ZERO, add, factors_of, mul, summed, where
from ..language.errors import DerivativeError
from ..language.functions import STOP_GRADIENT
from ..language.notation import text
from ..language.program import Equation, Item, Program, Role, Tensor, equations_of
from ..language.recurrences import grouped
from ..language.rewriting import fresh_index, substitute, unique_bound
from ..language.terms import ONE, Add, Call, Compare, Const, Index, Inverse, Mul, Pow, Read, Reduce, Term, Where, delta
from .deltas import contract
from .local import derivative
from .matrix_rules import around_matrix
from .steps import Local, Rule, Step


@dataclass(frozen=True)
class Gradients:
    """`program`: the forward equations, then the adjoints'.  `adjoints`: tensor -> the tensor that holds its adjoint.

    `locals_` are the local derivatives and `steps` the rewriting steps, both in the order in which they were made.
    """

    program: Program
    adjoints: dict[str, str]
    locals_: tuple[Local, ...]
    steps: tuple[Step, ...]

    @property
    def of_parameters(self) -> dict[str, str]:
        return {p.name: self.adjoints[p.name] for p in self.program.parameters if p.name in self.adjoints}


def differentiate(program: Program, wrt: Iterable[str] | None = None) -> Gradients:
    """The loss `program.outputs[0]` differentiated by `wrt` (every parameter unless named).

    Raises DerivativeError for what has no derivative, for a name that is no parameter or real input, and for a loss
    that is proven not to depend on it.
    """
    return Sweep(program, wanted(program, wrt)).run()


def wanted(program: Program, wrt: Iterable[str] | None) -> tuple[str, ...]:
    names = tuple(wrt) if wrt is not None else tuple(tensor.name for tensor in program.parameters)
    known = [t.name for t in program.with_role(Role.PARAMETER, Role.INPUT)]
    for name in names:
        if name not in program.tensors:
            raise DerivativeError(f"{program.name}: {name} is not declared; there are {', '.join(known)}")
        if program.tensors[name].role not in (Role.PARAMETER, Role.INPUT):
            role = program.tensors[name].role.value
            raise DerivativeError(f"{program.name}: {name} is {role}, no parameter or real input: {', '.join(known)}")
    if not names:
        raise DerivativeError(
            f"{program.name}: there is nothing to learn; declare a parameter with model.parameters(...)"
        )
    if not program.outputs:
        raise DerivativeError(f"{program.name}: there is no loss to differentiate")
    return names


def independent_inputs(program: Program) -> set[str]:
    """Real inputs that are proven not to reach the loss through anything differentiable."""
    found = set()
    for tensor in program.with_role(Role.INPUT):
        sweep = Sweep(program, (tensor.name,))
        if sweep.loss not in sweep.active:
            found.add(tensor.name)
    return found


def adjoint_names(program: Program, tensors: Iterable[str]) -> dict[str, str]:
    """dX for X; where that name is taken, d_X, d__X, ..."""
    taken, names = set(program.tensors), {}
    for tensor in tensors:
        name = f"d{tensor}"
        while name in taken:
            name = name.replace("d", "d_", 1)
        taken.add(name)
        names[tensor] = name
    return names


@dataclass(frozen=True)
class Path:
    """One way from an equation down to `end`, an entry that it reads: the factors on it, and where they stand."""

    end: Term
    factors: tuple[Term, ...]
    conditions: tuple[Term, ...] = ()
    indices: tuple[Index, ...] = ()
    rules: tuple[Rule, ...] = ()


class Sweep:
    def __init__(self, program: Program, wrt: tuple[str, ...]) -> None:
        self.program, self.wrt = program, wrt
        self.loss = program.outputs[0]
        if program.tensors[self.loss].indices:
            raise DerivativeError(f"{program.name}: the loss {self.loss} is no scalar")
        self.equations = list(program.equations())
        self.vocabularies = {t.name: t.vocabulary for t in program.tensors.values() if t.vocabulary is not None}
        self.active = self.depending_on(set(wrt))
        self.names = adjoint_names(program, [e.tensor for e in self.equations] + list(wrt))
        self.shares: dict[str, list[Term]] = {}
        self.locals: list[Local] = []

    def depending_on(self, names: set[str]) -> set[str]:
        """The tensors whose value depends on one of `names` through something differentiable."""
        active, found = set(names), 0
        while len(active) != found:  # once more for what a recurrence reads before it is made
            found = len(active)
            for equation in self.equations:
                if any(isinstance(node, Read) and node.tensor in active for node in real_part(equation.body)):
                    active.add(equation.tensor)
        return active

    def run(self) -> Gradients:
        adjoints: list[Equation] = []
        tensors = dict(self.program.tensors)
        for item in reversed(self.program.items):
            for equation in reversed(self.reached(item)):
                here = equation.tensor
                self.push(equation, ONE if here == self.loss else Read(self.names[here], equation.indices))
            # An equation's adjoint is complete once all its readers have pushed; those of a recurrence read each other.
            adjoints += [self.adjoint(tensors[e.tensor]) for e in reversed(self.reached(item)) if e.tensor != self.loss]
        for name in self.wrt:
            if name not in self.shares:
                raise DerivativeError(f"{self.program.name}: the loss {self.loss} does not depend on {name}")
            adjoints.append(self.adjoint(tensors[name]))
        for equation in adjoints:
            tensors[equation.tensor] = Tensor(equation.tensor, equation.indices, Role.DEFINITION)
        made = {equation.tensor for equation in adjoints}
        program = replace(
            self.program,
            tensors=tensors,
            items=grouped((*self.equations, *adjoints), self.program.name),
            outputs=(self.loss, *(self.names[name] for name in self.wrt)),
        )
        names = {tensor: adjoint for tensor, adjoint in self.names.items() if adjoint in made}
        return Gradients(program, names, tuple(self.locals), ())

    def reached(self, item: Item) -> list[Equation]:
        """The item's equations to which a path leads from the loss, through others of the same recurrence too.

        For the rest there is proven to be none.
        """
        members = list(equations_of((item,)))
        names = {e.tensor for e in members if e.tensor in self.active}
        found = {name for name in names if name in self.shares or name == self.loss}
        size = -1
        while len(found) != size:
            size = len(found)
            inner = [e for e in members if e.tensor in found]
            found |= {n.tensor for e in inner for n in real_part(e.body) if isinstance(n, Read)} & names
        return [equation for equation in members if equation.tensor in found]

    def adjoint(self, tensor: Tensor) -> Equation:
        name = self.names[tensor.name]
        return Equation(name, tensor.indices, add(*self.shares[tensor.name]), label=name)

    def push(self, equation: Equation, cotangent: Term) -> None:
        """Add the equation's share to the adjoint of everything that it reads."""
        for path in paths(equation.body, cotangent, self.active):
            target = self.program.tensors[path.end.tensor]
            share = self.share(equation, path, target)
            if share != ZERO:
                self.shares.setdefault(target.name, []).append(share)
                local = mul(*(factor for factor in path.factors if factor != cotangent))
                self.locals.append(Local(equation, path.end, local, path.conditions, path.indices, path.rules, share))

    def share(self, equation: Equation, path: Path, target: Tensor) -> Term:
        """sum over everything in scope of factors * [k == e], contracted, in the target's own indices."""
        scope = equation.indices + path.indices
        body = mul(*path.factors)
        if path.conditions:
            body = where(mul(*path.conditions), body, ZERO)
        entry = path.end.indices
        taken = {index.name for index in target.indices} | {index.name for index in scope}
        renamed: dict[Term, Term] = {}
        for index in scope:
            if index.name in {other.name for other in target.indices}:
                renamed[index] = fresh_index(index, taken)
                taken.add(renamed[index].name)
        body = substitute(body, renamed)
        scope = tuple(renamed.get(index, index) for index in scope)
        deltas = [delta(k, substitute(e, renamed)) for k, e in zip(target.indices, entry, strict=True)]
        return contract(summed(scope, mul(body, *deltas)), self.vocabularies)


def real_part(term: Term) -> Iterator[Term]:
    """The nodes through which a derivative passes: not the indices, conditions and stopped parts."""
    yield term
    if isinstance(term, Read | Compare) or (isinstance(term, Call) and term.function == STOP_GRADIENT):
        return
    children = (term.then, term.other) if isinstance(term, Where) else term.children
    for child in children:
        yield from real_part(child)


def paths(body: Term, cotangent: Term, active: set[str]) -> Iterator[Path]:
    """Every path from `body` to an active read, with the factors met on the way in the order of writing."""
    body = unique_bound(body, {index.name for index in cotangent.free})
    yield from walk(Path(body, (cotangent,)), active)


def walk(path: Path, active: set[str]) -> Iterator[Path]:
    """The path, led on from its end to every active read."""
    if not any(isinstance(node, Read) and node.tensor in active for node in real_part(path.end)):
        return  # proven independent
    match path.end:
        case Read():
            yield path
        case Add(terms):
            for part in terms:
                yield from walk(replace(path, end=part), active)
        case Mul(parts):
            for position, part in enumerate(parts):
                factors = (*parts[:position], *path.factors, *parts[position + 1 :])
                yield from walk(replace(path, end=part, factors=factors), active)
        case Pow() | Call():
            for position, argument in enumerate(path.end.children):
                if any(isinstance(node, Read) and node.tensor in active for node in real_part(argument)):
                    step = derivative(path.end, position)
                    rules = (*path.rules, Rule(path.end, position, step))
                    factors = (*factors_of(step), *path.factors)
                    yield from walk(replace(path, end=argument, factors=factors, rules=rules), active)
        case Where(condition, then, other):
            # Brackets stay conditions to the end: a branch that is not taken may be infinite, and 0*inf is no 0.
            for branch, holds in ((then, condition), (other, opposite(condition))):
                yield from walk(replace(path, end=branch, conditions=(*path.conditions, holds)), active)
        case Reduce("sum", bound, inner):
            yield from walk(replace(path, end=inner, indices=path.indices + bound), active)
        case Reduce("max", bound, inner):
            # The gradient of a maximum goes to the first entry that reaches it.
            if len(bound) != 1:
                raise DerivativeError(f"{text(path.end)}: write a maximum over several axes as one over each")
            (index,) = bound
            other = fresh_index(index, {i.name for node in path.end.walk() for i in node.free})
            first = Reduce("argmax", (other,), substitute(inner, {index: other}))
            factors = (*path.factors, delta(index, first))
            yield from walk(replace(path, end=inner, factors=factors, indices=path.indices + bound), active)
        case Reduce("det" | "logdet", bound, inner) | Inverse(bound, inner):
            left, right = around_matrix(path.end)
            factors = (*left, *path.factors, *right)
            yield from walk(replace(path, end=inner, factors=factors, indices=path.indices + bound), active)
        case _:
            raise DerivativeError(f"{text(path.end)}: {type(path.end).__name__} has no derivative")


def opposite(condition: Term) -> Term:
    """The bracket of "not condition"."""
    match condition:
        case Compare("<", left, right):
            return Compare("<=", right, left)
        case Compare("<=", left, right):
            return Compare("<", right, left)
        case Compare("==", left, right):
            return Compare("!=", left, right)
        case Compare("!=", left, right):
            return Compare("==", left, right)
    return Compare("==", condition, Const(0))

"""The reverse sweep: one adjoint per definition, each computed once and used by all that it depends on.

For every equation X[i] = f(...) and every T[e] that f reads,

    dT[k] += sum_i dX[i] * df/dT[e] * [k == e]

where df/dT[e] comes from the derivatives of elementary functions, the product rule, and the linearity of sums.  The
deltas are then contracted.  There is no rule for a layer or a loss: softmax, embeddings and norms are what comes out.
The sweep starts at the loss with 1.  At a definition X with axes it starts with [i == s] for every entry s of X, and
each adjoint has these axes first: dX_dT[s, k] = dX[s]/dT[k], a Jacobian.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches

from ..language.algebra import ZERO, add, mul, summed, where
from ..language.errors import DerivativeError, Independent
from ..language.program import Equation, Item, Program, Role, Tensor, equations_of
from ..language.recurrences import cycles, grouped
from ..language.rewriting import fresh_index, substitute
from ..language.terms import Binder, Index, Read, Term, delta
from .deltas import contract
from .paths import Path, paths, real_part
from .steps import Local, Step


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


def differentiate(program: Program, wrt: str | Iterable[str] | None = None, of: str | None = None) -> Gradients:
    """The loss `program.outputs[0]` differentiated by `wrt` (every parameter unless named).

    `of` differentiates that definition instead, where it has axes entry by entry, and `wrt` may then name definitions.
    Raises DerivativeError for what has no derivative and for a name that is no parameter or real input, Independent
    where it is proven not to depend on one.
    """
    return Sweep(program, wanted(program, wrt, of), of).run()


def wanted(program: Program, wrt: str | Iterable[str] | None, of: str | None = None) -> tuple[str, ...]:
    """The names to differentiate by.  Raises DerivativeError for one that it cannot be; see `differentiate`."""
    names = tuple(tensor.name for tensor in program.parameters) if wrt is None else given_names(wrt, program.name)
    roles = (Role.PARAMETER, Role.INPUT) if of is None else (Role.PARAMETER, Role.INPUT, Role.DEFINITION)
    what = "no parameter or real input" if of is None else "no parameter, real input or definition of real numbers"
    known = [t.name for t in program.with_role(*roles) if t.vocabulary is None]
    for name in names:
        if name not in program.tensors:
            raise DerivativeError(f"{program.name}: {name} is not declared; there are {listed(known, name)}")
        if name not in known:
            role = program.tensors[name].role.value
            raise DerivativeError(f"{program.name}: {name} is {role}, {what}: {listed(known, name)}")
    if not names:
        raise DerivativeError(
            f"{program.name}: there is nothing to learn; declare a parameter with model.parameters(...)"
        )
    if of is None and not program.outputs:
        raise DerivativeError(f"{program.name}: there is no loss to differentiate")
    made = [t.name for t in program.with_role(Role.DEFINITION) if t.vocabulary is None]
    if of is not None and of not in made:
        raise DerivativeError(
            f"{program.name}: {of} is no definition of real numbers, so there is nothing to differentiate; "
            f"there are {listed(made, of)}"
        )
    return names


def given_names(wrt: str | Iterable[str], place: str) -> tuple[str, ...]:
    """`"W"` is one name and no list of letters; each name once."""
    names = (wrt,) if isinstance(wrt, str) or not isinstance(wrt, Iterable) else tuple(dict.fromkeys(wrt))
    for name in names:
        if not isinstance(name, str):
            raise DerivativeError(f"{place}: derivatives are by names, such as 'W' or ['W', 'x'], and {name!r} is none")
    return names


def listed(known: list[str], name: str) -> str:
    """`W1, W2, x; the nearest to W9 is W1`, where one is near."""
    by_letters = {other.lower(): other for other in reversed(known)}
    near = get_close_matches(name.lower(), by_letters, n=1, cutoff=0.5)
    return ", ".join(known) + (f"; the nearest to {name} is {by_letters[near[0]]}" if near else "")


def independent_inputs(program: Program) -> set[str]:
    """Real inputs that are proven not to reach the loss through anything differentiable."""
    found = set()
    for tensor in program.with_role(Role.INPUT):
        sweep = Sweep(program, (tensor.name,))
        if sweep.loss not in sweep.active:
            found.add(tensor.name)
    return found


def adjoint_names(program: Program, tensors: Iterable[str], of: str, qualified: bool) -> dict[str, str]:
    """dX for X; `dof_dX` for all where they are `qualified` or one of those names is taken; then dof_d_X, dof_d__X."""
    tensors = tuple(tensors)
    taken, names = set(program.tensors), {}
    start = f"d{of}_d" if qualified or any(f"d{tensor}" in taken for tensor in tensors) else "d"
    for tensor in tensors:
        name, stem = f"{start}{tensor}", start
        while name in taken:
            stem += "_"
            name = f"{stem}{tensor}"
        taken.add(name)
        names[tensor] = name
    return names


def adjoint_sign(adjoints: Mapping[str, str], loss: str) -> str:
    """What legends call the adjoint of X: `dX`, or `dslope_dX` where the program has tensors of the shorter names."""
    return "dX" if all(adjoint == f"d{tensor}" for tensor, adjoint in adjoints.items()) else f"d{loss}_dX"


class Sweep:
    def __init__(self, program: Program, wrt: tuple[str, ...], of: str | None = None) -> None:
        self.program, self.wrt = program, wrt
        self.loss = program.outputs[0] if of is None else of
        if of is None and program.tensors[self.loss].indices:
            raise DerivativeError(f"{program.name}: the loss {self.loss} is no scalar")
        self.title = f"the loss {self.loss}" if of is None else self.loss
        self.equations = list(program.equations())
        self.vocabularies = {t.name: t.vocabulary for t in program.tensors.values() if t.vocabulary is not None}
        self.active = self.depending_on(set(wrt))
        made = [e.tensor for e in self.equations]
        given = [name for name in wrt if name not in made]
        self.names = adjoint_names(program, made + given, self.loss, of is not None)
        self.shares: dict[str, list[Term]] = {}
        self.locals: list[Local] = []
        # The entry of the loss that is differentiated: no index of the program has one of these names.
        taken = {index.name for tensor in program.tensors.values() for index in tensor.indices}
        bodies = (node for equation in self.equations for node in equation.body.walk())
        taken |= {index.name for node in bodies if isinstance(node, Binder) for index in node.indices}
        self.entry: tuple[Index, ...] = ()
        for index in program.tensors[self.loss].indices:
            self.entry += (fresh_index(index, taken),)
            taken.add(self.entry[-1].name)
        # Where its entries depend on each other, or it is asked for itself, it has an adjoint like the rest.
        self.apart = self.loss not in cycles(program) and self.loss not in wrt
        if not self.apart:
            self.shares[self.loss] = [self.start(program.tensors[self.loss].indices)]

    def start(self, indices: tuple[Index, ...]) -> Term:
        """dX[s]/dX[i] = [i == s]; 1 for a scalar."""
        return mul(*(delta(index, entry) for index, entry in zip(indices, self.entry, strict=True)))

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
                self.push(equation, self.cotangent(equation))
            # An equation's adjoint is complete once all its readers have pushed; those of a recurrence read each other.
            complete = [e.tensor for e in reversed(self.reached(item)) if not (self.apart and e.tensor == self.loss)]
            adjoints += [self.adjoint(tensors[name]) for name in complete]
        defined = {equation.tensor for equation in self.equations}
        for name in self.wrt:
            if name not in self.shares:
                raise Independent(f"{self.program.name}: {self.title} does not depend on {name}")
            if name not in defined:
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

    def cotangent(self, equation: Equation) -> Term:
        """What the derivatives of this equation are multiplied by: the adjoint of what it defines."""
        if self.apart and equation.tensor == self.loss:
            return self.start(equation.indices)
        return Read(self.names[equation.tensor], self.entry + equation.indices)

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
        return Equation(name, self.entry + tensor.indices, add(*self.shares[tensor.name]), label=name)

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
        taken = {index.name for index in (*target.indices, *scope, *self.entry)}
        renamed: dict[Term, Term] = {}
        for index in scope:
            if index.name in {other.name for other in target.indices}:
                renamed[index] = fresh_index(index, taken)
                taken.add(renamed[index].name)
        body = substitute(body, renamed)
        scope = tuple(renamed.get(index, index) for index in scope)
        deltas = [delta(k, substitute(e, renamed)) for k, e in zip(target.indices, entry, strict=True)]
        return contract(summed(scope, mul(body, *deltas)), self.vocabularies)

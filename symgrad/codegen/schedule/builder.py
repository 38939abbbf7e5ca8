"""A program under rewriting: new definitions go in before or after an equation, with names made from its name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from ...calculus.matching import match
from ...language.program import Equation, Program, Role, Tensor
from ...language.recurrences import with_equations
from ...language.terms import Index, Read, Reduce, Term


@dataclass
class Builder:
    """Collects the equations of the rewritten program in order; `program` is the result."""

    source: Program
    equations: list[Equation] = field(default_factory=list)
    tensors: dict[str, Tensor] = field(default_factory=dict)
    made: list[Equation] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.tensors = dict(self.source.tensors)

    def add(self, equation: Equation) -> None:
        self.equations.append(equation)

    def define(self, stem: str, indices: Iterable[Index], body: Term) -> Read:
        """`body` as a definition of its own, or the one that was made of it before; the entry to read instead."""
        for earlier in self.made:
            for binding in match(earlier.body, body, frozenset(earlier.indices), {}):
                if all(index in binding for index in earlier.indices):
                    return Read(earlier.tensor, tuple(binding[index] for index in earlier.indices))
        name, number = stem, 2
        while name in self.tensors:
            name, number = f"{stem}{number}", number + 1
        indices = tuple(indices)
        below = body.indices[0].extent if isinstance(body, Reduce) and body.op == "argmax" else None
        self.tensors[name] = Tensor(name, indices, Role.DEFINITION, vocabulary=below)
        equation = Equation(name, indices, body, "")
        self.made.append(equation)
        self.equations.append(equation)
        return equation.left

    @property
    def program(self) -> Program:
        made = {equation.tensor for equation in self.equations}
        tensors = {n: t for n, t in self.tensors.items() if t.role is not Role.DEFINITION or n in made}
        return with_equations(replace(self.source, tensors=tensors), self.equations)


def in_order(indices: Iterable[Index], *orders: Iterable[Index]) -> tuple[Index, ...]:
    """A set of indices in the order in which they first stand in `orders`; what stands in none, by name, last."""
    wanted = set(indices)
    listed = [index for order in orders for index in order if index in wanted]
    rest = sorted(wanted - set(listed), key=lambda index: index.name)
    return tuple(dict.fromkeys([*listed, *rest]))

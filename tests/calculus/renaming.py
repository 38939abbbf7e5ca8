"""The same program under names that mean nothing, and the way back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from sympy import Idx

from symgrad.language.lifting import lift_size, tensor_axes, to_sympy
from symgrad.language.model import Model
from symgrad.language.program import Equation, Program, Role, Tensor
from symgrad.language.recurrences import cycles, with_equations
from symgrad.language.rewriting import canonical, rebuild
from symgrad.language.terms import Index, Read, Reduce, Size, Term

Renaming = Callable[[str], str]


class Names:
    """Each name's replacement: qzz, qzy, ... in the order of asking, so that the alphabet is turned around."""

    def __init__(self) -> None:
        self.given: dict[str, str] = {}

    def __call__(self, name: str) -> str:
        if name not in self.given:
            first, second = divmod(26 * 26 - 1 - len(self.given), 26)
            self.given[name] = f"q{chr(97 + first)}{chr(97 + second)}"
        return self.given[name]

    def back(self, name: str) -> str:
        """The first name; an adjoint's is that of its tensor behind the same number of d's."""
        original = {new: old for old, new in self.given.items()}
        stem = name.lstrip("d")
        return "d" * (len(name) - len(stem)) + original[stem] if stem in original else name


def renamed(program: Program, name: Renaming) -> Program:
    """The program with its tensors, indices and sizes renamed; N*D and D*N become one extent."""

    def index(old: Index) -> Index:
        return Index(name(old.name), canonical(term(old.extent)))

    def term(node: Term) -> Term:
        match node:
            case Size(size):
                return Size(name(size))
            case Index():
                return index(node)
            case Read(tensor, indices):
                return Read(name(tensor), tuple(map(term, indices)))
            case Reduce(op, indices, body):
                return Reduce(op, tuple(map(index, indices)), term(body))
        return rebuild(node, term)

    def tensor(old: Tensor) -> Tensor:
        below = term(old.vocabulary) if old.vocabulary is not None else None
        return replace(old, name=name(old.name), indices=tuple(map(index, old.indices)), vocabulary=below)

    items = tuple(
        Equation(name(equation.tensor), tuple(map(index, equation.indices)), term(equation.body), equation.label)
        for equation in program.equations()
    )
    tensors = {name(old.name): tensor(old) for old in program.tensors.values()}
    updates = {name(old): name(new) for old, new in program.updates.items()}
    flat = Program(program.name, tensors, items, tuple(map(name, program.outputs)), updates)
    return with_equations(flat, items)


def declared_again(program: Program) -> Program:
    """The program written down once more, as SymPy through a Model: every loss spelled out in exp, Sum and log.

    A recurrence is returned as it is: the values before its first slice cannot be told from other conditions.
    """
    if cycles(program):
        return program
    model = Model(program.name)
    for tensor in program.tensors.values():
        shape = {tensor.name: tensor_axes(tensor)}
        if tensor.role is Role.PARAMETER:
            model.parameters(**shape)
        elif tensor.role is Role.INPUT:
            model.inputs(**shape)
        elif tensor.role is Role.STATE:
            model.states(**shape)
        elif tensor.role is Role.MASK:
            model.masks(**shape, keep=tensor.keep)
        elif tensor.role is Role.TOKENS:
            model.tokens(**shape, vocabulary=Idx("below", lift_size(tensor.vocabulary)))
    for equation in program.equations():
        body = to_sympy(equation.body, program)
        if equation.tensor == program.outputs[0]:
            model.minimize(equation.tensor, body)
        else:
            model.define(equation.tensor, tensor_axes(program.tensors[equation.tensor]), body)
    model._program = replace(model._program, updates=program.updates)  # the next values have names of their own here
    return model.program

"""Is a Program well formed?  Run on every declaration and after every pass.

Checked: each name is declared once and defined before it is used (an earlier slice of itself within a recurrence
excepted); each index is bound once, and none is free that the left side lacks; each read has an index per axis that is
proven to lie inside it; real numbers are no indices and tokens no real numbers; outputs and updates fit.
"""

from __future__ import annotations

from collections.abc import Iterable

from .errors import DeclarationError
from .functions import CONSTANTS, ELEMENTARY, INTEGER, STOP_GRADIENT
from .notation import equation_text, text
from .program import Equation, Item, Program, Recurrence, Role
from .ranges import Interval, inside, narrowed, same_extent
from .terms import (
    DETERMINANTS,
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
    Size,
    Term,
    Where,
)

GIVEN = (Role.PARAMETER, Role.INPUT, Role.TOKENS, Role.MASK, Role.STATE, Role.SETTING)


def typecheck(program: Program, pending: frozenset[str] = frozenset()) -> Program:
    """The program itself; raises DeclarationError naming the equation, what was expected and what came.

    `pending` are tensors that will be defined later; an open recurrence may read them at other slices.
    """
    known = {tensor.name for tensor in program.with_role(*GIVEN)}
    check_items(program, program.items, known, pending)
    for name in program.outputs:
        if name not in known:
            raise DeclarationError(f"{program.name}: output {name} is never defined")
    for old, new in program.updates.items():
        for name in (old, new):
            if name not in program.tensors:
                raise DeclarationError(f"{program.name}: the update of {old} names {name}, which is not declared")
        shapes = program.tensors[old].shape, program.tensors[new].shape
        if len(shapes[0]) != len(shapes[1]) or not all(map(same_extent, *shapes)):
            raise DeclarationError(f"{program.name}: {new} has another shape than {old}, which it replaces")
    return program


def check_items(program: Program, items: tuple[Item, ...], known: set[str], later: frozenset[str]) -> None:
    """`later`: tensors of the recurrence around, which may be read at other slices before they are defined."""
    for item in items:
        if isinstance(item, Equation):
            EquationCheck(program, item, known, later).run()
            known.add(item.tensor)
        elif isinstance(item, Recurrence):
            inner = frozenset(equation.tensor for equation in item.items if isinstance(equation, Equation))
            check_items(program, item.items, known, later | inner)
        else:
            raise DeclarationError(
                f"{program.name}: part {item.prefix!r} is not flattened; call flatten(program) first"
            )


class EquationCheck:
    """The checks of one equation; `scope` holds the indices that may occur where the walk stands."""

    def __init__(self, program: Program, equation: Equation, known: set[str], later: frozenset[str]) -> None:
        self.program, self.equation, self.known, self.later = program, equation, known, later
        self.vocabularies = {t.name: t.vocabulary for t in program.tensors.values() if t.vocabulary is not None}

    def fail(self, message: str) -> DeclarationError:
        return DeclarationError(f"{self.program.name}: in {equation_text(self.equation)}: {message}")

    def run(self) -> None:
        equation = self.equation
        tensor = self.program.tensors.get(equation.tensor)
        if tensor is None or tensor.role in GIVEN:
            raise self.fail(
                f"{equation.tensor} is {'not declared' if tensor is None else f'declared as {tensor.role.value}'}"
            )
        if equation.tensor in self.known:
            raise self.fail(f"{equation.tensor} is defined twice; give the second definition another name")
        names = [index.name for index in equation.indices]
        for index in equation.indices:
            if names.count(index.name) > 1:
                raise self.fail(f"index {index.name} stands twice on the left; use two indices over the same axis")
        if len(equation.indices) != len(tensor.indices) or not all(
            same_extent(index.extent, extent) for index, extent in zip(equation.indices, tensor.shape, strict=True)
        ):
            raise self.fail(f"the left side does not have the axes that {tensor.name} was declared with")
        check = self.real if tensor.vocabulary is None else self.integer
        check(equation.body, frozenset(equation.indices), {})

    def real(self, term: Term, scope: frozenset[Index], known: dict[Index, Interval]) -> None:
        """A term that stands for a real number (integers are real numbers too; token ids are not)."""
        match term:
            case Const() | Size():
                return
            case Index():
                self.bound(term, scope)
            case Read(name, indices):
                if self.tensor(name).vocabulary is not None:
                    raise self.fail(
                        f"{text(term)} is a token id and no real number; use it as an index, C[{text(term)}, ...]"
                    )
                self.read(term, indices, scope, known)
            case Call(function, arguments):
                self.function(function, arguments)
                for argument in arguments:
                    if function in INTEGER and not is_integral(argument, self.program):
                        raise self.fail(
                            f"{text(term)} rounds the real number {text(argument)} and has no derivative; floor and "
                            "Mod are for indices"
                        )
                    self.real(argument, scope, known)
            case Compare(_, left, right):
                for side in (left, right):
                    (self.integer if is_integral(side, self.program) else self.real)(side, scope, known)
            case Where(condition, then, other):
                self.real(condition, scope, known)
                self.real(then, scope, narrowed(condition, known, True))
                self.real(other, scope, narrowed(condition, known, False))
            case Reduce("argmax"):
                raise self.fail(
                    f"{text(term)} is an index and no real number; use it where an index stands, z[{text(term)}]"
                )
            case Reduce(op, indices, body):
                if op not in ("sum", "max", *DETERMINANTS):
                    raise self.fail(f"{op} is no reduction; there are sum, max, argmax, det and logdet")
                if op in DETERMINANTS:
                    self.square(term)
                self.real(body, self.inner(indices, scope), known)
            case Inverse(indices, body, at):
                self.square(term)
                self.real(body, self.inner(indices, scope), known)
                for place, index in zip(at, indices, strict=True):
                    self.integer(place, scope, known)
                    if not inside(place, index.extent, known, self.vocabularies):
                        raise self.fail(f"{text(term)}: {text(place)} is not proven to stay inside its axis")
            case Add() | Mul() | Pow():
                for child in term.children:
                    self.real(child, scope, known)
            case _:
                raise self.fail(f"{type(term).__name__} is no term of the language")

    def inner(self, indices: tuple[Index, ...], scope: frozenset[Index]) -> frozenset[Index]:
        """The scope below a binder of `indices`."""
        for index in indices:
            if index in scope:
                raise self.fail(f"index {index.name} is bound twice; sum over another index of the same axis")
            self.one_size(index, scope)
        return scope | set(indices)

    def square(self, term: Binder) -> None:
        """Raises where the matrix of a determinant or an inverse is not square."""
        sizes = [index.extent for index in term.indices]
        if len(sizes) != 2 or not same_extent(*sizes):
            shape = " x ".join(map(text, sizes))
            raise self.fail(f"{text(term)} needs a square matrix, {text(term.body)} is {shape}")

    def integer(self, term: Term, scope: frozenset[Index], known: dict[Index, Interval]) -> None:
        """A term that stands for an index."""
        match term:
            case Const(int()) | Size():
                return
            case Index():
                self.bound(term, scope)
            case Read(name, indices):
                if self.tensor(name).vocabulary is None:
                    raise self.fail(
                        f"{text(term)} is a real number and cannot index; declare {name} with model.tokens(...)"
                    )
                self.read(term, indices, scope, known)
            case Add() | Mul() | Call("floordiv" | "mod"):
                for child in term.children:
                    self.integer(child, scope, known)
            case Reduce("argmax", indices, body):
                self.real(body, scope | set(indices), known)
            case Const():
                raise self.fail(f"{text(term)} is no integer and cannot index")
            case _:
                raise self.fail(f"{text(term)} cannot be an index")

    def bound(self, index: Index, scope: frozenset[Index]) -> None:
        if index in scope:
            return
        sums = (node for node in self.equation.body.walk() if isinstance(node, Binder))
        self.one_size(index, {*scope, *(other for node in sums for other in node.indices)})
        left = text(self.equation.left)
        raise self.fail(
            f"index {index.name} is free on the right and missing on the left, {left}; sum over it or add it there"
        )

    def one_size(self, index: Index, others: Iterable[Index]) -> None:
        """Raises where another index has this one's name and not its size."""
        for other in others:
            if other.name == index.name and other.extent != index.extent:
                sizes = " and ".join(sorted((text(other.extent), text(index.extent))))
                raise self.fail(f"index {index.name} is used with two sizes, {sizes}; give each axis its own index")

    def tensor(self, name: str):
        tensor = self.program.tensors.get(name)
        if tensor is None:
            raise self.fail(f"{name} is not declared")
        return tensor

    def read(
        self, term: Read, indices: tuple[Term, ...], scope: frozenset[Index], known: dict[Index, Interval]
    ) -> None:
        tensor = self.tensor(term.tensor)
        if term.tensor not in self.known | self.later:
            raise self.fail(f"{term.tensor} is used before it is defined; move its definition up")
        if len(indices) != len(tensor.indices):
            raise self.fail(f"{text(term)} has {len(indices)} indices, {tensor.name} has {len(tensor.indices)} axes")
        for index, extent in zip(indices, tensor.shape, strict=True):
            self.integer(index, scope, known)
            if inside(index, extent, known, self.vocabularies):
                continue
            axis = f"the axis of size {text(extent)}"
            if isinstance(index, Index):
                raise self.fail(
                    f"{text(term)}: index {index.name} runs over size {text(index.extent)}, not over {axis}"
                )
            raise self.fail(
                f"{text(term)}: {text(index)} is not proven to stay inside {axis}; guard it with a Piecewise, which "
                "says what stands there outside"
            )

    def function(self, function: str, arguments: tuple[Term, ...]) -> None:
        if function in INTEGER or function in (STOP_GRADIENT, *CONSTANTS):
            return
        row = ELEMENTARY.get(function)
        if row is None or row.arity != len(arguments):
            expected = "is unknown" if row is None else f"takes {row.arity} arguments, {len(arguments)} given"
            raise self.fail(f"function {function} {expected}; known: {', '.join(sorted(ELEMENTARY))}")


def is_integral(term: Term, program: Program) -> bool:
    """Whether a term is built as an index is: from indices, sizes, integers and tokens."""
    match term:
        case Const(value):
            return isinstance(value, int)
        case Index() | Size() | Reduce("argmax"):
            return True
        case Read(name):
            return program.tensors[name].vocabulary is not None
        case Add() | Mul() | Call("floordiv" | "mod"):
            return all(is_integral(child, program) for child in term.children)
    return False

"""SymPy expressions -> terms.  Everything that SymPy accepts silently and should not is caught here or in typecheck.

SymPy has already forgotten in which order a product was written.  It is put back into the order of a lecture board:
numbers, then parameters before data before definitions, gathers after plain reads, functions, sums last.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from numbers import Real

import sympy

from .algebra import add, integer_call, is_negative, mul, negated, power, summed, where
from .errors import DeclarationError
from .functions import BY_SYMPY_CLASS, STOP_GRADIENT
from .program import Role, Tensor
from .ranges import same_extent
from .rewriting import repr_key
from .surface import argmaximum, determinant, inverse, log_determinant, maximum, size, stop_gradient
from .terms import ONE, ZERO, Add, Call, Compare, Const, Index, Inverse, Mul, Pow, Read, Reduce, Size, Term

RELATIONS = {
    sympy.StrictLessThan: ("<", False),
    sympy.LessThan: ("<=", False),
    sympy.StrictGreaterThan: ("<", True),
    sympy.GreaterThan: ("<=", True),
    sympy.Equality: ("==", False),
    sympy.Unequality: ("!=", False),
}


def lower(expression: sympy.Expr, tensors: dict[str, Tensor], where_: str) -> Term:
    """The term of an expression; `where_` names the equation in errors.

    Raises DeclarationError for what is no SymPy expression, or has no meaning in the language.
    """
    if not isinstance(expression, sympy.Basic | Real):
        raise DeclarationError(f"{where_}: {expression!r} is no SymPy expression; write it with the declared tensors")
    node = sympy.sympify(expression)
    refuse_rebinding(node, frozenset(), where_)
    return Lowering(tensors, where_).term(node)


def refuse_rebinding(node: sympy.Basic, bound: frozenset[str], place: str) -> None:
    """Raises DeclarationError where a sum or a maximum binds an index that one around it has bound already."""
    for name in map(str, binds(node)):
        if name in bound:
            raise DeclarationError(
                f"{place}: index {name} is bound twice in {node}; sum over another index of the same axis"
            )
        bound |= {name}
    for argument in node.args:
        refuse_rebinding(argument, bound, place)


def binds(node: sympy.Basic) -> tuple[sympy.Idx, ...]:
    """The indices that an expression binds."""
    match node:
        case sympy.Sum():
            return tuple(limit[0] for limit in node.limits)
        case maximum():
            return (node.index,)
        case determinant():
            return node.indices
    return ()


def lower_size(expression: sympy.Expr) -> Term:
    return Lowering({}, "an axis").term(sympy.sympify(expression))


def lower_index(index: sympy.Idx) -> Index:
    """An `Idx` with its range, as an index.  Raises where it has none, or does not start at 0."""
    if index.lower is None or index.upper is None:
        raise DeclarationError(f"index {index.label} has no axis; declare it with axes('{index.label}:SIZE')")
    if index.lower != 0:
        raise DeclarationError(f"index {index.label} starts at {index.lower}; every axis starts at 0")
    return Index(str(index.label), lower_size(size(index)))


class Lowering:
    """One expression's way from SymPy to terms; a table from class to method, the most special class first."""

    def __init__(self, tensors: dict[str, Tensor], place: str) -> None:
        self.tensors, self.place = tensors, place
        self.sizes = {
            node.name for t in tensors.values() for e in t.shape for node in e.walk() if isinstance(node, Size)
        }
        self.memo: dict[sympy.Basic, Term] = {}
        order = {name: position for position, name in enumerate(tensors)}
        self.position: Callable[[str], int] = lambda name: order.get(name, len(order))

    def term(self, node: sympy.Basic) -> Term:
        if node not in self.memo:
            self.memo[node] = self.convert(node)
        return self.memo[node]

    def convert(self, node: sympy.Basic) -> Term:
        for kind in type(node).__mro__:
            if kind in CONVERSIONS:
                return CONVERSIONS[kind](self, node)
        name = BY_SYMPY_CLASS.get(type(node))
        if name is not None:
            return self.call(name, node)
        raise DeclarationError(
            f"{self.place}: {node} uses {type(node).__name__}, which has no derivative here; "
            f"known functions: {', '.join(sorted(BY_SYMPY_CLASS.values()))}, sqrt and powers"
        )

    def call(self, name: str, node: sympy.Basic) -> Term:
        arguments = [self.term(argument) for argument in node.args]
        if name in ("max", "min"):  # SymPy's are n-ary and unordered
            arguments.sort(key=self.order)
            result = arguments[0]
            for argument in arguments[1:]:
                result = Call(name, (result, argument))
            return result
        return Call(name, tuple(arguments))

    def number(self, node: sympy.Number) -> Term:
        if node.is_Integer:
            return Const(int(node))
        if node.is_Rational:
            return Const(Fraction(int(node.p), int(node.q)))
        if not node.is_finite:
            return self.no_real_number(node)
        return Const(float(node))

    def no_real_number(self, node: sympy.Basic) -> Term:
        raise DeclarationError(f"{self.place}: {node} is no finite real number; every term stands for one")

    def symbol(self, node: sympy.Symbol) -> Term:
        if node.name in self.tensors:
            return self.read(node.name, ())
        if node.is_integer and node.is_positive:
            return Size(node.name)
        raise DeclarationError(
            f"{self.place}: {node} is not declared; declare it as a parameter or an input, or define it, "
            "before it is used"
        )

    def indexed(self, node: sympy.Indexed) -> Term:
        return self.read(str(node.base.label), node.indices)

    def read(self, name: str, indices: tuple) -> Term:
        tensor = self.tensors.get(name)
        if tensor is None:
            raise DeclarationError(f"{self.place}: {name} is used before it is defined; declare or define it first")
        if len(indices) != len(tensor.indices):
            raise DeclarationError(
                f"{self.place}: {name} has {len(tensor.indices)} axes, ({','.join(i.name for i in tensor.indices)}), "
                f"and is read with {len(indices)}"
            )
        for index in indices:
            if isinstance(index, sympy.Symbol) and index.name not in self.tensors and index.name not in self.sizes:
                raise DeclarationError(
                    f"{self.place}: {name} is read at {index}, a plain symbol and no index; make it with "
                    f"axes('{index}:SIZE')"
                )
        return Read(name, tuple(self.term(index) for index in indices))

    def base(self, node: sympy.IndexedBase) -> Term:
        name = str(node.label)
        axes = ",".join(index.name for index in self.tensors[name].indices) if name in self.tensors else "..."
        raise DeclarationError(f"{self.place}: {name} stands without its indices; write {name}[{axes}]")

    def idx(self, node: sympy.Idx) -> Term:
        return lower_index(node)

    def sum(self, node: sympy.Sum) -> Term:
        return summed(tuple(self.bound(limit, node) for limit in node.limits), self.term(node.function))

    def bound(self, limit: sympy.Tuple, node: sympy.Basic) -> Index:
        if not isinstance(limit[0], sympy.Idx):
            raise DeclarationError(
                f"{self.place}: {node} sums over {limit[0]}, which is no index; make it with axes(...)"
            )
        index = lower_index(limit[0])
        if len(limit) == 3:
            low, high = self.term(limit[1]), self.term(limit[2])
            if low != Const(0) or not same_extent(add(high, ONE), index.extent):
                raise DeclarationError(
                    f"{self.place}: the sum over {index.name} runs from {limit[1]} to {limit[2]}, its axis from 0 to "
                    f"{size(limit[0]) - 1}; sum over the whole axis, and restrict with a Piecewise or a bracket"
                )
        return index

    def largest(self, node: maximum) -> Term:
        index, body = self.bound(sympy.Tuple(node.index), node), self.term(node.body)
        if isinstance(body, Reduce) and body.op == "max" and index not in body.indices:
            return Reduce("max", (index, *body.indices), body.body)
        return Reduce("max", (index,), body)

    def first_largest(self, node: argmaximum) -> Term:
        return Reduce("argmax", (self.bound(sympy.Tuple(node.index), node),), self.term(node.body))

    def determinant(self, node: determinant) -> Term:
        op = "logdet" if isinstance(node, log_determinant) else "det"
        return Reduce(op, tuple(map(lower_index, node.indices)), self.term(node.body))

    def inverse(self, node: inverse) -> Term:
        return Inverse(tuple(map(lower_index, node.indices)), self.term(node.body), tuple(map(self.term, node.at)))

    def product(self, node: sympy.Mul) -> Term:
        factors = [self.term(factor) for factor in node.args]
        return mul(*sorted(factors, key=self.order))

    def sum_of(self, node: sympy.Add) -> Term:
        terms = [self.term(term) for term in node.args]
        return add(*sorted(terms, key=lambda term: (is_negative(term), *self.order(term))))

    def power(self, node: sympy.Pow) -> Term:
        return power(self.term(node.base), self.term(node.exp))

    def floor(self, node: sympy.floor) -> Term:
        numerator, denominator = sympy.fraction(sympy.together(node.args[0]))
        return integer_call(Call("floordiv", (self.term(numerator), self.term(denominator))))

    def mod(self, node: sympy.Mod) -> Term:
        return integer_call(Call("mod", (self.term(node.args[0]), self.term(node.args[1]))))

    def piecewise(self, node: sympy.Piecewise) -> Term:
        *pieces, last = node.args
        if last.cond != sympy.true:
            raise DeclarationError(
                f"{self.place}: {node} has no value where no condition holds; end it with (value, True)"
            )
        result = self.term(last.expr)
        for piece in reversed(pieces):
            condition, then = self.term(piece.cond), self.term(piece.expr)
            bracket = isinstance(condition, Compare) and (then, result) == (ONE, ZERO)
            result = condition if bracket else where(condition, then, result)
        return result

    def relation(self, node: sympy.core.relational.Relational) -> Term:
        relation, swap = RELATIONS[type(node)]
        left, right = self.term(node.lhs), self.term(node.rhs)
        return Compare(relation, right, left) if swap else Compare(relation, left, right)

    def order(self, term: Term) -> tuple:
        """The place of a factor or term on the board (see the module's docstring)."""
        sign = negated(term) if is_negative(term) else term
        match sign:
            case Const() | Size() | Call(_, ()):
                rank, position = 0, 0
            case Read(name, indices):
                gather = any(isinstance(node, Read) for index in indices for node in index.walk())
                role = self.tensors[name].role
                rank = 1 if role is Role.PARAMETER else 3 if role is Role.DEFINITION else 2
                rank, position = rank + 10 * gather, self.position(name)
            case Pow(base, _):
                return self.order(base)
            case Compare():
                rank, position = 30, 0
            case Reduce():
                rank, position = (
                    40,
                    min((self.position(n.tensor) for n in term.walk() if isinstance(n, Read)), default=0),
                )
            case Mul() | Add() if any(isinstance(node, Reduce) for node in term.walk()):
                rank, position = (
                    40,
                    min((self.position(n.tensor) for n in term.walk() if isinstance(n, Read)), default=0),
                )
            case _:
                rank, position = 20, 0
        return rank, position, repr_key(term)


CONVERSIONS: dict[type, Callable] = {
    sympy.Number: Lowering.number,
    sympy.Idx: Lowering.idx,
    sympy.Symbol: Lowering.symbol,
    sympy.Indexed: Lowering.indexed,
    sympy.IndexedBase: Lowering.base,
    sympy.Sum: Lowering.sum,
    maximum: Lowering.largest,
    argmaximum: Lowering.first_largest,
    determinant: Lowering.determinant,
    inverse: Lowering.inverse,
    sympy.Mul: Lowering.product,
    sympy.Add: Lowering.sum_of,
    sympy.Pow: Lowering.power,
    sympy.floor: Lowering.floor,
    sympy.Mod: Lowering.mod,
    sympy.Piecewise: Lowering.piecewise,
    sympy.core.relational.Relational: Lowering.relation,
    stop_gradient: lambda self, node: Call(STOP_GRADIENT, (self.term(node.args[0]),)),
    sympy.KroneckerDelta: lambda self, node: Compare("==", *(self.term(argument) for argument in node.args)),
    sympy.And: lambda self, node: mul(*sorted((self.term(argument) for argument in node.args), key=repr_key)),
    sympy.Heaviside: lambda self, node: Compare("<", Const(0), self.term(node.args[0])),
    sympy.core.numbers.ImaginaryUnit: Lowering.no_real_number,
    sympy.core.numbers.ComplexInfinity: Lowering.no_real_number,
    sympy.core.numbers.Exp1: lambda self, node: Call("exp", (ONE,)),
    sympy.core.numbers.Pi: lambda self, node: Call("pi"),
    sympy.logic.boolalg.BooleanTrue: lambda self, node: ONE,
    sympy.logic.boolalg.BooleanFalse: lambda self, node: Const(0),
}

"""Terms and nests -> lines of Python.

Numbers inside loops over arrays have the file's type, `real(2)`, so that float32 stays float32; scalars that belong to
no array (the loss, a learning rate, a norm) are Python floats, and are cast where they enter a loop.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction

from ..language.algebra import is_negative, negated, power, quotient
from ..language.errors import DeclarationError
from ..language.functions import INTEGER, STOP_GRADIENT
from ..language.notation import text
from ..language.program import Role
from ..language.terms import Add, Call, Compare, Const, Index, Mul, Pow, Read, Size, Term, Where
from .functions import OWN
from .names import Names
from .nests import (
    Access,
    Assign,
    Comment,
    Lines,
    Loop,
    MatrixProduct,
    Node,
    StopIfNotFinite,
    Sweep,
    Within,
    Zero,
    accesses,
)
from .python_text import INDENT, fits
from .schedule.contractions import runs
from .schedule.plan import Nest

REAL, FLOAT, INT = "real", "float", "int"
ADDITIVE, MULTIPLICATIVE, UNARY, POWER, ATOM = range(5)
PYTHON_RELATION = {"==": "==", "!=": "!=", "<": "<", "<=": "<="}


class Printer:
    """Writes one nest; `used` collects the functions that the file has to carry."""

    def __init__(
        self,
        nest: Nest,
        names: Names,
        used: set[str],
        sweep: Sweep | None = None,
        calls: Iterable[list[str]] = (),
    ) -> None:
        """`sweep`: the one whose body is written; `calls`: the lines that stand for the nest's sweeps, in order."""
        self.nest, self.names, self.used, self.sweep, self.calls = nest, names, used, sweep, iter(calls)
        self.tensors = nest.program.tensors
        self.around: tuple[Index, ...] = ()  # of the loops around, from the outermost
        self.ids: dict[Read, str] = {}  # the tokens that have been read before the loop

    # -- nodes -----------------------------------------------------------------------------------------------------

    def nodes(self, nodes: list[Node], indent: str, depth: int = 0) -> list[str]:
        lines: list[str] = []
        for node in nodes:
            match node:
                case Comment(comments):
                    lines += [f"{indent}# {comment}" for comment in comments]
                case Zero(tensor):
                    name = self.names.tensor(tensor)
                    lines.append(
                        f"{indent}{name}[...] = 0" if self.tensors[tensor].indices else f"{indent}{name} = 0.0"
                    )
                case Loop():
                    lines += self.loop(node, indent, depth)
                case Assign():
                    lines += self.assignment(node, indent, depth)
                case MatrixProduct():
                    lines += self.matrix_product(node, indent)
                case Within(place, body):
                    lines.append(f"{indent}if start <= {self.term(place, INT)[0]} < stop:")
                    lines += self.nodes(list(body), indent + "    ", depth)
                case Sweep():
                    lines += [f"{indent}{line}" for line in next(self.calls)]
                case Lines(written):
                    lines += [f"{indent}{line}" for line in written]
                case StopIfNotFinite(loss, _):
                    name = self.names.tensor(loss)
                    self.used.add("isfinite")
                    lines += [f"{indent}if not isfinite({name}):", f"{indent}    return {name}"]
        return lines

    def loop(self, node: Loop, indent: str, depth: int) -> list[str]:
        """With the tokens before it that it reads in every turn: inside, LLVM reads them again after each store."""
        extent = self.term(node.index.extent, INT)[0]
        turns = {"down": f"range({extent} - 1, -1, -1)", "tile": "range(start, stop)"}
        turns = turns.get(node.order, f"range({extent})")
        before, outside = dict(self.ids), self.around
        found = dict.fromkeys(Read(access.tensor, access.indices) for access in accesses(node) if self.stays(access))
        fresh = {read: self.names.identifier("token", self.token(read)) for read in found if read not in self.ids}
        lines = [f"{indent}{name} = {self.entry(read)}" for read, name in fresh.items()]
        self.ids, self.around = self.ids | fresh, (*self.around, node.index)
        lines.append(f"{indent}for {self.names.index(node.index)} in {turns}:")
        lines += self.nodes(node.body, indent + "    ", depth + 1)
        self.ids, self.around = before, outside
        return lines

    def stays(self, access: Access) -> bool:
        """Whether it is a token, the same in every turn of a loop inside those around, and surely there is one."""
        tensor, indices = self.tensors.get(access.tensor), access.indices
        if tensor is None or tensor.role is not Role.TOKENS or not indices or not set(indices) <= set(self.around):
            return False
        return all(index.extent == extent for index, extent in zip(indices, tensor.shape, strict=True))

    def token(self, read: Read) -> str:
        """`y_b` for y[b]."""
        return "_".join((self.names.tensor(read.tensor), *map(self.names.index, read.indices)))

    def assignment(self, node: Assign, indent: str, depth: int) -> list[str]:
        target = self.entry(node.target)
        integral = node.target.tensor in self.tensors and self.tensors[node.target.tensor].vocabulary is not None
        array = bool(node.target.indices) or node.target.tensor in self.nest.numbers
        kind = INT if integral else REAL if array or depth > 0 else FLOAT
        if node.op in ("max", "argmax"):
            value = self.term(node.value, REAL)[0]
            if node.op == "argmax":
                best = self.names.tensor(node.target.tensor.removesuffix(".best") + ".argmax")
                index = self.names.index(node.index)
                return [
                    f"{indent}if {value} > {target}:",
                    f"{indent}    {target} = {value}",
                    f"{indent}    {best} = {index}",
                ]
            self.used.add("larger")
            return [f"{indent}{target} = larger({target}, {value})"]
        op, value = node.op, node.value
        if op == "=" and not node.target.indices and isinstance(value, Const):
            # an accumulator starts: of the file's type where it belongs to an array's entry, else a Python float
            written = f"real({value.value})" if self.in_array(node.target, depth) else repr(float(value.value))
            if node.target.tensor.endswith(".argmax"):
                written = repr(value.value)
            return [f"{indent}{target} = {written}"]
        if op == "=" and value == Call("least"):
            self.used.add("LEAST")
            return [f"{indent}{target} = LEAST"]
        if op == "=" and value == negated(Call("inf")):
            return [f"{indent}{target} = real(-np.inf)"]
        if op == "+=" and not node.target.indices and depth > 0:
            self.used.add("plus")
            return [f"{indent}{target} = plus({target}, {self.term(value, kind)[0]})"]
        if op == "+=" and is_negative(value):
            op, value = "-=", negated(value)
        return [f"{indent}{target} {op} {self.term(value, kind)[0]}"]

    def in_array(self, target: Read, depth: int) -> bool:
        """Whether an accumulator belongs to an entry of an array and so stands inside a loop."""
        return depth > 0 or target.tensor in self.nest.numbers

    def matrix_product(self, node: MatrixProduct, indent: str) -> list[str]:
        """`product(sizes, left, right, alpha, beta, out)`, each matrix by its address and row length."""
        self.used |= {"product", "stored", "address"}
        p = node.product
        sizes = [self.count(group, p.fixed) for group in (p.rows, p.columns, p.inner)]
        out, left, right = (self.matrix(read, first, p.fixed) for read, first in p.sides())
        turned = ["TRANSPOSED" if t else "AS_IS" for t in (p.transposed_left, p.transposed_right)]
        alpha = self.term(p.alpha, FLOAT)[0]
        beta = "1.0" if node.accumulate else "0.0"
        told = [f"({', '.join(of)})" for of in (sizes, (*left, turned[0]), (*right, turned[1]), out)]
        operands, result = ", ".join(told[:3]), ", ".join((alpha, beta, told[3]))
        if fits(line := f"product({operands}, {result})"):
            return [indent + line]
        return [f"{indent}product(", f"{indent}{INDENT}{operands},", f"{indent}{INDENT}{result},", f"{indent})"]

    def matrix(self, read: Read, first: tuple[Index, ...], fixed: frozenset[Index]) -> tuple[str, str]:
        """(address, row length) of the array as a matrix at the fixed indices, and at the tile or the part's rows.

        `first` are the axes that its rows are counted along; a row is as far from the next as all axes after them.
        """
        kept = self.nest.storage.kept(read.tensor, read.indices)
        groups = [group for group in runs(read, first, fixed) if group[0] in kept]
        groups = [group for group in groups if not self.is_held(read.tensor, group)]
        places, of_row = [], []
        for group in groups:
            local = not places and self.is_local(read.tensor)
            begins = self.is_swept(group, fixed) and not local
            place = self.names.index(group[0]) if group[0] in fixed else "start" if begins else "0"
            place += " - start" if local and group[0] in fixed else ""
            places += [place, *["0"] * (len(group) - 1)]
            of_row = [] if group[-1] in first and group[-1] not in fixed else [*of_row, *group]
        while places and places[-1] == "0":
            places.pop()
        return f"address({', '.join([self.names.tensor(read.tensor), *places])})", self.extents(of_row)

    def count(self, group: tuple[Index, ...], fixed: frozenset[Index]) -> str:
        """How many rows, columns or products the axes make, of the tile or of the part's rows."""
        if self.is_swept(group, fixed):
            return f"(stop - start)*{self.extents(group[1:])}" if group[1:] else "stop - start"
        return self.extents(group)

    def extents(self, axes: Sequence[Index]) -> str:
        return "*".join(self.term(index.extent, INT, MULTIPLICATIVE) for index in axes)

    def is_swept(self, group: tuple[Index, ...], fixed: frozenset[Index]) -> bool:
        """Whether the axes begin with the one that is swept, so that `start` and `stop` are places on it."""
        if self.sweep is None or group[0] in fixed or group[0].extent != self.sweep.axis:
            return False
        return self.sweep.tile is None or len(group) == 1

    def is_local(self, tensor: str) -> bool:
        """Whether the array begins with the tile at hand."""
        return self.sweep is not None and tensor in self.sweep.local

    def is_held(self, tensor: str, group: tuple[Term, ...]) -> bool:
        """Whether the axis is that of tiles of an array that keeps one of them."""
        return self.sweep is not None and tensor in self.sweep.held and group == (self.sweep.tile,)

    # -- terms -----------------------------------------------------------------------------------------------------

    def entry(self, read: Read) -> str:
        if read in self.ids:
            return self.ids[read]
        name = self.names.tensor(read.tensor)
        tensor = self.tensors.get(read.tensor)
        if read.tensor in self.nest.numbers:
            return name
        if not read.indices:
            # scalars that outlive a step are arrays without axes
            home = self.nest.storage.home.get(read.tensor, read.tensor)
            outlives = tensor is not None and self.tensors[home].role in (Role.PARAMETER, Role.STATE)
            return f"{self.names.tensor(home)}[()]" if outlives and self.sweep is None else name
        kept = self.nest.storage.kept(read.tensor, read.indices)
        indices = [self.term(i, INT, ADDITIVE) for i in kept if not self.is_held(read.tensor, (i,))]
        if self.is_local(read.tensor):
            indices[0] += " - start"
        return f"{name}[{', '.join(indices)}]"

    def term(self, term: Term, kind: str, place: int | None = None):
        """(text, how tightly it binds), or the text alone with parentheses where `place` asks for a tighter one."""
        written, binding = self.write(term, kind)
        if place is None:
            return written, binding
        return written if binding >= place else f"({written})"

    def write(self, term: Term, kind: str) -> tuple[str, int]:
        match term:
            case Const(value):
                return self.number(value, kind)
            case Size(name):
                return (f"real({self.names.size(name)})" if kind == REAL else self.names.size(name)), ATOM
            case Index():
                return (f"real({self.names.index(term)})" if kind == REAL else self.names.index(term)), ATOM
            case Read():
                return self.read(term, kind)
            case Add(terms):
                return self.sum(terms, kind), ADDITIVE
            case Mul(factors):
                return self.product(tuple(map(with_function, factors)), kind)
            case Pow(base, exponent):
                named = with_function(term)
                return self.call(named, kind) if isinstance(named, Call) else self.power(base, exponent, kind)
            case Call():
                return self.call(term, kind)
            case Compare(relation, left, right):
                inner = INT if self.integral(left) and self.integral(right) else kind if kind != INT else REAL
                sides = [self.term(side, inner, UNARY) for side in (left, right)]
                written = f"{sides[0]} {PYTHON_RELATION[relation]} {sides[1]}"
                return f"{'real' if kind == REAL else 'float'}({written})", ATOM
            case Where(condition, then, other):
                branches = self.term(then, kind, ADDITIVE), self.term(other, kind, ADDITIVE)
                return f"({branches[0]} if {self.condition(condition)} else {branches[1]})", ATOM
        raise DeclarationError(f"{text(term)}: {type(term).__name__} was left over by the schedule")

    def condition(self, term: Term) -> str:
        """A bracket, or a product of brackets, as a Python condition."""
        if isinstance(term, Mul):
            return " and ".join(self.condition(factor) for factor in term.factors)
        if isinstance(term, Compare):
            inner = INT if self.integral(term.left) and self.integral(term.right) else REAL
            left, right = (self.term(side, inner, ADDITIVE) for side in (term.left, term.right))
            return f"{left} {PYTHON_RELATION[term.relation]} {right}"
        return f"{self.term(term, REAL, UNARY)} != 0"

    def integral(self, term: Term) -> bool:
        match term:
            case Const(value):
                return isinstance(value, int)
            case Size() | Index():
                return True
            case Read(name):
                return name in self.tensors and self.tensors[name].vocabulary is not None
            case Add() | Mul() | Call("floordiv" | "mod"):
                return all(self.integral(child) for child in term.children)
        return False

    def number(self, value, kind: str) -> tuple[str, int]:
        if kind == INT:
            return repr(value), ATOM if value >= 0 else ADDITIVE
        written = f"{value.numerator} / {value.denominator}" if isinstance(value, Fraction) else repr(float(value))
        if kind == REAL:
            return f"real({written})", ATOM
        return written, ADDITIVE if value < 0 else MULTIPLICATIVE if isinstance(value, Fraction) else ATOM

    def read(self, term: Read, kind: str) -> tuple[str, int]:
        written = self.entry(term)
        tensor = self.tensors.get(term.tensor)
        local = tensor is None  # an accumulator
        array = bool(term.indices) or term.tensor in self.nest.numbers or "[" in written
        if kind == REAL and not array and not local:
            return f"real({written})", ATOM
        return written, ATOM

    def sum(self, terms: tuple[Term, ...], kind: str) -> str:
        if is_negative(terms[0]):
            terms = tuple(sorted(terms, key=is_negative))
        written = self.term(terms[0], kind, ADDITIVE)
        for term in terms[1:]:
            sign = "-" if is_negative(term) else "+"
            body = self.term(negated(term) if is_negative(term) else term, kind, MULTIPLICATIVE)
            written += f" {sign} {body}"
        return written

    def product(self, factors: tuple[Term, ...], kind: str) -> tuple[str, int]:
        sign, above, below = quotient(factors, whole_numbers=False)
        written = " * ".join(self.term(f, kind, UNARY) for f in above) or self.number(1, kind)[0]
        if below:
            divisor = " * ".join(self.term(f, kind, UNARY) for f in below)
            written += f" / {divisor}" if len(below) == 1 else f" / ({divisor})"
        return sign + written, ADDITIVE if sign else MULTIPLICATIVE

    def power(self, base: Term, exponent: Term, kind: str) -> tuple[str, int]:
        if is_negative(exponent):
            one = self.number(1, kind)[0]
            return f"{one} / {self.term(power(base, negated(exponent)), kind, UNARY)}", MULTIPLICATIVE
        if exponent == Const(Fraction(1, 2)):
            self.used.add("sqrt")
            return f"sqrt({self.term(base, kind)[0]})", ATOM
        if isinstance(exponent, Const) and isinstance(exponent.value, int):
            return f"{self.term(base, kind, ATOM)} ** {exponent.value}", POWER
        return f"{self.term(base, kind, ATOM)} ** {self.term(exponent, kind, ATOM)}", POWER

    def call(self, term: Call, kind: str) -> tuple[str, int]:
        if term.function in INTEGER:
            left, right = (self.term(argument, INT, UNARY) for argument in term.arguments)
            written = f"{left} {'//' if term.function == 'floordiv' else '%'} {right}"
            return (f"real({written})", ATOM) if kind == REAL else (written, MULTIPLICATIVE)
        if term.function == STOP_GRADIENT:
            return self.write(term.arguments[0], kind)
        if term.function in ("pi", "inf"):
            return f"{'real' if kind == REAL else 'float'}(np.{term.function})", ATOM
        arguments = ", ".join(self.term(argument, kind)[0] for argument in term.arguments)
        if term.function == "sign":
            return f"np.sign({arguments})", ATOM
        if term.function in ("abs", "max", "min"):
            return f"{term.function}({arguments})", ATOM
        name = term.function
        if kind == FLOAT and name not in OWN:
            return f"math.{name}({arguments})", ATOM
        self.used.add(name)
        return f"{name}({arguments})", ATOM


def with_function(term: Term) -> Term:
    """`sigmoid(x)` for 1/(1 + exp(-x)), which has a function of its own."""
    match term:
        case Pow(Add((Const(1), Call("exp", (x,))) | (Call("exp", (x,)), Const(1))), Const(-1)):
            return Call("sigmoid", (negated(x),))
    return term

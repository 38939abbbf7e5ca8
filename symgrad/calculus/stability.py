"""Stable forms, found by rewriting: the same values, without overflow on the way.

    log(exp(a)/S)                        ->  a - log(S)                              S > 0
    log(1 + exp(u))                      ->  m + log(exp(-m) + exp(u - m))           m = max(u, 0)
    a - (m + log(S))                     ->  a - m - log(S)                          a and m are near each other
    sum_v exp(f), f's maximum m = max_v f
        exp(f)                           ->  exp(m) * exp(f - m)
        exp(m)/exp(m), log(exp(m)*s)     ->  1, m + log(s)

The shift m is free: d(result)/dm = 0, so it is a constant to the calculus and this pass runs after it.  An equation in
which exp(m) does not cancel is left as it was.  Nothing here knows a softmax: any normalized sum of exponentials has
the structure (temperature, attention, mixtures).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import reduce

from ..language.algebra import add, coefficient, construct, factors_of, mul, power, subtract
from ..language.dependence import without_dead
from ..language.program import Equation, Program, Role, Tensor
from ..language.rewriting import rebuild, substitute
from ..language.terms import MINUS_ONE, ONE, ZERO, Add, Call, Const, Index, Mul, Pow, Read, Reduce, Size, Term
from .inlining import inline
from .matching import match
from .reciprocals import cancel_reciprocals
from .steps import Step


def stabilize(program: Program) -> tuple[Program, tuple[Step, ...]]:
    """The program in stable form, with its maxima as definitions of their own, and what was rewritten."""
    program, cancelled = cancel_reciprocals(program)
    program, shifted = Stabilizer(program).run()
    return program, (*cancelled, *shifted)


@dataclass(frozen=True)
class Shift:
    """exp(exponent), summed over `bound`, is measured from maximum[outer] = max over `bound` of the exponent."""

    maximum: Tensor
    bound: tuple[Index, ...]
    outer: tuple[Index, ...]
    exponent: Term

    def equation(self) -> Equation:
        return Equation(self.maximum.name, self.outer, Reduce("max", self.bound, self.exponent), self.maximum.name)


@dataclass
class Stabilizer:
    program: Program
    shifts: list[Shift] = field(default_factory=list)
    scaled: dict[str, tuple[Tensor, Term, tuple[Index, ...]]] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)

    def run(self) -> tuple[Program, tuple[Step, ...]]:
        tensors = dict(self.program.tensors)
        items: list[Equation] = []
        for equation in self.program.equations():
            logged = replace(equation, body=self.open_logs(equation.body))
            before = len(self.shifts)
            self.find_shifts(logged)
            for shift in self.shifts[before:]:
                tensors[shift.maximum.name] = shift.maximum
                items.append(shift.equation())
            shifted = self.shifted(logged.body)
            scale = self.scale_of(shifted)
            if scale is not None:
                # A definition that carries exp(m) is kept for whoever needs it as it is; the others read its rest.
                companion = Tensor(self.name(f"{equation.tensor}_scaled"), equation.indices, Role.DEFINITION)
                rest = mul(shifted, power(scale, MINUS_ONE))
                tensors[companion.name] = companion
                items += [equation, Equation(companion.name, equation.indices, rest, companion.name)]
                self.scaled[equation.tensor] = (companion, scale, equation.indices)
            elif self.mentions_scale(shifted):
                items.append(equation)
            else:
                if shifted != equation.body:
                    self.steps.append(
                        Step(equation.tensor, equation.body, shifted, ("stable: no exponential overflows",))
                    )
                items.append(replace(equation, body=shifted))
        return without_dead(replace(self.program, tensors=tensors, items=tuple(items))), tuple(self.steps)

    # -- logarithms of products of positive factors ----------------------------------------------------------------

    def open_logs(self, body: Term) -> Term:
        made = {equation.tensor: equation for equation in self.program.equations()}

        def visit(node: Term) -> Term:
            node = rebuild(node, visit)
            if not (isinstance(node, Call) and node.function == "log"):
                return construct(node)
            (argument,) = node.arguments
            opened = argument
            for read in [n for n in factors_of(argument) if isinstance(n, Read) and n.tensor in made]:
                source = made[read.tensor]
                if is_positive(source.body) and any(map(has_open_logarithm, factors_of(source.body))):
                    opened = inline(opened, source)
            return log_of_product(opened) if is_positive(opened) else construct(node)

        return visit(body)

    # -- sums of exponentials --------------------------------------------------------------------------------------

    def find_shifts(self, equation: Equation) -> None:
        for node in equation.body.walk():
            if not (isinstance(node, Reduce) and node.op == "sum"):
                continue
            for factor in factors_of(node.body):
                if not is_exponential(factor):
                    continue
                (exponent,) = factor.arguments
                bound = tuple(index for index in node.indices if index in exponent.free)
                if not bound or self.shift_of(exponent) is not None:
                    continue
                if any(isinstance(inner, Reduce) for inner in exponent.walk()):
                    continue  # an exponent with sums of its own is computed twice otherwise
                outer = tuple(index for index in equation.indices if index in exponent.free)
                outer += tuple(sorted(exponent.free - set(outer) - set(bound), key=lambda index: index.name))
                base = exponent.tensor if isinstance(exponent, Read) else equation.tensor
                maximum = Tensor(self.name(f"{base}_max"), outer, Role.DEFINITION)
                self.shifts.append(Shift(maximum, bound, outer, exponent))

    def shift_of(self, exponent: Term) -> Read | None:
        """The maximum that belongs to an exponent, at the exponent's indices."""
        for shift in self.shifts:
            variables = frozenset(shift.bound + shift.outer)
            for binding in match(shift.exponent, exponent, variables, {}):
                if all(index in binding for index in shift.outer):
                    return Read(shift.maximum.name, tuple(binding[index] for index in shift.outer))
        return None

    def shifted(self, body: Term) -> Term:
        def visit(node: Term) -> Term:
            if isinstance(node, Read) and node.tensor in self.scaled:
                companion, scale, indices = self.scaled[node.tensor]
                here = dict(zip(indices, node.indices, strict=True))
                return mul(substitute(scale, here), Read(companion.name, node.indices))
            node = construct(rebuild(node, visit))
            if isinstance(node, Add):
                node = self.without_brackets(node)
            if is_exponential(node):
                maximum = self.shift_of(node.arguments[0])
                if maximum is not None:
                    return mul(Call("exp", (maximum,)), Call("exp", (subtract(node.arguments[0], maximum),)))
            if isinstance(node, Call) and node.function == "log" and self.mentions_scale(node):
                return log_of_product(node.arguments[0])
            return node

        return visit(body)

    def without_brackets(self, node: Add) -> Term:
        """a - (m + log(S)) as a - m - log(S): the large a and m meet before anything small is lost beside them."""

        def opened(term: Term) -> list[Term]:
            number, rest = coefficient(term)
            if not (isinstance(rest, Add) and any(map(self.is_maximum, rest.terms))):
                return [term]
            return [mul(Const(number), part) for part in rest.terms]

        return add(*(part for term in node.terms for part in opened(term)))

    def is_maximum(self, term: Term) -> bool:
        return isinstance(term, Read) and any(term.tensor == shift.maximum.name for shift in self.shifts)

    def is_scale(self, term: Term) -> bool:
        base = term.base if isinstance(term, Pow) else term
        return is_exponential(base) and self.is_maximum(base.arguments[0])

    def scale_of(self, term: Term) -> Term | None:
        """The powers of exp(m) that the whole term carries, where the rest has none left."""
        scales = [factor for factor in factors_of(term) if self.is_scale(factor)]
        rest = [factor for factor in factors_of(term) if not self.is_scale(factor)]
        if not scales or any(self.mentions_scale(factor) for factor in rest):
            return None
        return mul(*scales)

    def mentions_scale(self, term: Term) -> bool:
        return any(self.is_scale(node) for node in term.walk())

    def name(self, wanted: str) -> str:
        taken = set(self.program.tensors) | {shift.maximum.name for shift in self.shifts}
        taken |= {companion.name for companion, _, _ in self.scaled.values()}
        while wanted in taken:
            wanted += "_"
        return wanted


def is_exponential(term: Term) -> bool:
    return isinstance(term, Call) and term.function == "exp"


def has_open_logarithm(factor: Term) -> bool:
    """Whether the logarithm of a factor has another form than log(factor)."""
    base = factor.base if isinstance(factor, Pow) else factor
    return is_exponential(base) or exponents(base) is not None


def exponents(term: Term) -> list[tuple[Term, Term]] | None:
    """[(c1, u1), ...] where the term is a sum c1*exp(u1) + c2*exp(u2) + ... > 0 with an exponential, else None."""
    if not isinstance(term, Add) or not is_positive(term) or any(isinstance(n, Reduce) for n in term.walk()):
        return None
    parts = []
    for summand in term.terms:
        exponential = [factor for factor in factors_of(summand) if is_exponential(factor)]
        others = [factor for factor in factors_of(summand) if not is_exponential(factor)]
        parts.append((mul(*others), add(*(factor.arguments[0] for factor in exponential))))
    return parts if any(exponent != ZERO for _, exponent in parts) else None


def is_positive(term: Term) -> bool:
    """Whether the term is proven greater than 0 from its form alone."""
    match term:
        case Const(value):
            return value > 0
        case Size() | Call("exp", _):
            return True
        case Pow(base, _):
            return is_positive(base)
        case Add(children) | Mul(children):
            return all(is_positive(child) for child in children)
        case Reduce("sum" | "max", _, body):
            return is_positive(body)
    return False


def log_of_sum(parts: list[tuple[Term, Term]]) -> Term:
    """log(c1*exp(u1) + c2*exp(u2) + ...) = m + log(c1*exp(u1 - m) + c2*exp(u2 - m) + ...), m = max(u1, u2, ...)."""
    largest = reduce(lambda a, b: Call("max", (a, b)), dict.fromkeys(exponent for _, exponent in parts))
    terms = (mul(scale, Call("exp", (subtract(exponent, largest),))) for scale, exponent in parts)
    return add(largest, Call("log", (add(*terms),)))


def log_of_product(term: Term) -> Term:
    """log(exp(u)*f) as u + log(f), and log(1 + exp(u)) from the larger exponent; other logarithms stay."""
    outside, inside = [], []
    for factor in factors_of(term):
        base, exponent = (factor.base, factor.exponent) if isinstance(factor, Pow) else (factor, ONE)
        if is_exponential(base):
            outside.append(mul(exponent, base.arguments[0]))
        elif (parts := exponents(base)) is not None:
            outside.append(mul(exponent, log_of_sum(parts)))
        else:
            inside.append((base, exponent))
    if not outside:
        return Call("log", (term,))
    if all(is_positive(base) for base, _ in inside):
        logs = [mul(exponent, Call("log", (base,))) for base, exponent in inside if base != ONE]
    else:  # their product is positive, each alone need not be
        logs = [Call("log", (mul(*(power(base, exponent) for base, exponent in inside)),))]
    return add(*outside, *logs)

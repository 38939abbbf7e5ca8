"""Sums of exponentials measured from their largest exponent: no exponential overflows.

    sum_v exp(f), f's maximum m = max_v f
        exp(f)                           ->  exp(m) * exp(f - m)
        exp(m)/exp(m), log(exp(m)*s)     ->  1, m + log(s)
        exp(u)/(1 + exp(m)*s)            ->  exp(u - n)/(exp(-n) + exp(m - n)*s)         n = max(m, 0)
    a - (m + log(S))                     ->  a - m - log(S)                              a and m are near each other

The shift m is free: d(result)/dm = 0, so it is a constant to the calculus and this pass runs after it.  An equation in
which exp(m) does not cancel is left as it was.  Nothing here knows a softmax: any normalized sum of exponentials has
the structure (temperature, attention, mixtures).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from ..language.algebra import add, coefficient, construct, factors_of, mul, power, subtract
from ..language.dependence import without_dead
from ..language.program import Equation, Program, Role, Tensor
from ..language.ranges import Known
from ..language.recurrences import with_equations
from ..language.rewriting import fresh_name, substitute
from ..language.terms import MINUS_ONE, Add, Call, Const, Index, Mul, Pow, Read, Reduce, Term
from .guarded import guarded, with_conditions
from .logarithms import Logarithms, is_exponential, quotient_of_sums
from .matching import NOTHING, match
from .saved import Reuse, below, is_short
from .steps import Step


def shift_exponentials(program: Program) -> tuple[Program, tuple[Step, ...]]:
    """The program with its logarithms opened and its sums of exponentials shifted, and what was rewritten."""
    program = with_exponents_named(program)
    return Shifting(program, Logarithms(program)).run()


def with_exponents_named(program: Program) -> Program:
    """The program with every exponent that is summed over as an exponential, and holds a sum itself, a definition.

    exp(sum_i W[v,i]*h[b,i])/(sum_v exp(...)) needs it for its maximum, its exponentials and its derivatives.
    """
    tensors, equations, named = dict(program.tensors), [], []
    for equation in program.equations():
        body = Reuse(named)(equation.body)[0]
        while (found := long_exponent(body)) is not None:
            exponent, conditions = found
            name = fresh_name(f"{equation.tensor}_exponent", tensors)
            indices = ordered(exponent.free, equation.indices)
            tensors[name] = Tensor(name, indices, Role.DEFINITION)
            named.append(Equation(name, indices, exponent, name))
            equations.append(replace(named[-1], body=guarded(exponent, conditions, program)))
            body = Reuse(named)(body)[0]
        equations.append(replace(equation, body=body))
    return with_equations(replace(program, tensors=tensors), equations) if named else program


def long_exponent(body: Term) -> tuple[Term, tuple[Term, ...]] | None:
    """An exponent that holds a sum and is summed over as an exponential, and the conditions on it; None without one.

    A read at an argmax, x[argmax_i y[i], j], and a bracket are short whatever stands in them: they are never saved.
    """
    for node, conditions in with_conditions(body):
        if isinstance(node, Reduce) and node.op == "sum":
            for exponent in (factor.arguments[0] for factor in factors_of(node.body) if is_exponential(factor)):
                if is_short(exponent) or not exponent.free & set(node.indices):
                    continue
                if any(isinstance(inner, Reduce) for inner in exponent.walk()):
                    return exponent, conditions
    return None


def ordered(indices: Iterable[Index], first: tuple[Index, ...]) -> tuple[Index, ...]:
    """The indices, those of `first` in their order before the others in that of their names."""
    known = tuple(index for index in first if index in indices)
    return known + tuple(sorted(set(indices) - set(known), key=lambda index: index.name))


@dataclass(frozen=True)
class Shift:
    """exp(exponent), summed over `bound`, is measured from maximum[outer] = max over `bound` of the exponent."""

    maximum: Tensor
    bound: tuple[Index, ...]
    outer: tuple[Index, ...]
    exponent: Term
    equation: Equation


@dataclass
class Shifting:
    program: Program
    logarithms: Logarithms
    shifts: list[Shift] = field(default_factory=list)
    scaled: dict[str, tuple[Tensor, Term, tuple[Index, ...]]] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)

    def run(self) -> tuple[Program, tuple[Step, ...]]:
        tensors = dict(self.program.tensors)
        items: list[Equation] = []
        for equation in self.program.equations():
            logged = replace(equation, body=self.logarithms.opened(equation.body))
            before = len(self.shifts)
            self.find_shifts(logged)
            for shift in self.shifts[before:]:
                tensors[shift.maximum.name] = shift.maximum
                items.append(shift.equation)
            shifted = self.shifted(logged.body)
            scale = self.scale_of(shifted)
            if scale is not None:
                # A definition that carries exp(m) is kept for whoever needs it as it is; the others read its rest.
                companion = Tensor(fresh_name(f"{equation.tensor}_scaled", tensors), equation.indices, Role.DEFINITION)
                rest = mul(shifted, power(scale, MINUS_ONE))
                tensors[companion.name] = companion
                items += [equation, Equation(companion.name, equation.indices, rest, companion.name)]
                self.scaled[equation.tensor] = (companion, scale, equation.indices)
            elif self.mentions_scale(shifted):
                items.append(equation)
            else:
                if shifted != equation.body:
                    self.steps.append(Step(equation.tensor, equation.body, shifted, ("no exponential overflows",)))
                items.append(replace(equation, body=shifted))
        return without_dead(replace(self.program, tensors=tensors, items=tuple(items))), tuple(self.steps)

    # -- sums of exponentials --------------------------------------------------------------------------------------

    def find_shifts(self, equation: Equation) -> None:
        for node, conditions in with_conditions(equation.body):
            if not (isinstance(node, Reduce) and node.op == "sum"):
                continue
            for factor in factors_of(node.body):
                if not is_exponential(factor):
                    continue
                (exponent,) = factor.arguments
                bound = tuple(index for index in node.indices if index in exponent.free)
                if not bound or self.shift_of(exponent) is not None:
                    continue
                outer = ordered(exponent.free - set(bound), equation.indices)
                base = exponent.tensor if isinstance(exponent, Read) else equation.tensor
                taken = {*self.program.tensors, *(shift.maximum.name for shift in self.shifts)}
                maximum = Tensor(fresh_name(f"{base}_max", taken), outer, Role.DEFINITION)
                largest = Reduce("max", bound, guarded(exponent, conditions, self.program))
                made = Equation(maximum.name, outer, largest, maximum.name)
                self.shifts.append(Shift(maximum, bound, outer, exponent, made))

    def shift_of(self, exponent: Term, known: Known = NOTHING) -> Read | None:
        """The maximum that belongs to an exponent, at the exponent's indices; `known` holds where it stands."""
        for shift in self.shifts:
            variables = frozenset(shift.bound + shift.outer)
            for binding in match(shift.exponent, exponent, variables, {}, known):
                if all(index in binding for index in shift.outer):
                    return Read(shift.maximum.name, tuple(binding[index] for index in shift.outer))
        return None

    def shifted(self, body: Term) -> Term:
        def visit(node: Term, known: Known) -> Term:
            if isinstance(node, Read) and node.tensor in self.scaled:
                companion, scale, indices = self.scaled[node.tensor]
                here = dict(zip(indices, node.indices, strict=True))
                return mul(substitute(scale, here), Read(companion.name, node.indices))
            node = construct(below(node, visit, known))
            if isinstance(node, Add):
                node = self.without_brackets(node)
            if is_exponential(node):
                maximum = self.shift_of(node.arguments[0], known)
                if maximum is not None:
                    return mul(Call("exp", (maximum,)), Call("exp", (subtract(node.arguments[0], maximum),)))
            if isinstance(node, Call) and node.function == "log" and self.mentions_scale(node):
                return self.logarithms.of_product(node.arguments[0])
            return quotient_of_sums(node) if isinstance(node, Mul) else node

        return visit(body, {})

    def without_brackets(self, node: Add) -> Term:
        """a - (m + log(S)) as a - m - log(S): the large a and m meet before anything small is lost beside them."""

        def opened(term: Term) -> list[Term]:
            number, rest = coefficient(term)
            if not (isinstance(rest, Add) and any(map(self.is_maximum, rest.terms))):
                return [term]
            return [mul(Const(number), part) for part in rest.terms]

        terms = [part for term in node.terms for part in opened(term)]
        if any(self.is_maximum(coefficient(term)[1]) for term in terms):
            terms.sort(key=lambda term: isinstance(coefficient(term)[1], Call))
        return add(*terms)

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

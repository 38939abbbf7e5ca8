"""Adjoints in the form of the textbook: `do = (p - [v == y])/B`, `da = (1 - h**2)*dh`.

    identities        exp(-z)/(1 + exp(-z))**2           ->  s*(1 - s), s = 1/(1 + exp(-z))
    saved values      1 - tanh(a)**2                     ->  1 - h**2
    sparse adjoints   dp = -[v == y]/(B*p[b,y]) is one entry a row: it goes into its readers, where its delta contracts
    divisions         dp = -q/p goes into its reader where p cancels: do = p*sum_v q - q
    known sums        sum_i (x[i] - m), m the mean of x  ->  0;  sum_v p[v], p a softmax  ->  1
    collection        p/B - [v == y]/B                   ->  (p - [v == y])/B

Every rewriting is recorded.  Nothing here calls `sympy.simplify`.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import replace

from ..language.algebra import factors_of, is_negative, terms_of
from ..language.dependence import without_dead
from ..language.program import Equation, Recurrence, equations_of
from ..language.terms import Add, Binder, Compare, Index, Mul, Pow, Read, Term, reads
from .collection import cancelled, cases, collect, separated
from .deltas import contract
from .identities import apply_identities
from .inlining import inline
from .reverse import Gradients
from .saved import Reuse
from .steps import Step


def simplify(gradients: Gradients) -> Gradients:
    """The same gradients, every adjoint rewritten as the module's docstring says; inlined adjoints are left out."""
    return Simplifier(gradients).run()


class Simplifier:
    """`inlined` are definitions that go into whoever reads them, `dividing` those that go where they cancel."""

    def __init__(self, gradients: Gradients) -> None:
        self.gradients = gradients
        program = self.program = gradients.program
        self.of_adjoint = {adjoint: tensor for tensor, adjoint in gradients.adjoints.items()}
        forward = [equation for equation in program.equations() if equation.tensor not in self.of_adjoint]
        self.vocabularies = {t.name: t.vocabulary for t in program.tensors.values() if t.vocabulary is not None}
        self.reuse = Reuse(forward, self.vocabularies)
        self.steps: list[Step] = list(gradients.steps)
        self.inlined = {e.tensor: e for e in forward if isinstance(e.body, Compare) and is_one_hot(e.body, e.indices)}
        self.dividing: dict[str, Equation] = {}

    def run(self) -> Gradients:
        program, kept = self.program, []
        recurring = {e.tensor for item in program.items if isinstance(item, Recurrence) for e in equations_of((item,))}
        gone: set[str] = set()
        for equation in program.equations():
            name = equation.tensor
            if name not in self.of_adjoint:
                kept.append(equation)
                continue
            equation = self.rewritten(equation)
            internal = name not in program.outputs and name not in recurring
            if internal and goes_into_readers(equation):
                self.inlined[name] = replace(equation, body=with_brackets_outside(equation.body))
                gone.add(name)
                continue
            if internal and is_plain(equation.body) and divided_throughout(equation.body, self.of_adjoint[name]):
                self.dividing[name] = equation
            kept.append(equation)
        tensors = {name: tensor for name, tensor in program.tensors.items() if name not in gone}
        simple = without_dead(replace(program, tensors=tensors, items=tuple(kept)))
        adjoints = {tensor: name for tensor, name in self.gradients.adjoints.items() if name in simple.tensors}
        return Gradients(simple, adjoints, self.gradients.locals_, tuple(self.steps))

    def rewritten(self, equation: Equation) -> Equation:
        name, body = equation.tensor, equation.body
        for former in read_in(body, self.inlined):
            opened, step = self.opened(name, body, self.inlined[former])
            self.steps += step
            body = opened
        for former in read_in(body, self.dividing):
            opened, step = self.opened(name, body, self.dividing[former])
            if not divides_somewhere(self.settled(name, opened)[0], self.of_adjoint[former]):
                self.steps += step
                body = opened
        body, steps = self.settled(name, body)
        self.steps += steps
        return replace(equation, body=body)

    def opened(self, name: str, body: Term, source: Equation) -> tuple[Term, list[Step]]:
        """`body` with the source's right side in the place of its reads."""
        after = contract(inline(body, source), self.vocabularies)
        sparse = any(isinstance(node, Compare) for node in source.body.walk())
        reason = (Read(source.tensor), " is ", source.body, *((", and the delta contracts",) if sparse else ()))
        return after, [Step(name, body, after, reason)] if after != body else []

    def settled(self, name: str, body: Term) -> tuple[Term, list[Step]]:
        """What the body becomes by itself, and how."""
        steps: list[Step] = []

        def record(after: Term, *reason: str | Term) -> Term:
            if body != after:
                steps.append(Step(name, body, after, reason))
            return after

        body = record(self.reuse.known_sums(body), "deviations from a mean add up to 0")
        body = record(apply_identities(body), "exp(u)/(1 + exp(u)) is 1/(1 + exp(-u))")
        reused, found = self.reuse(body)
        if found:
            reused = contract(reused, self.vocabularies)
            seen = [part for s in dict.fromkeys(found) for part in (", ", s.pattern, " is ", s.value)]
            body = record(reused, "saved: ", *seen[1:])
        body = record(self.reuse.known_sums(body), "what is divided by its sum adds up to 1")
        body = record(cancelled(body), "cancel what is divided by")
        body = record(separated(body), "sums that share no index are summed apart")
        body = record(cases(body), "opposite conditions are the two cases of one")
        body = record(collect(body), "collect common factors")
        return body, steps


def goes_into_readers(equation: Equation) -> bool:
    """Constants, and adjoints with one entry a row: every term has a delta between an own index and data."""
    if not any(isinstance(node, Read) for node in equation.body.walk()):
        return True
    return is_one_hot(equation.body, equation.indices)


def is_one_hot(body: Term, indices: tuple[Index, ...]) -> bool:
    """Whether every term carries a delta of an own index; below a product it must be one with data."""

    def carries(term: Term, inside: bool) -> bool:
        match term:
            case Add(terms):
                return all(carries(part, inside) for part in terms)
            case Mul(factors):
                return any(carries(f, inside or isinstance(f, Add)) for f in factors)
            case Compare("==", left, right):
                return (left in indices or right in indices) and not (inside and not reads(term))
        return False

    return carries(body, False)


def with_brackets_outside(body: Term) -> Term:
    """f*(a*[v == y] - c*[v == y]) as [v == y]*f*(a - c); a sum whose terms carry their brackets stays."""
    inside = any(isinstance(factor, Add) for term in terms_of(body) for factor in factors_of(term))
    return collect(body, brackets=True) if inside else body


def divided_throughout(term: Term, by: str) -> bool:
    """Whether every summand divides by something of the tensor `by`."""
    match term:
        case Add(terms):
            return all(divided_throughout(part, by) for part in terms)
        case Mul(factors):
            return any(divided_throughout(factor, by) for factor in factors)
        case Pow(base, exponent):
            return is_negative(exponent) and any(read.tensor == by for read in reads(base))
    return False


def divides_somewhere(term: Term, by: str) -> bool:
    return any(divided_throughout(node, by) for node in term.walk() if isinstance(node, Pow))


def is_plain(body: Term) -> bool:
    return not any(isinstance(node, Binder) for node in body.walk())


def read_in(body: Term, tensors: Container[str]) -> list[str]:
    """The tensors among these that the body reads, in its order."""
    return [name for name in dict.fromkeys(read.tensor for read in reads(body)) if name in tensors]

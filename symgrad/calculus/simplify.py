"""Adjoints in the form of the textbook: `do = (p - [v == y])/B`, `da = (1 - h**2)*dh`.

    identities        exp(-z)/(1 + exp(-z))**2           ->  s*(1 - s), s = 1/(1 + exp(-z))
    saved values      1 - tanh(a)**2                     ->  1 - h**2
    sparse adjoints   dp = -[v == y]/(B*p[b,y]) is one entry a row: it goes into its readers, where its delta contracts
    collection        p/B - [v == y]/B                   ->  (p - [v == y])/B

Every rewriting is recorded.  Nothing here calls `sympy.simplify`.
"""

from __future__ import annotations

from dataclasses import replace

from ..language.algebra import ZERO, add, coefficient, construct, factors_of, mul, power, terms_of
from ..language.dependence import without_dead
from ..language.program import Equation, Recurrence, equations_of
from ..language.rewriting import rebuild, same
from ..language.terms import ONE, Add, Compare, Const, Index, Pow, Read, Term
from .deltas import contract
from .identities import apply_identities
from .inlining import inline
from .matching import Reuse
from .reverse import Gradients
from .steps import Step


def simplify(gradients: Gradients) -> Gradients:
    """The same gradients, every adjoint rewritten as the module's docstring says; inlined adjoints are left out."""
    program = gradients.program
    adjoint_tensors = set(gradients.adjoints.values())
    forward = [equation for equation in program.equations() if equation.tensor not in adjoint_tensors]
    reuse = Reuse(forward)
    vocabularies = {t.name: t.vocabulary for t in program.tensors.values() if t.vocabulary is not None}
    steps: list[Step] = list(gradients.steps)
    recurring = {e.tensor for item in program.items if isinstance(item, Recurrence) for e in equations_of((item,))}
    inlined: dict[str, Equation] = {}
    kept: list[Equation] = []

    def record(tensor: str, before: Term, after: Term, *reason: str | Term) -> Term:
        if before != after:
            steps.append(Step(tensor, before, after, reason))
        return after

    for equation in program.equations():
        if equation.tensor not in adjoint_tensors:
            kept.append(equation)
            continue
        name, body = equation.tensor, equation.body
        for former in dict.fromkeys(node.tensor for node in body.walk() if isinstance(node, Read)):
            if former in inlined:
                source = inlined[former]
                opened = contract(inline(body, source), vocabularies)
                sparse = any(isinstance(node, Compare) for node in source.body.walk())
                reason = (Read(former), " is ", source.body, *((", and the delta contracts",) if sparse else ()))
                body = record(name, body, opened, *reason)
        body = record(name, body, apply_identities(body), "exp(u)/(1 + exp(u)) is 1/(1 + exp(-u))")
        reused, definitions = reuse(body)
        if definitions:
            reused = contract(reused, vocabularies)
            seen = [part for e in dict.fromkeys(definitions) for part in (", ", e.body, " is ", e.left)]
            body = record(name, body, reused, "saved: ", *seen[1:])
        body = record(name, body, collect(body), "collect common factors")
        equation = replace(equation, body=body)
        if name not in program.outputs and name not in recurring and goes_into_readers(equation):
            inlined[name] = equation
        else:
            kept.append(equation)
    tensors = {name: tensor for name, tensor in program.tensors.items() if name not in inlined}
    simple = without_dead(replace(program, tensors=tensors, items=tuple(kept)))
    adjoints = {tensor: name for tensor, name in gradients.adjoints.items() if name in simple.tensors}
    return Gradients(simple, adjoints, gradients.locals_, tuple(steps))


def goes_into_readers(equation: Equation) -> bool:
    """Constants, and adjoints with one entry a row: every term has a delta between an own index and data."""
    if not any(isinstance(node, Read) for node in equation.body.walk()):
        return True
    return all(is_one_hot(term, equation.indices) for term in terms_of(equation.body))


def is_one_hot(term: Term, indices: tuple[Index, ...]) -> bool:
    return any(
        isinstance(factor, Compare) and factor.relation == "==" and (factor.left in indices or factor.right in indices)
        for factor in factors_of(term)
    )


def collect(term: Term) -> Term:
    """a*x + b*x -> (a + b)*x, for the factors common to all terms of a sum, innermost first."""
    node = construct(rebuild(term, collect))
    if not isinstance(node, Add):
        return node
    common = common_powers(node.terms)
    scale = common_number(node.terms)
    if not common and scale == ONE:
        return node
    divisor = power(mul(scale, *(power(base, exponent) for base, exponent in common)), Const(-1))
    inner = add(*(mul(term, divisor) for term in node.terms))
    outside = [power(base, exponent) for base, exponent in common]
    return mul(scale, *outside, inner)


def common_powers(terms: tuple[Term, ...]) -> list[tuple[Term, Term]]:
    """Bases with the exponent that all terms share (the smaller one in size, of equal sign)."""
    tables = []
    for term in terms:
        factors = [factor for factor in factors_of(term) if not isinstance(factor, Const)]
        tables.append([(f.base, f.exponent) if isinstance(f, Pow) else (f, ONE) for f in factors])
    common = []
    for base, exponent in tables[0]:
        shared = exponent
        for table in tables[1:]:
            other = next((e for b, e in table if same(b, base)), None)
            shared = None if other is None or shared is None else smaller(shared, other)
        if shared is not None and shared != ZERO and not isinstance(base, Compare):
            common.append((base, shared))
    return common


def smaller(left: Term, right: Term) -> Term | None:
    if left == right:
        return left
    if not (isinstance(left, Const) and isinstance(right, Const)) or left.value * right.value <= 0:
        return None
    return left if abs(left.value) < abs(right.value) else right


def common_number(terms: tuple[Term, ...]) -> Const:
    """The number that all terms carry up to sign; negative where all of them are."""
    values = [coefficient(term)[0] for term in terms]
    size = abs(values[0])
    if any(abs(value) != size for value in values):
        size = 1
    return Const(-size if all(value < 0 for value in values) else size)

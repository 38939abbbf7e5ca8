"""Reciprocals that a reader cancels go into the reader: the same values, without 1/0 on the way.

    dp[b,v] = r[b,v] + s[b,v]/p[b,v]                         a share of the adjoint has p below the stroke,
    do[b,v] = p[b,v]*(dp[b,v] - sum_v p[b,v]*dp[b,v])        and its reader multiplies by p
            = p[b,v]*(r[b,v] - sum_v p[b,v]*r[b,v]) + s[b,v] - p[b,v] * sum_v s[b,v]

Such is the derivative of log(p): where p is too small for a float and becomes 0, s/p is infinite and p*(s/p) is no
number, though s is one.  The share s/p is distributed over the products around it.  Where p cancels in every reader,
the definition keeps the rest r, under another name; where it does not, everything stays as it was.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache

from ..language.algebra import add, construct, factors_of, is_negative, mul, summed, terms_of, where
from ..language.dependence import without_dead
from ..language.program import Equation, Program, Recurrence, Role, Tensor, equations_of
from ..language.recurrences import with_equations
from ..language.rewriting import canonical, fresh_name, rebuild, unique_bound
from ..language.terms import ZERO, Compare, Const, Mul, Pow, Read, Reduce, Term, Where, reads
from .collection import collect
from .deltas import contract
from .inlining import inline
from .steps import Step


def cancel_reciprocals(program: Program) -> tuple[Program, tuple[Step, ...]]:
    """The program with every share whose reciprocal all readers cancel in those readers, and what was rewritten."""
    steps: list[Step] = []
    waiting = [equation.tensor for equation in program.equations()]
    while waiting:
        name = waiting.pop(0)
        for base in reciprocals(opened(program.equation(name), program).body, program):
            attempt = Attempt(program, base)
            if name not in attempt.fixed and attempt.move(name):
                program = with_equations(attempt.result, attempt.equations.values())
                steps += attempt.steps
                waiting = [*attempt.tensors, *waiting]  # what is left may hold other reciprocals
                break
    return without_dead(program), tuple(steps)


def opened(equation: Equation, program: Program) -> Equation:
    """The equation with 1/r written out where r is defined as a product: 1/(p*q)."""
    made = {e.tensor: e for e in program.equations() if isinstance(e.body, Mul) and all(map(is_entry, e.body.factors))}

    def visit(node: Term) -> Term:
        node = construct(rebuild(node, visit))
        if isinstance(node, Pow) and is_negative(node.exponent) and isinstance(node.base, Read):
            return inline(node, made[node.base.tensor]) if node.base.tensor in made else node
        return node

    return replace(equation, body=visit(equation.body))


def is_entry(factor: Term) -> bool:
    """Whether a factor is a number or a power of an entry of a tensor."""
    return isinstance(factor.base if isinstance(factor, Pow) else factor, Read | Const)


def reciprocals(term: Term, program: Program) -> list[Term]:
    """What stands below a stroke in the term and is made by the program, without its indices, each once."""

    def is_made(base: Term) -> bool:
        return any(isinstance(n, Read) and program.tensors[n.tensor].role is Role.DEFINITION for n in base.walk())

    nodes = (node for node in term.walk() if isinstance(node, Pow) and is_negative(node.exponent))
    return list(dict.fromkeys(anywhere(node.base) for node in nodes if is_made(node.base)))


@lru_cache(maxsize=4096)
def anywhere(term: Term) -> Term:
    """The term with its reads stripped of their indices, whatever it calls those that it binds: p[b,v] and p[b,y[b]]
    are both p."""

    def stripped(node: Term) -> Term:
        return Read(node.tensor) if isinstance(node, Read) else rebuild(node, stripped)

    return canonical(stripped(term))


@dataclass
class Attempt:
    """Moving the shares that hold 1/`base`; `equations` and `steps` grow, and count only where `move` succeeds."""

    program: Program
    base: Term
    steps: list[Step] = field(default_factory=list)
    tensors: dict[str, Tensor] = field(default_factory=dict)
    counted: dict[Term, int] = field(default_factory=dict)

    @cached_property
    def equations(self) -> dict[str, Equation]:
        return {equation.tensor: equation for equation in self.program.equations()}

    @cached_property
    def fixed(self) -> set[str]:
        """Definitions that must keep their values: what the program gives away, and what recurs."""
        recurring = (item for item in self.program.items if isinstance(item, Recurrence))
        return {*self.program.outputs, *self.program.updates.values(), *(e.tensor for e in equations_of(recurring))}

    @cached_property
    def vocabularies(self) -> dict[str, Term]:
        return {t.name: t.vocabulary for t in self.program.tensors.values() if t.vocabulary is not None}

    @property
    def result(self) -> Program:
        return replace(self.program, tensors={**self.program.tensors, **self.tensors})

    def move(self, name: str) -> bool:
        """Whether every reader of `name` cancels the reciprocals, or hands them on to readers that do."""
        equation = opened(self.equations[name], self.program)
        shares = terms_of(self.distributed(unique_bound(equation.body)))
        moving = [self.without_sums(equation, share) for share in shares if self.count(share)]
        rest = add(*(share for share in shares if not self.count(share)))
        if rest != ZERO:
            rest = self.define(f"{name}_rest", equation, rest)
        whole = replace(equation, body=add(rest, *moving))
        for other in [e.tensor for e in self.equations.values() if e.tensor != name]:
            reader = self.equations[other]
            if not any(read.tensor == name for read in reads(reader.body)):
                continue
            body = contract(self.distributed(unique_bound(inline(reader.body, whole))), self.vocabularies)
            self.equations[other] = replace(reader, body=collect(body))
            if self.count(body) > self.count(reader.body):
                if other in self.fixed or not self.move(other):
                    return False
            else:
                reason = (Read(name), " is ", whole.body, ", and ", self.base, " cancels")
                self.steps.append(Step(other, reader.body, self.equations[other].body, reason))
        return True

    def define(self, name: str, equation: Equation, body: Term) -> Read:
        """A definition of the equation's shape, placed before it."""
        name = fresh_name(name, {*self.program.tensors, *self.tensors})
        made = Equation(name, equation.indices, body, name)
        self.tensors[name] = Tensor(name, equation.indices, Role.DEFINITION)
        placed = [
            e for old in self.equations.values() for e in ((made, old) if old.tensor == equation.tensor else (old,))
        ]
        self.equations = {e.tensor: e for e in placed}
        return made.left

    def without_sums(self, equation: Equation, share: Term) -> Term:
        """s/p with s as a definition where it holds a sum, which its readers would compute again and again."""
        sums = [f for f in factors_of(share) if any(isinstance(n, Reduce) for n in f.walk()) and not self.count(f)]
        if not sums or any(isinstance(node, Compare) for node in share.walk()):
            return share
        others = [factor for factor in factors_of(share) if factor not in sums]
        return mul(self.define(f"{equation.tensor}_share", equation, mul(*sums)), *others)

    # -- distribution ----------------------------------------------------------------------------------------------

    def count(self, term: Term) -> int:
        """How often the term divides by the base."""
        if term not in self.counted:
            self.counted[term] = self.divides(term) + sum(map(self.count, term.children))
        return self.counted[term]

    def divides(self, node: Term) -> bool:
        return isinstance(node, Pow) and is_negative(node.exponent) and anywhere(node.base) == self.base

    def distributed(self, term: Term) -> Term:
        """The term with every division by the base at the outermost sum, and multiplied by all that stands around."""
        node = construct(rebuild(term, self.distributed))
        if not self.count(node):
            return node
        if isinstance(node, Mul):
            return self.product(node)
        if isinstance(node, Reduce) and node.op == "sum":
            return add(*(summed(node.indices, part) for part in self.parts(node.body)))
        return node

    def product(self, node: Mul) -> Term:
        """One factor opened, the others multiplied into it; the product itself where no factor can be."""
        for position, factor in enumerate(node.factors):
            others = (*node.factors[:position], *node.factors[position + 1 :])
            parts = self.parts(factor, any(map(self.divides, others)))
            if len(parts) > 1:
                before, after = node.factors[:position], node.factors[position + 1 :]
                return add(*(self.distributed(mul(*before, part, *after)) for part in parts))
            if self.count(factor) and isinstance(factor, Where):
                branches = (self.distributed(mul(branch, *others)) for branch in (factor.then, factor.other))
                return where(factor.condition, *branches)
            if self.count(factor) and isinstance(factor, Reduce) and factor.op == "sum":
                # a delta below the sum may bring the factors beside it to the entry that they cancel
                inner = contract(self.distributed(mul(factor.body, *others)), self.vocabularies)
                if self.count(inner) < self.count(factor):
                    return summed(factor.indices, inner)
        return node

    def parts(self, term: Term, divided: bool = False) -> list[Term]:
        """The terms of a sum that divide by the base, each alone, and the rest together.

        `divided`: what stands around divides by it too, so that the terms that hold it are to be alone.
        """
        base = {read.tensor for read in reads(self.base)}

        def alone(part: Term) -> bool:
            return self.count(part) > 0 or (divided and any(read.tensor in base for read in reads(part)))

        rest = add(*(part for part in terms_of(term) if not alone(part)))
        return [*filter(alone, terms_of(term)), *([rest] if rest != ZERO else [])]

"""The reductions inside definitions, as definitions of their own: a norm, a mean, a softmax's normalizer.

y[b,i] = x[b,i]/sqrt(sum_j x[b,j]**2)      r[b] = 1/sqrt(sum_j x[b,j]**2),  y[b,i] = x[b,i]*r[b]
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ...calculus.reverse import Gradients
from ...checking.interpreter import Values, evaluate
from ...language.algebra import construct, factors_of, mul
from ...language.program import Equation, Program, Role, Tensor
from ...language.recurrences import grouped
from ...language.rewriting import canonical, rebuild
from ...language.terms import Call, Const, Index, Mul, Pow, Read, Reduce, Term
from ..truth import At
from .paths import statistic

NAME = "inner{}"


@dataclass(frozen=True)
class Hoisted:
    """`program` with more definitions; `words`: what each of them is called."""

    program: Program
    words: Mapping[str, str]

    def values(self, gradients: Gradients, at: At) -> Values:
        """The values of everything in the gradients of `program` at a point of the model."""
        given = {
            tensor.name: at.values[tensor.name]
            for tensor in self.program.tensors.values()
            if tensor.role is not Role.DEFINITION
        }
        return evaluate(gradients.program, given, at.sizes)


def hoisted(model: Program) -> Hoisted:
    """Every reduction that is a part of a larger term of its equation; those in recurrences stay."""
    made: dict[Term, Equation] = {}
    words: dict[str, str] = {}
    equations: list[Equation] = []
    for item in model.items:
        if not isinstance(item, Equation):
            return Hoisted(model, {})
        before = len(made)
        body = taken_apart(item.body, made, words, model, top=True)
        equations += [*list(made.values())[before:], replace(item, body=body)]
    tensors = dict(model.tensors)
    for equation in made.values():
        tensors[equation.tensor] = Tensor(equation.tensor, equation.indices, Role.DEFINITION)
    return Hoisted(replace(model, tensors=tensors, items=grouped(equations, model.name)), words)


def taken_apart(term: Term, made: dict[Term, Equation], words: dict[str, str], model: Program, top: bool) -> Term:
    """The term with its inner reductions read from definitions, which are added to `made`."""
    word = called(term, model)
    if word and not top and not isinstance(term, Read):
        return read_of(term, word, made, words, model)
    softmax = quotient(term)
    if softmax is not None and not top:
        return read_of(term, "the softmax", made, words, model)
    linear = isinstance(term, Reduce) and top  # a plain sum at the top couples nothing that it does not say
    return construct(rebuild(term, lambda child: taken_apart(child, made, words, model, top and linear)))


def read_of(term: Term, word: str, made: dict[Term, Equation], words: dict[str, str], model: Program) -> Term:
    key = canonical(term)
    if key not in made:
        name = NAME.format(len(made) + 1)
        while name in model.tensors:
            name += "_"
        indices = free_indices(term)
        words[name] = word
        made[key] = Equation(name, indices, term, label=name)
    equation = made[key]
    return Read(equation.tensor, equation.indices)


def free_indices(term: Term) -> tuple[Index, ...]:
    """The free indices in the order in which they occur."""
    found: dict[Index, None] = {}
    for node in term.walk():
        if isinstance(node, Index) and node in term.free:
            found[node] = None
    return tuple(found)


def called(term: Term, model: Program) -> str:
    word = statistic(term, model)
    return (
        f"the {word}" if word in ("norm", "mean", "variance", "standard deviation", "normalizer of the softmax") else ""
    )


def quotient(term: Term) -> Term | None:
    """exp(u)/sum exp(u)."""
    if not isinstance(term, Mul):
        return None
    parts = factors_of(term)
    exponential = [part for part in parts if isinstance(part, Call) and part.function == "exp"]
    under = [
        part for part in parts if isinstance(part, Pow) and part.exponent == Const(-1) and isinstance(part.base, Reduce)
    ]
    if len(parts) == 2 and exponential and under and "exp" in repr(under[0].base.body):
        return mul(*parts)
    return None

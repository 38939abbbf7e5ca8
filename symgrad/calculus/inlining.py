"""Putting a definition into its readers, and giving it instead of making it."""

from __future__ import annotations

from dataclasses import replace

from ..language.algebra import construct
from ..language.program import Equation, Program, Role
from ..language.recurrences import with_equations
from ..language.rewriting import rebuild, substitute, unique_bound
from ..language.terms import Read, Term


def inline(body: Term, equation: Equation, tidied: bool = True) -> Term:
    """`body` with every read of the equation's tensor replaced by the equation's right side."""

    def visit(node: Term) -> Term:
        if isinstance(node, Read) and node.tensor == equation.tensor:
            return substitute(equation.body, dict(zip(equation.indices, node.indices, strict=True)))
        return construct(rebuild(node, visit)) if tidied else rebuild(node, visit)

    # bound names must differ from those of the reader, or the reader's indices would be captured
    taken = {index.name for node in body.walk() for index in node.free}
    fresh = unique_bound(equation.body, taken)
    equation = replace(equation, body=fresh)
    return visit(unique_bound(body, {index.name for node in fresh.walk() for index in node.free} - names(equation)))


def names(equation: Equation) -> set[str]:
    return {index.name for index in equation.indices}


def cut(program: Program, name: str) -> Program:
    """The program with the definition `name`, which is of no recurrence, given instead of made."""
    tensors = {**program.tensors, name: replace(program.tensors[name], role=Role.INPUT)}
    return with_equations(replace(program, tensors=tensors), (e for e in program.equations() if e.tensor != name))

"""The docstring of an emitted file: what it is, its arrays, and every equation that it computes, numbered."""

from __future__ import annotations

import textwrap

from ..calculus.reverse import adjoint_sign
from ..language.evaluation import evaluation_lines
from ..language.notation import declaration, equation_text, text
from ..language.program import Equation, Program, Role, Tensor
from ..language.terms import Index, Read

WIDTH = 118


def header(
    title: str,
    program: Program,
    adjoints: dict[str, str],
    stable: tuple[str, ...],
    updates: tuple[Equation, ...],
    step: Program,
    origin: str,
) -> str:
    """`program`: the textbook's equations, forward and adjoint; `stable`: those computed in another form."""
    names = set(adjoints.values())
    forward = [e for e in program.equations() if e.tensor not in {*names, *program.updates.values()}]
    backward = [e for e in program.equations() if e.tensor in names]
    of_parameters = {adjoints[p.name] for p in program.parameters if p.name in adjoints}
    kinds = (Role.PARAMETER, Role.INPUT, Role.TOKENS, Role.STATE)
    inputs, parameters, states = (step.with_role(*roles) for roles in ((Role.INPUT, Role.TOKENS), kinds[:1], kinds[3:]))
    lines = [title, ""]
    lines += section("Axes", axes(program))
    lines += section("Inputs", ["   ".join(given(tensor) for tensor in inputs)] if inputs else [])
    lines += section("Masks", masks(step))
    lines += section("Parameters", ["   ".join(map(declaration, parameters))])
    lines += section("States", ["   ".join(map(declaration, states))] if states else [])
    lines += section("Settings", [", ".join(t.name for t in step.with_role(Role.SETTING))])
    lines += section("Saved", saved(program, forward, backward))
    loss = program.outputs[0]
    sign = adjoint_sign(adjoints, loss)
    lines += section("Notation", [f"{sign} is d{loss}/dX, with the shape of X;  [v == y] is 1 if true, else 0"])
    lines += [""]
    lines += section("Forward", [f"({e.label}) {equation_text(e)}" for e in forward])
    lines += section("Stable", list(stable))
    lines += section("Evaluation", [f"{equation_text(e)}" for e in evaluation_lines(program)])
    lines += section("Backward", [equation_text(e) for e in backward if e.tensor not in of_parameters])
    lines += section("Gradients", [equation_text(e) for e in backward if e.tensor in of_parameters])
    lines += section("Update", [f"({e.label}) {equation_text(e)}" for e in updates])
    return "\n".join([*lines, "", origin]) + "\n"


def section(title: str, lines: list[str]) -> list[str]:
    """`Title      first line`, the others below it."""
    return [f"{title if k == 0 else '':<11}{line}" for k, line in enumerate(lines)]


def axes(program: Program) -> list[str]:
    """`b in B   t in N`: every index of a declared tensor, with the size of its axis."""
    seen: dict[str, Index] = {}
    for tensor in program.tensors.values():
        for index in tensor.indices:
            seen.setdefault(index.name, index)
    written = [f"{index.name} in {text(index.extent)}" for index in seen.values()]
    return textwrap.wrap("   ".join(written), WIDTH - 11) if written else []


def given(tensor: Tensor) -> str:
    return declaration(tensor) + (" token ids" if tensor.role is Role.TOKENS else "")


def masks(program: Program) -> list[str]:
    """The masks, and what draws them."""
    declared = program.with_role(Role.MASK)
    meaning = "drawn for each step: 1/keep with probability keep, else 0"
    return [f"{'   '.join(map(declaration, declared))}   {meaning}"] if declared else []


def saved(program: Program, forward: list[Equation], backward: list[Equation]) -> list[str]:
    """The forward values that the backward equations read."""
    read = {node.tensor for e in backward for node in e.body.walk() if isinstance(node, Read)}
    kept = [declaration(program.tensors[e.tensor]) for e in forward if e.tensor in read]
    return [f"{'   '.join(kept)}   forward values that the backward reads"] if kept else []

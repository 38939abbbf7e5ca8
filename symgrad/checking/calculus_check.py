"""Part (a): the derivation, in the interpreter, against difference quotients that know nothing of it.

    definition         X = f(T, ...) alone under a random cotangent v: each d(sum v*X)/dT
    adjoint identity   <v, J u> = <J^T v, u> for a random u, J that of the definition
    adjoint            dX of the whole program: dL/dX with everything after X recomputed
    gradient           dX of a parameter or a real input
    taylor             |L(x + e*u) - L(x) - e*<dL/dx, u>| falls as e**2: the error is what its slope lacks of 2

The error of a tensor is max|found - expected| / max|expected|, see `differences.relative_error`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..calculus.paths import real_part
from ..calculus.reverse import Gradients, differentiate, independent_inputs
from ..calculus.simplify import simplify
from ..language.algebra import add, mul, summed
from ..language.program import Equation, Program, Role, Tensor
from ..language.recurrences import cycles, with_equations
from ..language.rewriting import fresh_name, rebuild
from ..language.terms import Read, Term
from .differences import InterpretedLoss, along, gradient_error, interpreted_loss, least_error, relative_error, stopped
from .interpreter import Values, evaluate
from .points import DOMAINS, Point, Sizes, points, size_table
from .report import Row

TOLERANCE = 1e-6
LACKING_SLOPE = 0.2
TAYLOR_STEPS = (1e-3, 5e-4, 2.5e-4)
DIRECTIONS = 3
ROUNDING = 1e-13  # of the loss: a remainder below it is none


@dataclass(frozen=True)
class Alone:
    """One definition as a program of its own: its loss is sum(cotangent * X) + sum(pad * T) over all T that X reads.

    The pads are 0 in value and keep every T in the loss, so that a derivative that is 0 is compared as well.
    """

    equation: Equation
    gradients: Gradients
    cotangent: str
    pads: tuple[str, ...]
    reads: tuple[str, ...]


def check_calculus(
    program: Program,
    entries: int = 12,
    seed: int = 0,
    table: Sequence[Sizes] | None = None,
    given: Point | None = None,
) -> tuple[Row, ...]:
    """Every definition, adjoint and gradient at every row of `table` (`size_table` unless given), or at one point.

    At most `entries` entries of each are compared with difference quotients.  Raises DerivativeError for what has no
    derivative, and DataError where no point to check at is found.
    """
    from threadpoolctl import threadpool_limits

    raw, independent = all_gradients(program)
    simple = simplify(raw)
    alone = tuple(definitions_alone(program))
    rows: list[Row] = []
    for at in points(program, size_table(program) if table is None else table, seed, given):
        with threadpool_limits(limits=1, user_api="blas"):  # for products as small as these threads are in the way
            found = {**evaluate(raw.program, at.values, at.sizes), **evaluate(simple.program, at.values, at.sizes)}
            past = {before(equation.tensor): found[equation.tensor] for equation in program.equations()}
            for part in alone:
                rows += definition_rows(part, at, {**found, **past}, entries)
            loss = interpreted_loss(*stopped(program, at.values, at.sizes), at.sizes)
            rows += adjoint_rows(loss, raw, at, found, entries)
            rows += gradient_rows(loss, raw, independent, at, found, entries)
            rows.append(taylor_row(loss, raw, at, found))
    return tuple(rows)


def all_gradients(program: Program) -> tuple[Gradients, tuple[str, ...]]:
    """The gradients by all parameters and by the real inputs that the loss depends on, and the other inputs."""
    independent = tuple(independent_inputs(program))
    inputs = [tensor.name for tensor in program.with_role(Role.INPUT) if tensor.name not in independent]
    return differentiate(program, [tensor.name for tensor in program.parameters] + inputs), independent


def definitions_alone(program: Program) -> Iterator[Alone]:
    tensors = dict(program.tensors)
    for tensor in program.tensors.values():
        tensors[before(tensor.name)] = replace(tensor, name=before(tensor.name))
    program = replace(program, tensors=tensors)
    for equation in map(apart_from_itself, program.equations()):
        names = [node.tensor for node in real_part(equation.body) if isinstance(node, Read)]
        read = tuple(n for n in dict.fromkeys(names) if program.tensors[n].role is not Role.TOKENS)
        if read:
            yield definition_alone(program, equation, read)


def before(name: str) -> str:
    """What a recurrent tensor is called where its own equation reads it."""
    return f"{name}_before"


def apart_from_itself(equation: Equation) -> Equation:
    """`h = f(h[t-1])` as `h = f(h_before[t-1])`: one step of a recurrence, whose past is given."""

    def visit(node: Term) -> Term:
        node = rebuild(node, visit)
        own = isinstance(node, Read) and node.tensor == equation.tensor
        return Read(before(node.tensor), node.indices) if own else node

    return replace(equation, body=visit(equation.body))


def definition_alone(program: Program, equation: Equation, reads: tuple[str, ...]) -> Alone:
    seen = {node.tensor: program.tensors[node.tensor] for node in equation.body.walk() if isinstance(node, Read)}
    tensors = {
        name: replace(tensor, role=Role.PARAMETER if name in reads else given(tensor)) for name, tensor in seen.items()
    }
    tensors[equation.tensor] = program.tensors[equation.tensor]
    cotangent = Tensor(fresh_name("cotangent", {*tensors}), equation.indices, Role.INPUT)
    tensors[cotangent.name] = cotangent
    terms = [summed(equation.indices, mul(cotangent.entry, equation.left))]
    pads = []
    for name in reads:
        pad = Tensor(fresh_name(f"pad_{name}", {*tensors}), tensors[name].indices, Role.INPUT)
        tensors[pad.name] = pad
        pads.append(pad.name)
        terms.append(summed(pad.indices, mul(pad.entry, tensors[name].entry)))
    loss = Tensor(fresh_name("L", {*tensors}), (), Role.DEFINITION)
    items = (equation, Equation(loss.name, (), add(*terms)))
    whole = Program(f"{program.name}_{equation.tensor}", {**tensors, loss.name: loss}, items, (loss.name,))
    return Alone(equation, simplify(differentiate(whole, reads)), cotangent.name, tuple(pads), reads)


def given(tensor: Tensor) -> Role:
    return Role.TOKENS if tensor.role is Role.TOKENS else Role.INPUT


def definition_rows(alone: Alone, at: Point, made: Values, entries: int) -> Iterator[Row]:
    """The rows of one definition at one point, where the whole program has the values `made`."""
    program, name = alone.gradients.program, alone.equation.tensor
    random = np.random.default_rng(len(made[name].reshape(-1)))
    values = {tensor: made[tensor] for tensor in program.tensors if tensor in made and tensor != name}
    values[alone.cotangent] = DOMAINS[0].draw(random, made[name].shape)
    values |= {pad: np.zeros(made[read].shape) for pad, read in zip(alone.pads, alone.reads, strict=True)}
    results = evaluate(program, values, at.sizes)
    adjoints = {read: results[alone.gradients.adjoints[read]] for read in alone.reads}
    forward = replace(program, items=program.items[:2], outputs=program.outputs[:1])
    held, moved = stopped(forward, values, at.sizes)
    loss = interpreted_loss(held, moved, at.sizes)
    error = max(gradient_error(loss, read, adjoints[read], TOLERANCE, entries) for read in alone.reads)
    yield Row("calculus", "definition", at.sizes, name, made[name].shape, error, TOLERANCE)
    # Each entry moves in proportion to its size: a small probability stays one.
    direction = {read: DOMAINS[0].draw(random, made[read].shape) * np.abs(made[read]) for read in alone.reads}
    backward_side = np.sum([np.sum(adjoints[read] * direction[read]) for read in alone.reads])

    def identity_error(step: float) -> float:
        image = along(lambda v: evaluate(held, v, at.sizes)[name], moved, direction, step)
        return relative_error(backward_side, np.sum(values[alone.cotangent] * image), loss.value)

    error = least_error(identity_error, TOLERANCE)
    yield Row("calculus", "adjoint identity", at.sizes, name, made[name].shape, error, TOLERANCE)


def adjoint_rows(loss: InterpretedLoss, raw: Gradients, at: Point, found: Values, entries: int) -> Iterator[Row]:
    recurring = cycles(loss.program)
    for equation in loss.program.equations():
        name = equation.tensor
        if name in raw.adjoints:
            # A tensor of a recurrence reaches the loss through its own later slices too: it is moved where it is made.
            about, moved = (moved_by(loss, name), shift(name)) if name in recurring else (loss, name)
            error = gradient_error(about, moved, found[raw.adjoints[name]], TOLERANCE, entries)
            yield Row("calculus", "adjoint", at.sizes, name, found[name].shape, error, TOLERANCE)


def shift(name: str) -> str:
    return f"{name}_shift"


def moved_by(loss: InterpretedLoss, name: str) -> InterpretedLoss:
    """The loss with X = f(...) + X_shift, where X_shift is 0; dL/dX_shift is dL/dX."""
    program = loss.program
    tensor = replace(program.tensors[name], name=shift(name), role=Role.INPUT)
    equations = [
        replace(e, body=add(e.body, Read(tensor.name, e.indices))) if e.tensor == name else e
        for e in program.equations()
    ]
    program = with_equations(replace(program, tensors={**program.tensors, tensor.name: tensor}), equations)
    return replace(loss, program=program, values={**loss.values, tensor.name: np.zeros(loss.values[name].shape)})


def gradient_rows(
    loss: InterpretedLoss, raw: Gradients, independent: Iterable[str], at: Point, found: Values, entries: int
) -> Iterator[Row]:
    adjoints = {name: found[raw.adjoints[name]] for name in given_and_differentiable(loss.program, raw)}
    adjoints |= {name: np.zeros(at.values[name].shape) for name in independent}
    for name, adjoint in adjoints.items():
        error = gradient_error(loss, name, adjoint, TOLERANCE, entries)
        yield Row("calculus", "gradient", at.sizes, name, at.values[name].shape, error, TOLERANCE)


def given_and_differentiable(program: Program, raw: Gradients) -> list[str]:
    return [t.name for t in program.with_role(Role.PARAMETER, Role.INPUT) if t.name in raw.adjoints]


def taylor_row(loss: InterpretedLoss, raw: Gradients, at: Point, found: Values) -> Row:
    """The greatest slope among a few directions counts: a wrong gradient has slope 1 in each."""
    random = np.random.default_rng(0)
    names = given_and_differentiable(loss.program, raw)
    steps = np.array(TAYLOR_STEPS)
    slope = 0.0
    for _ in range(DIRECTIONS):
        direction = {name: random.uniform(-1.0, 1.0, np.shape(loss.values[name])) for name in names}
        linear = sum(np.sum(found[raw.adjoints[name]] * direction[name]) for name in names)
        moved = loss.beside({name: loss.values[name] + np.multiply.outer(steps, direction[name]) for name in names})
        remainders = np.abs(moved - loss.value - steps * linear)
        slope = max(slope, remainder_slope(remainders, loss.value))
    return Row("calculus", "taylor", at.sizes, loss.program.outputs[0], (), max(0.0, 2.0 - slope), LACKING_SLOPE)


def remainder_slope(remainders: np.ndarray, start: float) -> float:
    """d log(remainder)/d log(step); 2 where the remainders are rounding only, as those of a linear loss are."""
    if remainders.max() <= ROUNDING * max(1.0, abs(start)):
        return 2.0
    steps = np.log(TAYLOR_STEPS)
    return float(np.polyfit(steps, np.log(np.maximum(remainders, 1e-300)), 1)[0])

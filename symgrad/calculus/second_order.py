"""Hessian-vector products as a program: the slope of the loss along given directions, whose gradients they are.

    slope = sum over X and its entries k of v_X[k]*dX[k]          dslope/dX[k] = sum_Y,l d2L/(dX[k] dY[l]) * v_Y[l]

The slope is a loss like any other: the program is derived, emitted and checked as a model is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ..language.algebra import add, mul, summed
from ..language.dependence import without_dead
from ..language.errors import Independent
from ..language.evaluation import training_form
from ..language.model import Model
from ..language.program import Equation, Program, Role, Tensor
from ..language.typecheck import typecheck
from .reverse import differentiate
from .simplify import simplify


def hessian_vector_product(model: Model | Program, wrt: str | Iterable[str] | None = None) -> Program:
    """The program whose gradient by each parameter X is the Hessian of the loss times v, in X's rows.

    v has a part v_X for each name X in `wrt` (every parameter unless named), an input of X's shape; the others are 0.
    A parameter whose rows are proven to be 0 is an input of the program, as it has no gradient.  Raises as
    `differentiate`, and Independent where the whole product is proven to be 0.
    """
    program = model.program if isinstance(model, Model) else model
    first = simplify(differentiate(training_form(program), wrt))
    tensors, terms = dict(first.program.tensors), []
    for adjoint in first.program.outputs[1:]:
        name = next(tensor for tensor, made in first.adjoints.items() if made == adjoint)
        direction = Tensor(free_name(f"v_{name}", tensors), tensors[name].indices, Role.INPUT)
        tensors[direction.name] = direction
        terms.append(summed(direction.indices, mul(direction.entry, tensors[adjoint].entry)))
    slope = free_name("slope", tensors)
    tensors[slope] = Tensor(slope, (), Role.DEFINITION)
    label = f"F{len(list(program.equations())) + 1}"
    items = (*first.program.equations(), Equation(slope, (), add(*terms), label))
    made = Program(f"{program.name}_hessian", tensors, items, (slope,))
    made = typecheck(without_dead(made))
    zero = [tensor.name for tensor in made.parameters if is_independent(made, tensor.name)]
    if len(zero) == len(made.parameters):
        raise Independent(f"{program.name}: the gradient does not depend on {', '.join(zero)}; its Hessian is 0")
    given = {name: replace(made.tensors[name], role=Role.INPUT) for name in zero}
    return replace(made, tensors={**made.tensors, **given})


def is_independent(program: Program, name: str) -> bool:
    """Whether the loss is proven not to depend on `name`."""
    try:
        differentiate(program, (name,))
    except Independent:
        return True
    return False


def free_name(name: str, taken: dict[str, Tensor]) -> str:
    while name in taken:
        name += "_"
    return name

"""A derivation at given values: every equation, local derivative and gradient as numbers, and updates by SGD.

do/da  = 1 - o**2                      = 0.929486
dL/dw2 = -(y - o)*(1 - o**2)*h = -0.665544 * 0.929486 * 0.905148 = -0.559936
w2 = -0.3 -> -0.244006                 w2 - rate*dL/dw2
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ..checking.interpreter import evaluate
from ..language.errors import DataError
from ..language.notation import text
from ..language.program import Equation, Program, Role, Tensor
from ..language.terms import Index
from .document import Derivation
from .layout import Row, block
from .local_derivatives import LocalDerivative
from .text import factors_text, share_text, sum_rows

Values = dict[str, np.ndarray]


@dataclass(frozen=True)
class Update:
    """One step of gradient descent: loss and gradients before it, parameters and states before and after."""

    loss: float
    gradients: Values
    before: Values
    after: Values


@dataclass(frozen=True)
class Numbers:
    """`values` of every tensor by name, `locals_` of every local derivative by its name, and the `updates`.

    `loss` is its value after the last update.
    """

    derivation: Derivation
    given: Values
    values: Values
    locals_: Values
    rate: float | None
    updates: tuple[Update, ...]
    loss: float

    @property
    def gradients(self) -> Values:
        """{parameter: dL/d(parameter)}."""
        return {name: self.values[e.tensor] for name, e in self.derivation.gradients.items()}

    def text(self) -> str:
        """The numbers beside the formulas of the derivation."""
        parts = (title, forward, local_derivatives, adjoints, chain_rule, updates)
        sections = [part(self) for part in parts]
        return "\n\n".join("\n".join(section) for section in sections if section)

    def data(self) -> dict[str, object]:
        """For JSON: nested lists, keys as in the formulas."""

        def lists(values: Values) -> dict[str, object]:
            return {name: np.asarray(value).tolist() for name, value in values.items()}

        forward_ = {e.tensor: self.values[e.tensor] for e in self.derivation.forward}
        steps = [
            {"loss": u.loss, "gradients": lists(u.gradients), "before": lists(u.before), "after": lists(u.after)}
            for u in self.updates
        ]
        return {
            "at": lists(self.given),
            "forward": lists(forward_),
            "local_derivatives": lists(self.locals_),
            "gradients": lists(self.gradients),
            "rate": self.rate,
            "updates": steps,
            "loss_after": self.loss,
        }

    def __str__(self) -> str:
        return self.text()


def numbers(
    derivation: Derivation, values: Mapping[str, float | np.ndarray], rate: float | None = None, count: int = 1
) -> Numbers:
    """Every number of the derivation at `values`; with a rate, `count` updates of the parameters it is derived by.

    Raises DataError for a name that is not declared, a missing value, and a wrong shape.
    """
    program = with_local_derivatives(derivation)
    wanted = [tensor.name for tensor in program.tensors.values() if tensor.role is not Role.DEFINITION]
    for name in values:
        if name not in wanted:
            raise DataError(f"{derivation.name}: {name} takes no value; there are {', '.join(wanted)}")
    given = {name: np.asarray(values[name]) for name in wanted if name in values}
    found = evaluate(program, given)
    steps: list[Update] = []
    current = dict(given)
    for _ in range(count if rate is not None else 0):
        now = evaluate(derivation.program, current)
        gradients = {name: now[e.tensor] for name, e in derivation.gradients.items()}
        after = {name: current[name] - rate * gradient for name, gradient in gradients.items()}
        after |= {old: now[new] for old, new in derivation.program.updates.items()}
        before = {name: current[name] for name in after}
        steps.append(Update(float(now[derivation.loss]), gradients, before, after))
        current.update(after)
    last = float(evaluate(derivation.program, current)[derivation.loss])
    names = {local.name for local in derivation.locals_}
    plain = {name: value for name, value in found.items() if name not in names}
    locals_ = {local.name: found[local.name] for local in derivation.locals_}
    return Numbers(derivation, given, plain, locals_, rate, tuple(steps), last)


def with_local_derivatives(derivation: Derivation) -> Program:
    """The program with an equation for each local derivative, named as it is written: `do[b,v]/dW2[v,i]`."""
    program = derivation.program
    equations = [local_equation(local) for local in derivation.locals_]
    tensors = {e.tensor: Tensor(e.tensor, e.indices, Role.DEFINITION) for e in equations}
    return replace(program, tensors={**program.tensors, **tensors}, items=(*program.items, *equations))


def local_equation(local: LocalDerivative) -> Equation:
    """Its indices are those of both sides, each once."""
    indices = [index for index in (*local.of.indices, *local.by.indices) if isinstance(index, Index)]
    return Equation(local.name, tuple(dict.fromkeys(indices)), local.value)


# -- as text -----------------------------------------------------------------------------------------------------------


def written(value: np.ndarray | float) -> str:
    """Six digits; an array in brackets, its middle left out where it is long."""
    value = np.asarray(value)
    if value.ndim == 0:
        return f"{float(value):.6g}"
    return np.array2string(value, precision=6, threshold=24, edgeitems=2, separator=", ").replace("\n", " ")


def title(numbers: Numbers) -> list[str]:
    rows = [Row(name, written(value)) for name, value in numbers.given.items()]
    if all(value.ndim == 0 for value in numbers.given.values()):
        return [f"Numbers at {', '.join(f'{row.left} = {row.right}' for row in rows)}"]
    return ["Numbers at", *block(rows)]


def forward(numbers: Numbers) -> list[str]:
    equations = numbers.derivation.forward
    rows = [Row(text(e.left), text(e.body), f"= {written(numbers.values[e.tensor])}") for e in equations]
    return ["Forward", *block(rows)]


def local_derivatives(numbers: Numbers) -> list[str]:
    locals_ = numbers.derivation.locals_
    rows = [Row(local.name, text(local.value), f"= {written(numbers.locals_[local.name])}") for local in locals_]
    return ["Local derivatives", *block(rows)]


def adjoints(numbers: Numbers) -> list[str]:
    """dL/dX of a scalar model: of each definition but those that the loss reads itself, as product and number."""
    derivation = numbers.derivation
    rows = []
    for adjoint in derivation.adjoints if derivation.chains else ():
        direct = all(share.direct(derivation.loss) for share in adjoint.shares)
        if adjoint.kept and not direct and adjoint.of.tensor not in derivation.wrt:
            first, *others = sum_rows(
                f"d{derivation.loss}/d{adjoint.of.tensor}",
                [share_text(share, derivation.loss) for share in adjoint.shares],
            )
            rows += [replace(first, reason=f"= {written(numbers.values[adjoint.left.tensor])}"), *others]
    return ["Adjoints", *block(rows)] if rows else []


def chain_rule(numbers: Numbers) -> list[str]:
    """Each gradient as factors and as a number; for tensors each adjoint as an array."""
    derivation = numbers.derivation
    if not derivation.chains:
        kept = [adjoint for adjoint in derivation.adjoints if adjoint.kept]
        rows = [Row(text(a.left), text(a.formula), f"= {written(numbers.values[a.left.tensor])}") for a in kept]
        return ["Gradients", *block(rows)]
    rows = []
    for chain in derivation.chains:
        factors = [[written(numbers.locals_[local.name]) for local in path] for path in chain.paths]
        rows += sum_rows(
            f"d{chain.loss}/d{chain.parameter}", [factors_text([local.value for local in path]) for path in chain.paths]
        )
        rows += sum_rows("", [" * ".join(product) for product in factors])
        if len(chain.paths) > 1 or len(chain.paths[0]) > 1:
            rows.append(Row("", written(numbers.gradients[chain.parameter])))
    return ["Chain rule", *block(rows)]


def updates(numbers: Numbers) -> list[str]:
    """The loss before each update, and what each parameter becomes: `w1 = 0.5 -> 0.489944`."""
    if numbers.rate is None:
        return []
    loss, margin = numbers.derivation.loss, len(str(len(numbers.updates))) + 2
    rows = []
    for number, update in enumerate(numbers.updates, 1):
        rows.append(Row(f"{number}.".ljust(margin) + loss, written(update.loss)))
        for name, after in update.after.items():
            change = f"{written(update.before[name])} -> {written(after)}"
            gradient = update.gradients.get(name)
            reason = "a state" if gradient is None else f"d{loss}/d{name} = {written(gradient)}"
            rows.append(Row(" " * margin + name, change, reason))
    rows.append(Row(" " * margin + loss, written(numbers.loss), "after the last update"))
    return [f"Updates by gradient descent, X' = X - {numbers.rate:g}*d{loss}/dX", *block(rows)]

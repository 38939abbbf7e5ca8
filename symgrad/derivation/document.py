"""`derive(model)`: the derivation of a model's gradients as data, with its faces: text, LaTeX, JSON, numbers.

print(derive(model))                    forward, local derivatives, chain rule, final formulas
derive(model, wrt=["W1"])               one parameter
derive(model).gradients["W1"]           the equation dW1[i,t,d] = ...
derive(model).matrix["W2"]              the same in matrix notation: dW2 = (p - Y)^T h / B
derive(model).program                   forward and backward equations, to be evaluated, emitted or derived again
derive(derive(model), "w2", of="dw1")   a gradient differentiated again: d2L/(dw1 dw2)
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..calculus.reverse import adjoint_sign, differentiate, wanted
from ..calculus.simplify import simplify
from ..language.errors import DerivativeError
from ..language.evaluation import evaluation_lines, state_updates
from ..language.model import Model
from ..language.notation import equation_text
from ..language.program import Equation, Program
from ..language.terms import Binder, Index
from .adjoints import Adjoint, adjoints
from .chains import Chain, Products, chains, number_of_paths, products
from .local_derivatives import LocalDerivative, local_derivatives
from .outside import Stopped, stopped_parts
from .stable_forms import StableForm, stable_forms

if TYPE_CHECKING:
    from .matrix_form import MatrixForm
    from .numbers import Numbers

# Beyond this many paths to one parameter a sum over paths teaches nothing; the adjoints are shown one by one instead.
READABLE_PATHS = 8


@dataclass(frozen=True)
class Derivation:
    """Every step from the forward equations to the gradients.

    `chains` are the paths to each parameter, for models of scalars; `adjoints` the steps to each dX, for all models.
    `updates` give the states' next values, `evaluation` holds what differs in the evaluation form, and `stopped` what
    is under a stop_gradient.
    """

    name: str
    loss: str
    wrt: tuple[str, ...]
    forward: tuple[Equation, ...]
    locals_: tuple[LocalDerivative, ...]
    chains: tuple[Chain, ...]
    adjoints: tuple[Adjoint, ...]
    program: Program
    updates: tuple[Equation, ...] = ()
    evaluation: tuple[Equation, ...] = ()
    stopped: tuple[Stopped, ...] = ()

    @property
    def gradients(self) -> dict[str, Equation]:
        """{parameter: the equation of its gradient}: in forward values for scalars, else in them and other adjoints."""
        left = {adjoint.of.tensor: adjoint.left.tensor for adjoint in self.adjoints}
        if self.chains:
            formulas = {chain.parameter: chain.formula for chain in self.chains}
            return {name: Equation(left[name], (), formulas[name], left[name]) for name in self.wrt}
        return {name: self.program.equation(left[name]) for name in self.wrt}

    @property
    def formulas(self) -> dict[str, str]:
        """{parameter: its gradient as text}: {"w2": "dw2 = -(y - o)*(1 - o**2)*h"}."""
        return {name: equation_text(equation) for name, equation in self.gradients.items()}

    @property
    def sign(self) -> str:
        """What legends call the adjoint of X: `dX`."""
        return adjoint_sign({adjoint.of.tensor: adjoint.left.tensor for adjoint in self.adjoints}, self.loss)

    @property
    def indices(self) -> tuple[Index, ...]:
        """The indices of the forward equations, in the order in which they are met."""
        met: dict[Index, None] = {}
        for equation in self.forward:
            met.update(dict.fromkeys(equation.indices))
            for node in equation.body.walk():
                if isinstance(node, Binder):
                    met.update(dict.fromkeys(node.indices))
        declared = {index for tensor in self.program.tensors.values() for index in tensor.indices}
        return tuple(index for index in met if index in declared)

    @property
    def conditions(self) -> tuple[str, ...]:
        """What the formulas rest on: `X is invertible`, `det(X) > 0`."""
        from .conditions import condition_texts

        return condition_texts((equation.body for equation in self.program.equations()), self.program.tensors)

    @property
    def kinks(self) -> tuple[str, ...]:
        """What is taken for the derivative where there is a kink: `abs(x): the derivative is sign(x), 0 at 0`."""
        from .kinks import kink_texts

        return kink_texts(self.forward, self.program)

    @property
    def products(self) -> Products | None:
        """The products of derivatives that the chain rule takes; None where paths are not written out."""
        return products(self.loss, self.chains) if self.chains else None

    @property
    def stable(self) -> tuple[StableForm, ...]:
        """The equations that an emitted file computes in another form, with what they need, and why."""
        return stable_forms(self.program)

    def text(self) -> str:
        """The derivation for people, at most 100 columns wide where formulas allow it."""
        from .text import derivation_text

        return derivation_text(self)

    def latex(self, standalone: bool = False) -> str:
        """The same for LaTeX (needs amsmath): a body, or a whole document."""
        from .typesetting import derivation_latex

        return derivation_latex(self, standalone)

    @property
    def matrix(self) -> dict[str, MatrixForm]:
        """{parameter: its gradient in matrix notation}, in forward values where that is a short formula."""
        from .matrix_document import gradient_forms

        return {name: forms[-1] for name, forms in gradient_forms(self).items()}

    def matrix_text(self) -> str:
        """Forward, adjoints and gradients in matrix notation; what has no matrix form stands in index notation."""
        from .matrix_document import derivation_matrix_text

        return derivation_matrix_text(self)

    def matrix_latex(self) -> str:
        """The same formulas as one aligned LaTeX block (needs amsmath)."""
        from .matrix_document import derivation_matrix_latex

        return derivation_matrix_latex(self)

    def data(self) -> dict[str, object]:
        """The same for programs: the keys that `derivation.data` documents, in plain lists and dictionaries."""
        from .data import derivation_data

        return derivation_data(self)

    def json(self) -> str:
        """`data()` as JSON."""
        return json.dumps(self.data(), indent=2)

    def numbers(self, values: Mapping[str, float | np.ndarray], rate: float | None = None, updates: int = 1) -> Numbers:
        """Every equation, local derivative and gradient at these values; with a rate also updates by SGD.

        Raises DataError for a missing value or a wrong shape.
        """
        from .numbers import numbers

        return numbers(self, values, rate, updates)

    def __str__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        from .typesetting import derivation_html

        return derivation_html(self)


Source = Model | Program | Derivation


def program_of(model: Source) -> Program:
    """The equations of a model, or forward and backward equations of a derivation."""
    return model.program if isinstance(model, Model | Derivation) else model


def derive(model: Source, wrt: str | Iterable[str] | None = None, of: str | None = None) -> Derivation:
    """The loss of `model` differentiated by `wrt` (every parameter unless named), step by step.

    `of` names another scalar definition to differentiate.  A derivation can be derived again: of its only gradient, or
    of the one that `of` names, `derive(derive(model), "w2", of="dw1")`.

    Raises DeclarationError for a model without a loss, DerivativeError for a name that is no parameter or input and for
    what has no derivative, Independent where it is proven not to depend on the name.
    """
    forward = program_of(model)
    if isinstance(model, Derivation) and of is None:
        of = only_gradient(model)
    if of is not None and of in forward.tensors and forward.tensors[of].indices:
        raise DerivativeError(
            f"{forward.name}: {of} has axes, so it has no gradient; jacobian(model, {of!r}, ...) derives its entries"
        )
    names = wanted(forward, wrt) if of is None else wanted(forward, wrt, of)
    raw = differentiate(forward, names, of)
    simple = simplify(raw)
    loss = raw.program.outputs[0]
    locals_ = local_derivatives(raw)
    updates = tuple(state_updates(forward))
    shown = tuple(equation for equation in forward.equations() if equation not in updates)
    written = is_scalar(forward) and all(number_of_paths(n, loss, locals_) <= READABLE_PATHS for n in names)
    return Derivation(
        name=forward.name,
        loss=loss,
        wrt=names,
        forward=shown,
        locals_=locals_,
        chains=chains(loss, names, locals_) if written else (),
        adjoints=adjoints(raw, simple, locals_),
        program=simple.program,
        updates=updates,
        evaluation=tuple(evaluation_lines(forward)),
        stopped=stopped_parts(forward, shown, names),
    )


def only_gradient(derivation: Derivation) -> str:
    """The gradient that a derivation made, where there is one only."""
    made = [derivation.gradients[name].tensor for name in derivation.wrt]
    if len(made) > 1:
        raise DerivativeError(
            f"{derivation.name}: it has the gradients {', '.join(made)}; say which one to differentiate: of={made[0]!r}"
        )
    return made[0]


def is_scalar(program: Program) -> bool:
    """Whether there is no axis in it: then the chain rule is a product of numbers."""
    return not any(tensor.indices for tensor in program.tensors.values()) and not any(
        isinstance(node, Binder) for equation in program.equations() for node in equation.body.walk()
    )

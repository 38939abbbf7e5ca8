"""`Model`: the declaration of a model and its loss, equation by equation, checked as it is written.

    model = Model("concat_lm")
    b, t, d, i, v = axes("b:B t:N d:D i:H v:V")
    C, W1, W2 = model.parameters(C=(v, d), W1=normal((i, t, d), 0.1), W2=(v, i))
    x, y = model.tokens(x=(b, t), y=(b,), vocabulary=v)
    h = model.define("h", (b, i), tanh(total(W1[i, t, d] * C[x[b, t], d], t, d)))
    ...
    model.minimize("L", mean(-log(p[b, y[b]]), b))

What comes back is plain SymPy (`IndexedBase`, or `Symbol` for a scalar), so any SymPy expression can be written
with it.
"""

from __future__ import annotations

import keyword
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

import sympy
from sympy import Eq, Idx, IndexedBase, Symbol

from .dependence import reachable
from .errors import DeclarationError
from .evaluation import evaluation_equations
from .letters import refuse_letters
from .lowering import lower, lower_index, lower_size
from .program import Equation, Initial, Item, Program, Role, Tensor
from .recurrences import Start as Recurrent
from .recurrences import grouped, with_starts
from .surface import TensorBase, size
from .terms import Binder, Term
from .typecheck import typecheck

Axes = tuple[Idx, ...]
Handle = IndexedBase | Symbol


@dataclass(frozen=True)
class Start:
    """A parameter's axes together with how it starts."""

    axes: Axes
    initial: Initial


def normal(axes: Axes | Idx, deviation: float = 0.1) -> Start:
    """Independent normal numbers with mean 0 and this standard deviation, which is 0 or more."""
    return started(axes, "normal", deviation, "standard deviation", least=0)


def uniform(axes: Axes | Idx, bound: float = 0.1) -> Start:
    """Independent uniform numbers in [-bound, bound), with a bound of 0 or more."""
    return started(axes, "uniform", bound, "bound", least=0)


def constant(axes: Axes | Idx, value: float = 0.0) -> Start:
    """Every entry is `value`."""
    return started(axes, "constant", value, "value", least=-math.inf)


def zeros(axes: Axes | Idx) -> Start:
    """Every entry is 0."""
    return constant(axes, 0.0)


def ones(axes: Axes | Idx) -> Start:
    """Every entry is 1."""
    return constant(axes, 1.0)


def started(axes: Axes | Idx, kind: str, value: float, what: str, least: float) -> Start:
    """Raises DeclarationError unless `value` is a finite number of `least` or more."""
    try:
        number = math.nan if isinstance(value, str) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number) or number < least:
        expected = "a finite number" if math.isinf(least) else f"a finite number of {least} or more"
        raise DeclarationError(f"{kind}(...): the {what} is {value!r}, expected {expected}")
    return Start(as_axes(axes), Initial(kind, number))


def as_axes(axes: Axes | Idx) -> Axes:
    return (axes,) if isinstance(axes, Idx) else tuple(axes)


class Model:
    """A program under construction; `program` is its checked form once `minimize` has named the loss."""

    def __init__(self, name: str) -> None:
        if not name.isidentifier():
            raise DeclarationError(f"Model: {name!r} is no identifier; it names the emitted file, so use letters and _")
        self.name = name
        self._program = Program(name, {}, (), ())
        self._starts: dict[str, Recurrent] = {}

    # -- what is given ---------------------------------------------------------------------------------------------

    def parameters(self, **shapes: Axes | Start) -> Handle | tuple[Handle, ...]:
        """Declare parameters: a tuple of axes (starting as normal(0.1)), or `normal(...)`, `zeros(...)` and so on."""
        starts = {name: s if isinstance(s, Start) else Start(as_axes(s), Initial()) for name, s in shapes.items()}
        return self._declare(
            {n: s.axes for n, s in starts.items()}, Role.PARAMETER, {n: s.initial for n, s in starts.items()}
        )

    def inputs(self, **shapes: Axes) -> Handle | tuple[Handle, ...]:
        """Declare real inputs, given with each batch; `()` for a scalar."""
        return self._declare({name: as_axes(axes) for name, axes in shapes.items()}, Role.INPUT)

    def tokens(self, *, vocabulary: Idx, **shapes: Axes) -> Handle | tuple[Handle, ...]:
        """Declare integer inputs with 0 <= id < size(vocabulary); they index other tensors."""
        below = lower_size(size(vocabulary))
        return self._declare({name: as_axes(axes) for name, axes in shapes.items()}, Role.TOKENS, vocabulary=below)

    def masks(self, *, keep: float, **shapes: Axes) -> Handle | tuple[Handle, ...]:
        """Declare dropout masks (Srivastava et al. 2014): an entry is 1/keep with probability keep, else 0.

        Training draws them anew for each step; in the evaluation form they are 1.  Multiply what is dropped by them.
        """
        if not 0 < keep <= 1:
            raise DeclarationError(
                f"{self.name}: keep is {keep:g}; it is the probability that an entry stays, above 0 and at most 1"
            )
        for name, axes in shapes.items():
            if not as_axes(axes):
                raise DeclarationError(f"{self.name}: the mask {name} has no axes; give it those of what it drops")
        return self._declare({name: as_axes(axes) for name, axes in shapes.items()}, Role.MASK, keep=float(keep))

    def states(self, **shapes: Axes | Start) -> Handle | tuple[Handle, ...]:
        """Declare numbers that are kept from step to step and not learned; `update` says how they change."""
        starts = {name: s if isinstance(s, Start) else zeros(s) for name, s in shapes.items()}
        return self._declare(
            {n: s.axes for n, s in starts.items()}, Role.STATE, {n: s.initial for n, s in starts.items()}
        )

    def settings(self, *names: str) -> Handle | tuple[Handle, ...]:
        """Declare real scalars given with each step, such as a learning rate."""
        return self._declare(dict.fromkeys(names, ()), Role.SETTING)

    # -- what is made ----------------------------------------------------------------------------------------------

    def define(
        self, name: str, axes: Axes | Idx, expression: sympy.Expr, evaluation: sympy.Expr | None = None
    ) -> Handle:
        """`name[axes] = expression` for every value of the axes; `= evaluation` in the evaluation form, if given.

        The evaluation form is what a trained model is measured by: running statistics for those of the batch.
        Raises DeclarationError where it is not well formed.
        """
        return self._define(name, as_axes(axes), expression, evaluation, "F")

    def recurrent(self, name: str, axes: Axes | Idx, along: Idx, start: sympy.Expr | float = 0) -> Handle:
        """Announce `name`, which `define` will give by earlier slices of itself along one axis: `h[b, t - 1, j]`.

        `start` stands where a shift runs off the axis, before the first slice (for `t + 1`, behind the last): a number
        or an expression in the other axes.
        """
        axes = as_axes(axes)
        tensor = self._new(name, axes, Role.DEFINITION)
        if along not in axes:
            raise DeclarationError(f"{self.name}: {name} recurs along {along.label}, which is none of its axes")
        body = lower(sympy.sympify(start), self._program.tensors, f"{self.name}: in the start of {name}")
        index = lower_index(along)
        if not body.free <= set(tensor.indices) - {index}:
            raise DeclarationError(
                f"{self.name}: the start of {name} may depend on its axes without {along.label} only"
            )
        self._starts[name] = Recurrent(tensor.indices, tensor.indices.index(index), body)
        self._program = replace(self._program, tensors={**self._program.tensors, name: tensor})
        return handle(name, axes)

    def minimize(self, name: str, expression: sympy.Expr, evaluation: sympy.Expr | None = None) -> Handle:
        """Define the scalar loss, in nats per token where it is a mean of -log p, and make it the first output.

        `evaluation` is the loss in the evaluation form, where that is another one.
        """
        if self._undefined:
            listed = ", ".join(sorted(self._undefined))
            raise DeclarationError(f"{self.name}: {listed} is announced as recurrent and never defined; define it")
        if self._program.outputs:
            raise DeclarationError(f"{self.name}: the loss is {self._program.outputs[0]} already; a model has one loss")
        for form in (expression,) if evaluation is None else (expression, evaluation):
            free = {index.name for index in lower(form, self._program.tensors, f"{self.name}: in {name}").free}
            if free:
                raise DeclarationError(
                    f"{self.name}: the loss {name} is no scalar, it still depends on {', '.join(sorted(free))}; "
                    "take the mean or the total over them"
                )
        loss = self._define(name, (), expression, evaluation, "F")
        self._program = replace(self._program, outputs=(name, *self._program.outputs))
        needed = reachable(self._program, name)
        for role in (Role.PARAMETER, Role.MASK):
            unused = [tensor.name for tensor in self._program.with_role(role) if tensor.name not in needed]
            if unused:
                raise DeclarationError(
                    f"{self.name}: the loss {name} does not depend on {', '.join(unused)}; use the {role.value} or "
                    "remove it"
                )
        return loss

    def update(self, state: Handle, axes: Axes | Idx, expression: sympy.Expr) -> None:
        """After each step `state[axes]` takes the value of the expression; it is outside the gradient.

        The expression reads what the step has computed, before it changed a parameter or a state.
        """
        name = state.name if isinstance(state, Symbol) else str(state.label)
        old = self._program.tensors.get(name)
        if old is None or old.role is not Role.STATE:
            raise DeclarationError(f"{self.name}: {name} is no state; declare it with model.states({name}=...)")
        if name in self._program.updates:
            raise DeclarationError(f"{self.name}: {name} has an update already; a step changes a state once")
        self._define(f"{name}_new", as_axes(axes), expression, None, "S")
        self._program = replace(self._program, updates={**self._program.updates, name: f"{name}_new"})

    @property
    def program(self) -> Program:
        """The checked program.  Raises DeclarationError while there is no loss, and for a state without an update."""
        if not self._program.outputs:
            raise DeclarationError(
                f"{self.name}: there is no loss yet; end the model with model.minimize(name, expression)"
            )
        for state in self._program.with_role(Role.STATE):
            if state.name not in self._program.updates:
                raise DeclarationError(
                    f"{self.name}: the state {state.name} would stay as it starts; say what it becomes after a step "
                    f"with model.update({state.name}, ...), or declare it as an input"
                )
        return typecheck(self._program)

    def __str__(self) -> str:
        return str(self._program)

    @classmethod
    def from_equations(
        cls,
        name: str,
        equations: Iterable[Eq],
        parameters: dict[str, Axes | Start],
        inputs: dict[str, Axes] | None = None,
        tokens: dict[str, tuple[Axes, Idx]] | None = None,
    ) -> Model:
        """A model from `sympy.Eq`s in their order, the last one the loss.

        The left sides are `h[b, i]` or a `Symbol`; `tokens` gives each tensor's axes and its vocabulary's index.
        """
        model = cls(name)
        model.parameters(**parameters)
        model.inputs(**(inputs or {}))
        for token, (axes, vocabulary) in (tokens or {}).items():
            model.tokens(**{token: axes}, vocabulary=vocabulary)
        equations = list(equations)
        for equation in equations:
            if not isinstance(equation, Eq):
                raise DeclarationError(f"{name}: {equation} is no equation; write Eq(left, right) with different sides")
        if not equations:
            raise DeclarationError(f"{name}: there are no equations; give at least the loss, Eq(Symbol('L'), ...)")
        *definitions, loss = equations
        for equation in definitions:
            left = equation.lhs
            axes = left.indices if isinstance(left, sympy.Indexed) else ()
            if not all(isinstance(index, Idx) for index in axes):
                raise DeclarationError(f"{name}: the left side {left} must carry plain indices")
            model.define(str(left.base.label) if axes else str(left), axes, equation.rhs)
        model.minimize(str(loss.lhs), loss.rhs)
        return model

    # -- inside ----------------------------------------------------------------------------------------------------

    def _declare(
        self, shapes: dict[str, Axes], role: Role, initial: dict[str, Initial] | None = None, **values: object
    ) -> Handle | tuple[Handle, ...]:
        for name, axes in shapes.items():
            tensor = replace(self._new(name, axes, role), initial=(initial or {}).get(name, Initial()), **values)
            self._program = replace(self._program, tensors={**self._program.tensors, name: tensor})
        handles = tuple(handle(name, axes) for name, axes in shapes.items())
        return handles[0] if len(handles) == 1 else handles

    def _new(self, name: str, axes: Axes, role: Role) -> Tensor:
        if not name.isidentifier() or keyword.iskeyword(name):
            raise DeclarationError(f"{self.name}: {name!r} cannot name a tensor; use a Python identifier")
        if name in self._program.tensors:
            old = self._program.tensors[name].role.value
            raise DeclarationError(f"{self.name}: {name} is declared twice (it is a {old} already); use another name")
        for axis in axes:
            if not isinstance(axis, Idx):
                raise DeclarationError(
                    f"{self.name}: {name} has axis {axis!r}, which is no index; make it with axes(...)"
                )
        tensor = Tensor(name, tuple(map(lower_index, axes)), role)
        refuse_letters(self._program, tensor.indices, (*self._program.tensors, name))
        return tensor

    def _define(
        self, name: str, axes: Axes, expression: sympy.Expr, evaluation: sympy.Expr | None, letter: str
    ) -> Handle:
        """`define`; the equation is numbered behind the others with the same letter."""
        tensor = self._announced(name, axes) if name in self._undefined else self._new(name, axes, Role.DEFINITION)
        if name not in self._starts and reads_itself(name, expression):
            letters = ", ".join(index.name for index in tensor.indices)
            raise DeclarationError(
                f"{self.name}: {name} reads itself; announce it before, with what stands before its first slice: "
                f"{name} = model.recurrent({name!r}, ({letters}), along=..., start=0)"
            )
        body = self._lowered(name, expression)
        other = None if evaluation is None else self._lowered(name, evaluation)
        number = sum(equation.label.startswith(letter) for equation in self._program.equations()) + 1
        self._add(tensor, Equation(name, tensor.indices, body, f"{letter}{number}"), other)
        return handle(name, axes)

    def _lowered(self, name: str, expression: sympy.Expr) -> Term:
        body = lower(expression, self._program.tensors, f"{self.name}: in {name}")
        body = with_starts(body, self._starts)
        bound = (index for node in body.walk() if isinstance(node, Binder) for index in node.indices)
        refuse_letters(self._program, bound, (*self._program.tensors, name))
        return body

    def _add(self, tensor: Tensor, equation: Equation, evaluation: Term | None) -> None:
        pending = self._undefined - {tensor.name}
        tensors = {**self._program.tensors, tensor.name: tensor}
        open_ones = frozenset(self._starts) if pending else frozenset()
        forms = dict(self._program.evaluation) | ({} if evaluation is None else {tensor.name: evaluation})

        def items(equations: Iterable[Equation]) -> tuple[Item, ...]:
            # While a recurrence is open its equations stand in the order of writing; then they are put together.
            return tuple(equations) if pending else grouped(equations, self.name)

        equations = items((*self._program.equations(), equation))
        program = replace(self._program, tensors=tensors, items=equations, evaluation=forms)
        if forms:
            typecheck(program.with_items(items(evaluation_equations(program))), open_ones)
        self._program = typecheck(program, open_ones)

    @property
    def _undefined(self) -> frozenset[str]:
        """The recurrent tensors that have been announced and not defined."""
        return frozenset(self._starts) - {equation.tensor for equation in self._program.equations()}

    def _announced(self, name: str, axes: Axes) -> Tensor:
        tensor = self._program.tensors[name]
        if tuple(map(lower_index, axes)) != tensor.indices:
            announced = ",".join(index.name for index in tensor.indices)
            raise DeclarationError(
                f"{self.name}: {name} was announced over ({announced}); define it over the same axes"
            )
        return tensor


def handle(name: str, axes: Axes) -> Handle:
    """The SymPy object that stands for a tensor in expressions."""
    if not axes:
        return Symbol(name, real=True)
    return TensorBase(name, shape=tuple(size(axis) for axis in axes), real=True)


def reads_itself(name: str, expression: sympy.Expr) -> bool:
    """Whether a definition has its own name at some index on its right side."""
    entries = expression.atoms(sympy.Indexed) if isinstance(expression, sympy.Basic) else ()
    return any(str(entry.base.label) == name for entry in entries)

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
from collections.abc import Iterable
from dataclasses import dataclass, replace

import sympy
from sympy import Eq, Idx, IndexedBase, Symbol

from .errors import DeclarationError
from .lowering import lower, lower_index, lower_size
from .program import Equation, Initial, Program, Role, Tensor
from .recurrences import Start as Recurrent
from .recurrences import grouped, with_starts
from .surface import TensorBase, size
from .terms import Binder, Index, Read, Size
from .typecheck import typecheck

Axes = tuple[Idx, ...]
Handle = IndexedBase | Symbol


@dataclass(frozen=True)
class Start:
    """A parameter's axes together with how it starts."""

    axes: Axes
    initial: Initial


def normal(axes: Axes | Idx, deviation: float = 0.1) -> Start:
    """Independent normal numbers with mean 0 and this standard deviation."""
    return Start(as_axes(axes), Initial("normal", deviation))


def uniform(axes: Axes | Idx, bound: float = 0.1) -> Start:
    """Independent uniform numbers in [-bound, bound)."""
    return Start(as_axes(axes), Initial("uniform", bound))


def constant(axes: Axes | Idx, value: float = 0.0) -> Start:
    """Every entry is `value`."""
    return Start(as_axes(axes), Initial("constant", value))


def zeros(axes: Axes | Idx) -> Start:
    """Every entry is 0."""
    return constant(axes, 0.0)


def ones(axes: Axes | Idx) -> Start:
    """Every entry is 1."""
    return constant(axes, 1.0)


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

    def define(self, name: str, axes: Axes | Idx, expression: sympy.Expr) -> Handle:
        """`name[axes] = expression` for every value of the axes.

        Raises DeclarationError where it is not well formed.
        """
        axes = as_axes(axes)
        tensor = self._announced(name, axes) if name in self._undefined else self._new(name, axes, Role.DEFINITION)
        body = lower(expression, self._program.tensors, f"{self.name}: in {name}")
        body = with_starts(body, self._starts)
        bound = (index for node in body.walk() if isinstance(node, Binder) for index in node.indices)
        self._refuse_letters(bound, (*self._program.tensors, name))
        label = f"F{len(list(self._program.equations())) + 1}"
        self._add(tensor, Equation(name, tensor.indices, body, label))
        return handle(name, axes)

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

    def minimize(self, name: str, expression: sympy.Expr) -> Handle:
        """Define the scalar loss, in nats per token where it is a mean of -log p, and make it the first output."""
        if self._undefined:
            listed = ", ".join(sorted(self._undefined))
            raise DeclarationError(f"{self.name}: {listed} is announced as recurrent and never defined; define it")
        if self._program.outputs:
            raise DeclarationError(f"{self.name}: the loss is {self._program.outputs[0]} already; a model has one loss")
        free = {index.name for index in lower(expression, self._program.tensors, f"{self.name}: in {name}").free}
        if free:
            raise DeclarationError(
                f"{self.name}: the loss {name} is no scalar, it still depends on {', '.join(sorted(free))}; "
                "take the mean or the total over them"
            )
        loss = self.define(name, (), expression)
        self._program = replace(self._program, outputs=(name, *self._program.outputs))
        unused = [p.name for p in self._program.parameters if p.name not in reachable(self._program, name)]
        if unused:
            raise DeclarationError(
                f"{self.name}: the loss {name} does not depend on {', '.join(unused)}; use the parameter or remove it"
            )
        return loss

    def update(self, state: Handle, axes: Axes | Idx, expression: sympy.Expr) -> None:
        """After each step `state[axes]` takes the value of the expression; it is outside the gradient."""
        name = state.name if isinstance(state, Symbol) else str(state.label)
        old = self._program.tensors.get(name)
        if old is None or old.role is not Role.STATE:
            raise DeclarationError(f"{self.name}: {name} is no state; declare it with model.states({name}=...)")
        self.define(f"{name}_new", axes, expression)
        self._program = replace(self._program, updates={**self._program.updates, name: f"{name}_new"})

    @property
    def program(self) -> Program:
        """The checked program.  Raises DeclarationError while there is no loss."""
        if not self._program.outputs:
            raise DeclarationError(
                f"{self.name}: there is no loss yet; end the model with model.minimize(name, expression)"
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
        *definitions, loss = list(equations)
        for equation in definitions:
            if not isinstance(equation, Eq):
                raise DeclarationError(f"{name}: {equation} is no equation; write Eq(left, right) with different sides")
            left = equation.lhs
            axes = left.indices if isinstance(left, sympy.Indexed) else ()
            if not all(isinstance(index, Idx) for index in axes):
                raise DeclarationError(f"{name}: the left side {left} must carry plain indices")
            model.define(str(left.base.label) if axes else str(left), axes, equation.rhs)
        model.minimize(str(loss.lhs), loss.rhs)
        return model

    # -- inside ----------------------------------------------------------------------------------------------------

    def _declare(
        self, shapes: dict[str, Axes], role: Role, initial: dict[str, Initial] | None = None, vocabulary=None
    ) -> Handle | tuple[Handle, ...]:
        for name, axes in shapes.items():
            tensor = self._new(name, axes, role)
            tensor = replace(tensor, vocabulary=vocabulary, initial=(initial or {}).get(name, Initial()))
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
        self._refuse_letters(tensor.indices, (*self._program.tensors, name))
        return tensor

    def _refuse_letters(self, indices: Iterable[Index], tensors: Iterable[str]) -> None:
        """Raises where one name would mean two things: `b` a batch index and a bias, `H` a size and a matrix."""
        old = [index for tensor in self._program.tensors.values() for index in tensor.indices]
        sums = [node.indices for e in self._program.equations() for node in e.body.walk() if isinstance(node, Binder)]
        letters = {index.name: index for index in (*old, *(i for each in sums for i in each), *indices)}
        sizes = {n.name: index for index in letters.values() for n in index.extent.walk() if isinstance(n, Size)}
        for name in tensors:
            if name in sizes:
                raise DeclarationError(
                    f"{self.name}: {name} is the size of index {sizes[name].name} and cannot name a tensor; rename one"
                )
            if name in letters:
                raise DeclarationError(f"{self.name}: {name} is an index and cannot name a tensor; rename one of them")
        for name in letters:
            if name in sizes:
                raise DeclarationError(
                    f"{self.name}: {name} is an index and the size of index {sizes[name].name}; rename one of them"
                )

    def _add(self, tensor: Tensor, equation: Equation) -> None:
        equations = (*self._program.equations(), equation)
        pending = self._undefined - {tensor.name}
        tensors = {**self._program.tensors, tensor.name: tensor}
        # While a recurrence is open its equations stand in the order of writing; then they are put together.
        items = equations if pending else grouped(equations, self.name)
        open_ones = frozenset(self._starts) if pending else frozenset()
        self._program = typecheck(replace(self._program, tensors=tensors, items=items), open_ones)

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


def reachable(program: Program, name: str) -> set[str]:
    """Every tensor that `name` depends on, itself included."""
    equations = {equation.tensor: equation for equation in program.equations()}
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        current = waiting.pop()
        if current in seen:
            continue
        seen.add(current)
        if current in equations:
            waiting += [node.tensor for node in equations[current].body.walk() if isinstance(node, Read)]
    return seen

"""Optimizers as equations: a rule says how a parameter X becomes X_new, in SymPy, from its gradient g and its states.

g is the gradient of the mean loss over the batch, perhaps decayed and clipped; t counts steps from 1; lr is the
learning rate of the step.  Both are settings that the training loop gives with each step; the constants of a rule are
settings too, so that emitted code runs with other values.  `dX` is dL/dX.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol

from sympy import Add, Expr, Float, Max, Pow, Rational, sqrt

from .errors import DeclarationError
from .program import Program
from .setting_names import refuse_setting_names
from .surface import mean, total
from .typecheck import typecheck
from .update_rules import StepEquations, at, axes_of, entry


class Optimizer(Protocol):
    """A rule for one parameter."""

    name: ClassVar[str]

    def settings(self) -> dict[str, float]:
        """The rule's constants by the names under which its equations read them, without lr and t."""

    def write(self, step: StepEquations, X: Expr, g: Expr) -> None:
        """Append the equations of X_new and of the states that belong to X; g is an expression in X's indices."""


@dataclass(frozen=True)
class SGD:
    """X_new = X - lr*g (Robbins & Monro 1951): with a plain gradient nothing but the rows of the batch changes."""

    name: ClassVar[str] = "sgd"

    def settings(self) -> dict[str, float]:
        return {}

    def write(self, step: StepEquations, X: Expr, g: Expr) -> None:
        lr = step.setting("lr")
        step.becomes(X, X - lr * g)


@dataclass(frozen=True)
class Momentum:
    """u = mu*u + g;  X_new = X - lr*u  (Polyak 1964, in PyTorch's form: u starts at 0, so that u_1 = g_1)."""

    mu: float = 0.9
    name: ClassVar[str] = "momentum"

    def __post_init__(self) -> None:
        check_fractions(self, mu=self.mu)

    def settings(self) -> dict[str, float]:
        return {"mu": self.mu}

    def write(self, step: StepEquations, X: Expr, g: Expr) -> None:
        lr, mu = step.settings("lr mu")
        u = step.state("u", X)
        u_new = step.becomes(u, mu * u + g)
        step.becomes(X, X - lr * u_new)


@dataclass(frozen=True)
class Nesterov:
    """u = mu*u + g;  X_new = X - lr*(g + mu*u)  with the current g (Nesterov 1983, in PyTorch's form)."""

    mu: float = 0.9
    name: ClassVar[str] = "nesterov"

    def __post_init__(self) -> None:
        check_fractions(self, mu=self.mu)

    def settings(self) -> dict[str, float]:
        return {"mu": self.mu}

    def write(self, step: StepEquations, X: Expr, g: Expr) -> None:
        lr, mu = step.settings("lr mu")
        g = step.named("g", X, g)
        u = step.state("u", X)
        u_new = step.becomes(u, mu * u + g)
        step.becomes(X, X - lr * (g + mu * u_new))


@dataclass(frozen=True)
class Adam:
    """m = b1*m + (1-b1)*g;  v = b2*v + (1-b2)*g**2;  X_new = X - lr*m/(1-b1**t) / (sqrt(v/(1-b2**t)) + eps).

    Kingma & Ba 2015, algorithm 1, as in PyTorch and Optax.  The settings are beta1, beta2 and eps: b1 and b2 are what
    people call biases.
    """

    b1: float = 0.9
    b2: float = 0.999
    eps: float = 1e-8
    name: ClassVar[str] = "adam"

    def __post_init__(self) -> None:
        check_fractions(self, b1=self.b1, b2=self.b2)

    def settings(self) -> dict[str, float]:
        return {"beta1": self.b1, "beta2": self.b2, "eps": self.eps}

    def write(self, step: StepEquations, X: Expr, g: Expr) -> None:
        lr = step.setting("lr")
        step.becomes(X, X - lr * adam_direction(step, X, g))


@dataclass(frozen=True)
class AdamW(Adam):
    """X_new = (1 - lr*weight_decay)*X - lr*(Adam's direction with g)  (Loshchilov & Hutter 2019, PyTorch's form)."""

    weight_decay: float = 1e-2
    name: ClassVar[str] = "adamw"

    def settings(self) -> dict[str, float]:
        return {**super().settings(), "weight_decay": self.weight_decay}

    def write(self, step: StepEquations, X: Expr, g: Expr) -> None:
        lr, weight_decay = step.settings("lr weight_decay")
        step.becomes(X, (1 - lr * weight_decay) * X - lr * adam_direction(step, X, g))


def adam_direction(step: StepEquations, X: Expr, g: Expr) -> Expr:
    """m_hat / (sqrt(v_hat) + eps), where the hats divide by 1 - beta**t what started at 0 (algorithm 1)."""
    beta1, beta2, eps, t = step.settings("beta1 beta2 eps t")
    correction_m = step.once("correction_m", 1 - beta1**t)
    correction_v = step.once("correction_v", 1 - beta2**t)
    g = step.named("g", X, g)
    m, v = step.state("m", X), step.state("v", X)
    m_new = step.becomes(m, beta1 * m + (1 - beta1) * g)
    v_new = step.becomes(v, beta2 * v + (1 - beta2) * g**2)
    return m_new / correction_m / (sqrt(v_new / correction_v) + eps)


@dataclass(frozen=True)
class Adafactor:
    """U = g/sqrt(V);  X_new = X - lr*max(eps2, RMS(X)) * U/max(1, RMS(U)/d)  (Shazeer & Stern 2018, alg. 4 to 6).

    For two or more axes V = R*S/sum(R) is kept as two factors, with beta2_t = 1 - t**-0.8:

        R[i]   = beta2_t*R[i]   + (1 - beta2_t) * sum_j (g[i,j]**2 + eps1)
        S[j]   = beta2_t*S[j]   + (1 - beta2_t) * sum_i (g[i,j]**2 + eps1)

    where i is the first axis and j stands for all the others together: a tensor (H, N, D) keeps H + N*D numbers.
    Vectors and scalars keep V = beta2_t*V + (1 - beta2_t)*(g**2 + eps1) whole.  RMS is the root of the mean square.

    The relative step size rho_t is the setting lr: give the rate min(1e-2, 1/sqrt(t)) for the paper's.  The settings
    are eps1, eps2 and clip_threshold, the paper's d.
    """

    eps1: float = 1e-30
    eps2: float = 1e-3
    d: float = 1.0
    name: ClassVar[str] = "adafactor"

    def settings(self) -> dict[str, float]:
        return {"eps1": self.eps1, "eps2": self.eps2, "clip_threshold": self.d}

    def write(self, step: StepEquations, X: Expr, g: Expr) -> None:
        lr, eps2, d = step.settings("lr eps2 clip_threshold")
        axes, name = axes_of(X), X.base.label if axes_of(X) else X
        g = step.named("g", X, g)
        scaled = factored_direction(step, X, g) if len(axes) > 1 else whole_direction(step, X, g)
        U = step.define(f"U_{name}", axes, scaled)
        rms_U = step.define(f"rms_U_{name}", (), root_mean_square(U))
        rms_X = step.define(f"rms_{name}", (), root_mean_square(X))
        a = step.define(f"a_{name}", (), lr * Max(eps2, rms_X))
        step.becomes(X, X - a * U / Max(1, rms_U / d))


def whole_direction(step: StepEquations, X: Expr, g: Expr) -> Expr:
    """g / sqrt(V), algorithm 5."""
    eps1 = step.setting("eps1")
    V = step.state("V", X)
    return g / sqrt(step.becomes(V, running_mean(step, V, g**2 + eps1)))


def factored_direction(step: StepEquations, X: Expr, g: Expr) -> Expr:
    """g / sqrt(R*S/sum(R)), algorithm 4, one root after the other.

    Where a row and a column have no gradient, R*S is about eps1**2 and no float32.  eps1 <= R[i], S[j] holds from the
    first step on, so each factor below stays under 1e35 as long as sum(R) is finite, and g comes first in the product.
    sqrt(R/sum(R)) would not do: R/sum(R) itself underflows beside a large gradient.
    """
    eps1 = step.setting("eps1")
    i, *rest = axes_of(X)
    name = X.base.label
    R, S = step.state("R", X, (i,)), step.state("S", X, rest)
    R_new = step.becomes(R, running_mean(step, R, total(g**2 + eps1, *rest)))
    S_new = step.becomes(S, running_mean(step, S, total(g**2 + eps1, i)))
    whole = step.define(f"sum_R_{name}", (), total(R_new, i))
    row = step.define(f"row_{name}", (i,), sqrt(whole) / sqrt(R_new))
    return g * row / sqrt(S_new)


def running_mean(step: StepEquations, old: Expr, new: Expr) -> Expr:
    """beta2_t*old + (1 - beta2_t)*new with 1 - beta2_t = t**-0.8, which is 1 at the first step."""
    t = step.setting("t")
    fresh_t = step.once("fresh_t", t ** Rational(-4, 5))  # beta2_t would lose in float32 what 1 - beta2_t asks for
    return (1 - fresh_t) * old + fresh_t * new


def root_mean_square(entry: Expr) -> Expr:
    # Not evaluated: SymPy would take the sizes out and write one root for each.
    return Pow(mean(entry**2, *axes_of(entry)), Rational(1, 2), evaluate=False)


OPTIMIZERS: dict[str, type] = {rule.name: rule for rule in (SGD, Momentum, Nesterov, Adam, AdamW, Adafactor)}


def with_optimizer(
    program: Program,
    gradients: Mapping[str, str],
    optimizer: Optimizer,
    weight_decay: Mapping[str, float] | None = None,
    clip: float | None = None,
) -> Program:
    """`program` with states, settings, the equations U1, U2, ... of a step, and the updates that they stand for.

    `gradients` names the tensor that holds the gradient of each parameter; a parameter that it does not name stays as
    it is.  `weight_decay` (a number per parameter) adds factor*X to the gradient before anything else: the gradient of
    factor/2 * sum X**2.  `clip` then multiplies all gradients by min(1, clip/grad_norm), where grad_norm is the root of
    the sum of their squares (Pascanu, Mikolov & Bengio 2013).

    Raises DeclarationError for a name that is no parameter, a gradient of another shape, a tensor or a size of the
    model that has the name of a setting, and for `weight_decay` with AdamW, which decays every parameter by its own
    factor.
    """
    decay = dict(weight_decay or {})
    check_names(program, gradients=gradients, weight_decay=decay)
    check_amounts(program, optimizer, decay, clip)
    refuse_setting_names(program, optimizer)
    step = StepEquations(program)
    parameters = [entry(parameter) for parameter in program.parameters if parameter.name in gradients]
    decayed = list(decayed_gradients(program, gradients, decay))
    if clip is not None:
        squares = Add(*(total(g**2, *axes_of(X)) for X, g in zip(parameters, decayed, strict=True)))
        norm = step.once("grad_norm", sqrt(squares))
        scale = step.once("clip_scale", Float(clip) / Max(Float(clip), norm))  # min(1, clip/norm), without 1/0
        decayed = [scale * g for g in decayed]
    for X, g in zip(parameters, decayed, strict=True):
        optimizer.write(step, X, g)
    return typecheck(step.program)


def decayed_gradients(
    program: Program, gradients: Mapping[str, str], decay: Mapping[str, float]
) -> Iterator[Expr]:  # fmt: skip
    """dX + factor*X for each parameter that has a gradient, in the program's order."""
    for parameter in program.parameters:
        if parameter.name in gradients:
            X = entry(parameter)
            g = at(gradients[parameter.name], axes_of(X))
            factor = decay.get(parameter.name, 0)
            yield g + Float(factor) * X if factor else g


def check_names(program: Program, **named: Mapping[str, object]) -> None:
    """Raises DeclarationError for a key that is no parameter of the program."""
    parameters = [parameter.name for parameter in program.parameters]
    for what, names in named.items():
        for name in names:
            if name not in parameters:
                known = ", ".join(parameters) or "none"
                raise DeclarationError(
                    f"{program.name}: {what} names {name}, which is no parameter; there are: {known}"
                )


def check_amounts(program: Program, optimizer: Optimizer, decay: Mapping[str, float], clip: float | None) -> None:
    """Raises DeclarationError for a decay or a clipping that means nothing."""
    for name, factor in decay.items():
        if not (math.isfinite(factor) and factor >= 0):
            raise DeclarationError(
                f"{program.name}: weight_decay of {name} is {factor}; it must be 0 or more and finite"
            )
    if decay and isinstance(optimizer, AdamW):
        raise DeclarationError(
            f"{program.name}: weight decay is given for {', '.join(decay)}, but AdamW decays every parameter itself; "
            "leave it out (AdamW(weight_decay=...) has its own), or use Adam, with the decay inside the gradient"
        )
    if clip is not None and not (math.isfinite(clip) and clip > 0):
        raise DeclarationError(
            f"{program.name}: clip is {clip}; it must be positive and finite, or None for no clipping"
        )


def check_fractions(rule: Optimizer, **constants: float) -> None:
    """Raises DeclarationError unless every constant lies in [0, 1)."""
    for name, value in constants.items():
        if not 0 <= value < 1:
            raise DeclarationError(f"{type(rule).__name__}: {name} is {value}; it must be at least 0 and below 1")

"""An update rule written by hand against an optimizer's equations, over several steps.

    m = b1*m + (1 - b1)*g                      m, v, u, R, S: the rule's states, which start at 0
    m_hat = m / (1 - b1**t)                    t counts steps from 1
    W -= lr * m_hat / (np.sqrt(v_hat) + eps)   W (or X, w, theta, p): the parameter; g (or dW, grad): its gradient

The lines are one step, or a loop over gradients `gs` with what stands before it.  A rule is right when every state and
the parameter are right after each of several steps: what only the first step hides, `1 - b1` for `1 - b1**t`, shows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ..checking.interpreter import Values, evaluate
from ..language.algebra import divide
from ..language.errors import ClaimError
from ..language.notation import equation_text
from ..language.optimizers import OPTIMIZERS, Optimizer, with_optimizer
from ..language.program import Equation, Program, Role, Tensor
from ..language.terms import Const, Index, Read, Size, Term
from .counterexamples import example_of
from .diagnosis.evidence import close
from .diagnosis.update_edits import BEFORE, Rule
from .diagnosis.update_mistakes import Step, WrongRule
from .interpretation import Interpreter, Passive, Value
from .layout import Layout, declared, natural
from .number_values import real
from .numbers import Numbers
from .numpy_reader import read_numpy
from .records import Seen, fitted
from .remarks import remarks_in_code
from .statements import Assign, Loop, Number, Statement, assignments, names_in
from .verdicts import Status, Verdict, Verification

STEPS = 5
SIZES = ({"N": 5, "M": 4}, {"N": 3, "M": 3})
RATE = 0.1
TINY = ("eps1",)  # under a root beside squares; of another size it would be another rule

# What people call things; the first of each is ours.
SPELLED = {
    "X": "X W w theta th p x param params weights",
    "dX": "dX dW dw g grad gradient dtheta dparam dp dx",
    "lr": "lr alpha eta learning_rate step_size rate",
    "t": "t step iteration it",
    "beta1": "beta1 b1 beta_1 betas1",
    "beta2": "beta2 b2 beta_2 betas2",
    "eps": "eps epsilon e",
    "eps1": "eps1 e1 epsilon1 eps_1",
    "eps2": "eps2 e2 epsilon2 eps_2",
    "mu": "mu momentum gamma beta",
    "weight_decay": "weight_decay wd decay lam lambda_",
    "clip_threshold": "clip_threshold d",
    "u_X": "u v velocity vel buf b V",
    "m_X": "m m_t exp_avg",
    "v_X": "v v_t s exp_avg_sq",
    "R_X": "R r row vr",
    "S_X": "S C s c col vc",
    "V_X": "V v",
}
GRADIENTS = ("gs", "grads", "gradients", "dXs", "dWs")
# Quantities on the way that people name: the state that they correct, and by what it is divided.
CORRECTED = {"m_X": ("m_hat mhat mh m_corrected", "correction_m"), "v_X": ("v_hat vhat vh v_corrected", "correction_v")}


@dataclass(frozen=True)
class StepAt:
    """One step of the right rule: everything before and after it."""

    sizes: dict[str, int]
    seed: int
    t: int
    values: Values
    before: np.ndarray  # the gradient of the step before; 0 at the first

    def written(self) -> str:
        return f"step t={self.t}"


def verify_update(
    optimizer: Optimizer | str, source: str, names: Mapping[str, str] | None = None, seed: int = 0
) -> Verification:
    """Every line of an update rule in NumPy code judged against the optimizer's equations.

    `names` maps names of the code to those of the rule: X, dX, lr, t, its states and its settings.  Raises ClaimError
    for an optimizer that there is not, and where the code as a whole cannot be read.
    """
    if isinstance(optimizer, str):
        if optimizer not in OPTIMIZERS:
            raise ClaimError(f"there is no optimizer {optimizer!r}; there are {', '.join(OPTIMIZERS)}")
        optimizer = OPTIMIZERS[optimizer]()
    return UpdateVerification(optimizer, source, names or {}, seed).result()


@dataclass
class UpdateVerification:
    optimizer: Optimizer
    source: str
    names: Mapping[str, str]
    seed: int
    seen: dict[int, list[Seen]] = field(default_factory=dict)
    failures: dict[int, tuple[Statement, ClaimError]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        said = remarks_in_code(self.source)
        self.statements = read_numpy(self.source)
        self.whole = any(isinstance(statement, Loop) for statement in self.statements)
        axes = self.parameter_axes(said.shapes)
        self.program = rule_program(self.optimizer, axes)
        self.meanings = self.spelled({**said.stated, **self.names})
        self.layouts = {name: self.layout(tensor, said.shapes) for name, tensor in self.meanings.items()}
        self.last = {line.name: line for line in assignments(self.statements)}

    def parameter_axes(self, shapes: Mapping[str, tuple[str, ...]]) -> tuple[Index, ...]:
        """Two axes unless the file says otherwise, as `# W: (4,)`."""
        for name, axes in shapes.items():
            if name in SPELLED["X"].split() or self.names.get(name) == "X":
                return tuple(Index(f"i{k}", extent_named(axis)) for k, axis in enumerate(axes))
        return (Index("i", Size("N")), Index("j", Size("M")))

    def spelled(self, stated: Mapping[str, str]) -> dict[str, str]:
        """name of the code -> tensor of the rule; a spelling of two belongs to the one that the rule has."""
        found: dict[str, str] = {}
        for tensor, row in SPELLED.items():
            if tensor in self.program.tensors:
                for word in row.split():
                    found.setdefault(word, tensor)
        for state, (row, _) in CORRECTED.items():
            if state in self.program.tensors:
                found.update(dict.fromkeys(row.split(), f"{state}_hat"))
        for name, meaning in stated.items():
            known = found.get(meaning, meaning)
            if known not in self.program.tensors:
                raise ClaimError(f"{name} is said to be {meaning}, which the rule {self.optimizer.name} does not have")
            found[name] = known
        return found

    def layout(self, tensor: str, shapes: Mapping[str, tuple[str, ...]]) -> Layout | None:
        own = self.program.tensors.get(tensor)
        if own is None:
            return None
        said = next((axes for name, axes in shapes.items() if self.meanings.get(name) == tensor), None)
        return declared(own, said) if said is not None and tensor != "X" else natural(own)

    # -- running ---------------------------------------------------------------------------------------------------

    def result(self) -> Verification:
        for k, sizes in enumerate(SIZES):
            trajectory = list(self.trajectory(sizes, self.seed + k))
            if self.whole:
                run = UpdateRun(self, trajectory)
                run.interpreter.run(self.statements)
                continue
            for k in range(len(trajectory)):
                UpdateRun(self, trajectory, k).interpreter.run(self.statements)
        lines = list(assignments(self.statements))
        verdicts = tuple(self.verdict(line) for line in lines)
        if not any(v.target in self.meanings and self.meanings[v.target] == "X" for v in verdicts):
            raise ClaimError(f"no line assigns the parameter; call it one of {SPELLED['X']}, or say `# name = X`")
        return Verification(f"{self.optimizer.name}'s step", verdicts)

    def trajectory(self, sizes: Mapping[str, int], seed: int) -> Iterator[StepAt]:
        random = np.random.default_rng(seed)
        settings = {
            name: value if name in TINY or self.literal(name, value) else float(random.uniform(0.3, 0.8))
            for name, value in self.optimizer.settings().items()
        }
        given: dict[str, np.ndarray] = {"X": random.normal(size=self.shape("X", sizes))}
        for tensor in self.program.with_role(Role.STATE):
            given[tensor.name] = np.zeros(self.shape(tensor.name, sizes))
        before = np.zeros(self.shape("X", sizes))
        for t in range(1, STEPS + 1):
            gradient = random.normal(size=self.shape("X", sizes))
            now = {**given, "dX": gradient}
            for tensor in self.program.with_role(Role.SETTING):
                now[tensor.name] = np.asarray({"t": float(t), "lr": self.rate(t), **settings}[tensor.name])
            values = evaluate(self.program, now, sizes)
            yield StepAt(dict(sizes), seed, t, values, before)
            given = {name: values[new] for name, new in self.program.updates.items()}
            before = gradient

    def literal(self, name: str, value: float) -> bool:
        """Whether the code writes the constant as a number, 0.9 or 1 - 0.9, instead of its name."""
        numbers = {node.value for line in self.statements for node in line.walk() if isinstance(node, Number)}
        written = any(abs(number - value) < 1e-12 or abs(1 - number - value) < 1e-12 for number in numbers)
        return written and not self.reads(name)

    def rate(self, t: int) -> float:
        """The learning rate at step t: Adafactor's own, min(1e-2, 1/sqrt(t)), where its code reads none."""
        return min(1e-2, t**-0.5) if self.optimizer.name == "adafactor" and not self.reads("lr") else RATE

    def reads(self, tensor: str) -> bool:
        used = {name for line in self.statements for name in names_in(line)}
        return any(self.meanings.get(name) == tensor for name in used)

    def shape(self, tensor: str, sizes: Mapping[str, int]) -> tuple[int, ...]:
        return natural(self.program.tensors[tensor]).shape(sizes)

    def before(self, name: str, at: StepAt) -> Value:
        """The value of a name before the step."""
        tensor = self.meanings[name]
        if tensor == "t":
            counted = any(line.name == name for line in assignments(self.statements))
            return at.t - 1 if counted and not self.whole else at.t
        if tensor not in self.program.tensors:
            raise ClaimError(f"{name} is read before it is made")
        return self.laid_out(name, at.values[tensor], at)

    def made(self, name: str) -> str | None:
        """The definition of the rule that a name of the code is after the step; None where the rule makes none."""
        tensor = self.meanings.get(name)
        return self.program.updates.get(tensor, tensor if tensor in hats(self.program) else None)

    def after(self, name: str, at: StepAt) -> np.ndarray | None:
        """The right value of a name after the step; None where the rule does not make it."""
        made = self.made(name)
        return self.laid_out(name, at.values[made], at) if made is not None else None

    def laid_out(self, name: str, value: np.ndarray, at: StepAt) -> np.ndarray:
        layout = self.layouts.get(name)
        return layout.to_claim(np.asarray(value, dtype=np.float64), at.sizes) if layout is not None else value

    # -- verdicts --------------------------------------------------------------------------------------------------

    def verdict(self, line: Assign) -> Verdict:
        quoted = self.source[slice(*line.span)]
        verdict = Verdict(self.source.count("\n", 0, line.span[0]) + 1, quoted, line.name, Status.OWN)
        failed = self.failures.get(id(line))
        if failed is not None:
            return replace(verdict, status=Status.UNREAD, error=str(failed[1]))
        seen = self.seen.get(id(line), [])
        if not seen:
            return verdict
        wrong = [one for one in seen if not one.agrees]
        if not wrong:
            return replace(verdict, status=Status.RIGHT, how=f"agrees over {STEPS} steps at {len(SIZES)} random starts")
        step = wrong[0].at.t
        remark = f"first differs at step t={step}" if step > 1 else ""
        shown = replace(example_of(wrong[0]), sizes={**wrong[0].at.sizes, "t": step}, cosine=None)
        right = equation_text(self.program.equation(self.made(line.name)))
        mistakes = self.wrong_rule(line.name, seen).mistakes()
        return replace(verdict, status=Status.WRONG, remark=remark, derived=right, mistakes=mistakes, example=shown)

    def wrong_rule(self, name: str, seen: Sequence[Seen]) -> WrongRule:
        """The claims on a name, to be taken apart."""
        stated = {self.meanings[line] for line in self.last if line in self.meanings}
        judged = frozenset(stated & set(self.program.updates))
        steps = tuple(self.step(name, one) for one in seen)
        return WrongRule(Rule(self.program, self.made(name), self.words(), self.numbers()), judged, steps)

    def numbers(self) -> tuple[float, ...]:
        """The numbers of the code that may stand for a constant of the rule."""
        found = [node.value for line in self.statements for node in line.walk() if isinstance(node, Number)]
        return tuple(dict.fromkeys(value for value in found if 0 < value < 1))

    def step(self, name: str, one: Seen) -> Step:
        def is_claimed(value: np.ndarray) -> bool:
            return close(fitted(self.laid_out(name, value, one.at), one.right), one.claimed)

        values = {**one.at.values, BEFORE: one.at.before}
        return Step(one.at.t, one.at.sizes, values, is_claimed)

    def words(self) -> dict[str, str]:
        """What the code calls each tensor of the rule; what it does not, as the rule has it, without its parameter."""
        used = [*self.last, *(name for line in self.statements for name in names_in(line))]
        found: dict[str, str] = {tensor: tensor.removesuffix("_X") for tensor in self.program.tensors}
        for name in reversed(used):
            if name in self.meanings:
                found[self.meanings[name]] = name
        return {**found, **{new: found[old] for old, new in self.program.updates.items()}}


class UpdateRun(Passive):
    """Watches the code over the steps: all of them in one run, or the step `only`."""

    def __init__(self, claims: UpdateVerification, trajectory: list[StepAt], only: int | None = None) -> None:
        self.claims, self.trajectory, self.only = claims, trajectory, only
        self.interpreter = Interpreter(Numbers(), self)
        self.turn = -1

    @property
    def at(self) -> StepAt:
        if self.only is not None:
            return self.trajectory[self.only]
        return self.trajectory[min(max(self.turn, 0), len(self.trajectory) - 1)]

    def unknown(self, name: str) -> Value:
        if self.only is None and name in GRADIENTS:
            return [step.values["dX"] for step in self.trajectory]
        if name in self.claims.meanings:
            return self.claims.before(name, self.at)
        if self.only is None and name in ("T", "n_steps", "steps"):
            return len(self.trajectory)
        raise ClaimError(
            f"{name} is not known in the rule {self.claims.optimizer.name}; say what it is: `# {name} = X`"
        )

    def assigned(self, statement: Assign, name: str, old: Value | None, new: Value) -> Value:
        if self.only is None and self.interpreter.loops:
            self.turn = self.interpreter.loops[0].number
        begun = self.only is not None or self.turn >= 0  # what stands before the loop only starts the states
        right = self.claims.after(name, self.at)
        if right is None or not begun or self.claims.last[name] is not statement or isinstance(new, list | tuple):
            return new
        claimed = fitted(np.asarray(real(new), dtype=np.float64), right)
        seen = Seen(self.at, claimed, right)
        self.claims.seen.setdefault(id(statement), []).append(seen)
        return new if seen.agrees else np.reshape(right, np.shape(new)) if np.size(new) == right.size else right

    def failed(self, statement: Statement, error: ClaimError) -> None:
        for line in assignments((statement,)):
            self.claims.failures.setdefault(id(line), (statement, error))


def rule_program(optimizer: Optimizer, axes: tuple[Index, ...]) -> Program:
    """One step of the rule for a parameter X with gradient dX."""
    tensors = {"X": Tensor("X", axes, Role.PARAMETER), "dX": Tensor("dX", axes, Role.INPUT)}
    program = with_optimizer(Program("step", tensors, (), ()), {"X": "dX"}, optimizer)
    for hat, (state, correction) in hats(program).items():
        body = divide(Read(program.updates[state], axes), Read(correction))
        program = replace(
            program,
            tensors={**program.tensors, hat: Tensor(hat, axes, Role.DEFINITION)},
            items=(*program.items, Equation(hat, axes, body)),
        )
    return program


def hats(program: Program) -> dict[str, tuple[str, str]]:
    """The corrected states of a rule: the state and what divides it."""
    return {f"{state}_hat": (state, by) for state, (_, by) in CORRECTED.items() if state in program.updates}


def extent_named(word: str) -> Term:
    return Const(int(word)) if word.isdigit() else Size(word)

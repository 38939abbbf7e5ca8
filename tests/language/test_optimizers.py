"""Each optimizer's equations against its formulas, written again in NumPy; PyTorch; and real float32 arithmetic."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Mapping

import numpy as np
import pytest

from symgrad.checking.interpreter import evaluate
from symgrad.language.errors import DeclarationError
from symgrad.language.lowering import lower_index
from symgrad.language.notation import equation_text
from symgrad.language.optimizers import (
    OPTIMIZERS,
    SGD,
    Adafactor,
    Adam,
    AdamW,
    Momentum,
    Nesterov,
    Optimizer,
    with_optimizer,
)
from symgrad.language.program import Program, Role, Tensor
from symgrad.language.surface import axes
from symgrad.language.terms import Add, Call, Const, Mul, Pow, Read, Reduce, Size, Term

STEPS = 20
# One parameter of each rank; sizes are not square, and each has its turn at 1.
AXES = {"s": "", "k": "i", "W": "i v", "T": "i t d"}
SIZES = ({"i": 4, "v": 7, "t": 3, "d": 2}, {"i": 1, "v": 5, "t": 1, "d": 3}, {"i": 6, "v": 1, "t": 2, "d": 1})
INDEX = {str(axis.label): lower_index(axis) for axis in axes("i:H v:V t:N d:D")}

Arrays = dict[str, np.ndarray]


def parameters_and_gradients(names: Mapping[str, str]) -> Program:
    """Parameters, and their gradients as real inputs: what is left of a model for which a step is written."""
    tensors = {}
    for name, letters in names.items():
        indices = tuple(INDEX[letter] for letter in letters.split())
        tensors[name] = Tensor(name, indices, Role.PARAMETER)
        tensors[f"d{name}"] = Tensor(f"d{name}", indices, Role.INPUT)
    return Program("step", tensors, (), ())


def stepped(optimizer: Optimizer, names: Mapping[str, str] = AXES, **options) -> Program:
    return with_optimizer(parameters_and_gradients(names), {name: f"d{name}" for name in names}, optimizer, **options)


def shapes(sizes: Mapping[str, int]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(sizes[letter] for letter in letters.split()) for name, letters in AXES.items()}


def gradients(sizes: Mapping[str, int], seed: int = 1) -> list[Arrays]:
    random = np.random.default_rng(seed)
    return [{name: random.normal(size=shape) for name, shape in shapes(sizes).items()} for _ in range(STEPS)]


def start(sizes: Mapping[str, int]) -> Arrays:
    random = np.random.default_rng(0)
    return {name: random.normal(size=shape) for name, shape in shapes(sizes).items()}


def rate(t: int) -> float:
    return 0.05 / t


def initial_states(program: Program, sizes: Mapping[str, int]) -> Arrays:
    return {s.name: np.zeros(tuple(sizes[i.name] for i in s.indices)) for s in program.with_role(Role.STATE)}


def train(program: Program, optimizer: Optimizer, sizes: Mapping[str, int], given: list[Arrays]) -> Arrays:
    """The parameters after the given gradients, step by step in the interpreter; any warning is an error."""
    values = start(sizes) | initial_states(program, sizes)
    read = {setting.name for setting in program.with_role(Role.SETTING)}
    for t, gradient in enumerate(given, 1):
        settings = {**optimizer.settings(), "lr": rate(t), "t": t}
        inputs = {f"d{name}": value for name, value in gradient.items()}
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            after = evaluate(program, {**values, **inputs, **{name: settings[name] for name in read}})
        values |= {old: after[new] for old, new in program.updates.items()}
    return {name: values[name] for name in AXES}


# -- the formulas, a second time: one entry after the other, in plain Python floats -----------------------------------


def sgd(X: np.ndarray, entries: list, lr: Callable) -> None:
    for t, g in enumerate(entries, 1):
        for place in np.ndindex(X.shape):
            X[place] -= lr(t) * g[place]


def momentum(X: np.ndarray, entries: list, lr: Callable, mu: float = 0.8, nesterov: bool = False) -> None:
    for place in np.ndindex(X.shape):
        u = 0.0
        for t, g in enumerate(entries, 1):
            u = g[place] if t == 1 else mu * u + g[place]
            X[place] -= lr(t) * (g[place] + mu * u if nesterov else u)


def nesterov(X: np.ndarray, entries: list, lr: Callable) -> None:
    momentum(X, entries, lr, nesterov=True)


def adam(X: np.ndarray, entries: list, lr: Callable, decay: float = 0.0) -> None:
    for place in np.ndindex(X.shape):
        m = v = 0.0
        for t, g in enumerate(entries, 1):
            X[place] *= 1 - lr(t) * decay
            m = 0.8 * m + 0.2 * g[place]
            v = 0.95 * v + 0.05 * g[place] ** 2
            X[place] -= lr(t) * (m / (1 - 0.8**t)) / (math.sqrt(v / (1 - 0.95**t)) + 1e-6)


def adamw(X: np.ndarray, entries: list, lr: Callable) -> None:
    adam(X, entries, lr, decay=0.1)


def adafactor(X: np.ndarray, entries: list, lr: Callable, eps1: float = 1e-30, eps2: float = 1e-3) -> None:
    rows, columns = X.shape[0] if X.ndim > 1 else 1, X.size // X.shape[0] if X.ndim > 1 else X.size
    flat = X.reshape(rows, columns)  # a view
    R, S, V = [0.0] * rows, [0.0] * columns, [0.0] * columns
    for t, g in enumerate(entries, 1):
        g, b = np.reshape(g, (rows, columns)), 1 - t**-0.8
        U = np.zeros((rows, columns))
        if X.ndim > 1:
            for i in range(rows):
                R[i] = b * R[i] + (1 - b) * sum(g[i, j] ** 2 + eps1 for j in range(columns))
            for j in range(columns):
                S[j] = b * S[j] + (1 - b) * sum(g[i, j] ** 2 + eps1 for i in range(rows))
            for i, j in np.ndindex(rows, columns):
                U[i, j] = g[i, j] / math.sqrt(R[i] * S[j] / sum(R))
        else:
            for j in range(columns):
                V[j] = b * V[j] + (1 - b) * (g[0, j] ** 2 + eps1)
                U[0, j] = g[0, j] / math.sqrt(V[j])
        U /= max(1.0, math.sqrt(np.mean(U**2)) / 0.9)
        flat -= max(eps2, math.sqrt(np.mean(flat**2))) * lr(t) * U


CASES = [
    (SGD(), sgd),
    (Momentum(mu=0.8), momentum),
    (Nesterov(mu=0.8), nesterov),
    (Adam(b1=0.8, b2=0.95, eps=1e-6), adam),
    (AdamW(b1=0.8, b2=0.95, eps=1e-6, weight_decay=0.1), adamw),
    (Adafactor(d=0.9), adafactor),
]
BY_NAME = [pytest.param(*case, id=case[0].name) for case in CASES]


def near(result: Arrays, expected: Arrays) -> None:
    for name, value in expected.items():
        np.testing.assert_allclose(result[name], value, rtol=1e-12, atol=1e-14, err_msg=name)


@pytest.mark.parametrize("sizes", SIZES, ids=["wide", "one row", "one column"])
@pytest.mark.parametrize(("optimizer", "reference"), BY_NAME)
def test_twenty_steps_follow_the_formulas(optimizer: Optimizer, reference: Callable, sizes: dict[str, int]) -> None:
    given, expected = gradients(sizes), start(sizes)
    for name, X in expected.items():
        reference(X, [g[name] for g in given], rate)
    near(train(stepped(optimizer), optimizer, sizes, given), expected)


@pytest.mark.parametrize(("optimizer", "reference"), BY_NAME)
def test_decay_comes_before_clipping_and_clipping_before_the_rule(optimizer: Optimizer, reference: Callable) -> None:
    sizes, clip, decay = SIZES[0], 2.0, {} if isinstance(optimizer, AdamW) else {"W": 0.3, "s": 0.1}
    given = gradients(sizes)
    given[3] = {name: g * 1e-3 for name, g in given[3].items()}  # one step stays below the limit
    program = stepped(optimizer, weight_decay=decay, clip=clip)
    expected, seen = start(sizes), []
    for t, gradient in enumerate(given, 1):  # the rule so far gives the parameters to which the decay refers
        now = expected if t == 1 else {name: X.copy() for name, X in start(sizes).items()}
        for name, X in now.items():
            reference(X, [g[name] for g in seen], rate)
        decayed = {name: g + decay.get(name, 0.0) * now[name] for name, g in gradient.items()}
        norm = math.sqrt(sum(float(np.sum(g**2)) for g in decayed.values()))
        seen.append({name: min(1.0, clip / norm) * g for name, g in decayed.items()})
    expected = start(sizes)
    for name, X in expected.items():
        reference(X, [g[name] for g in seen], rate)
    near(train(program, optimizer, sizes, given), expected)


def test_a_zero_gradient_is_not_divided_by() -> None:
    zero = [{name: np.zeros(shape) for name, shape in shapes(SIZES[0]).items()}] * 3
    for optimizer, _ in CASES:
        if not isinstance(optimizer, AdamW):  # which decays all the same
            near(train(stepped(optimizer, clip=1.0), optimizer, SIZES[0], zero), start(SIZES[0]))


def test_the_first_step_of_adafactor_is_the_sign_where_the_square_has_rank_one() -> None:
    program = stepped(Adafactor(), {"W": "i v"})
    g = np.outer([1.0, -2.0, 0.5], [3.0, -1.0])
    settings = {**Adafactor().settings(), "lr": 0.01, "t": 1}
    after = evaluate(program, {"W": np.zeros((3, 2)), "dW": g, "R_W": np.zeros(3), "S_W": np.zeros(2), **settings})
    np.testing.assert_allclose(after["U_W"], np.sign(g), rtol=1e-14)
    np.testing.assert_allclose(after["W_new"], -1e-5 * np.sign(g), rtol=1e-14)


# -- the form of the equations ----------------------------------------------------------------------------------------


def lines(program: Program) -> list[str]:
    return [f"{equation.label} {equation_text(equation)}" for equation in program.equations()]


def test_plain_sgd_is_one_equation_a_parameter() -> None:
    program = stepped(SGD(), {"W": "i v", "s": ""})
    assert lines(program) == ["U1 W_new[i,v] = W[i,v] - lr*dW[i,v]", "U2 s_new = s - lr*ds"]
    assert program.updates == {"W": "W_new", "s": "s_new"}
    assert [setting.name for setting in program.with_role(Role.SETTING)] == ["lr"]


def test_adam_reads_like_its_algorithm() -> None:
    program = stepped(Adam(), {"W": "i v"})
    assert lines(program) == [
        "U1 correction_m = 1 - beta1**t",
        "U2 correction_v = 1 - beta2**t",
        "U3 m_W_new[i,v] = beta1*m_W[i,v] + dW[i,v]*(1 - beta1)",
        "U4 v_W_new[i,v] = dW[i,v]**2*(1 - beta2) + beta2*v_W[i,v]",
        "U5 W_new[i,v] = W[i,v] - lr*m_W_new[i,v]/(correction_m*(eps + sqrt(v_W_new[i,v]/correction_v)))",
    ]
    assert program.updates == {"m_W": "m_W_new", "v_W": "v_W_new", "W": "W_new"}


def test_adafactor_keeps_a_row_and_the_rest_of_a_tensor() -> None:
    states = {s.name: [i.name for i in s.indices] for s in stepped(Adafactor()).with_role(Role.STATE)}
    assert states == {"V_s": [], "V_k": ["i"], "R_W": ["i"], "S_W": ["v"], "R_T": ["i"], "S_T": ["t", "d"]}


@pytest.mark.parametrize("optimizer", [pytest.param(rule, id=rule.name) for rule, _ in CASES])
def test_every_setting_is_read_and_every_read_setting_is_given(optimizer: Optimizer) -> None:
    program = stepped(optimizer)
    read = {n.tensor for e in program.equations() for n in e.body.walk() if isinstance(n, Read)}
    declared = {setting.name for setting in program.with_role(Role.SETTING)}
    assert declared <= read
    assert declared - {"lr", "t"} == set(optimizer.settings())


def test_the_table_is_complete() -> None:
    assert list(OPTIMIZERS) == ["sgd", "momentum", "nesterov", "adam", "adamw", "adafactor"]
    assert all(OPTIMIZERS[name]().name == name for name in OPTIMIZERS)


def test_a_parameter_without_a_gradient_stays() -> None:
    program = with_optimizer(parameters_and_gradients({"W": "i v", "k": "i"}), {"k": "dk"}, Momentum())
    assert program.updates == {"u_k": "u_k_new", "k": "k_new"}


def test_names_that_are_taken_get_a_number() -> None:
    program = stepped(Momentum(), {"W": "i v", "u_W": "i", "W_new": "i"})
    assert program.updates["W"] == "W_new_2"
    assert program.updates["u_W_2"] == "u_W_2_new"
    assert program.updates["u_W"] == "u_W_new"


# -- what is refused --------------------------------------------------------------------------------------------------

REFUSED = [
    ({"weight_decay": {"Q": 0.1}}, Adam(), "weight_decay names Q, which is no parameter; there are: s, k, W, T"),
    ({"weight_decay": {"W": -0.1}}, Adam(), "weight_decay of W is -0.1; it must be 0 or more"),
    ({"weight_decay": {"W": math.nan}}, Adam(), "weight_decay of W is nan"),
    ({"weight_decay": {"W": 0.1}}, AdamW(), "AdamW decays every parameter itself; leave it out \\(AdamW"),
    ({"clip": 0.0}, SGD(), "clip is 0.0; it must be positive"),
    ({"clip": math.inf}, SGD(), "clip is inf"),
]


@pytest.mark.parametrize(("options", "optimizer", "message"), REFUSED)
def test_refused(options: dict, optimizer: Optimizer, message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        stepped(optimizer, **options)


def test_gradients_must_belong_to_parameters_and_fit() -> None:
    program = parameters_and_gradients({"W": "i v", "k": "i", "lr": ""})
    with pytest.raises(DeclarationError, match="gradients names Q, which is no parameter; there are: W, k, lr"):
        with_optimizer(program, {"Q": "dW"}, SGD())
    with pytest.raises(DeclarationError, match=r"dW has 2 axes, .*, and is read with 1"):
        with_optimizer(parameters_and_gradients({"W": "i v", "k": "i"}), {"k": "dW"}, SGD())
    with pytest.raises(DeclarationError, match="nothing is used before it is defined"):
        with_optimizer(parameters_and_gradients({"W": "i v"}), {"W": "nothing"}, SGD())
    with pytest.raises(
        DeclarationError, match="lr is a parameter of the model, and sgd reads the settings lr, expected"
    ):
        with_optimizer(program, {"W": "dW"}, SGD())


def test_constants_outside_their_range_are_refused() -> None:
    for make in (lambda: Momentum(mu=1.0), lambda: Adam(b2=1.5), lambda: AdamW(b1=-0.1), lambda: Nesterov(mu=-1)):
        with pytest.raises(DeclarationError, match="must be at least 0 and below 1"):
            make()


# -- float32 ----------------------------------------------------------------------------------------------------------


def float32_value(term: Term, values: Arrays, sizes: Mapping[str, int], scope: tuple) -> np.ndarray:
    """A term in float32 arithmetic throughout, each product from left to right as emitted code has it."""

    def value(child: Term) -> np.ndarray:
        return float32_value(child, values, sizes, scope)

    match term:
        case Const(number):
            return np.float32(float(number))
        case Size(name):
            return np.float32(sizes[name])
        case Read(name, indices):
            order = [i for i in scope if i in indices]
            array = np.transpose(values[name], [indices.index(i) for i in order])
            return array.reshape([sizes[i.extent.name] if i in order else 1 for i in scope])
        case Add(terms):
            result = value(terms[0])
            for part in terms[1:]:
                result = result + value(part)
            return result
        case Mul(factors):
            result = value(factors[0])
            for factor in factors[1:]:
                result = result * value(factor)
            return result
        case Pow(base, Const(exponent)) if exponent == 1 / 2:
            return np.sqrt(value(base))
        case Pow(base, exponent):
            return np.power(value(base), value(exponent))
        case Call("max", (left, right)):
            return np.maximum(value(left), value(right))
        case Reduce("sum", indices, body):
            inner = float32_value(body, values, sizes, scope + indices)
            return inner.sum(axis=tuple(range(len(scope), len(scope) + len(indices))), dtype=np.float32)
    raise TypeError(term)


def float32_step(program: Program, given: Arrays, sizes: Mapping[str, int]) -> Arrays:
    values = {name: np.asarray(value, dtype=np.float32) for name, value in given.items()}
    for equation in program.equations():
        shape = tuple(sizes[index.extent.name] for index in equation.indices)
        value = np.broadcast_to(float32_value(equation.body, values, sizes, equation.indices), shape)
        assert value.dtype == np.float32
        values[equation.tensor] = value
    return values


def sparse_gradients() -> Iterator[tuple[str, np.ndarray]]:
    """Gradients of a matrix (6, 5) with rows and columns that are 0."""
    g = np.random.default_rng(3).normal(size=(6, 5))
    g[[1, 4]] = 0
    g[:, 2] = 0
    yield from (("ordinary", g), ("large", 1e6 * g), ("exploding", 1e15 * g), ("small", 1e-9 * g), ("tiny", 1e-20 * g))
    yield "mixed", g * 10.0 ** np.arange(-12, 12, 4)[:, None]
    yield "one entry", np.where(np.arange(30).reshape(6, 5) == 15, 1e-14, 0.0)
    yield "nothing", np.zeros((6, 5))


@pytest.mark.parametrize("clip", [None, 1.0])
@pytest.mark.parametrize(("kind", "g"), [pytest.param(k, g, id=k) for k, g in sparse_gradients()])
@pytest.mark.parametrize("optimizer", [Adafactor(), Adam(), AdamW(), Nesterov(), SGD()], ids=lambda rule: rule.name)
def test_in_float32_rows_without_gradient_do_not_move(
    optimizer: Optimizer, kind: str, g: np.ndarray, clip: float | None
) -> None:
    program, sizes = stepped(optimizer, {"W": "i v", "k": "i"}, clip=clip), {"H": 6, "V": 5}
    W = np.random.default_rng(4).normal(size=(6, 5)).astype(np.float32)
    values: Arrays = {"W": W, "k": W[:, 0]} | initial_states(program, {"i": 6, "v": 5})
    with np.errstate(divide="raise", invalid="raise", over="ignore"):
        for t in (1, 2, 3, 1_000_000):
            lr = 1e-2 if kind != "exploding" else 1e-20
            given = {**values, "dW": g, "dk": g[:, 0], **optimizer.settings(), "lr": lr, "t": t}
            after = float32_step(program, given, sizes)
            assert all(np.isfinite(value).all() for name, value in after.items() if name.endswith("_new"))
            values |= {old: after[new] for old, new in program.updates.items()}
    if not isinstance(optimizer, AdamW):
        np.testing.assert_array_equal(values["W"][[1, 4]], W[[1, 4]])
        np.testing.assert_array_equal(values["W"][:, 2], W[:, 2])
    if kind == "ordinary":
        assert np.abs(values["W"] - W)[g != 0].min() > 0


# -- PyTorch ----------------------------------------------------------------------------------------------------------

PYTORCH = {
    "sgd": lambda torch, p: torch.optim.SGD(p, lr=0.1),
    "momentum": lambda torch, p: torch.optim.SGD(p, lr=0.1, momentum=0.8),
    "nesterov": lambda torch, p: torch.optim.SGD(p, lr=0.1, momentum=0.8, nesterov=True),
    "adam": lambda torch, p: torch.optim.Adam(p, lr=0.1, betas=(0.8, 0.95), eps=1e-6),
    "adamw": lambda torch, p: torch.optim.AdamW(p, lr=0.1, betas=(0.8, 0.95), eps=1e-6, weight_decay=0.1),
}


@pytest.mark.peers
@pytest.mark.parametrize("decay", [0.0, 0.2])
@pytest.mark.parametrize("optimizer", [pytest.param(rule, id=rule.name) for rule, _ in CASES if rule.name in PYTORCH])
def test_pytorch_takes_the_same_steps(optimizer: Optimizer, decay: float) -> None:
    torch = pytest.importorskip("torch")
    if decay and isinstance(optimizer, AdamW):
        pytest.skip("AdamW has its own decay")
    sizes = SIZES[0]
    theirs = {name: torch.tensor(X, requires_grad=True) for name, X in start(sizes).items()}
    optim = PYTORCH[optimizer.name](torch, list(theirs.values()))
    for group in optim.param_groups if decay else ():
        group["weight_decay"] = decay
    given = gradients(sizes)
    for t, gradient in enumerate(given, 1):
        for group in optim.param_groups:
            group["lr"] = rate(t)
        for name, X in theirs.items():
            X.grad = torch.tensor(gradient[name])
        optim.step()
    ours = train(stepped(optimizer, weight_decay=dict.fromkeys(AXES, decay)) if decay else stepped(optimizer),
                 optimizer, sizes, given)  # fmt: skip
    near(ours, {name: X.detach().numpy() for name, X in theirs.items()})

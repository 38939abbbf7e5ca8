"""Derived gradients against backward passes that people wrote down, in NumPy and in float64."""

from __future__ import annotations

import numpy as np
import pytest

from symgrad.checking.interpreter import Values, evaluate
from symgrad.derivation import derive
from symgrad.language.model import Model
from symgrad.model_file import executed

from .files import FOLDER, example

SIZES = {"B": 6, "N": 3, "D": 4, "M": 4, "H": 5, "J": 5, "V": 7, "K": 3}


def gradients_of(model: Model, seed: int = 0) -> tuple[Values, Values]:
    """Random values, with repeated tokens, and the derived gradient of each parameter."""
    random = np.random.default_rng(seed)
    given: Values = {}
    for tensor in model.program.tensors.values():
        if tensor.role.value == "definition":
            continue
        shape = tuple(SIZES[extent.name] for extent in tensor.shape)
        below = SIZES[tensor.vocabulary.name] if tensor.vocabulary is not None else 0
        given[tensor.name] = random.integers(below, size=shape) if below else random.normal(size=shape)
    derivation = derive(model)
    found = evaluate(derivation.program, given, SIZES)
    return given, {name: found[equation.tensor] for name, equation in derivation.gradients.items()}


def softmax(scores: np.ndarray) -> np.ndarray:
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def assert_equal(found: Values, expected: Values) -> None:
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-10, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("direct", [False, True])
def test_bengio_2003_section_3_2(direct: bool) -> None:
    """One word at a time, log P maximized, as in the paper; the loss here is the mean of -log P."""
    build = vars(executed(FOLDER / "bengio2003.py"))["build"]
    given, found = gradients_of(build(direct))
    C, H, d, U, b = (given[name] for name in ("C", "H", "d", "U", "b"))
    features = C.shape[1]
    flat_H = H.reshape(len(H), -1)
    flat_W = given["W"].reshape(len(b), -1) if direct else np.zeros((len(b), flat_H.shape[1]))
    ascent = {name: np.zeros_like(given[name]) for name in found}
    for context, word in zip(given["context"], given["word"], strict=True):
        x = np.concatenate([C[w] for w in context])
        a = np.tanh(d + flat_H @ x)
        p = softmax(b + flat_W @ x + U @ a)
        dy = np.eye(len(b))[word] - p
        da = U.T @ dy
        do = (1 - a**2) * da
        dx = flat_W.T @ dy + flat_H.T @ do
        ascent["b"] += dy
        ascent["U"] += np.outer(dy, a)
        ascent["d"] += do
        ascent["H"] += np.outer(do, x).reshape(H.shape)
        if direct:
            ascent["W"] += np.outer(dy, x).reshape(given["W"].shape)
        for k, w in enumerate(context):
            ascent["C"][w] += dx[k * features : (k + 1) * features]
    assert_equal(found, {name: -value / len(given["word"]) for name, value in ascent.items()})


def test_the_direct_connections_are_an_option() -> None:
    build = vars(executed(FOLDER / "bengio2003.py"))["build"]
    assert "W" in build(direct=True).program.tensors
    assert "W" not in example("bengio2003").program.tensors


def test_makemore_layer_by_layer() -> None:
    given, found = gradients_of(example("makemore_mlp"))
    C, W1, b1, W2, b2, x, y = (given[name] for name in ("C", "W1", "b1", "W2", "b2", "x", "y"))
    rows = len(y)
    embedded = C[x].reshape(rows, -1)
    flat_W1 = W1.reshape(len(W1), -1)
    h = np.tanh(embedded @ flat_W1.T + b1)
    scores = h @ W2.T + b2
    dscores = softmax(scores)
    dscores[np.arange(rows), y] -= 1
    dscores /= rows
    dpreactivation = (1 - h**2) * (dscores @ W2)
    dembedded = (dpreactivation @ flat_W1).reshape(*x.shape, -1)
    dC = np.zeros_like(C)
    np.add.at(dC, x, dembedded)
    expected = {
        "C": dC,
        "W1": (dpreactivation.T @ embedded).reshape(W1.shape),
        "b1": dpreactivation.sum(axis=0),
        "W2": dscores.T @ h,
        "b2": dscores.sum(axis=0),
    }
    assert_equal(found, expected)


def test_batch_norm_in_one_line() -> None:
    """The whole backward pass of the norm at once, as in Karpathy's lecture "makemore, part 4" (2022)."""
    given, found = gradients_of(example("makemore_batchnorm"))
    C, W1, gain, bias, W2, b2, x, y = (given[n] for n in ("C", "W1", "gain", "bias", "W2", "b2", "x", "y"))
    rows = len(y)
    embedded = C[x].reshape(rows, -1)
    flat_W1 = W1.reshape(len(W1), -1)
    z = embedded @ flat_W1.T
    inverse_deviation = (z.var(axis=0, ddof=1) + 1e-5) ** -0.5
    n = (z - z.mean(axis=0)) * inverse_deviation
    h = np.tanh(gain * n + bias)
    dscores = softmax(h @ W2.T + b2)
    dscores[np.arange(rows), y] -= 1
    dscores /= rows
    da = (1 - h**2) * (dscores @ W2)
    inner = rows * da - da.sum(axis=0) - rows / (rows - 1) * n * (da * n).sum(axis=0)
    dz = gain * inverse_deviation / rows * inner
    dC = np.zeros_like(C)
    np.add.at(dC, x, (dz @ flat_W1).reshape(*x.shape, -1))
    expected = {
        "C": dC,
        "W1": (dz.T @ embedded).reshape(W1.shape),
        "gain": (da * n).sum(axis=0),
        "bias": da.sum(axis=0),
        "W2": dscores.T @ h,
        "b2": dscores.sum(axis=0),
    }
    assert_equal(found, expected)


def test_softmax_regression_in_matrices() -> None:
    given, found = gradients_of(example("softmax_regression"))
    X, y = given["X"], given["y"]
    P, Y = softmax(X @ given["W"] + given["c"]), np.eye(SIZES["K"])[given["y"]]
    assert_equal(found, {"W": X.T @ (P - Y) / len(y), "c": (P - Y).sum(axis=0) / len(y)})

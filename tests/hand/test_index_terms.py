"""Claims that carry their indices, as terms: their values, the sizes of their indices, what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from symgrad.checking.interpreter import Evaluation
from symgrad.hand.index_reader import read_index
from symgrad.hand.index_terms import term
from symgrad.hand.latex_reader import read_latex
from symgrad.language.errors import ClaimError
from symgrad.language.program import Role, Tensor
from symgrad.language.terms import Index, Read, Size, Term

SIZES = {"B": 3, "T": 4, "V": 5, "H": 2, "D": 3}
INDICES = {name: Index(name, Size(size)) for name, size in zip("btvwid", "BTVVHD", strict=True)}
b, t, v, w, i, d = INDICES.values()
TENSORS = {
    tensor.name: tensor
    for tensor in (
        Tensor("p", (b, v), Role.DEFINITION),
        Tensor("o", (b, v), Role.DEFINITION),
        Tensor("h", (b, i), Role.DEFINITION),
        Tensor("s", (b, t), Role.DEFINITION),
        Tensor("W2", (v, i), Role.PARAMETER),
        Tensor("C", (v, d), Role.PARAMETER),
        Tensor("x", (b, t), Role.TOKENS, Size("V")),
        Tensor("y", (b,), Role.TOKENS, Size("V")),
        Tensor("lr", (), Role.SETTING),
        Tensor("L", (), Role.DEFINITION),
        Tensor("dW2", (v, i), Role.DEFINITION),
        Tensor("do", (b, v), Role.DEFINITION),
    )
}
rng = np.random.default_rng(5)
V = {
    tensor.name: rng.integers(0, SIZES["V"], [SIZES[e.name] for e in tensor.shape])
    if tensor.vocabulary is not None
    else rng.normal(size=[SIZES[e.name] for e in tensor.shape])
    for tensor in TENSORS.values()
}
ROWS = np.arange(3)
ONE_HOT = np.eye(5)[V["y"]]


def derivative(of: Read, by: Read) -> Term:
    """The adjoints, and no other derivative."""
    if of.tensor == "L" and f"d{by.tensor}" in TENSORS:
        return Read(f"d{by.tensor}", by.indices)
    raise ClaimError(f"d{of.tensor}/d{by.tensor} is not known")


def value(source: str, free: str, notation: str = "index") -> np.ndarray:
    read = read_index if notation == "index" else read_latex
    (chain,) = read(source, {name: len(tensor.indices) for name, tensor in TENSORS.items()})
    assert chain.indexed
    left = {name: INDICES[name] for name in free}
    found = term(chain.sides[0], TENSORS, left, derivative, INDICES, source=source)
    scope = tuple(left.values())
    shape = tuple(SIZES[index.extent.name] for index in scope)
    return np.broadcast_to(Evaluation(V, SIZES, {}).value(found, scope), shape)


SHIFTED = np.concatenate([np.zeros((3, 1)), V["s"][:, :-1]], axis=1)
# (line, indices on the left, value)
VALUES = [
    ("z[b,v] = (p[b,v] - [v == y[b]])/B", "bv", (V["p"] - ONE_HOT) / 3),
    ("z[v,i] = sum_b o[b,v]*h[b,i]", "vi", V["o"].T @ V["h"]),
    ("z[b,v] = sum_i W2[v,i] h[b,i]", "bv", V["h"] @ V["W2"].T),
    ("z[b,v] = sum_k W2[v,k] h[b,k]", "bv", V["h"] @ V["W2"].T),
    ("z[b,v] = exp(o[b,v])/sum_v exp(o[b,v])", "bv", np.exp(V["o"]) / np.exp(V["o"]).sum(1, keepdims=True)),
    ("z[b,v] = softmax(o[b,v], v)", "bv", np.exp(V["o"]) / np.exp(V["o"]).sum(1, keepdims=True)),
    ("z[b] = logsumexp(o[b,v], v)", "b", np.log(np.exp(V["o"]).sum(1))),
    ("z[b] = max_v o[b,v]", "b", V["o"].max(1)),
    ("z[b] = mean_v o[b,v]", "b", V["o"].mean(1)),
    ("z[b,d] = sum_t C[x[b,t],d]", "bd", V["C"][V["x"]].sum(1)),
    ("z[v,d] = sum_b,t [v == x[b,t]]*C[x[b,t],d]", "vd", np.add.reduce(
        [np.eye(5)[V["x"]][k, j][:, None] * V["C"][V["x"][k, j]] for k in range(3) for j in range(4)])),
    ("z[b] = p[b,y[b]]", "b", V["p"][ROWS, V["y"]]),
    ("z = sum_b log(1 + exp(-s[b,0]))/B", "", np.log1p(np.exp(-V["s"][:, 0])).mean()),
    ("z[b,t] = s[b,t-1] if 1 <= t else 0", "bt", SHIFTED),
    ("z[b,t] = [t >= 1]*s[b,t-1]", "bt", SHIFTED),
    ("z[b,t] = Piecewise((s[b,t-1], t > 0), (0, True))", "bt", SHIFTED),
    ("z = Sum(s[b,t], (b, 0, B-1), (t, 0, T-1))", "", V["s"].sum()),
    ("z[b,t] = Sum(s[b,w], (w, 0, t))", "bt", V["s"].cumsum(1)),
    ("z[v] = sum_w [v == w]*o[0,w]", "v", V["o"][0]),
    ("z = sum_n [n == y[0]]*n", "", float(V["y"][0])),
    ("z[v,i] = W2[v,i] - lr*dL/dW2[v,i]", "vi", V["W2"] - V["lr"] * V["dW2"]),
    ("z[b,i] = sigmoid(h[b,i])*(1 - tanh(h[b,i])**2) + relu(h[b,i])", "bi",
     1 / (1 + np.exp(-V["h"])) * (1 - np.tanh(V["h"]) ** 2) + np.maximum(V["h"], 0)),
]  # fmt: skip

# LaTeX: (line, indices on the left, value)
LATEX = [
    (r"z_{bv} = \frac{1}{B} (p_{bv} - \delta_{v,y_b})", "bv", (V["p"] - ONE_HOT) / 3),
    (r"z_{vi} = \sum_{b=1}^{B} \frac{\partial L}{\partial o_{bv}} h_{bi}", "vi", V["do"].T @ V["h"]),
    (r"z_{bt} = \sum_{u=t}^{T} s_{bu}", "bt", V["s"][:, ::-1].cumsum(1)[:, ::-1]),
    (r"z_b = \sum_{w \neq y_b} p_{bw}", "b", V["p"].sum(1) - V["p"][ROWS, V["y"]]),
    (r"z = -\frac1B \sum_b \log e^{p_{b,y_b}}", "", -V["p"][ROWS, V["y"]].mean()),
]

# (line, indices on the left, a part of the message, column)
REFUSED = [
    ("z[b] = o[b,k]", "b", "index k is neither on the left nor summed", 12),
    ("z = sum_k W2[k,k]", "", "index k runs over size V in W2[k,k] and over size H in W2[k,k]", 5),
    ("z[b] = sum_k o[b,k]*h[b,k]", "b", "size V in o[b,k] and over size H in h[b,k]", 8),
    ("z[b,t] = s[b,t-1]", "bt", "not proven to stay inside", 10),
    ("z[b,t] = s[t,b]", "bt", "runs over size T", 10),
    ("z = sum_k 1", "", "the size of index k is not known", 5),
    ("z[b] = y[b]", "b", "token id and no real number", 8),
    ("z[b] = o[b]", "b", "o has 2 axes, (b,v), got 1 indices", 8),
    ("z[b] = sum_i h[b,i]*o", "b", "o stands without its indices", 21),
    ("z[b] = C[s[b,0],0]", "b", "real number and cannot index", 8),
    ("z[b] = softmax(o[b,v])", "b", "write softmax(..., v)", 8),
    ("z[b] = q[b]", "b", "q is no name of the model", 8),
    ("z[b] = h[b,0] + K", "b", "K is not known", 17),
    ("z = sum_b do[b,0]/dp[b,0]*dp[b,0]", "", "do/dp is not known", 11),
    ("z = Sum(s[0,t], (t, 1, T-1))", "", "where does index t start", 5),
    ("z = Sum(t*s[0,t], (t, 1, T))", "", "counted from 1", 5),
    ("z = Sum(s[0,t], (t, 0, V))", "", "axis has size T", 5),
    ("z = transpose(h[0,0])", "", "no meaning where every array", 5),
    ("z = h[0,0] @ h[0,1]", "", "product of matrices", 5),
    ("z = h[:,0]", "", "expected an index", 7),
    ("z = exp(lr, lr)", "", "takes 1 arguments, 2 given", 5),
    ("z = sigmoid(lr, lr)", "", "does not take 2 arguments", 5),
    ("z = h[lr,0]", "", "real number and cannot index", 5),
]


@pytest.mark.parametrize(
    ("source", "free", "expected", "notation"),
    [(*case, "index") for case in VALUES] + [(*case, "latex") for case in LATEX],
    ids=[case[0] for case in VALUES + LATEX],
)
def test_values(source: str, free: str, expected: np.ndarray, notation: str) -> None:
    np.testing.assert_allclose(value(source, free, notation), expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(("source", "free", "message", "column"), REFUSED, ids=[case[0] for case in REFUSED])
def test_it_is_refused(source: str, free: str, message: str, column: int) -> None:
    (chain,) = read_index(source, TENSORS)
    with pytest.raises(ClaimError) as caught:
        left = {name: INDICES[name] for name in free}
        term(chain.sides[0], TENSORS, left, derivative, {}, SIZES, source=source)
    assert message in str(caught.value)
    assert (caught.value.line, caught.value.column) == (1, column)

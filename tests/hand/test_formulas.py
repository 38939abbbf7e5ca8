"""Every array operation read twice, as numbers and as a formula: the formula has the numbers as its value.

The names of the code are arrays of sizes that all differ; a line that has no formula says so in the table.
"""

from __future__ import annotations

import numpy as np
import pytest

from symgrad.checking.interpreter import Evaluation, extent_value
from symgrad.hand.entries import Array, Kind, Unprovable, made
from symgrad.hand.formula_values import array
from symgrad.hand.formulas import Formulas
from symgrad.hand.interpretation import Interpreter
from symgrad.hand.loops import LoopFree
from symgrad.hand.number_values import real
from symgrad.hand.numbers import Numbers
from symgrad.hand.numpy_reader import read_numpy
from symgrad.hand.operations import FUNCTIONS
from symgrad.hand.statements import Apply
from symgrad.language.algebra import mul
from symgrad.language.errors import ClaimError
from symgrad.language.terms import ONE, Const, Read, Size, Term

B, H, V, N, D = (Size(name) for name in "BHVND")
SIZES = {"B": 5, "H": 3, "V": 7, "N": 2, "D": 4}
SHAPES: dict[str, tuple[Term, ...]] = {
    "X": (B, H),
    "Y": (B, H),
    "W": (H, V),
    "S": (H, H),
    "E": (B, N, D),
    "Q": (B, N, N),
    "u": (H,),
    "w": (H,),
    "r": (B, ONE),
    "G": (mul(N, D), H),
    "C": (V, D),
    "P": (B, V),
    "c": (),
    "T3": (Const(3), H),
    "x": (B, N),
    "y": (B,),
}
TOKENS = {"x": V, "y": V}

# The value of `out` is compared, of an expression and, below, of lines.
LINES = """
-X; +X; X + Y; X - u; X * r; X / c; X ** 2; abs(X) ** 0.5; X @ W; u @ W; X @ u; u @ w; Q @ E; 2 ** 3; 7 // 2
7 % 3; X > 0; X >= u; X < Y; X <= 0; X == X; X != Y; ~(X > 0); not c; (X > 0) * (Y > 0); (X > 0) & (u < 0)
1 - (X > 0); np.exp(X); np.log(np.abs(X)); np.sin(X); np.cos(X); np.tan(X); np.arcsin(X / 9); np.arccos(X / 9)
np.arctan(X); np.sinh(X); np.cosh(X); np.tanh(X); scipy.special.erf(X); np.abs(X); np.sign(X); np.sqrt(abs(X))
np.square(X); np.reciprocal(X); np.negative(X); np.log1p(X * X); np.expm1(X); sigmoid(X); relu(X); softplus(X)
rsqrt(X * X); sech(X); np.maximum(X, u); np.minimum(X, 0.1); np.power(X, 3); np.add(X, u); np.subtract(X, r)
np.multiply(X, Y); np.divide(X, Y); np.outer(u, w); np.outer(X, w); np.dot(u, w); np.dot(X, W); np.dot(X, c)
np.matmul(X, W); np.hypot(X, Y); X.sum(); X.sum(0); X.sum(axis=1, keepdims=True); np.sum(E, axis=(0, 2))
X.mean(0); X.mean(); np.mean(E, axis=-1); X.max(1); X.max(); X.min(0, keepdims=True); X.var(0)
X.var(axis=0, ddof=1, keepdims=True); X.std(1); X.std(ddof=1); (X > 0).sum(0); (X > 0).mean(); np.prod(u)
r.sum(1); r.max(1); logsumexp(X, 1); logsumexp(X, axis=1, keepdims=True); X.argmax(1); np.argmax(X, axis=0)
softmax(X); softmax(X, axis=0); log_softmax(X); log_softmax(E, 1); one_hot(y, V); one_hot(x, num_classes=V)
one_hot(y); np.eye(V)[y]; np.eye(H); np.where(X > 0, X, 0); np.where(X, u, Y); np.where(c > 0, 1.0, 2.0)
np.clip(X, -0.5, 0.5); X.clip(min=0); X.T; E.transpose(1, 0, 2); np.transpose(E); E.swapaxes(0, 1)
np.swapaxes(E, -1, -2); X.reshape(-1); X.reshape(H, B); E.reshape(B, N * D); E.reshape(B, -1); E.reshape(-1, D)
G.reshape(N, D, H); E.flatten(); E.ravel(); E.reshape(E.shape); G.reshape(D, N, H); np.broadcast_to(u, (B, H))
np.broadcast_to(c, X.shape); np.expand_dims(u, 0); X[:, None]; X[:, np.newaxis, :]; X[None]; np.squeeze(r)
r.squeeze(1); r.reshape(B); u.reshape(1, -1); X[..., 0]; E[..., None]; np.concatenate([X, Y])
np.concatenate([X, r], axis=1); np.concatenate((u, w, u)); np.stack([u, w]); np.stack([u, w], axis=1)
np.stack([u, w, u]); np.array([u, w]); np.array([1.0, c]); np.cumsum(u); np.cumsum(X, 1); np.cumsum(X)
np.repeat(X, 3); np.repeat(X, H, axis=0); X.repeat(N, 1); np.repeat(u, 2, 0); np.tile(u, 3); np.tile(X, (N, 1))
np.tile(u, (B, 1)); np.tile(X, N); np.tile(X[:, None], (1, N, 1)); np.inner(u, w); np.inner(X, Y); np.inner(X, u)
np.vdot(u, w); np.vdot(X, Y); np.argmax(u); np.argmax(X); np.dot(X, E.transpose(1, 2, 0)); np.nonzero(X)[0]
np.argwhere(X > 0); np.asarray(X); sum(a for a, b in zip(*[u, w]))
np.flip(X); np.flip(X, 0); np.roll(u, 1); np.roll(X, 1, axis=0); np.roll(X, 1); X[::-1]; X[:, ::-1]; np.diag(u)
np.diag(S); np.diagflat(u); np.trace(S); np.linalg.inv(S); np.linalg.det(S); np.linalg.slogdet(S)[1]
np.linalg.slogdet(S)[0]; np.linalg.norm(X); np.linalg.norm(X, axis=1); np.linalg.inv(Q); np.linalg.det(Q)
np.tril(S); np.triu(S); np.tril(S, -1); np.triu(S, k=1); np.eye(B, H); np.zeros((B, H)); np.ones(H)
np.full((B, 2), 3.0); np.zeros_like(X); np.ones_like(X) * u; np.full_like(X, 2.0); np.arange(B); np.arange(1, B)
np.arange(6, 0, -2); np.array(X); X.copy(); float(c); int(3); X.shape[0]; X.size; len(X); range(B)
list(reversed(range(3)))[0]; np.einsum("bh,hv->bv", X, W); np.einsum("bh,bh->b", X, Y)
np.einsum("bh,bk->hk", X, Y); np.einsum("ii->i", S); np.einsum("bh,hv", X, W); np.tensordot(X, W, axes=1)
np.tensordot(E, C, axes=([2], [1])); np.tensordot(E, E, axes=([0, 1], [0, 1])); sum(X[b] for b in range(B))
sum(a * b for a, b in zip(u, w)); sum(X); sum([u, w]); sum(k * u[k] for k in range(H))
np.array([X[b].sum() for b in range(B)]); np.stack([X[b] @ W for b in range(B)], axis=1)
np.stack([X[b] for b in reversed(range(B))]); sum(k * row for k, row in enumerate(X)); X.astype(float)
(X > 0).astype(int); (X > 0) @ u; 1.0 if c > 0 else 2.0; X if 1 else Y; C[x]; C[y]; C[x[0]]; C[x[:, 0]]
C[x].reshape(B, -1); P[np.arange(B), y]; P[range(B), y]; P[:, 0]; X[0]; X[-1]; X[1:]; X[:-1]; P[y[0]]; P[0, y]
P[:, y]; E[:, 0]; E[0, :, 0]; E[np.arange(B), 0]; E[np.arange(B), :, 0]; E[:, np.arange(N), np.arange(N)]
np.eye(V)[x].sum(1); C[x, np.arange(2)]; W[:, y]; W[:, y].T; X[y]; X[7]; X[X > 0]; P[1:, :-1]; X[0:B]; X[:2]
E[1:, None, ..., 0]; np.pi * X; np.e + X; X * 1e-5; 0.1 * X; c + 1; 3; y * X[:, 0]; y == y; x == 1
X[:, 0][:, None] * y; [1, 2] + [3]; (B + 1) * (B - 1); G[:D]; G[D:]; G[D:] - G[:-D]; X.T.copy()
E.transpose(0, 2, 1).reshape(B, -1); G.reshape(N, D * H); E[:, 0] @ C.T; x.sum(); C[x].sum(axis=(0, 1))
np.zeros((N, D)) + E; T3 * u; T3[1]; T3.mean(0); T3[np.arange(3)]
"""
BLOCKS = """
out = X.copy()
out[0] = 1

out = X.copy()
out[0] += u

out = X.copy()
out[:, 0] = y

out = X.copy()
out[X <= 0] = 0

out = X.copy()
out[X > 0] *= 2

out = X.copy()
mask = X > 0
out[~mask] = c

out = P.copy()
out[np.arange(B), y] -= 1

out = P.copy()
out[range(B), y] = 0
out /= B

out = np.zeros_like(C)
np.add.at(out, x, E)

out = np.zeros_like(C)
np.subtract.at(out, y, E[:, 0])

out = np.zeros_like(C)
out[x] += E

out = np.zeros((B, H))
out[1:] = X[:-1]

out = np.zeros((B, H))
out[:-1] += Y[1:]
out[1:] -= X[1:]

out = np.zeros_like(E)
out[:, 0] = C[y]

out = np.zeros_like(E)
out[np.arange(B), 1] = C[y]

out = np.zeros_like(C)
for k in range(B):
    for j in range(N):
        out[x[k,j]] += E[k,j]

out = np.zeros_like(C)
for k in range(x.shape[0]):
    for j in range(x.shape[1]):
        ix = x[k,j]
        out[ix] += E[k,j]

out = 0
for b in range(B):
    out += X[b] @ u

out = np.zeros((H, V))
for b in range(B):
    out += np.outer(X[b], P[b])

out = np.zeros_like(X)
for b in range(B):
    e = np.exp(X[b] - X[b].max())
    out[b] = e / e.sum()

out = np.zeros_like(X)
for b in reversed(range(B)):
    for h in range(H):
        out[b, h] = X[b, h] * c
        out[b, h] += u[h]

out = np.zeros((B, V))
for b in range(B):
    for v in range(V):
        for h in range(H):
            out[b, v] += X[b, h] * W[h, v]

out = np.zeros((V, B))
for b in range(B):
    out[:, b] = X[b] @ W

out = np.zeros(H)
for row in X:
    out += row

out = np.zeros(H)
for k, row in enumerate(X):
    out += k * row

out = np.zeros(H)
for a, b in zip(X, Y):
    out += a * b

out = np.zeros(H)
for b in range(B):
    out -= X[b]

out = u
for k in range(3):
    out = out * w + k

out = u
for b in range(B):
    out = out * X[b]

out = np.zeros(H)
for b in range(B):
    s = out + X[b]
    out += s

out = np.zeros_like(X)
for b in range(B):
    b = 0
    out[b] = X[b]

out = np.zeros_like(X)
for b in range(B):
    out[b] = sum(out[b] + X[b] for b in range(B))

out = np.zeros_like(X)
for b in range(1, B):
    out[b] = X[b]

out = np.zeros_like(X)
for b in range(1, B):
    out[b] = out[b - 1] + X[b]

out = np.zeros(H)
for b in range(1, B):
    out += X[b]

out = []
for b in range(B):
    out.append(X[b])

out = []
for b in range(3):
    out.append(X[b] * b)
out = np.array(out)

def f(a, k=2):
    s = np.exp(a) * k
    return s / s.sum()
out = f(u) + f(w, k=3)

f = lambda a: a * c
out = f(X)

a, b = X.shape
out = X / a

a, b = u, w
a, b = b, a
out = a - b

out = c
if c > 0:
    out = c * 2

out = 1
if 2 > 1:
    out = u

def g():
    return out
out = np.zeros(H)
for b in range(B):
    out += X[b] + 0 * g()
"""
# These have no formula, or none that is known to hold for all sizes.
WITHOUT = """
out = np.prod(u)

out = np.argmax(X)

out = np.dot(X, E.transpose(1, 2, 0))

out = np.nonzero(X)[0]

out = np.argwhere(X > 0)

out = sum(a for a, b in zip(*[u, w]))

out = one_hot(y)

out = P[y[0]]

out = E[:, np.arange(N), np.arange(N)]

out = C[x, np.arange(2)]

out = X[y]

out = X[7]

out = X[X > 0]

out = X[:2]

out = np.zeros_like(C)
out[x] += E

out = np.zeros_like(E)
out[np.arange(B), 1] = C[y]

out = u
for b in range(B):
    out = out * X[b]

out = np.zeros(H)
for b in range(B):
    s = out + X[b]
    out += s

out = np.zeros_like(X)
for b in range(B):
    b = 0
    out[b] = X[b]

out = np.zeros_like(X)
for b in range(B):
    out[b] = sum(out[b] + X[b] for b in range(B))

out = np.zeros_like(X)
for b in range(1, B):
    out[b] = X[b]

out = np.zeros_like(X)
for b in range(1, B):
    out[b] = out[b - 1] + X[b]

out = []
for b in range(B):
    out.append(X[b])

out = []
for b in range(3):
    out.append(X[b] * b)
out = np.array(out)

out = c
if c > 0:
    out = c * 2

def g():
    return out
out = np.zeros(H)
for b in range(B):
    out += X[b] + 0 * g()
"""

CODE = [f"out = {line.strip()}" for row in LINES.strip().splitlines() for line in row.split(";") if line.strip()]
CODE += BLOCKS.strip().split("\n\n")


class Given:
    """A watcher that knows the names of the table and keeps what is assigned."""

    def __init__(self, values: dict) -> None:
        self.values = values

    def unknown(self, name: str):
        return self.values[name]

    def assigned(self, statement, name, old, new):
        return new

    def failed(self, statement, error) -> None:
        raise error

    def entered(self, loop, environment) -> None:
        pass

    def left(self, loop, environment) -> None:
        pass


def numbers() -> dict[str, np.ndarray]:
    random = np.random.default_rng(1)
    values: dict[str, np.ndarray] = {}
    for name, shape in SHAPES.items():
        lengths = [extent_value(extent, SIZES) for extent in shape]
        if name in TOKENS:
            values[name] = random.integers(0, SIZES["V"], lengths)
        else:
            values[name] = random.uniform(0.3, 1.5, lengths) * random.choice((-1.0, 1.0), lengths)
    return {**values, **SIZES}


def formulas() -> dict:
    found: dict = {name: Array((), Size(name), Kind.INTEGER) for name in SIZES}
    for name, shape in SHAPES.items():
        kind = Kind.INTEGER if name in TOKENS else Kind.REAL
        found[name] = made(shape, lambda *at, n=name: Read(n, at), kind)
    return found


def run(interpreter: Interpreter, code: str):
    interpreter.run(read_numpy(code))
    return interpreter.environment["out"]


def formula_of(code: str) -> Array | None:
    try:
        return array(run(LoopFree(Formulas(TOKENS), Given(formulas())), code))
    except Unprovable:
        return None


def number_of(code: str) -> np.ndarray | None:
    try:
        return np.asarray(real(run(Interpreter(Numbers(), Given(numbers())), code)), dtype=np.float64)
    except ClaimError:
        return None


def value_of(formula: Array) -> np.ndarray:
    value = Evaluation(numbers(), SIZES, {}).value(formula.body, formula.indices)
    return np.broadcast_to(value, [extent_value(extent, SIZES) for extent in formula.shape]).astype(np.float64)


@pytest.mark.parametrize("code", CODE)
def test_a_formula_has_the_numbers_as_its_value(code: str) -> None:
    formula, expected = formula_of(code), number_of(code)
    if formula is None:
        return
    assert expected is not None, "a formula where there are no numbers"
    value = value_of(formula)
    assert value.shape == expected.shape
    np.testing.assert_allclose(value, expected, rtol=1e-9, atol=1e-9)


def test_what_has_no_formula() -> None:
    assert {code for code in CODE if formula_of(code) is None} == set(WITHOUT.strip().split("\n\n"))


def test_every_operation_is_in_the_table() -> None:
    used = {n.function for code in CODE for s in read_numpy(code) for n in s.walk() if isinstance(n, Apply)}
    assert FUNCTIONS - used - {"add.at", "subtract.at", "append"} == set()

"""Known gradients in matrix notation, as data: f, the variable, and the gradient that matrix calculus books give.

Sources: the Matrix Cookbook, textbook forms of neural layers, matrixcalculus.org.  G, DY, u, v, w are cotangents: f is
their inner product with a layer's output.  Sizes differ wherever the identity permits: n, m, k and q.
A layer's bias or scale is a column here, its gradient too.
"""

from __future__ import annotations

from dataclasses import dataclass

import sympy
from sympy import (
    Determinant,
    DiagMatrix,
    DiagonalOf,
    Expr,
    HadamardProduct,
    Identity,
    MatMul,
    MatrixExpr,
    MatrixSymbol,
    OneMatrix,
    Piecewise,
    Trace,
    exp,
    log,
    sin,
    sqrt,
    symbols,
    tanh,
)

n, m, k, q = symbols("n m k q")


@dataclass(frozen=True)
class Case:
    """`number` is the place in the list of known gradients that the project carries along."""

    number: int
    f: Expr | MatrixExpr
    variable: MatrixSymbol | sympy.Symbol
    gradient: Expr | MatrixExpr


def matrix(name: str, rows: Expr, columns: Expr | int = 1) -> MatrixSymbol:
    return MatrixSymbol(name, rows, columns)


def ones(rows: Expr) -> MatrixExpr:
    return OneMatrix(rows, 1)


def inner(left: MatrixExpr, right: MatrixExpr) -> Expr:
    """The sum of left o right."""
    return Trace(left.T * right)


def reciprocal(x: MatrixExpr) -> MatrixExpr:
    return x.applyfunc(lambda entry: 1 / entry)


def by_rows(x: MatrixExpr) -> MatrixExpr:
    """Each row divided by its sum."""
    return DiagMatrix(reciprocal(x * ones(x.shape[1]))) * x


def softmax(x: MatrixExpr) -> MatrixExpr:
    return by_rows(x.applyfunc(exp))


# columns of n and of m; square matrices; X is n x m; a batch has n rows of q entries
a, b, d, e, f, p, u, v, w, x, y, z = (
    matrix(name, n) for name in ["a", "b", "d", "e", "f", "p", "u", "v", "w", "x", "y", "z"]
)
r, s, h = matrix("r", m), matrix("s", m), matrix("h", k)
A, B, C, D, G, N, Q, R, S = (matrix(name, n, n) for name in ["A", "B", "C", "D", "G", "N", "Q", "R", "S"])
E, F, J = matrix("E", m, m), matrix("F", k, m), matrix("J", m, k)
X, L, M = (matrix(name, n, m) for name in ["X", "L", "M"])
K, H = matrix("K", k, n), matrix("H", n, k)
Y, Z, T, U, DY = (matrix(name, n, q) for name in ["Y", "Z", "T", "U", "DY"])
W, V, gamma, beta = matrix("W", q, m), matrix("V", m, q), matrix("gamma", q), matrix("beta", q)
al, ar, tl, tr, c0, c1 = symbols("al ar tl tr c0 c1", real=True)

symmetric, other = R + R.T, Q + Q.T
inverse = (X.T * other * X).I
column_softmax = z.applyfunc(exp) / Trace(ones(n).T * z.applyfunc(exp))
sigmoid = (X * W.T).applyfunc(lambda t: 1 / (1 + exp(-t)))
targets = by_rows(U)
margin = HadamardProduct(-y, X * r)
gelu = x.applyfunc(lambda t: t / 2 * (1 + tanh(c0 * (t + c1 * t**3))))
slope = x.applyfunc(
    lambda t: (
        (1 + tanh(c0 * (t + c1 * t**3))) / 2 + t * (1 - tanh(c0 * (t + c1 * t**3)) ** 2) * c0 * (1 + 3 * c1 * t**2) / 2
    )
)
srelu = Z.applyfunc(lambda t: Piecewise((tl + al * (t - tl), t <= tl), (t, t < tr), (tr + ar * (t - tr), True)))
below = Z.applyfunc(lambda t: Piecewise((1, t <= tl), (0, True)))

CASES = (
    Case(1, a.T * x, x, a),
    Case(3, a.T * X * r, X, a * r.T),
    Case(5, (B * x + b).T * C * (D * x + d), x, B.T * C * (D * x + d) + D.T * C.T * (B * x + b)),
    Case(7, r.T * X.T * D * X * s, X, D.T * X * r * s.T + D * X * s * r.T),
    Case(9, sqrt(x.T * x), x, x / sqrt(Trace(x.T * x))),
    Case(11, sqrt(Trace(X.T * X)), X, X / sqrt(Trace(X * X.T))),
    Case(13, Trace(F * X.T * H), X, H * F),
    Case(15, Trace(X.T * B * X), X, (B + B.T) * X),
    Case(17, Trace(A * N * B * N), N, A.T * N.T * B.T + B.T * N.T * A.T),
    Case(19, Trace(F * X.T * C * X * F.T), X, (C + C.T) * X * F.T * F),
    Case(21, Trace(K * X * E * X.T * H), X, K.T * H.T * X * E.T + H * K * X * E),
    Case(
        23,
        Trace(F * X.T * C * X * X.T * C * X * F.T),
        X,
        C * X * X.T * C * X * F.T * F
        + C.T * X * F.T * F * X.T * C.T * X
        + C * X * F.T * F * X.T * C * X
        + C.T * X * X.T * C.T * X * F.T * F,
    ),
    Case(25, Trace(Trace(Trace(A) * A) * A), A, 3 * Trace(A) ** 2 * Identity(n)),
    Case(27, a.T * S.I * b, S, -S.I.T * a * b.T * S.I.T),
    Case(29, Trace((S + A).I), S, -(((S + A).I.T) ** 2)),
    Case(31, Determinant(A * S * B), S, MatMul(Determinant(A * S * B), S.I.T)),
    Case(33, log(Determinant(S)), S, S.I.T),
    Case(35, 1 / Determinant(S), S, -S.I.T / Determinant(S)),
    Case(  # with symmetric B and C
        37,
        Trace(inverse * X.T * symmetric * X),
        X,
        -2 * other * X * inverse * X.T * symmetric * X * inverse + 2 * symmetric * X * inverse,
    ),
    Case(
        39,
        h.T * (K * X * E).applyfunc(sin) * r,
        X,
        K.T * DiagMatrix(h) * (K * X * E).applyfunc(sympy.cos) * DiagMatrix(r) * E.T,
    ),
    Case(
        41,
        a.T * HadamardProduct(L, X, M) * r,
        X,
        HadamardProduct(a * r.T, L, M),
    ),
    Case(43, a.T * (X * r).applyfunc(exp), r, X.T * HadamardProduct(a, (X * r).applyfunc(exp))),
    Case(
        45,
        u.T * (HadamardProduct(e, G * e - B * f) + HadamardProduct(f, B * e + G * f) - p),
        e,
        (DiagMatrix(G * e - B * f) + DiagMatrix(e) * G + DiagMatrix(f) * B).T * u,
    ),
    Case(47, inner(DY, X * W.T + ones(n) * beta.T), beta, DY.T * ones(n)),
    Case(49, inner(DY, sigmoid), W, HadamardProduct(DY, sigmoid, OneMatrix(n, q) - sigmoid).T * X),
    Case(
        51,
        inner(DY, softmax(Z)),
        Z,
        HadamardProduct(softmax(Z), DY - DiagonalOf(DY * softmax(Z).T) * ones(q).T),
    ),
    Case(53, v.T * column_softmax, z, (DiagMatrix(column_softmax) - column_softmax * column_softmax.T) * v),
    Case(55, -inner(T, Y.applyfunc(log)), Y, -HadamardProduct(T, reciprocal(Y))),
    Case(57, -inner(targets, softmax(Y).applyfunc(log)), Y, softmax(Y) - targets),  # rows of the targets sum to 1
    Case(
        59,
        -ones(n).T * (HadamardProduct(Y, T) * ones(q)).applyfunc(log),
        Y,
        -HadamardProduct(reciprocal(HadamardProduct(Y, T) * ones(q)) * ones(q).T, T),
    ),
    Case(61, inner(DY, Z * DiagMatrix(gamma) + ones(n) * beta.T), gamma, HadamardProduct(DY, Z).T * ones(n)),
    Case(63, w.T * gelu, x, HadamardProduct(w, slope)),
    Case(65, inner(X * V - Y, X * V - Y), V, 2 * X.T * (X * V - Y)),
    Case(67, inner(DY, srelu), tl, inner(DY, below) * (1 - al)),
    Case(
        69,
        ones(n).T * margin.applyfunc(lambda t: log(exp(t) + 1)),
        r,
        -X.T * HadamardProduct(y, margin.applyfunc(lambda t: exp(t) / (1 + exp(t)))),
    ),
    Case(71, Trace(F * X.T * B * X * J), X, B * X * J * F + B.T * X * F.T * J.T),
)

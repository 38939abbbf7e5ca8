"""Traces and determinants, in matrix notation."""

from __future__ import annotations

from sympy import Determinant, Trace, log

from symgrad.language.matrix_model import MatrixModel
from symgrad.language.surface import axes

from .table import hand_matrix

p, r, q, s, u = axes("p:P r:R q:Q s:S u:S")


@hand_matrix({"cookbook-tr-AXB": "X"}, P=4, R=4, Q=4)
def trace_of_product(model: MatrixModel) -> None:
    X = model.parameters(X=(r, q))
    A, B = model.inputs(A=(p, r), B=(q, p))
    model.minimize("L", Trace(A * X * B))


@hand_matrix({"cookbook-logdet": "X"}, S=4)
def log_determinant(model: MatrixModel) -> None:
    X = model.parameters(X=(s, u))
    model.minimize("L", log(Determinant(X)))


@hand_matrix({"cookbook-sum-of-traces": "A"}, P=4, R=4, Q=4, S=4)
def sum_of_traces(model: MatrixModel) -> None:
    A, B = model.parameters(A=(p, r), B=(q, s))
    model.minimize("L", Trace(A.T * A) + Trace(B.T * B))

"""A loss of cosine similarity between projected pairs."""

from symgrad import Model, axes, mean, total
from sympy import sqrt

model = Model("cosine")
n, d, k = axes("n:N d:D k:K")
P = model.parameters(P=(d, k))
A, B = model.inputs(A=(n, d), B=(n, k))
u = model.define("u", (n, k), total(A[n, d] * P[d, k], d))
nu = model.define("nu", (n,), sqrt(total(u[n, k] ** 2, k)))
nb = model.define("nb", (n,), sqrt(total(B[n, k] ** 2, k)))
c = model.define("c", (n,), total(u[n, k] * B[n, k], k) / (nu[n] * nb[n]))
model.minimize("L", mean(1 - c[n], n))

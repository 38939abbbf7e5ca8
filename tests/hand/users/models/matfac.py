"""Matrix factorization with a mask of observed ratings: J = 1/2 sum mask (R - P Q^T)^2 + lam/2 (|P|^2 + |Q|^2)."""

from symgrad import Model, axes, total

model = Model("matfac")
u, i, k = axes("u:U i:I k:K")
P, Q = model.parameters(P=(u, k), Q=(i, k))
R, mask, lam = model.inputs(R=(u, i), mask=(u, i), lam=())
err = model.define("err", (u, i), total(P[u, k] * Q[i, k], k) - R[u, i])
model.minimize(
    "J",
    (total(mask[u, i] * err[u, i] ** 2, u, i) + lam * total(P[u, k] ** 2, u, k) + lam * total(Q[i, k] ** 2, i, k)) / 2,
)

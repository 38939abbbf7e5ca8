"""A residual block r = x + relu(x A^T) B^T with square weights, mean squared error over all entries."""

from sympy import Max

from symgrad import Model, axes, mean, total

model = Model("residual")
n, i, j, k = axes("n:N i:D j:D k:D")
A, G = model.parameters(A=(i, j), G=(i, j))
X, Y, V = model.inputs(X=(n, i), Y=(n, i), V=(i, j))
x0 = model.define("x0", (n, i), total(V[i, j] * X[n, j], j))
z = model.define("z", (n, i), total(A[i, j] * x0[n, j], j))
a = model.define("a", (n, i), Max(z[n, i], 0))
r = model.define("r", (n, i), x0[n, i] + total(G[i, j] * a[n, j], j))
model.minimize("L", mean((r[n, i] - Y[n, i]) ** 2, n, i))

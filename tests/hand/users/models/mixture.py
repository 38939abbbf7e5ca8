"""The negative log-likelihood of a mixture of Gaussians of unit variance with free weights."""

from symgrad import Model, axes, softmax, total
from sympy import exp, log

model = Model("mixture")
n, k, d = axes("n:N k:K d:D")
a, M = model.parameters(a=(k,), M=(k, d))
X = model.inputs(X=(n, d))
w = model.define("w", (k,), softmax(a[k], k))
q = model.define("q", (n, k), w[k] * exp(-total((X[n, d] - M[k, d]) ** 2, d) / 2))
like = model.define("like", (n,), total(q[n, k], k))
model.minimize("nll", -total(log(like[n]), n))

"""Logistic regression with the feature map (x, x^2), cross-entropy."""

from sympy import log

from symgrad import Model, axes, mean, sigmoid, total

model = Model("logreg_map")
n, d = axes("n:N d:D")
w, v, b = model.parameters(w=(d,), v=(d,), b=())
X, y = model.inputs(X=(n, d), y=(n,))
z = model.define("z", (n,), total(w[d] * X[n, d] + v[d] * X[n, d] ** 2, d) + b)
p = model.define("p", (n,), sigmoid(z[n]))
model.minimize("L", mean(-y[n] * log(p[n]) - (1 - y[n]) * log(1 - p[n]), n))

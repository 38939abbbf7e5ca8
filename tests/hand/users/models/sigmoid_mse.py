"""Two layers, sigmoid, mean squared error E = 1/(2N) sum (out - T)^2."""

from symgrad import Model, axes, mean, sigmoid, total

model = Model("sigmoid_mse")
n, d, h, k = axes("n:N d:D h:H k:K")
W1, b1, W2, b2 = model.parameters(W1=(d, h), b1=(h,), W2=(h, k), b2=(k,))
X, T = model.inputs(X=(n, d), T=(n, k))
z = model.define("z", (n, h), total(X[n, d] * W1[d, h], d) + b1[h])
a = model.define("a", (n, h), sigmoid(z[n, h]))
out = model.define("out", (n, k), total(a[n, h] * W2[h, k], h) + b2[k])
model.minimize("E", mean(total((out[n, k] - T[n, k]) ** 2, k), n) / 2)

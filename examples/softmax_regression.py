"""Softmax regression: P = softmax(X W + c), L = -mean log P[y];  its gradient is dW = X^T (P - Y)/B.

Multinomial logistic regression (Bishop 2006, section 4.3.4).  The data are K Gaussian classes in D dimensions.
"""

import numpy as np
from sympy import log

from symgrad import Model, axes, mean, softmax, total, zeros
from symgrad.training import Arrays, Training

model = Model("softmax_regression")
b, d, k = axes("b:B d:D k:K")  # batch, features, classes
W, c = model.parameters(W=zeros((d, k)), c=zeros(k))
X = model.inputs(X=(b, d))
y = model.tokens(y=(b,), vocabulary=k)

o = model.define("o", (b, k), c[k] + total(X[b, d] * W[d, k], d))
p = model.define("p", (b, k), softmax(o[b, k], k))
model.minimize("L", mean(-log(p[b, y[b]]), b))


def gaussian_classes(rows: int = 1000, features: int = 4, classes: int = 3) -> dict[str, dict[str, np.ndarray]]:
    """`rows` points a part, each drawn with unit variance around the mean of its class."""
    rng = np.random.default_rng(0)
    means = rng.normal(scale=1.5, size=(classes, features))
    parts = {}
    for part in ("train", "valid", "test"):
        labels = rng.integers(classes, size=rows)
        parts[part] = {"X": means[labels] + rng.normal(size=(rows, features)), "y": labels}
    return parts


training = Training(Arrays(gaussian_classes), sizes={"K": 3}, rate=0.5, batch=50, epochs=10)

"""The concatenation language model: predict a word from the N words before it (Bengio et al. 2003, without biases).

h = tanh(W1 [c_1; ...; c_N]),  p = softmax(W2 h),  where c_t = C[x_t] is the embedding of the t-th word.
"""

from sympy import log, tanh

from symgrad import Model, axes, mean, normal, softmax, total
from symgrad.training import Text, Training, python_topics

model = Model("concat_lm")
b, t, d, i, v = axes("b:B t:N d:D i:H v:V")  # batch, context, embedding, hidden, vocabulary
C, W1, W2 = model.parameters(C=normal((v, d), 0.5), W1=normal((i, t, d), 0.1), W2=normal((v, i), 0.02))
x, y = model.tokens(x=(b, t), y=(b,), vocabulary=v)

a = model.define("a", (b, i), total(W1[i, t, d] * C[x[b, t], d], t, d))  # concatenation = summing over t and d
h = model.define("h", (b, i), tanh(a[b, i]))
o = model.define("o", (b, v), total(W2[v, i] * h[b, i], i))
p = model.define("p", (b, v), softmax(o[b, v], v))
model.minimize("L", mean(-log(p[b, y[b]]), b))

training = Training(
    Text(python_topics, minimum_count=2),
    sizes={"N": 4, "D": 30, "H": 50},
    rate=0.5,
    batch=64,
    epochs=10,
)

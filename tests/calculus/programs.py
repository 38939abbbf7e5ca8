"""Small programs whose gradients are checked: data for the tests of this directory, one idea a program.

`u` is always an input that serves as a random cotangent: a loss of all ones cancels through a softmax or a norm.
"""

from __future__ import annotations

from collections.abc import Callable

from sympy import (
    Abs,
    KroneckerDelta,
    Max,
    Min,
    Piecewise,
    Rational,
    atan,
    cos,
    cosh,
    erf,
    exp,
    log,
    sin,
    sinh,
    sqrt,
    tan,
    tanh,
)
from sympy import acos as arccos
from sympy import asin as arcsin

from symgrad.language.model import Model
from symgrad.language.program import Program
from symgrad.language.surface import (
    argmaximum,
    axes,
    concatenated,
    log_softmax,
    maximum,
    mean,
    merged,
    relu,
    sigmoid,
    softmax,
    split,
    stop_gradient,
    total,
)

PROGRAMS: dict[str, Callable[[], Program]] = {}
b, t, s, d, e, i, j, v, w = axes("b:B t:N s:N d:D e:D i:H j:H v:V w:V")


def program(declare: Callable[[Model], None]) -> Callable[[Model], None]:
    """Enter a declaration into the table under its name."""

    def declared() -> Program:
        model = Model(declare.__name__)
        declare(model)
        return model.program

    PROGRAMS[declare.__name__] = declared
    return declare


# -- elementary functions of an array, and of scalars ------------------------------------------------------------------


def elementwise(name: str, function: Callable) -> None:
    def declare(model: Model) -> None:
        x, u = model.parameters(x=(i,)), model.inputs(u=(i,))
        y = model.define("y", (i,), function(x[i]))
        model.minimize("L", total(u[i] * y[i], i))

    declare.__name__ = name
    program(declare)


for name, function in {
    "exp_of_sin": lambda x: exp(sin(x)),
    "cos_times_x": lambda x: x * cos(x),
    "tan_": tan,
    "log_": log,
    "square_root": sqrt,
    "cube": lambda x: x**3,
    "inverse_square": lambda x: x**-2,
    "x_to_2_5": lambda x: x ** Rational(5, 2),
    "x_to_x": lambda x: x**x,
    "two_to_x": lambda x: 2**x,
    "fraction": lambda x: (1 + x) / (2 + x**2),
    "tanh_of_tanh": lambda x: tanh(tanh(x)),
    "sinh_cosh": lambda x: sinh(x) * cosh(x),
    "arcs": lambda x: arcsin(x) + 2 * arccos(x) + atan(x),
    "error_function": erf,
    "gelu": lambda x: x * (1 + erf(x / sqrt(2))) / 2,
    "softplus": lambda x: log(1 + exp(x)),
    "sigmoid_": sigmoid,
    "log_sigmoid": lambda x: log(sigmoid(x)),
    "absolute": Abs,
    "relu_": relu,
    "clipped": lambda x: Min(Max(x, -1), Rational(1, 2)),
    "leaky": lambda x: Piecewise((x, x > 0), (x / 10, True)),
    "three_pieces": lambda x: Piecewise((x**2, x < -Rational(1, 2)), (sin(x), x < 1), (exp(x), True)),
    "huber": lambda x: Piecewise((x**2 / 2, Abs(x) < 1), (Abs(x) - Rational(1, 2), True)),
    "safe_log": lambda x: Piecewise((log(x), x > 0), (-x, True)),
}.items():
    elementwise(name, function)


@program
def scalar_tanh(model: Model) -> None:
    w1, w2 = model.parameters(w1=(), w2=())
    x, y = model.inputs(x=(), y=())
    h = model.define("h", (), tanh(w1 * x))
    o = model.define("o", (), tanh(w2 * h))
    model.minimize("L", (y - o) ** 2 / 2)


@program
def scalar_shared(model: Model) -> None:
    p, q = model.parameters(p=(), q=())
    r = model.define("r", (), p * q + sin(p))
    model.minimize("L", r**2 * p / (1 + q**2))


@program
def symbolic_exponent(model: Model) -> None:
    x, p = model.parameters(x=(i,), p=())
    u = model.inputs(u=(i,))
    model.minimize("L", total(u[i] * (1 + x[i] ** 2) ** p, i))


# -- products and sums -------------------------------------------------------------------------------------------------


@program
def matrix_product(model: Model) -> None:
    A, M = model.parameters(A=(b, d), M=(d, i))
    u = model.inputs(u=(b, i))
    y = model.define("y", (b, i), total(A[b, d] * M[d, i], d))
    model.minimize("L", total(u[b, i] * tanh(y[b, i]), b, i))


@program
def transposes(model: Model) -> None:
    A, M = model.parameters(A=(d, b), M=(i, d))
    u = model.inputs(u=(i, b))
    y = model.define("y", (i, b), total(A[d, b] * M[i, d], d))
    model.minimize("L", total(u[i, b] * y[i, b] ** 2, i, b))


@program
def two_layers(model: Model) -> None:
    W1, W2 = model.parameters(W1=(i, d), W2=(v, i))
    x, u = model.inputs(x=(b, d), u=(b, v))
    h = model.define("h", (b, i), tanh(total(W1[i, d] * x[b, d], d)))
    model.minimize("L", total(u[b, v] * tanh(total(W2[v, i] * h[b, i], i)), b, v))


@program
def quadratic_form(model: Model) -> None:
    A, x = model.parameters(A=(i, j), x=(i,))
    model.minimize("L", total(x[i] * A[i, j] * x[j], i, j))


@program
def trace_of_squares(model: Model) -> None:
    A, M = model.parameters(A=(d, i), M=(b, i))
    model.minimize("L", total(A[d, i] * A[d, i], d, i) + total(M[b, i] * M[b, i], b, i))


@program
def log_of_dot(model: Model) -> None:
    x = model.parameters(x=(i,))
    model.minimize("L", log(total(x[i] * x[i], i)))


@program
def three_times(model: Model) -> None:
    A = model.parameters(A=(i, j))
    x, u = model.inputs(x=(b, i), u=(b, i))
    h = model.define("h", (b, i), tanh(total(A[i, j] * x[b, j], j)))
    g = model.define("g", (b, i), tanh(total(A[j, i] * h[b, j], j)))
    model.minimize("L", total(u[b, i] * g[b, i] * total(A[i, j] * x[b, j], j), b, i))


@program
def reused_letters(model: Model) -> None:
    x = model.parameters(x=(i,))
    product = total(x[i] * total(x[j] ** 2, j), i) * total(exp(x[i]), i)
    model.minimize("L", product + total(total(x[i] * exp(x[j]), i), j))


@program
def sums_beside_each_other(model: Model) -> None:
    A = model.parameters(A=(i, j))
    d = axes("d:H")
    y = model.define("y", (d,), mean(A[i, j], i, j) * mean(A[j, i] * exp(A[i, j]), i, j) * mean(A[i, i], i))
    z = model.define("z", (i,), y[0] * tanh(mean(A[i, j] * mean(A[j, d] * A[d, i], d), j)))
    model.minimize("L", total(z[i] * sin(z[i]), i) * mean(exp(z[j]), j))


@program
def diagonal(model: Model) -> None:
    A = model.parameters(A=(i, j))
    u = model.inputs(u=(i,))
    model.minimize("L", total(u[i] * A[i, i] ** 2, i) + total(A[i, j] * A[j, i], i, j) ** 2)


@program
def outer_product(model: Model) -> None:
    x, y = model.parameters(x=(i,), y=(d,))
    u = model.inputs(u=(i, d))
    z = model.define("z", (i, d), x[i] * y[d] + x[i] / (1 + y[d] ** 2))
    model.minimize("L", total(u[i, d] * z[i, d] ** 2, i, d))


@program
def broadcast(model: Model) -> None:
    A, c = model.parameters(A=(b, i), c=(i,))
    u = model.inputs(u=(b, i))
    y = model.define("y", (b, i), A[b, i] + c[i])
    model.minimize("L", mean(u[b, i] * y[b, i] ** 3, b, i))


@program
def sum_of_a_constant(model: Model) -> None:
    c = model.parameters(c=())
    model.minimize("L", total(c**2, b, i) + mean(sin(c), v))


@program
def mean_squared_error(model: Model) -> None:
    W = model.parameters(W=(i, d))
    x, y = model.inputs(x=(b, d), y=(b, i))
    o = model.define("o", (b, i), total(W[i, d] * x[b, d], d))
    model.minimize("L", mean((y[b, i] - o[b, i]) ** 2, b, i))


@program
def means_over_two_axes(model: Model) -> None:
    A = model.parameters(A=(b, i, d))
    u = model.inputs(u=(i,))
    m = model.define("m", (i,), mean(A[b, i, d] ** 2, b, d))
    model.minimize("L", total(u[i] * sqrt(m[i]), i))


@program
def variance(model: Model) -> None:
    x = model.parameters(x=(b, i))
    u = model.inputs(u=(i,))
    m = model.define("m", (i,), mean(x[b, i], b))
    model.minimize("L", total(u[i] * mean((x[b, i] - m[i]) ** 2, b), i))


@program
def unused_definition(model: Model) -> None:
    x = model.parameters(x=(i,))
    y = model.define("y", (i,), exp(x[i]))
    model.define("z", (i,), y[i] ** 2)
    model.minimize("L", total(x[i] * y[i], i))


# -- softmax and what is made of it ------------------------------------------------------------------------------------


@program
def softmax_alone(model: Model) -> None:
    o = model.parameters(o=(b, v))
    u = model.inputs(u=(b, v))
    p = model.define("p", (b, v), softmax(o[b, v], v))
    model.minimize("L", total(u[b, v] * p[b, v], b, v))


@program
def softmax_of_softmax(model: Model) -> None:
    o = model.parameters(o=(b, v))
    u = model.inputs(u=(b, v))
    p = model.define("p", (b, v), softmax(o[b, v], v))
    q = model.define("q", (b, v), softmax(3 * p[b, v], v))
    model.minimize("L", total(u[b, v] * q[b, v], b, v))


@program
def softmax_inside_softmax(model: Model) -> None:
    o = model.parameters(o=(b, v))
    u = model.inputs(u=(b, v))
    model.minimize("L", total(u[b, v] * softmax(softmax(o[b, v], v), v), b, v))


@program
def log_softmax_over_rows(model: Model) -> None:
    o = model.parameters(o=(b, v))
    u = model.inputs(u=(b, v))
    model.minimize("L", total(u[b, v] * log_softmax(o[b, v], b), b, v))


@program
def cross_entropy(model: Model) -> None:
    W = model.parameters(W=(v, d))
    x, y = model.inputs(x=(b, d)), model.tokens(y=(b,), vocabulary=v)
    o = model.define("o", (b, v), total(W[v, d] * x[b, d], d))
    p = model.define("p", (b, v), softmax(o[b, v], v))
    model.minimize("L", mean(-log(p[b, y[b]]), b))


@program
def cross_entropy_by_log_softmax(model: Model) -> None:
    W = model.parameters(W=(v, d))
    x, y = model.inputs(x=(b, d)), model.tokens(y=(b,), vocabulary=v)
    o = model.define("o", (b, v), total(W[v, d] * x[b, d], d))
    model.minimize("L", -mean(total(KroneckerDelta(v, y[b]) * log_softmax(o[b, v], v), v), b))


@program
def soft_targets(model: Model) -> None:
    o = model.parameters(o=(b, v))
    q = model.inputs(q=(b, v))
    p = model.define("p", (b, v), softmax(o[b, v], v))
    model.minimize("L", -mean(total(q[b, v] * log(p[b, v]), v), b))


@program
def temperature(model: Model) -> None:
    o, T = model.parameters(o=(b, v), T=())
    y = model.tokens(y=(b,), vocabulary=v)
    p = model.define("p", (b, v), softmax(o[b, v] / T, v))
    model.minimize("L", mean(-log(p[b, y[b]]), b))


@program
def sum_of_squared_probabilities(model: Model) -> None:
    o = model.parameters(o=(b, v))
    p = model.define("p", (b, v), softmax(o[b, v], v))
    model.minimize("L", mean(total(p[b, v] ** 2, v), b))


@program
def sigmoid_normalizer(model: Model) -> None:
    o = model.parameters(o=(b, v))
    y = model.tokens(y=(b,), vocabulary=v)
    g = model.define("g", (b, v), sigmoid(o[b, v]))
    q = model.define("q", (b, v), g[b, v] / total(g[b, w], w))
    model.minimize("L", mean(-log(q[b, y[b]]), b))


@program
def entropy(model: Model) -> None:
    o = model.parameters(o=(b, v))
    p = model.define("p", (b, v), softmax(o[b, v], v))
    model.minimize("L", -total(p[b, v] * log(p[b, v]), b, v))


@program
def attention(model: Model) -> None:
    Q, K, E = model.parameters(Q=(t, d), K=(s, d), E=(s, i))
    u = model.inputs(u=(t, i))
    A = model.define("A", (t, s), softmax(total(Q[t, d] * K[s, d], d) / sqrt(3), s))
    model.minimize("L", total(u[t, i] * total(A[t, s] * E[s, i], s), t, i))


@program
def masked_attention(model: Model) -> None:
    o, E = model.parameters(o=(t, s), E=(s, i))
    u = model.inputs(u=(t, i))
    f = model.define("f", (t, s), Piecewise((exp(o[t, s]), s <= t), (0, True)))
    A = model.define("A", (t, s), f[t, s] / total(f[t, axes("r:N")], axes("r:N")))
    model.minimize("L", total(u[t, i] * total(A[t, s] * E[s, i], s), t, i))


# -- norms and maxima --------------------------------------------------------------------------------------------------


@program
def layer_norm(model: Model) -> None:
    x, g, c = model.parameters(x=(b, i), g=(i,), c=(i,))
    u = model.inputs(u=(b, i))
    m = model.define("m", (b,), mean(x[b, i], i))
    var = model.define("var", (b,), mean((x[b, i] - m[b]) ** 2, i))
    y = model.define("y", (b, i), g[i] * (x[b, i] - m[b]) / sqrt(var[b] + Rational(1, 100)) + c[i])
    model.minimize("L", total(u[b, i] * y[b, i], b, i))


@program
def root_mean_square_norm(model: Model) -> None:
    x = model.parameters(x=(b, i))
    u = model.inputs(u=(b, i))
    model.minimize("L", total(u[b, i] * x[b, i] / sqrt(mean(x[b, j] ** 2, j)), b, i))


@program
def maximum_over_an_axis(model: Model) -> None:
    x = model.parameters(x=(b, i))
    u = model.inputs(u=(b,))
    m = model.define("m", (b,), maximum(x[b, i] ** 2, i))
    model.minimize("L", total(u[b] * m[b], b))


@program
def maximum_of_a_product(model: Model) -> None:
    x, y = model.parameters(x=(b, i), y=(i, d))
    u = model.inputs(u=(b, d))
    model.minimize("L", total(u[b, d] * sin(maximum(x[b, i] * y[i, d], i)), b, d))


@program
def stable_softmax(model: Model) -> None:
    o = model.parameters(o=(b, v))
    u = model.inputs(u=(b, v))
    m = model.define("m", (b,), maximum(o[b, v], v))
    f = model.define("f", (b, v), exp(o[b, v] - m[b]))
    model.minimize("L", total(u[b, v] * f[b, v] / total(f[b, w], w), b, v))


@program
def value_at_the_argmax(model: Model) -> None:
    x, y = model.parameters(x=(b, i), y=(b, i))
    u = model.inputs(u=(b,))
    model.minimize("L", total(u[b] * x[b, argmaximum(x[b, i], i)] * y[b, argmaximum(x[b, i], i)], b))


@program
def distances(model: Model) -> None:
    x = model.parameters(x=(i,))
    u = model.inputs(u=(i, j))
    model.minimize("L", total(u[i, j] * Abs(x[i] - x[j]), i, j))


# -- gathers -----------------------------------------------------------------------------------------------------------


@program
def embedding(model: Model) -> None:
    C = model.parameters(C=(v, d))
    x, u = model.tokens(x=(b, t), vocabulary=v), model.inputs(u=(b, t, d))
    model.minimize("L", total(u[b, t, d] * sin(C[x[b, t], d]), b, t, d))


@program
def gather_chain(model: Model) -> None:
    C, A = model.parameters(C=(v, d), A=(b, i))
    y, x = model.tokens(y=(v,), vocabulary=v), model.tokens(x=(b,), vocabulary=v)
    u = model.inputs(u=(b, d))
    z = model.define("z", (b, d), C[y[y[x[b]]], d] * total(A[b, i], i))
    model.minimize("L", total(u[b, d] * z[b, d] ** 2, b, d))


@program
def gather_both_axes(model: Model) -> None:
    T = model.parameters(T=(v, w))
    x = model.tokens(x=(b, t), vocabulary=v)
    u = model.inputs(u=(b, t, s))
    model.minimize("L", total(u[b, t, s] * T[x[b, t], x[b, s]] ** 2, b, t, s))


@program
def bigram(model: Model) -> None:
    T = model.parameters(T=(v, w))
    x, y = model.tokens(x=(b,), y=(b,), vocabulary=v)
    o = model.define("o", (b, v), T[x[b], v])
    p = model.define("p", (b, v), softmax(o[b, v], v))
    model.minimize("L", mean(-log(p[b, y[b]]), b))


@program
def tied_embeddings(model: Model) -> None:
    C, M = model.parameters(C=(v, d), M=(d, e))
    x, y = model.tokens(x=(b, t), y=(b,), vocabulary=v)
    h = model.define("h", (b, d), tanh(total(M[d, e] * C[x[b, t], e], t, e)))
    o = model.define("o", (b, v), total(C[v, d] * h[b, d], d))
    p = model.define("p", (b, v), softmax(o[b, v], v))
    model.minimize("L", mean(-log(p[b, y[b]]), b))


@program
def concatenation_lm(model: Model) -> None:
    C, W1, W2 = model.parameters(C=(v, d), W1=(i, t, d), W2=(v, i))
    x, y = model.tokens(x=(b, t), y=(b,), vocabulary=v)
    a = model.define("a", (b, i), total(W1[i, t, d] * C[x[b, t], d], t, d))
    h = model.define("h", (b, i), tanh(a[b, i]))
    o = model.define("o", (b, v), total(W2[v, i] * h[b, i], i))
    p = model.define("p", (b, v), softmax(o[b, v], v))
    model.minimize("L", mean(-log(p[b, y[b]]), b))


@program
def one_hot_products(model: Model) -> None:
    A = model.parameters(A=(v, d))
    x, u = model.tokens(x=(b,), vocabulary=v), model.inputs(u=(b, d))
    z = model.define("z", (b, d), total(KroneckerDelta(v, x[b]) * A[v, d], v))
    model.minimize("L", total(u[b, d] * exp(z[b, d]), b, d))


@program
def bag_of_words(model: Model) -> None:
    A = model.parameters(A=(v, d))
    x, u = model.tokens(x=(b, t), vocabulary=v), model.inputs(u=(b, d))
    counts = model.define("counts", (b, v), total(KroneckerDelta(v, x[b, t]), t))
    model.minimize("L", total(u[b, d] * tanh(total(counts[b, v] * A[v, d], v)), b, d))


# -- merged, split, shifted and joined axes ----------------------------------------------------------------------------


@program
def merged_axes(model: Model) -> None:
    k = axes("k:N*D")
    A, W = model.parameters(A=(b, t, d), W=(i, k))
    u = model.inputs(u=(b, i))
    y = model.define("y", (b, i), total(W[i, merged(t, d)] * A[b, t, d], t, d))
    model.minimize("L", total(u[b, i] * tanh(y[b, i]), b, i))


@program
def split_axis(model: Model) -> None:
    k = axes("k:N*D")
    A, W = model.parameters(A=(b, t, d), W=(i, k))
    u = model.inputs(u=(b, i))
    z = model.define("z", (b, k), A[(b, *split(k, t, d))])
    model.minimize("L", total(u[b, i] * tanh(total(W[i, k] * z[b, k], k)), b, i))


@program
def reshaped_there_and_back(model: Model) -> None:
    k = axes("k:N*D")
    A = model.parameters(A=(t, d))
    u = model.inputs(u=(d, t))
    z = model.define("z", (k,), A[split(k, t, d)] ** 2)
    y = model.define("y", (t, d), z[merged(t, d)])
    model.minimize("L", total(u[d, t] * y[t, d], t, d))


@program
def three_axes_merged(model: Model) -> None:
    k = axes("k:N*D*H")
    A = model.parameters(A=(t, d, i))
    u = model.inputs(u=(k,))
    z = model.define("z", (k,), A[split(k, t, d, i)])
    model.minimize("L", total(u[k] * sin(z[k]), k))


@program
def sum_over_a_merged_row(model: Model) -> None:
    k = axes("k:N*D")
    A = model.parameters(A=(k,))
    u = model.inputs(u=(t,))
    r = model.define("r", (t,), total(A[merged(t, d)] ** 2, d))
    model.minimize("L", total(u[t] * r[t], t))


@program
def concatenation(model: Model) -> None:
    k = axes("k:D+H")
    x, y, W = model.parameters(x=(b, d), y=(b, i), W=(v, k))
    u = model.inputs(u=(b, v))
    z = model.define("z", (b, k), concatenated(k, (lambda n: x[b, n], d), (lambda n: sin(y[b, n]), i)))
    model.minimize("L", total(u[b, v] * tanh(total(W[v, k] * z[b, k], k)), b, v))


@program
def three_pieces_joined(model: Model) -> None:
    k = axes("k:D+H+N")
    x, y, z = model.parameters(x=(d,), y=(i,), z=(t,))
    u = model.inputs(u=(k,))
    c = model.define("c", (k,), concatenated(k, (lambda n: x[n], d), (lambda n: y[n], i), (lambda n: z[n], t)))
    model.minimize("L", total(u[k] * c[k] ** 2, k))


@program
def slices(model: Model) -> None:
    k = axes("k:D+H")
    z = model.parameters(z=(b, k))
    u = model.inputs(u=(b, i))
    y = model.define("y", (b, i), z[b, i + d.upper + 1])
    model.minimize("L", total(u[b, i] * exp(y[b, i]), b, i) + total(z[b, d] ** 2, b, d))


@program
def gates(model: Model) -> None:
    k = axes("k:2*H")
    z = model.parameters(z=(b, k))
    u = model.inputs(u=(b, i))
    y = model.define("y", (b, i), sigmoid(z[b, i]) * tanh(z[b, i + i.upper + 1]))
    model.minimize("L", total(u[b, i] * y[b, i], b, i))


@program
def shifted(model: Model) -> None:
    x = model.parameters(x=(b, t))
    u = model.inputs(u=(b, t))
    y = model.define("y", (b, t), x[b, t] * Piecewise((x[b, t - 1], t >= 1), (1, True)))
    model.minimize("L", total(u[b, t] * y[b, t], b, t))


@program
def convolution(model: Model) -> None:
    k = axes("k:D+N")  # one longer than a full row, so that every window fits
    x, f = model.parameters(x=(b, k), f=(d,))
    u = model.inputs(u=(b, t))
    y = model.define("y", (b, t), total(f[d] * x[b, t + d], d))
    model.minimize("L", total(u[b, t] * tanh(y[b, t]), b, t))


@program
def padded_convolution(model: Model) -> None:
    x, f = model.parameters(x=(t,), f=(d,))
    u = model.inputs(u=(t,))
    y = model.define("y", (t,), total(f[d] * Piecewise((x[t - d], t >= d), (0, True)), d))
    model.minimize("L", total(u[t] * y[t] ** 2, t))


@program
def reversed_axis(model: Model) -> None:
    x = model.parameters(x=(t,))
    u = model.inputs(u=(t,))
    y = model.define("y", (t,), x[t.upper - t] * x[t])
    model.minimize("L", total(u[t] * sin(y[t]), t))


@program
def cumulative_sum(model: Model) -> None:
    x = model.parameters(x=(t,))
    u = model.inputs(u=(t,))
    y = model.define("y", (t,), total(Piecewise((x[s], s <= t), (0, True)), s))
    model.minimize("L", total(u[t] * exp(y[t] / 5), t))


@program
def first_row(model: Model) -> None:
    A = model.parameters(A=(t, d))
    u = model.inputs(u=(d,))
    model.minimize("L", total(u[d] * A[0, d] ** 2, d) + A[0, 0] * total(A[t, d], t, d))


# -- conditions and stopped gradients ----------------------------------------------------------------------------------


@program
def stopped_part(model: Model) -> None:
    x, y = model.parameters(x=(i,), y=(i,))
    model.minimize("L", total(x[i] * stop_gradient(x[i] ** 2 * y[i]) + y[i] ** 2, i))


@program
def stopped_maximum(model: Model) -> None:
    o = model.parameters(o=(b, v))
    y = model.tokens(y=(b,), vocabulary=v)
    m = model.define("m", (b,), stop_gradient(maximum(o[b, v], v)))
    model.minimize("L", mean(m[b] + log(total(exp(o[b, v] - m[b]), v)) - o[b, y[b]], b))


@program
def piecewise_by_another_tensor(model: Model) -> None:
    x, y = model.parameters(x=(i,), y=(i,))
    c = model.inputs(c=(i,))
    model.minimize("L", total(Piecewise((x[i] * y[i], c[i] > 0), (exp(y[i]), True)), i))


@program
def masked_by_tokens(model: Model) -> None:
    x = model.parameters(x=(b, i))
    y = model.tokens(y=(b,), vocabulary=v)
    u = model.inputs(u=(b, i))
    model.minimize("L", total(Piecewise((u[b, i] * sin(x[b, i]), y[b] > 0), (0, True)), b, i) + total(x[b, i], b, i))


@program
def condition_inside_a_sum(model: Model) -> None:
    A, x = model.parameters(A=(i, j), x=(i,))
    u = model.inputs(u=(i,))
    y = model.define("y", (i,), total(Piecewise((A[i, j] * x[j], i < j), (A[j, i] ** 2, True)), j))
    model.minimize("L", total(u[i] * y[i], i))

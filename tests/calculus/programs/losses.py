"""Losses of classifiers, regressions and densities."""

from __future__ import annotations

from sympy import Abs, Eq, KroneckerDelta, Max, Piecewise, Rational, exp, log, pi, sqrt

from symgrad.language.model import Model
from symgrad.language.surface import axes, log_softmax, mean, relu, sigmoid, size, softmax, total

from .table import b, d, e, i, program, v

c = axes("c:B")


@program
def logistic_regression(model: Model) -> None:
    """Bernoulli: -log p(y), y in {0, 1}, p = sigmoid(X w)."""
    wt, c = model.parameters(wt=(d,), c=())
    X, y = model.inputs(X=(b, d), y=(b,))
    p = model.define("p", (b,), sigmoid(total(X[b, d] * wt[d], d) + c))
    model.minimize("L", -mean(y[b] * log(p[b]) + (1 - y[b]) * log(1 - p[b]), b))


@program
def logistic_regression_by_softplus(model: Model) -> None:
    """The same from the score: log(1 + exp z) - y z."""
    wt, c = model.parameters(wt=(d,), c=())
    X, y = model.inputs(X=(b, d), y=(b,))
    z = model.define("z", (b,), total(X[b, d] * wt[d], d) + c)
    model.minimize("L", mean(log(1 + exp(z[b])) - y[b] * z[b], b))


@program
def poisson_regression(model: Model) -> None:
    """-log of y's probability under the mean exp(X w), without log y!."""
    wt, c = model.parameters(wt=(d,), c=())
    X, y = model.inputs(X=(b, d), y=(b,))
    z = model.define("z", (b,), total(X[b, d] * wt[d], d) + c)
    model.minimize("L", mean(exp(z[b]) - y[b] * z[b], b))


@program
def gaussian_likelihood(model: Model) -> None:
    """-log N(y; m, exp(s)), mean and log variance both learned."""
    A, C = model.parameters(A=(i, d), C=(i, d))
    x, y = model.inputs(x=(b, d), y=(b, i))
    m = model.define("m", (b, i), total(A[i, d] * x[b, d], d))
    s = model.define("s", (b, i), total(C[i, d] * x[b, d], d))
    model.minimize("L", mean((s[b, i] + (y[b, i] - m[b, i]) ** 2 * exp(-s[b, i]) + log(2 * pi)) / 2, b, i))


@program
def variance_learned(model: Model) -> None:
    """-log N(y; m, var) with one variance, itself the parameter."""
    m, r = model.parameters(m=(i,), r=())
    y = model.inputs(y=(b, i))
    var = model.define("var", (), r**2 + Rational(1, 10))
    model.minimize("L", mean(log(var) + (y[b, i] - m[i]) ** 2 / var, b, i) / 2)


@program
def variational_autoencoder(model: Model) -> None:
    """z = m + e*exp(s/2); squared error and KL(N(m, exp s) || N(0, 1)) (Kingma & Welling 2014)."""
    M, S, D_ = model.parameters(M=(i, d), S=(i, d), D_=(d, i))
    x, e = model.inputs(x=(b, d), e=(b, i))
    m = model.define("m", (b, i), total(M[i, d] * x[b, d], d))
    s = model.define("s", (b, i), total(S[i, d] * x[b, d], d))
    z = model.define("z", (b, i), m[b, i] + e[b, i] * exp(s[b, i] / 2))
    r = model.define("r", (b, d), total(D_[d, i] * z[b, i], i))
    kl = total(exp(s[b, i]) + m[b, i] ** 2 - 1 - s[b, i], i) / 2
    model.minimize("L", mean(total((x[b, d] - r[b, d]) ** 2, d) + kl, b))


@program
def gaussian_mixture(model: Model) -> None:
    """-mean log sum_i pi_i N(x; m_i, exp s_i), weights by a softmax."""
    a, m, s = model.parameters(a=(i,), m=(i, d), s=(i,))
    x = model.inputs(x=(b, d))
    quadratic = total((x[b, d] - m[i, d]) ** 2, d) * exp(-s[i])
    l = model.define("l", (b, i), log_softmax(a[i], i) - (quadratic + size(d) * (s[i] + log(2 * pi))) / 2)  # noqa: E741
    model.minimize("L", -mean(log(total(exp(l[b, i]), i)), b))


@program
def binary_hinge(model: Model) -> None:
    wt, c = model.parameters(wt=(d,), c=())
    X, y = model.inputs(X=(b, d), y=(b,))
    margin = y[b] * (total(X[b, d] * wt[d], d) + c)
    model.minimize("L", mean(relu(1 - margin), b) + total(wt[d] ** 2, d) / 100)


@program
def squared_hinge(model: Model) -> None:
    wt = model.parameters(wt=(d,))
    X, y = model.inputs(X=(b, d), y=(b,))
    margin = y[b] * total(X[b, d] * wt[d], d)
    model.minimize("L", mean(relu(1 - margin) ** 2, b))


@program
def multiclass_hinge(model: Model) -> None:
    """Every wrong class within 1 of the right one's score costs (Weston & Watkins 1999)."""
    W = model.parameters(W=(v, d))
    x, y = model.inputs(x=(b, d)), model.tokens(y=(b,), vocabulary=v)
    o = model.define("o", (b, v), total(W[v, d] * x[b, d], d))
    margin = Piecewise((0, Eq(v, y[b])), (Max(0, 1 + o[b, v] - o[b, y[b]]), True))
    model.minimize("L", mean(total(margin, v), b))


@program
def smoothed_labels(model: Model) -> None:
    """Targets (1 - e) [v == y] + e/V (Szegedy et al. 2016)."""
    o, e = model.parameters(o=(b, v)), model.inputs(e=())
    y = model.tokens(y=(b,), vocabulary=v)
    q = model.define("q", (b, v), (1 - e) * KroneckerDelta(v, y[b]) + e / size(v))
    p = model.define("p", (b, v), softmax(o[b, v], v))
    model.minimize("L", -mean(total(q[b, v] * log(p[b, v]), v), b))


@program
def one_hot_targets(model: Model) -> None:
    """Targets as a one-hot tensor, defined from tokens."""
    o, y = model.parameters(o=(b, v)), model.tokens(y=(b,), vocabulary=v)
    Y = model.define("Y", (b, v), KroneckerDelta(v, y[b]))
    p = model.define("p", (b, v), softmax(o[b, v], v))
    model.minimize("L", -mean(total(Y[b, v] * log(p[b, v]), v), b))


@program
def distillation(model: Model) -> None:
    """T**2 KL(teacher || student), both softened by the temperature T (Hinton et al. 2015)."""
    o = model.parameters(o=(b, v))
    r, T = model.inputs(r=(b, v), T=())
    q = model.define("q", (b, v), softmax(r[b, v] / T, v))
    p = model.define("p", (b, v), softmax(o[b, v] / T, v))
    model.minimize("L", T**2 * mean(total(q[b, v] * (log(q[b, v]) - log(p[b, v])), v), b))


@program
def divergence_between_softmaxes(model: Model) -> None:
    """KL(q || p), both learned."""
    o, r = model.parameters(o=(b, v), r=(b, v))
    q = model.define("q", (b, v), softmax(r[b, v], v))
    p = model.define("p", (b, v), softmax(o[b, v], v))
    model.minimize("L", mean(total(q[b, v] * log(q[b, v] / p[b, v]), v), b))


@program
def focal_loss(model: Model) -> None:
    """-(1 - p_y)**2 log p_y (Lin et al. 2017)."""
    o = model.parameters(o=(b, v))
    y = model.tokens(y=(b,), vocabulary=v)
    p = model.define("p", (b, v), softmax(o[b, v], v))
    model.minimize("L", -mean((1 - p[b, y[b]]) ** 2 * log(p[b, y[b]]), b))


@program
def huber_regression(model: Model) -> None:
    wt = model.parameters(wt=(d,))
    X, y = model.inputs(X=(b, d), y=(b,))
    r = model.define("r", (b,), y[b] - total(X[b, d] * wt[d], d))
    model.minimize("L", mean(Piecewise((r[b] ** 2 / 2, Abs(r[b]) <= 1), (Abs(r[b]) - Rational(1, 2), True)), b))


@program
def cosine_similarity(model: Model) -> None:
    x, y = model.parameters(x=(b, d), y=(b, d))
    u = model.inputs(u=(b,))
    nx = model.define("nx", (b,), sqrt(total(x[b, d] ** 2, d)))
    ny = model.define("ny", (b,), sqrt(total(y[b, d] ** 2, d)))
    c = model.define("c", (b,), total(x[b, d] * y[b, d], d) / (nx[b] * ny[b]))
    model.minimize("L", total(u[b] * c[b], b))


@program
def triplet_loss(model: Model) -> None:
    """max(0, |a - p|**2 - |a - n|**2 + 1) with a, p and n embedded by one matrix (Schroff et al. 2015)."""
    W = model.parameters(W=(i, d))
    x, y, z = model.inputs(x=(b, d), y=(b, d), z=(b, d))
    a = model.define("a", (b, i), total(W[i, d] * x[b, d], d))
    p = model.define("p", (b, i), total(W[i, d] * y[b, d], d))
    n = model.define("n", (b, i), total(W[i, d] * z[b, d], d))
    near, far = total((a[b, i] - p[b, i]) ** 2, i), total((a[b, i] - n[b, i]) ** 2, i)
    m = model.define("m", (b,), near - far + 1)
    model.minimize("L", mean(relu(m[b]), b))


@program
def contrastive_loss(model: Model) -> None:
    """Each row's partner among all rows of the batch, by cosine and temperature (Chen et al. 2020)."""
    x, y, T = model.parameters(x=(b, d), y=(b, d), T=())
    f = model.define("f", (b, d), x[b, d] / sqrt(total(x[b, e] ** 2, e)))
    g = model.define("g", (b, d), y[b, d] / sqrt(total(y[b, e] ** 2, e)))
    s = model.define("s", (b, c), total(f[b, d] * g[c, d], d) / T)
    p = model.define("p", (b, c), softmax(s[b, c], c))
    model.minimize("L", -mean(log(p[b, b]), b))


@program
def mixture_of_softmaxes(model: Model) -> None:
    """p = sum_i g_i softmax(o_i) (Yang et al. 2018)."""
    a, o = model.parameters(a=(b, i), o=(b, i, v))
    y = model.tokens(y=(b,), vocabulary=v)
    g = model.define("g", (b, i), softmax(a[b, i], i))
    q = model.define("q", (b, i, v), softmax(o[b, i, v], v))
    p = model.define("p", (b, v), total(g[b, i] * q[b, i, v], i))
    model.minimize("L", -mean(log(p[b, y[b]]), b))


@program
def softmax_over_two_axes(model: Model) -> None:
    o, u = model.parameters(o=(b, i, v)), model.inputs(u=(b, i, v))
    p = model.define("p", (b, i, v), softmax(o[b, i, v], b, v))
    model.minimize("L", total(u[b, i, v] * p[b, i, v], b, i, v))


@program
def log_softmax_over_two_axes(model: Model) -> None:
    o, u = model.parameters(o=(i, v, d)), model.inputs(u=(i, v, d))
    model.minimize("L", total(u[i, v, d] * log_softmax(o[i, v, d], i, v), i, v, d))


@program
def softmax_over_the_first_and_the_middle_axis(model: Model) -> None:
    o, u = model.parameters(o=(b, i, d)), model.inputs(u=(b, i, d))
    p = model.define("p", (b, i, d), softmax(o[b, i, d], b))
    q = model.define("q", (b, i, d), log_softmax(p[b, i, d] * u[b, i, d], i))
    model.minimize("L", total(u[b, i, d] * q[b, i, d], b, i, d))

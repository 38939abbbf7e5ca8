"""Losses whose plain form leaves float32's range or its digits on the way, each with its value in mpmath.

Every loss reads scores o (B, V) and targets y (B) only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import mpmath
from mpmath import mpf
from sympy import KroneckerDelta, Max, Piecewise, Rational, cosh, exp, log, sqrt, tanh

from symgrad.language.model import Model
from symgrad.language.surface import axes, concatenated, log_softmax, mean, sigmoid, softmax, total

b, c, v, w, v2, g = axes("b:B c:B v:V w:V v2:V g:V+V")
Row = Sequence[mpf]
Rows = Sequence[Row]


@dataclass(frozen=True)
class Loss:
    """`declare(model, o, y)` is the loss; its value is `exact(scores, targets, row)`, summed over rows if `by_rows`."""

    declare: Callable
    exact: Callable[[Rows, Sequence[int], int], mpf]
    by_rows: bool


LOSSES: dict[str, Loss] = {}
# The gradient is a small difference of numbers as large as the loss, in whatever form.
DIFFERENCES = ("divergence_of_two",)


def of_all(exact: Callable[[Rows, Sequence[int]], mpf]) -> Callable[[Callable], Callable]:
    """Enters a declaration into the table, with its value for all rows."""

    def enter(declare: Callable) -> Callable:
        LOSSES[declare.__name__] = Loss(declare, lambda rows, targets, _: exact(rows, targets), by_rows=False)
        return declare

    return enter


def of_rows(exact: Callable[[Row, int], mpf]) -> Callable[[Callable], Callable]:
    """Enters a declaration into the table, with the value of which it is the mean over rows."""

    def enter(declare: Callable) -> Callable:
        def share(rows: Rows, targets: Sequence[int], row: int) -> mpf:
            return exact(rows[row], targets[row]) / len(rows)

        LOSSES[declare.__name__] = Loss(declare, share, by_rows=True)
        return declare

    return enter


def of_entries(name: str, function: Callable, exact: Callable[[mpf], mpf]) -> None:
    """A function of each score, summed over a row less a half at its target, and the mean over rows."""

    def declare(model: Model, o, y):
        e = model.define("e", (b, v), function(o[b, v]))
        return mean(total(e[b, v], v) - e[b, y[b]] / 2, b)

    declare.__name__ = name
    of_rows(lambda row, y: sum(map(exact, row)) - exact(row[y]) / 2)(declare)


# -- their values ------------------------------------------------------------------------------------------------------


def logsumexp(row: Row) -> mpf:
    return mpmath.log(sum(map(mpmath.exp, row)))


def cross_entropy(row: Row, y: int) -> mpf:
    return logsumexp(row) - row[y]


def probabilities(row: Row) -> Row:
    terms = [mpmath.exp(x) for x in row]
    return [x / sum(terms) for x in terms]


def log_probabilities(row: Row) -> Row:
    return [x - logsumexp(row) for x in row]


def entropy_of(row: Row) -> mpf:
    return -sum(p * mpmath.log(p) for p in probabilities(row))


def squares(row: Row) -> mpf:
    return sum(p**2 for p in probabilities(row))


def divergence(row: Row, other: Row) -> mpf:
    return sum(p * (mpmath.log(p) - mpmath.log(q)) for p, q in zip(*map(probabilities, (row, other)), strict=True))


def logistic(x: mpf) -> mpf:
    return 1 / (1 + mpmath.exp(-x))


def soft_plus(x: mpf) -> mpf:
    return mpmath.log(1 + mpmath.exp(x))


def binary(row: Row, y: int) -> mpf:
    return sum(soft_plus(x) for x in row) - row[y]


# -- cross-entropies ---------------------------------------------------------------------------------------------------


@of_rows(cross_entropy)
def by_softmax(model: Model, o, y):
    p = model.define("p", (b, v), softmax(o[b, v], v))
    return mean(-log(p[b, y[b]]), b)


@of_rows(cross_entropy)
def spelled_out(model: Model, o, y):
    return mean(-log(exp(o[b, y[b]]) / total(exp(o[b, v]), v)), b)


@of_rows(cross_entropy)
def by_log_softmax(model: Model, o, y):
    q = model.define("q", (b, v), log_softmax(o[b, v], v))
    return mean(-q[b, y[b]], b)


@of_rows(cross_entropy)
def by_log_sum(model: Model, o, y):
    s = model.define("s", (b,), log(total(exp(o[b, v]), v)))
    return mean(s[b] - o[b, y[b]], b)


@of_rows(lambda row, y: cross_entropy([x / 3 for x in row], y))
def with_temperature(model: Model, o, y):
    p = model.define("p", (b, v), softmax(o[b, v] / 3, v))
    return mean(-log(p[b, y[b]]), b)


@of_rows(lambda row, y: cross_entropy([5 * p for p in probabilities(row)], y))
def softmax_of_softmax(model: Model, o, y):
    p = model.define("p", (b, v), softmax(o[b, v], v))
    q = model.define("q", (b, v), softmax(5 * p[b, v], v))
    return mean(-log(q[b, y[b]]), b)


@of_rows(lambda row, y: cross_entropy([sum(x * (k + n) for n, x in enumerate(row)) / 2 for k in range(len(row))], y))
def softmax_of_sums(model: Model, o, y):
    """The exponent is a sum of its own and no definition."""
    k = model.define("k", (v, w), (v + w) / 2)
    p = model.define("p", (b, v), softmax(total(o[b, w] * k[v, w], w), v))
    return mean(-log(p[b, y[b]]), b)


@of_all(lambda rows, targets: sum(logsumexp(column) for column in zip(*rows, strict=True)) - rows[0][0])
def logsumexp_over_rows(model: Model, o, y):
    return total(log(total(exp(o[b, v]), b)), v) - o[0, 0]


@of_all(lambda rows, targets: logsumexp([x for row in rows for x in row]) - rows[0][targets[0]])
def logsumexp_over_both_axes(model: Model, o, y):
    return log(total(exp(o[b, v]), b, v)) - o[0, y[0]]


@of_rows(lambda row, y: logsumexp([*row, mpf(0)]) - row[y])
def one_more_class_of_score_0(model: Model, o, y):
    return mean(log(1 + total(exp(o[b, v]), v)) - o[b, y[b]], b)


@of_rows(lambda row, y: sum(p**2 for p in probabilities([*row, mpf(0)])[:-1]) - row[y] / 5)
def shares_beside_a_class_of_score_0(model: Model, o, y):
    p = model.define("p", (b, v), exp(o[b, v]) / (1 + total(exp(o[b, w]), w)))
    return mean(total(p[b, v] ** 2, v) - o[b, y[b]] / 5, b)


@of_rows(lambda row, y: squares(row) - probabilities(row)[y])
def sum_of_squares(model: Model, o, y):
    p = model.define("p", (b, v), softmax(o[b, v], v))
    return mean(total(p[b, v] ** 2, v) - p[b, y[b]], b)


@of_rows(lambda row, y: entropy_of(row) - probabilities(row)[y])
def entropy(model: Model, o, y):
    p = model.define("p", (b, v), softmax(o[b, v], v))
    return mean(-total(p[b, v] * log(p[b, v]), v) - p[b, y[b]], b)


# -- log(p[y]) beside other terms in p ---------------------------------------------------------------------------------


@of_rows(lambda row, y: cross_entropy(row, y) - entropy_of(row) / 10)
def with_entropy(model: Model, o, y):
    p = model.define("p", (b, v), softmax(o[b, v], v))
    return mean(-log(p[b, y[b]]) + total(p[b, v] * log(p[b, v]), v) / 10, b)


@of_rows(lambda row, y: cross_entropy(row, y) + squares(row) / 10)
def with_penalty(model: Model, o, y):
    p = model.define("p", (b, v), softmax(o[b, v], v))
    return mean(-log(p[b, y[b]]) + total(p[b, v] ** 2, v) / 10, b)


@of_rows(lambda row, y: 0.875 * cross_entropy(row, y) - sum(log_probabilities(row)) / 8 / len(row))
def label_smoothing(model: Model, o, y):
    p = model.define("p", (b, v), softmax(o[b, v], v))
    return mean(-Rational(7, 8) * log(p[b, y[b]]) - mean(log(p[b, v]), v) / 8, b)


@of_rows(lambda row, y: (1 - probabilities(row)[y]) ** 2 * cross_entropy(row, y))
def focal(model: Model, o, y):
    p = model.define("p", (b, v), softmax(o[b, v], v))
    return mean(-((1 - p[b, y[b]]) ** 2) * log(p[b, y[b]]), b)


@of_rows(lambda row, y: cross_entropy(row, y) - log_probabilities(row)[0] * probabilities(row)[-1])
def two_probabilities(model: Model, o, y):
    """One log(p) times another p."""
    p = model.define("p", (b, v), softmax(o[b, v], v))
    return mean(-log(p[b, y[b]]) - log(p[b, 0]) * p[b, v.upper], b)


@of_rows(lambda row, y: cross_entropy(row, y) - log_probabilities(row)[0] + squares(row))
def log_of_a_product(model: Model, o, y):
    p = model.define("p", (b, v), softmax(o[b, v], v))
    return mean(-log(p[b, y[b]] * p[b, 0]) + total(p[b, v] ** 2, v), b)


@of_rows(lambda row, y: cross_entropy(row, y) - log_probabilities(row)[0])
def log_of_a_defined_product(model: Model, o, y):
    p = model.define("p", (b, v), softmax(o[b, v], v))
    r = model.define("r", (b,), p[b, y[b]] * p[b, 0])
    return mean(-log(r[b]), b)


@of_rows(lambda row, y: sum(x**2 for x in log_probabilities(row)) / 1000 - probabilities(row)[y])
def squared_logarithms(model: Model, o, y):
    p = model.define("p", (b, v), softmax(o[b, v], v))
    l = model.define("l", (b, v), log(p[b, v]))  # noqa: E741
    return mean(total(l[b, v] ** 2, v) / 1000 - p[b, y[b]], b)


@of_rows(lambda row, y: divergence(row, [-x / 2 for x in row]) / 10 - probabilities(row)[y])
def divergence_of_two(model: Model, o, y):
    p = model.define("p", (b, v), softmax(o[b, v], v))
    q = model.define("q", (b, v), softmax(-o[b, v] / 2, v))
    return mean(total(p[b, v] * log(p[b, v] / q[b, v]), v) / 10 - p[b, y[b]], b)


@of_rows(lambda row, y: sum(cross_entropy(row, k) for k in (0, 3, 1, 2, 0)) / 5 + squares(row))
def several_words(model: Model, o, y):
    """Every row is to give every target: the adjoint of p is a sum of deltas."""
    p = model.define("p", (b, v), softmax(o[b, v], v))
    return mean(mean(-log(p[b, y[c]]), c) + total(p[b, v] ** 2, v), b)


@of_rows(lambda row, y: sum(mpmath.tanh(x + log_probabilities(row)[y]) for x in row))
def under_a_sum_of_the_same_name(model: Model, o, y):
    """softmax sums over v2 as the sum around the logarithm does."""
    p = model.define("p", (b, v), softmax(o[b, v], v))
    return mean(total(tanh(o[b, v2] + log(p[b, y[b]])), v2), b)


@of_rows(lambda row, y: soft_plus(row[0]) + sum(row) / 10)
def entry_of_joined_axes(model: Model, o, y):
    """Of u only the first entry is read, which stays in its piece."""
    u = model.define("u", (b, g), concatenated(g, (lambda n: o[b, n], v), (lambda n: o[b, n] / 10, v)))
    return mean(log(1 + exp(u[b, 0])) + total(o[b, v], v) / 10, b)


# -- sigmoids ----------------------------------------------------------------------------------------------------------


@of_rows(lambda row, y: sum(map(logistic, row)) - logistic(row[y]) ** 2)
def by_sigmoid(model: Model, o, y):
    g = model.define("g", (b, v), sigmoid(o[b, v]))
    return mean(total(g[b, v], v) - g[b, y[b]] ** 2, b)


@of_rows(lambda row, y: -mpmath.log(logistic(row[y])))
def log_of_sigmoid(model: Model, o, y):
    g = model.define("g", (b, v), sigmoid(o[b, v]))
    return mean(-log(g[b, y[b]]), b)


@of_rows(lambda row, y: -mpmath.log(logistic(row[y])) + sum(logistic(x) ** 2 for x in row))
def log_of_sigmoid_and_more(model: Model, o, y):
    g = model.define("g", (b, v), sigmoid(o[b, v]))
    return mean(-log(g[b, y[b]]) + total(g[b, v] ** 2, v), b)


@of_rows(binary)
def binary_cross_entropy(model: Model, o, y):
    p = model.define("p", (b, v), sigmoid(o[b, v]))
    t = model.define("t", (b, v), KroneckerDelta(v, y[b]))
    return mean(total(-t[b, v] * log(p[b, v]) - (1 - t[b, v]) * log(1 - p[b, v]), v), b)


@of_rows(lambda row, y: soft_plus(-row[y]) + 2 * soft_plus(row[0]) + logistic(row[-1]))
def binary_cross_entropy_spelled_out(model: Model, o, y):
    return mean(-log(sigmoid(o[b, y[b]])) - 2 * log(1 - sigmoid(o[b, 0])) + sigmoid(o[b, v.upper]), b)


@of_rows(lambda row, y: soft_plus(row[y]) + sum(logistic(x) ** 2 for x in row))
def log_of_the_other_class(model: Model, o, y):
    q = model.define("q", (b, v), 1 - sigmoid(o[b, v]))
    return mean(-log(q[b, y[b]]) + total((1 - q[b, v]) ** 2, v), b)


# -- norms -------------------------------------------------------------------------------------------------------------


@of_rows(lambda row, y: mpmath.sqrt(1 + sum(x**2 for x in row)) - row[y])
def root_of_squares(model: Model, o, y):
    return mean(sqrt(1 + total(o[b, v] ** 2, v)) - o[b, y[b]], b)


@of_rows(lambda row, y: mpmath.sqrt(row[0] ** 2 + row[-1] ** 2) - row[y] / 2)
def two_legs(model: Model, o, y):
    return mean(sqrt(o[b, 0] ** 2 + o[b, v.upper] ** 2) - o[b, y[b]] / 2, b)


@of_rows(lambda row, y: mpmath.sqrt(sum(x**2 for x in row)) - row[y] / 2)
def norm_of_a_row(model: Model, o, y):
    n = model.define("n", (b,), sqrt(total(o[b, v] ** 2, v)))
    return mean(n[b] - o[b, y[b]] / 2, b)


@of_rows(lambda row, y: row[y] / mpmath.sqrt(sum(x**2 for x in row) / len(row)))
def direction(model: Model, o, y):
    u = model.define("u", (b, v), o[b, v] / sqrt(mean(o[b, w] ** 2, w)))
    return mean(u[b, y[b]], b)


@of_all(lambda rows, targets: mpmath.sqrt(sum((x - row[y]) ** 2 for row, y in zip(rows, targets, strict=True)
                                              for x in row)))  # fmt: skip
def distance_over_both_axes(model: Model, o, y):
    return sqrt(total((o[b, v] - o[b, y[b]]) ** 2, b, v))


NORMS = ("two_legs", "norm_of_a_row", "distance_over_both_axes")

# -- functions of one score --------------------------------------------------------------------------------------------

for name, function, exact in (
    ("softplus", lambda x: log(1 + exp(x)), soft_plus),
    ("log_of_sigmoid_", lambda x: log(sigmoid(x)), lambda x: -soft_plus(-x)),
    ("log_of_one_less_sigmoid", lambda x: log(1 - sigmoid(x)), lambda x: -soft_plus(x)),
    ("sigmoid_from_above", lambda x: exp(x) / (1 + exp(x)), logistic),
    ("logistic_density", lambda x: exp(x) / (1 + exp(x)) ** 2, lambda x: logistic(x) * (1 - logistic(x))),
    ("share_of_two", lambda x: exp(2 * x) / (exp(2 * x) + 3 * exp(-x)), lambda x: 1 / (1 + 3 * mpmath.exp(-3 * x))),
    ("tanh_of_exponentials", lambda x: (exp(x) - exp(-x)) / (exp(x) + exp(-x)), mpmath.tanh),
    ("tanh_", tanh, mpmath.tanh),
    ("sech_squared", lambda x: 1 / cosh(x) ** 2, lambda x: 1 / mpmath.cosh(x) ** 2),
    ("one_less_tanh_squared", lambda x: 1 - tanh(x) ** 2, lambda x: 1 / mpmath.cosh(x) ** 2),
    ("log_cosh", lambda x: log(cosh(x)), lambda x: mpmath.log(mpmath.cosh(x))),
    ("log_of_sech_squared", lambda x: log(1 - tanh(x) ** 2), lambda x: -2 * mpmath.log(mpmath.cosh(x))),
    ("exponential_unit", lambda x: Piecewise((x, x > 0), (exp(x) - 1, True)),
     lambda x: x if x > 0 else mpmath.expm1(x)),
    ("saturating", lambda x: 1 - exp(-(x**2)), lambda x: -mpmath.expm1(-(x**2))),
    ("cauchy", lambda x: log(1 + x**2), lambda x: mpmath.log1p(x**2)),
    ("log_of_saturating", lambda x: log(1 - exp(-sqrt(1 + x**2))),
     lambda x: mpmath.log(-mpmath.expm1(-mpmath.sqrt(1 + x**2)))),
    ("swish", lambda x: x * sigmoid(x), lambda x: x * logistic(x)),
    ("mish", lambda x: x * tanh(log(1 + exp(x))), lambda x: x * mpmath.tanh(soft_plus(x))),
    ("smooth_maximum", lambda x: log(exp(x) + 2 * exp(-3 * x)), lambda x: logsumexp([x, mpmath.log(2) - 3 * x])),
    ("clipped_logarithm", lambda x: log(Max(sigmoid(x), Rational(1, 8))),
     lambda x: mpmath.log(max(logistic(x), mpf(1) / 8))),
):  # fmt: skip
    of_entries(name, function, exact)

# Small differences of large numbers in the plain form: float32 keeps no digit of them near 0.
NEAR_ZERO = ("exponential_unit", "saturating", "cauchy")

"""Gradients in the form of the textbook, and never a silent zero."""

from __future__ import annotations

import pytest
import sympy
from sympy import exp, log, tanh

from symgrad.calculus.reverse import differentiate
from symgrad.calculus.simplify import simplify
from symgrad.language.errors import DeclarationError, DerivativeError
from symgrad.language.model import Model
from symgrad.language.notation import text
from symgrad.language.surface import axes, mean, stop_gradient, total
from symgrad.language.typecheck import typecheck

from .programs import PROGRAMS

b, i, v = axes("b:B i:H v:V")

FORMS = [
    ("cross_entropy", "do", "(p[b,v] - [v == y[b]])/B"),
    ("cross_entropy", "dW", "sum_b do[b,v]*x[b,d]"),
    ("softmax_alone", "do", "p[b,v]*(dp[b,v] - sum_v3 p[b,v3]*dp[b,v3])"),
    # an adjoint that divides by its tensor goes where that cancels
    ("soft_targets", "do", "((p[b,v] * sum_v2 q[b,v2]) - q[b,v])/B"),
    ("smoothed_labels", "do", "(p[b,v] - q[b,v])/B"),
    ("distillation", "do", "T*(p[b,v] - q[b,v])/B"),
    ("logistic_regression", "dwt", "1/B * sum_b X[b,d]*(p[b] - y[b])"),
    ("focal_loss", "do", "(1 - p[b,y[b]])*(2*p[b,y[b]]*log(p[b,y[b]]) + p[b,y[b]] - 1)*([v == y[b]] - p[b,v])/B"),
    ("contrastive_loss", "ds", "(p[b,c] - [c == b])/B"),
    ("variance_learned", "dr", "2*r*dvar"),
    # a one-hot tensor is as good as its bracket
    ("one_hot_targets", "do", "(p[b,v] - [v == y[b]])/B"),
    # deviations from a mean add up to 0; roots, maxima and shifted slices are saved too
    ("variance", "dx", "2*(x[b,i] - m[i])*u[i]/B"),
    ("batch_norm", "dvar", "-r[i]**3*dr[i]/2"),
    ("batch_norm", "dm", "-r[i] * sum_b dn[b,i]"),
    ("cosine_similarity", "dx", "(dc[b]*y[b,d]/ny[b] + x[b,d]*dnx[b])/nx[b]"),
    ("highway", "dW", "sum_b (dh[b,i]*x[b,j] if [0 < h[b,i]] else 0)"),
    ("kept_axis", "dx", "r[b,0]*(dn[b,i] - n[b,i]*r[b,0]*dr[b,0]/H)"),
    ("elman", "dR", "sum_t (1 - h[t,i]**2)*dh[t,i]*(h[t - 1,j] if [0 <= t - 1] else h0[j])"),
    ("elman", "dh0", "sum_i2 R[i2,i]*(1 - h[0,i2]**2)*dh[0,i2]"),
    # sums that share no index are summed apart, but for those of a scatter-add
    (
        "additive_attention",
        "dwt",
        "(sum_b,t A[b,t]*dA[b,t]*h[b,t,i]) - sum_b2 ((sum_t2 A[b2,t2]*dA[b2,t2]) * sum_t3 A[b2,t3]*h[b2,t3,i])",
    ),
    (
        "tied_embeddings",
        "dC",
        "(sum_b do[b,v]*h[b,d]) + sum_b2,d2,t M[d2,d]*(1 - h[b2,d2]**2)*dh[b2,d2]*[v == x[b2,t]]",
    ),
    # opposite conditions are the two cases of one
    ("huber_regression", "dr", "r[b]/B if [abs(r[b]) <= 1] else sign(r[b])/B"),
    ("three_pieces", "dx", "2*x[i]*dy[i] if [x[i] < -1/2] else (cos(x[i])*dy[i] if [x[i] < 1] else exp(x[i])*dy[i])"),
    ("triplet_loss", "da", "2*dm[b]*(n[b,i] - p[b,i])"),
    (
        "convolution_of_equal_length",
        "dx",
        "sum_i,k (F[i,c,k]*dy[b,t - k + 1,i] if [0 <= t - k + 1]*[t - k + 1 < N] else 0)",
    ),
    ("sum_of_squared_probabilities", "dp", "2*p[b,v]/B"),
    ("temperature", "do", "(p[b,v] - [v == y[b]])/(T*B)"),
    ("temperature", "dT", "((sum_b o[b,y[b]]) - sum_b2,v4 p[b2,v4]*o[b2,v4])/(T**2*B)"),
    ("entropy", "dp", "-(log(p[b,v]) + 1)"),
    ("mean_squared_error", "do", "-2*(y[b,i] - o[b,i])/(B*H)"),
    ("concatenation_lm", "do", "(p[b,v] - [v == y[b]])/B"),
    ("concatenation_lm", "dh", "sum_v W2[v,i]*do[b,v]"),
    ("concatenation_lm", "da", "(1 - h[b,i]**2)*dh[b,i]"),
    ("concatenation_lm", "dW2", "sum_b do[b,v]*h[b,i]"),
    ("concatenation_lm", "dW1", "sum_b da[b,i]*C[x[b,t],d]"),
    ("concatenation_lm", "dC", "sum_b,i,t W1[i,t,d]*da[b,i]*[v == x[b,t]]"),
    ("scalar_tanh", "do", "-(y - o)"),
    ("scalar_tanh", "dh", "w2*(1 - o**2)*do"),
    ("scalar_tanh", "dw1", "(1 - h**2)*dh*x"),
    ("scalar_tanh", "dw2", "(1 - o**2)*do*h"),
    ("quadratic_form", "dA", "x[i]*x[j]"),
    ("quadratic_form", "dx", "(sum_j A[i,j]*x[j]) + sum_i2 A[i2,i]*x[i2]"),
    ("concatenation", "dx", "dz[b,d]"),
    ("split_axis", "dA", "dz[b,t*D + d]"),
    ("padded_convolution", "dx", "sum_d (dy[t + d]*f[d] if [t + d < N] else 0)"),
    ("maximum_over_an_axis", "dx", "2*x[b,i]*dm[b]*[i == argmax_i3 x[b,i3]**2]"),
    # what sympy 1.14 returns 0 for in matrix notation
    ("trace_of_squares", "dA", "2*A[d,i]"),
    ("trace_of_squares", "dM", "2*M[b,i]"),
    ("log_of_dot", "dx", "2*x[i]/(sum_i2 x[i2]**2)"),
]


@pytest.mark.parametrize(("name", "adjoint", "expected"), FORMS)
def test_the_textbook_form(name: str, adjoint: str, expected: str) -> None:
    assert text(simplify(differentiate(PROGRAMS[name]())).program.equation(adjoint).body) == expected


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_adjoint_is_made_once_and_no_gradient_is_zero(name: str) -> None:
    program = PROGRAMS[name]()
    gradients = simplify(differentiate(program))
    made = [equation.tensor for equation in gradients.program.equations()]
    assert len(made) == len(set(made))
    assert set(gradients.of_parameters) == {parameter.name for parameter in program.parameters}
    for adjoint in gradients.of_parameters.values():
        assert text(gradients.program.equation(adjoint).body) != "0"


@pytest.mark.parametrize("name", ["concatenation_lm", "layer_norm", "tied_embeddings"])
def test_steps_lead_from_the_first_form_to_the_last(name: str) -> None:
    raw = differentiate(PROGRAMS[name]())
    simple = simplify(raw)
    current = {equation.tensor: equation.body for equation in raw.program.equations()}
    for step in simple.steps:
        assert current[step.tensor] == step.before, f"{step.tensor}: {text(step.before)}"
        assert step.reason
        current[step.tensor] = step.after
    for equation in simple.program.equations():
        assert current[equation.tensor] == equation.body


def declared() -> Model:
    model = Model("declared")
    model.parameters(A=(b, i))
    model.inputs(u=(b, i))
    model.tokens(y=(b,), vocabulary=v)
    model.update(model.states(m=(i,)), (i,), 0)
    model.settings("rate")
    return model


def handles(model: Model) -> dict[str, sympy.IndexedBase]:
    return {name: sympy.IndexedBase(name, real=True) for name in ("A", "u", "y", "m")}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nothing", "nothing is not declared; there are A, u"),
        ("y", "y is tokens, no parameter or real input"),
        ("m", "m is state, no parameter or real input"),
        ("rate", "rate is setting, no parameter or real input"),
        ("h", "h is definition, no parameter or real input"),
        ("u", "the loss L does not depend on u"),
    ],
)
def test_what_cannot_be_differentiated_by(name: str, message: str) -> None:
    model = declared()
    A = sympy.IndexedBase("A", real=True)
    h = model.define("h", (b, i), tanh(A[b, i]))
    model.minimize("L", total(h[b, i] ** 2, b, i))
    with pytest.raises(DerivativeError, match=f"declared: {message}"):
        differentiate(model.program, [name])


@pytest.mark.parametrize(
    "body",
    [
        lambda x: stop_gradient(x**2),
        lambda x: sympy.sign(x),
        lambda x: sympy.Piecewise((1, x > 0), (2, True)),
    ],
)
def test_a_loss_that_is_constant_in_a_parameter_is_an_error_and_no_zero(body) -> None:
    model = Model("constant")
    x = model.parameters(x=(i,))
    model.minimize("L", total(body(x[i]), i))
    with pytest.raises(DerivativeError, match="the loss L does not depend on x"):
        differentiate(model.program)


@pytest.mark.parametrize("function", [sympy.Function("f"), sympy.gamma, sympy.besselj, sympy.floor])
def test_a_function_without_a_derivative_is_refused(function) -> None:
    model = Model("unknown")
    x = model.parameters(x=(i,))
    argument = function(1, x[i]) if function is sympy.besselj else function(x[i])
    with pytest.raises((DeclarationError, DerivativeError)):
        model.minimize("L", total(argument, i))
        differentiate(model.program)


def test_adjoints_step_aside_for_tensors_of_their_name() -> None:
    model = Model("taken")
    A, dA = model.parameters(A=(i,), dA=(i,))
    model.minimize("L", total(A[i] ** 2 * dA[i], i))
    gradients = simplify(differentiate(model.program))
    typecheck(gradients.program)
    assert gradients.of_parameters == {"A": "dL_dA", "dA": "dL_ddA"}
    assert text(gradients.program.equation("dL_dA").body) == "2*A[i]*dA[i]"


def test_inputs_have_gradients_where_they_are_asked_for() -> None:
    gradients = simplify(differentiate(PROGRAMS["mean_squared_error"](), ["x"]))
    assert gradients.program.outputs == ("L", "dx")
    assert text(gradients.program.equation("dx").body) == "sum_i W[i,d]*do[b,i]"


def test_the_three_ways_of_writing_cross_entropy_give_one_gradient() -> None:
    """-log softmax at y, written with exp, Sum and log; the adjoint of o is the same to the letter."""
    forms = []
    for way in range(2):
        model = Model("ways")
        W, u = model.parameters(W=(v, i)), model.inputs(x=(b, i))
        y = model.tokens(y=(b,), vocabulary=v)
        w = axes("w:V")
        o = model.define("o", (b, v), total(W[v, i] * u[b, i], i))
        p = model.define("p", (b, v), exp(o[b, v]) / total(exp(o[b, w]), w))
        picked = log(p[b, y[b]]) if way == 0 else total(sympy.KroneckerDelta(v, y[b]) * log(p[b, v]), v)
        model.minimize("L", mean(-picked, b))
        forms.append(text(simplify(differentiate(model.program)).program.equation("do").body))
    assert forms == ["(p[b,v] - [v == y[b]])/B"] * 2

"""Update rules written by hand: right and wrong ones, in the forms that people write."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from symgrad import Adam, verify_update
from symgrad.language.errors import ClaimError

FILE = Path(__file__).parents[3] / "shared" / "cases" / "hand_derivations.yaml"
ADAM = """m = b1*m + (1 - b1)*g
v = b2*v + (1 - b2)*g**2
m_hat = m / (1 - b1**t)
v_hat = v / (1 - b2**t)
W -= lr * m_hat / (np.sqrt(v_hat) + eps)"""

RIGHT = (
    ("sgd", "W -= lr * dW"),
    ("sgd", "theta = theta - eta * grad"),
    ("momentum", "v = mu * v + g\nx = x - lr * v"),
    ("nesterov", "buf = momentum * buf + grad\nw -= lr * (grad + momentum * buf)"),
    ("adam", ADAM),
    ("adam", "t += 1\n" + ADAM),
    ("adam", ADAM.replace("b1", "0.9").replace("b2", "0.999")),
    ("adam", "m = b1*m\nm += (1 - b1)*g\nv = b2*v\nv += (1 - b2)*g*g\n" + "\n".join(ADAM.splitlines()[2:])),
    ("adam", ADAM.replace("W -= lr * m_hat", "up = lr * m_hat\nW -= up").replace("np.sqrt(v_hat)", "v_hat**0.5")),
    ("adamw", ADAM.replace("W -=", "W = W * (1 - lr * wd)\nW = W -")),
)  # fmt: skip
STATES = "\n".join(ADAM.splitlines()[:2]) + "\n"
# the optimizer, the code, the lines that are wrong, the first step that shows it, words of the mistake
WRONG = (
    ("sgd", "W += lr * dW", ["W"], 1, "the sign of the step is wrong"),
    ("sgd", "W -= dW", ["W"], 1, "the learning rate is missing"),
    ("sgd", "W -= lr * dW / 2", ["W"], 1, "a wrong constant"),
    ("sgd", "W = lr * dW", ["W"], 1, "none of the mistakes"),
    ("momentum", "v = mu * v + (1 - mu) * g\nx -= lr * v", ["v"], 1, "an extra factor 1 - mu"),
    ("momentum", "v = mu * v - lr * g\nx += v", ["v", "x"], 1, "the learning rate is inside the state"),
    ("momentum", "v = mu * v + g\nx -= lr * g", ["x"], 2, "`g` stands where `v` is right"),
    ("nesterov", "u = mu * u + g\nw -= lr * u", ["w"], 1, "as it was before this step"),
    ("nesterov", "u = mu * u + g\nw -= lr * (u + mu * g)", ["w"], 2, "mu is on the wrong term"),
    ("adam", ADAM.replace("b1**t", "b1"), ["m_hat"], 2, "`b1` stands where `b1**t` is right"),
    ("adam", ADAM.replace("b1**t", "b1**(t + 1)"), ["m_hat"], 1, "off by one"),
    ("adam", ADAM.replace("g**2", "g"), ["v"], 1, "the square is missing"),
    ("adam", ADAM.replace("np.sqrt(v_hat) + eps", "np.sqrt(v_hat + eps)"), ["W"], 1, "inside the root"),
    ("adam", ADAM.replace("np.sqrt(v_hat) + eps", "np.sqrt(v_hat)"), ["W"], 1, "epsilon is missing"),
    ("adam", ADAM.replace("(np.sqrt(v_hat) + eps)", "np.sqrt(v_hat) + eps"), ["W"], 1, "brackets are missing"),
    ("adam", ADAM.replace("np.sqrt(v_hat)", "v_hat"), ["W"], 1, "the root is missing"),
    ("adam", ADAM.replace("eps", "1e-6"), ["W"], 1, "a number that is not the rule's"),
    ("adam", ADAM.replace("b2*v + (1 - b2)", "b1*v + (1 - b1)"), ["v"], 1, "`b1` stands where `b2` is right"),
    ("adam", ADAM.replace("b1*m + (1 - b1)", "(1 - b1)*m + b1"), ["m"], 1, "b1 and 1 - b1 are exchanged"),
    ("adam", ADAM.replace("b1*m + (1 - b1)*g", "b1*m + g"), ["m"], 1, "the factor 1 - b1 is missing"),
    ("adam", ADAM.replace("W -= lr * m_hat", "W -= lr * m"), ["W"], 1, "the bias correction is missing"),
    ("adam", ADAM.replace("W -= lr * m_hat", "W -= m_hat"), ["W"], 1, "the learning rate is missing"),
    ("adam", STATES + "W -= lr*m/(1 - b2**t) / (np.sqrt(v/(1 - b1**t)) + eps)", ["W"], 1, "one constant for another"),
    ("adam", STATES + "W -= lr*np.sqrt(1 - b2**t)/(1 - b1**t)*m / (np.sqrt(v) + eps)", ["W"], 1, "the shorter form"),
    ("adamw", ADAM, ["W"], 1, "the weight decay is missing"),
    ("adamw", "g = g + wd*W\n" + ADAM, ["m", "v", "W"], 1, "added to the gradient (L2)"),
    ("adamw", ADAM.replace("W -=", "W = W * (1 - wd)\nW = W -"), ["W"], 1, "the learning rate is missing"),
    ("adamw", ADAM + "\nW *= 1 - lr*wd", ["W"], 1, "the step is decayed with the parameter"),
)


@pytest.mark.parametrize(("optimizer", "code"), RIGHT)
def test_right_rules(optimizer, code):
    found = verify_update(optimizer, code)
    assert found.exit_status == 0, str(found)


@pytest.mark.parametrize(("optimizer", "code", "wrong", "step", "mistake"), WRONG)
def test_wrong_rules(optimizer, code, wrong, step, mistake):
    found = verify_update(optimizer, code)
    assert found.exit_status == 1
    assert [verdict.target for verdict in found.verdicts if verdict.status.value == "WRONG"] == wrong, str(found)
    assert found.first_wrong.example.sizes["t"] == step
    assert mistake in " ".join(found.first_wrong.mistakes)


SAMPLES = (
    ("nesterov-torch", "nesterov", "(4,)", "g_{t-1}, stands where this step's, g_t, is right (off by one)"),
    ("adafactor-normalizer", "adafactor", "(3, 4)", "the sum is over the wrong axis"),
)


@pytest.mark.skipif(not FILE.exists(), reason="needs ../shared/cases/hand_derivations.yaml")
@pytest.mark.parametrize("form", ["correct_py", "wrong_py"])
@pytest.mark.parametrize(("identifier", "optimizer", "shape", "mistake"), SAMPLES)
def test_samples(identifier, optimizer, shape, mistake, form):
    item = next(item for item in yaml.safe_load(FILE.read_text())["items"] if item["id"] == identifier)
    found = verify_update(optimizer, f"# th: {shape}\n{item['check'][form]}", {"G": "X"})
    assert found.exit_status == (form == "wrong_py"), str(found)
    assert form == "correct_py" or mistake in " ".join(found.first_wrong.mistakes)


def test_constants_of_the_rule_are_its_own():
    assert verify_update(Adam(b1=0.5), ADAM.replace("b1", "0.5")).exit_status == 0
    assert verify_update(Adam(b1=0.5), ADAM.replace("b1", "0.9")).exit_status == 1


BAD = (
    ("adagrad", "W -= lr*g", "there is no optimizer 'adagrad'"),
    ("sgd", "m = 3", "no line assigns the parameter"),
    ("sgd", "# q = nothing\nq -= lr*g", "does not have"),
    ("sgd", "W = ", "this is no Python"),
)


@pytest.mark.parametrize(("optimizer", "code", "reason"), BAD)
def test_what_is_no_rule_is_refused(optimizer, code, reason):
    with pytest.raises(ClaimError, match=reason):
        verify_update(optimizer, code)

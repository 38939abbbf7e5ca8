"""A model's names beside those of an optimizer: told apart, or refused before anything is derived."""

from __future__ import annotations

import re
from functools import cache

import numpy as np
import pytest
from sympy import tanh

from symgrad import pipeline
from symgrad.checking.interpreter import evaluate
from symgrad.language.errors import DeclarationError
from symgrad.language.model import Model
from symgrad.language.optimizers import OPTIMIZERS, with_optimizer
from symgrad.language.program import Role
from symgrad.language.setting_names import settings_read
from symgrad.language.surface import axes, mean, total

SETTINGS = {
    "sgd": "lr",
    "momentum": "lr mu",
    "nesterov": "lr mu",
    "adam": "lr beta1 beta2 eps t",
    "adamw": "lr weight_decay beta1 beta2 eps t",
    "adafactor": "lr eps2 clip_threshold eps1 t",
}
MADE = {  # what a rule makes itself, for the parameter W, and what it would call it
    "sgd": "W_new t mu grad_norm",
    "momentum": "u_W u_W_new W_new t eps",
    "nesterov": "u_W u_W_new",
    "adam": "m_W v_W m_W_new v_W_new correction_m W_new mu",
    "adamw": "m_W correction_v",
    "adafactor": "R_W S_W U_W sum_R_W row_W rms_W rms_U_W a_W fresh_t",
}
ROLES = ("parameter", "input", "definition", "state", "size")
USUAL = {"parameter": "A", "input": "X", "definition": "h", "state": "q", "size": "H", "index": "i", "loss": "L"}


def model(role: str, name: str) -> Model:
    """A model in which what has this role has this name."""
    names = {**USUAL, role: name}
    made = Model("named")
    b, j, i = axes(f"b:B j:D {names['index']}:{names['size']}")
    W, A = made.parameters(**{"W": (i, j), names["parameter"]: (i,)})
    X, q = made.inputs(**{names["input"]: (b, j)}), made.states(**{names["state"]: (i,)})
    h = made.define(names["definition"], (b, i), tanh(A[i] * total(W[i, j] * X[b, j], j) - q[i]))
    made.minimize(names["loss"], mean(total(h[b, i], i) ** 2, b))
    made.update(q, i, 0.9 * q[i] + 0.1 * mean(h[b, i], b))
    return made


REFUSED = [
    *((rule, name, role) for rule in OPTIMIZERS for name in SETTINGS[rule].split() for role in ROLES),
    ("sgd", "lr", "loss"),
]
KEPT = [
    *((rule, name, role) for rule in OPTIMIZERS for name in MADE[rule].split() for role in ("definition", "size")),
    *(("momentum", name, role) for name in MADE["momentum"].split() for role in ("parameter", "input", "state")),
    *(("adam", name, "index") for name in ("lr", "t", "eps", "m_W")),
]
START = {"W": 0.1, "A": 0.2, "X": 0.3, "q": 0.15}


@pytest.mark.parametrize(("rule", "name", "role"), REFUSED)
def test_a_name_of_a_setting_is_refused(rule: str, name: str, role: str, monkeypatch: pytest.MonkeyPatch) -> None:
    what = {"size": "the size of index i", "loss": "a definition", "input": "an input"}.get(role, f"a {role}")
    given = model(role, name)
    monkeypatch.setattr(pipeline, "derive_gradients", None)  # nothing is derived before
    message = re.escape(
        f"named: {name} is {what} of the model, and {rule} reads the settings {', '.join(SETTINGS[rule].split())}, "
        f"expected another name; rename {name} in the model"
    )
    with pytest.raises(DeclarationError, match=f"^{message}"):
        pipeline.generate(given, rule)


def after_a_step(rule: str, role: str, name: str) -> dict[str, np.ndarray]:
    """What parameters and the model's own state become, by their usual names."""
    program = model(role, name).program
    gradients = pipeline.derive_gradients(program)
    step = with_optimizer(gradients.program, gradients.of_parameters, OPTIMIZERS[rule](), clip=0.5)
    usual = {name: USUAL[role]} if name in program.tensors else {}
    sizes = {"B": 2, "D": 3, name if role == "size" else "H": 4}
    constants = {"lr": 0.1, "t": 2.0, **OPTIMIZERS[rule]().settings()}
    values = {setting.name: constants[setting.name] for setting in step.with_role(Role.SETTING)}
    for tensor in step.with_role(Role.PARAMETER, Role.INPUT, Role.STATE):
        shape = tuple(sizes[index.extent.name] for index in tensor.indices)
        first = START.get(usual.get(tensor.name, tensor.name), 0.0)  # of its own; a state of the rule starts at 0
        values[tensor.name] = np.linspace(first, 3 * first, int(np.prod(shape))).reshape(shape)
    after = evaluate(step, values, sizes)
    return {usual.get(old, old): after[new] for old, new in step.updates.items() if usual.get(old, old) in START}


@cache
def usual_step(rule: str) -> dict[str, np.ndarray]:
    return after_a_step(rule, "definition", "h")


@pytest.mark.parametrize(("rule", "name", "role"), KEPT)
def test_any_other_name_changes_nothing(rule: str, name: str, role: str) -> None:
    """The step gives the numbers that it gives with the usual names."""
    found, expected = after_a_step(rule, role, name), usual_step(rule)
    assert found.keys() == expected.keys() == {"W", "A", "q"}
    for tensor, value in expected.items():
        np.testing.assert_allclose(found[tensor], value, rtol=1e-13, err_msg=tensor)


def test_the_tables_are_of_all_rules() -> None:
    assert set(SETTINGS) == set(MADE) == set(OPTIMIZERS)
    for rule, names in SETTINGS.items():
        assert settings_read(model("loss", "L").program, OPTIMIZERS[rule]()) == tuple(names.split())
        step = pipeline.generate(model("loss", "L"), rule).program
        assert {setting.name for setting in step.with_role(Role.SETTING)} == set(names.split())

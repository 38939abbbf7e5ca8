"""Every hand derivation's model is what its NumPy code computes: the same loss, and the gradient that is right.

The code stands in a file beside the repository, which is data for these tests alone; they run it.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import yaml

from symgrad.checking.interpreter import evaluate, sizes_of
from symgrad.language.program import Program, Role
from symgrad.pipeline import derive_gradients

from .models import CASES, UPDATES, UpdateCase, case

FILE = Path(__file__).parents[3] / "shared" / "cases" / "hand_derivations.yaml"
pytestmark = pytest.mark.skipif(not FILE.exists(), reason="needs ../shared/cases/hand_derivations.yaml")
CLOSE = {"rtol": 1e-9, "atol": 1e-9}
SEEDS = range(3)


@cache
def document() -> dict:
    return yaml.safe_load(FILE.read_text())


@cache
def item(identifier: str) -> dict:
    return next(item for item in document()["items"] if item["id"] == identifier)


def computed(identifier: str, code: str, seed: int) -> dict:
    """Every name that the setup and `code` (a key of the item's check) leave behind."""
    names: dict = {"np": np, "rng": np.random.default_rng(seed)}
    check = item(identifier)["check"]
    for source in (document()["helpers"], check["setup"], check[code]):
        exec(source, names)
    return names


@cache
def derived(identifier: str) -> tuple[Program, str]:
    """The gradient program, and the name of the adjoint in it."""
    gradients = derive_gradients(case(identifier).build().program, (case(identifier).wrt,))
    return gradients.program, gradients.adjoints[case(identifier).wrt]


def values(program: Program, identifier: str, seed: int) -> dict[str, np.ndarray]:
    """Every tensor of the model, or of its gradient program, at the setup's values."""
    names = computed(identifier, "loss", seed)
    given = {case(identifier).of_model(name): value for name, value in names.items()}
    read = {t.name: given[t.name] for t in program.tensors.values() if t.role is not Role.DEFINITION}
    assert {**sizes_of(program, read), **case(identifier).sizes} == sizes_of(program, read)
    return evaluate(program, read, case(identifier).sizes)


def test_every_item_is_declared() -> None:
    assert {item["id"] for item in document()["items"]} == {*CASES, *UPDATES}
    assert {i["id"]: i["check"]["wrt_var"] for i in document()["items"] if i["id"] in CASES} == {
        c.id: c.wrt for c in CASES.values()
    }


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("identifier", CASES)
def test_loss_and_gradient(identifier: str, seed: int) -> None:
    program, adjoint = derived(identifier)
    made = values(program, identifier, seed)
    np.testing.assert_allclose(made["L"], computed(identifier, "loss", seed)["L"], **CLOSE)
    right, wrong = (computed(identifier, code, seed)["G"] for code in ("correct_py", "wrong_py"))
    assert np.shape(made[adjoint]) == np.shape(right)
    np.testing.assert_allclose(made[adjoint], right, **CLOSE)
    agrees = np.shape(wrong) == np.shape(right) and np.allclose(made[adjoint], wrong, **CLOSE)
    assert agrees == (item(identifier)["class"] == "equivalent")


@pytest.mark.parametrize("identifier", CASES)
def test_names_and_axes_are_those_of_the_code(identifier: str) -> None:
    """A tensor of the model that the code also computes is the same array."""
    program = case(identifier).build().program
    made = values(program, identifier, 0)
    for code in ("loss", "correct_py"):
        for name, value in computed(identifier, code, 0).items():
            tensor = case(identifier).of_model(name)
            if tensor in program.tensors:
                assert np.shape(value) == made[tensor].shape, name
                np.testing.assert_allclose(made[tensor], value, **CLOSE, err_msg=name)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("update", UPDATES.values(), ids=lambda update: update.id)
def test_updates(update: UpdateCase, seed: int) -> None:
    """The parameter after the steps of the code, each with the optimizer's own equations."""
    program, names = update.build(), computed(update.id, "correct_py", seed)
    shape = dict(zip((i.extent.name for i in program.tensors["p"].indices), names["th"].shape, strict=True))
    now = {s.name: np.zeros([shape[i.extent.name] for i in s.indices]) for s in program.with_role(Role.STATE)}
    now["p"] = names["th"]
    rates = update.rate(np.arange(1, len(names["gs"]) + 1), len(names["gs"]))
    for t, (g, lr) in enumerate(zip(names["gs"], rates, strict=True), 1):
        made = evaluate(program, {**now, **update.optimizer.settings(), "g": g, "lr": lr, "t": t})
        now = {name: made[program.updates[name]] for name in now}
    np.testing.assert_allclose(now["p"], names["G"], **CLOSE)
    assert not np.allclose(now["p"], computed(update.id, "wrong_py", seed)["G"], **CLOSE)

"""Every system that is installed trains the same model: its first losses are ours, in each case and each form."""

from __future__ import annotations

import shutil
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from symgrad.bench.cases import OWN
from symgrad.bench.data import write_start
from symgrad.bench.serving import COMPARED
from symgrad.bench.systems import FLOOR, OURS, SYSTEMS, Form
from symgrad.bench.turns import TOLERANCE, relative

from .small import CASES

pytestmark = pytest.mark.peers

PEERS = [name for name, system in SYSTEMS.items() if system.needs]


def forms() -> list[tuple[str, str, Form]]:
    """(system, case, form), once for each form that differs in more than its threads; each loss is compiled once."""
    found = {}
    for system in PEERS:
        for name, case in CASES.items():
            for form in SYSTEMS[system].forms(case):
                key = (
                    system,
                    case.losses if system == "compile" else name,
                    *((k, v) for k, v in form.options.items() if k != "threads"),
                )
                found.setdefault(key, (system, name, form))
    return list(found.values())


@pytest.fixture(scope="module")
def started(tmp_path_factory):
    """(the folder of a case's start, the first losses of the emitted code), once for each case."""

    @cache
    def start(name: str) -> tuple[str, np.ndarray]:
        folder = tmp_path_factory.mktemp("case")
        write_start(CASES[name], folder)
        run = SYSTEMS[OURS].implementation.start(CASES[name], Form(""), str(folder))
        return str(folder), run(COMPARED)

    return start


@pytest.mark.parametrize(("system", "name", "form"), forms(), ids=lambda value: getattr(value, "note", value))
def test_first_losses(system: str, name: str, form: Form, started) -> None:
    if not SYSTEMS[system].installed:
        pytest.skip(f"{SYSTEMS[system].needs} is not installed: pip install '.[peers]'")
    if system == "compile":
        if not any(map(shutil.which, ("c++", "g++", "clang++", "cl"))):
            pytest.skip("torch.compile needs a C++ compiler")
        import torch

        torch.compiler.reset()  # what it compiled for the cases before
    folder, ours = started(name)
    theirs = SYSTEMS[system].implementation.start(CASES[name], form, folder)(COMPARED)
    assert len(theirs) == COMPARED
    assert ours[-1] != ours[0]
    assert np.max(relative(theirs, ours)) <= TOLERANCE


def test_every_case_has_a_peer() -> None:
    peers = {name: [s for s in PEERS if SYSTEMS[s].forms(case)] for name, case in CASES.items()}
    assert not [name for name, systems in peers.items() if not {"torch", "jax"} & set(systems)]
    assert FLOOR not in PEERS


@pytest.mark.parametrize("name", CASES)
def test_equations_term_by_term(name: str, tmp_path) -> None:
    pytest.importorskip("jax", reason="jax is not installed: pip install '.[peers]'")
    own = replace(CASES[name], losses=OWN, whole_loop=False)
    write_start(own, tmp_path)
    jax = SYSTEMS["jax"]
    terms, written = (
        jax.implementation.start(case, jax.forms(case)[0], str(tmp_path))(COMPARED) for case in (own, CASES[name])
    )
    assert np.max(relative(terms, written)) <= TOLERANCE

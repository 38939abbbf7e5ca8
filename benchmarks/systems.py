"""What is timed: a model at given sizes, and the systems that train it, each in its own best form.

A system is a function from a case to (run, note): `run(steps)` takes that many more steps and returns the loss before
each, the note says in which form.  All start from the same float32 parameters and read the same batches.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # the clone's symgrad, installed or not

EXAMPLES = ROOT / "examples"
BATCHES = 50  # different batches, again and again
Run = Callable[[int], np.ndarray]


@dataclass(frozen=True)
class Case:
    """A model at given sizes, V N D H and batch B, and what trains it."""

    example: str
    V: int
    N: int
    D: int
    H: int
    B: int
    optimizer: str = "sgd"
    rate: float = 0.1

    @property
    def name(self) -> str:
        return f"{self.example} V={self.V} N={self.N} D={self.D} H={self.H} B={self.B} {self.optimizer}"

    @property
    def flops(self) -> float:
        """Of the two products forward and the four backward."""
        return 6.0 * self.B * self.H * (self.N * self.D + self.V)


def cores() -> int:
    """How many this process may use: `taskset -c 0 python benchmarks/step.py` compares on one."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


# -- the same start for all ----------------------------------------------------------------------------------------


def declared(case: Case):
    from symgrad.model_file import load_model_file

    return load_model_file(EXAMPLES / f"{case.example}.py").model


def sizes(case: Case) -> dict[str, int]:
    return {name: getattr(case, name) for name in "VNDHB"}


def first_parameters(case: Case) -> dict[str, np.ndarray]:
    from symgrad.training.parameters import initial_values

    return initial_values(declared(case).program.parameters, sizes(case), 0, "float32")


def tokens(case: Case) -> tuple[np.ndarray, np.ndarray]:
    """Contexts (BATCHES*B, N) and targets, as frequent as words are: id k in proportion to 1/(k + 3)."""
    frequency = 1 / (np.arange(case.V) + 3)
    ids = np.random.default_rng(1).choice(case.V, (BATCHES * case.B, case.N + 1), p=frequency / frequency.sum())
    return np.ascontiguousarray(ids[:, :-1], dtype=np.int32), np.ascontiguousarray(ids[:, -1], dtype=np.int32)


def batches(case: Case) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    x, y = tokens(case)
    return zip(x.reshape(BATCHES, case.B, case.N), y.reshape(BATCHES, case.B), strict=True)


# -- the systems: each returns (run, how it runs) --------------------------------------------------------------------


def symgrad(case: Case) -> tuple[Run, str]:
    from symgrad.language.optimizers import OPTIMIZERS
    from symgrad.pipeline import generate
    from symgrad.training.parameters import initial_values
    from symgrad.training.threads import Balanced, blas_threads, limited_blas

    optimizer, folder = OPTIMIZERS[case.optimizer](), tempfile.TemporaryDirectory()
    emitted = generate(declared(case), optimizer).load(folder.name)
    parameters = first_parameters(case)
    states = initial_values(emitted.states, sizes(case), 0, "float32")
    x, y = tokens(case)
    rows = np.arange(len(x)).reshape(BATCHES, case.B)
    threads = blas_threads(sizes(case), case.B, "B")
    module = Balanced(emitted, threads) if threads > 1 else emitted
    done = 0

    def run(steps: int, folder: tempfile.TemporaryDirectory = folder) -> np.ndarray:
        nonlocal done
        numbers = np.arange(done, done + steps)
        constants = {"lr": case.rate, **optimizer.settings()}
        settings = {"t": numbers + 1.0, **{name: np.full(steps, value) for name, value in constants.items()}}
        losses = np.empty(steps)
        with limited_blas(threads):
            module.chunk(rows[numbers % BATCHES], settings, {"x": x, "y": y}, parameters, states, losses)
        done += steps
        return losses

    return run, f"BLAS on {'1 or ' if threads > 1 else ''}{threads}"


def torch(case: Case) -> tuple[Run, str]:
    """The fastest of the forms, each tried for a fifth of a second."""
    forms = list(torch_forms(case))
    times = []
    for form in forms:
        run = torch_run(case, **form)
        run(3)
        began, steps = time.perf_counter(), 0
        while time.perf_counter() - began < 0.2:
            run(3)
            steps += 3
        times.append((time.perf_counter() - began) / steps)
    best = forms[times.index(min(times))]
    note = f"{best['update']}{', sparse embedding' if best['sparse'] else ''}, {best['threads']} threads"
    return torch_run(case, **best), note


def torch_forms(case: Case) -> Iterator[dict]:
    """Sparse or dense embedding gradient, fused or foreach update, one thread or all of them."""
    for threads in sorted({1, cores()}):
        for update in ("foreach", "fused"):
            yield {"sparse": False, "update": update, "threads": threads}
        if case.optimizer == "sgd":  # PyTorch's Adam takes no sparse gradients; its SparseAdam is another rule
            yield {"sparse": True, "update": "plain", "threads": threads}


def torch_run(case: Case, sparse: bool, update: str, threads: int) -> Run:
    import torch
    from torch.nn import functional as F

    torch.set_num_threads(threads)
    p = {name: torch.from_numpy(value.copy()).requires_grad_() for name, value in first_parameters(case).items()}
    data = [(torch.from_numpy(x).long(), torch.from_numpy(y).long()) for x, y in batches(case)]
    rule = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[case.optimizer]
    form = {"foreach": update == "foreach"} if update != "fused" else {"fused": True}
    optimizer = rule(p.values(), lr=case.rate, **form)
    done = 0

    def run(steps: int) -> np.ndarray:
        nonlocal done
        losses = []
        for _ in range(steps):
            x, y = data[done % BATCHES]
            optimizer.zero_grad(set_to_none=True)
            c = F.embedding(x, p["C"], sparse=sparse).flatten(1)
            h = torch.tanh(F.linear(c, p["W1"].flatten(1), p.get("b1")))
            loss = F.cross_entropy(F.linear(h, p["W2"], p.get("b2")), y)
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
            done += 1
        return torch.stack(losses).numpy()

    return run


def jax(case: Case) -> tuple[Run, str]:
    """One jitted step, which may reuse the memory of the parameters that it replaces."""
    import jax
    import jax.numpy as jnp

    def loss(p: dict, x: jax.Array, y: jax.Array) -> jax.Array:
        c = p["C"][x].reshape(len(x), -1)
        h = jnp.tanh(c @ p["W1"].reshape(case.H, -1).T + p.get("b1", 0))
        log_p = jax.nn.log_softmax(h @ p["W2"].T + p.get("b2", 0))
        return -log_p[jnp.arange(len(y)), y].mean()

    def adam(p: jax.Array, g: jax.Array, m: jax.Array, s: jax.Array, t: jax.Array) -> tuple:
        m, s = 0.9 * m + 0.1 * g, 0.999 * s + 0.001 * g**2
        return p - case.rate * (m / (1 - 0.9**t)) / (jnp.sqrt(s / (1 - 0.999**t)) + 1e-8), m, s

    @partial(jax.jit, donate_argnums=(0, 1))
    def step(p: dict, state: dict, t: jax.Array, x: jax.Array, y: jax.Array) -> tuple:
        value, g = jax.value_and_grad(loss)(p, x, y)
        if case.optimizer == "sgd":
            return {name: p[name] - case.rate * g[name] for name in p}, state, value
        new = {name: adam(p[name], g[name], *state[name], t) for name in p}
        return {name: n[0] for name, n in new.items()}, {name: n[1:] for name, n in new.items()}, value

    p = {name: jnp.array(value) for name, value in first_parameters(case).items()}
    state = {name: (jnp.zeros_like(v), jnp.zeros_like(v)) for name, v in p.items()} if case.optimizer == "adam" else {}
    data = [(jnp.array(x), jnp.array(y)) for x, y in batches(case)]
    done = 0

    def run(steps: int) -> np.ndarray:
        nonlocal done, p, state
        losses = []
        for _ in range(steps):
            p, state, value = step(p, state, np.float32(done + 1), *data[done % BATCHES])
            losses.append(value)
            done += 1
        jax.block_until_ready(p)
        return np.array(losses)

    return run, "jit"


def floor(case: Case) -> tuple[Run, str]:
    """A product of n x n matrices has the flops of some steps; `run` does at least `steps` steps' worth of them."""
    n = 2048
    a, b = np.random.default_rng(0).random((2, n, n), dtype=np.float32)
    out = np.empty_like(a)

    def run(steps: int) -> np.ndarray:
        began = time.perf_counter()
        np.matmul(a, b, out)
        seconds = (time.perf_counter() - began) * case.flops / (2.0 * n**3)
        return np.array([seconds])

    return run, f"{n} x {n} products"


SYSTEMS = {"symgrad": symgrad, "torch": torch, "jax": jax, "floor": floor}


def installed() -> list[str]:
    """The systems that can run here."""
    return [system for system in SYSTEMS if system in ("symgrad", "floor") or importlib.util.find_spec(system)]

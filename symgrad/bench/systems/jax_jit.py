"""JAX: one jitted step, which may reuse the memory of the parameters that it replaces; or the whole loop, scanned.

A model of the user's nobody has written in JAX: there its own equations are evaluated term by term, see `jax_terms`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace

import numpy as np

from ...language.machine import cores
from ..cases import Case
from ..data import read_start
from . import Form, Run, layouts, threads_text
from .rules import RULES, USUAL, initial_shapes


def forms(case: Case) -> tuple[Form, ...]:
    if case.own and not expressible(case):
        return ()
    loops = [("lax.scan", {"unroll": 1}), ("lax.scan, unrolled by 8", {"unroll": 8})]
    step = [("jit of the equations, term by term" if case.own else "jit", {})]
    return tuple(
        Form(f"{way}, {threads_text(threads)}", {"threads": threads, **options})
        for threads in sorted({1, cores()})
        for way, options in (loops if case.whole_loop else step)
    )


def expressible(case: Case) -> bool:
    """Whether the model has neither masks nor states of its own, which `jax_terms` does not know."""
    from ...language.program import Role
    from ..data import program_of

    return not program_of(case).with_role(Role.MASK, Role.STATE)


def start(case: Case, form: Form, folder: str) -> Run:
    if form.options["threads"] == 1:  # read by XLA when it is first used, in this process
        os.environ |= {"NPROC": "1", "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false"}
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", case.dtype == "float64")
    ours, batches = read_start(folder)
    theirs, numbers = layouts.laid_out(case, ours, np)
    loss_of, rule = loss_function(case), RULES[case.optimizer]
    constants = {"lr": case.rate, **USUAL[case.optimizer], **case.settings}

    def loss(p: dict, batch: dict) -> jax.Array:
        return loss_of(SimpleNamespace(**p, **batch, **numbers))

    def step(p: dict, state: dict, t: jax.Array, batch: dict) -> tuple[dict, dict, jax.Array]:
        value, g = jax.value_and_grad(loss)(p, batch)
        g = {name: g[name] + factor * p[name] if factor else g[name] for name, factor in decays.items()}
        if case.clip is not None:
            norm = jnp.sqrt(sum((v * v).sum() for v in g.values()))
            g = {name: v * (case.clip / jnp.maximum(case.clip, norm)) for name, v in g.items()}
        new = {name: rule(jnp, p[name], g[name], state[name], t, constants) for name in p}
        return {name: n[0] for name, n in new.items()}, {name: n[1] for name, n in new.items()}, value

    decays = {name: case.weight_decay.get(name, 0.0) for name in theirs}
    p = {name: jnp.array(value) for name, value in theirs.items()}
    state = {name: [jnp.zeros(s, v.dtype) for s in initial_shapes(case.optimizer, v.shape)] for name, v in p.items()}
    if case.whole_loop:
        return scanned(step, p, state, batches, form.options["unroll"])
    data = [{name: jnp.array(array) for name, array in batch.items()} for batch in batches]
    jitted, counted, done = jax.jit(step, donate_argnums=(0, 1)), np.dtype(case.dtype).type, 0

    def run(steps: int) -> np.ndarray:
        nonlocal done, p, state
        losses = []
        for _ in range(steps):
            p, state, value = jitted(p, state, counted(done + 1), data[done % len(data)])
            losses.append(value)
            done += 1
        jax.block_until_ready(p)
        return np.array(losses)

    return run


def loss_function(case: Case) -> Callable[[SimpleNamespace], object]:
    """Of parameters and what a step is given, by their names."""
    if not case.own:
        from . import jax_losses

        return getattr(jax_losses, case.losses)
    from ..data import all_sizes, program_of, stable_loss
    from . import jax_terms

    program = program_of(case)
    sizes, program = all_sizes(case, program), stable_loss(program)

    def loss(m: SimpleNamespace) -> object:
        values = dict(vars(m))
        jax_terms.run(program.items, values, sizes, {})
        return values[program.outputs[0]]

    return loss


def scanned(step, p: dict, state: dict, batches: list, unroll: int) -> Run:
    """The whole loop as one call: what `train_chunk` is among ours."""
    import jax
    import jax.numpy as jnp

    data = {name: jnp.stack([batch[name] for batch in batches]) for name in batches[0]}

    @partial(jax.jit, donate_argnums=(0, 1))
    def loop(p: dict, state: dict, numbers: jax.Array) -> tuple[dict, dict, jax.Array]:
        def body(carried: tuple, number: jax.Array) -> tuple:
            batch = {name: array[number % len(batches)] for name, array in data.items()}
            p, state, value = step(*carried, (number + 1).astype(value_type), batch)
            return (p, state), value

        (p, state), losses = jax.lax.scan(body, (p, state), numbers, unroll=unroll)
        return p, state, losses

    value_type, done = next(iter(p.values())).dtype, 0

    def run(steps: int) -> np.ndarray:
        nonlocal done, p, state
        p, state, losses = loop(p, state, jnp.arange(done, done + steps))
        done += steps
        return np.array(losses)

    return run

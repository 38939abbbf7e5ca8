"""PyTensor, the nearest relative: symbolic gradients, compiled by Numba; parameters are shared variables.

With plain SGD the embedding's gradient is taken by the rows that the step reads, and only those are updated.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np

from ...language.machine import cores
from ..cases import Case
from ..data import read_start
from . import Form, Run, layouts, threads_text
from .rules import RULES, USUAL, initial_shapes

ROWS = {"concat_lm": ("C", "x"), "makemore_mlp": ("C", "x"), "bengio2003": ("C", "context"), "unnamed_loss": ("C", "x")}


def forms(case: Case) -> tuple[Form, ...]:
    if case.losses not in LOSSES or case.whole_loop:
        return ()
    return tuple(
        Form(f"Numba mode, BLAS on {threads_text(threads)}", {"threads": threads}) for threads in sorted({1, cores()})
    )


def start(case: Case, form: Form, folder: str) -> Run:
    import pytensor
    import pytensor.tensor as pt
    import scipy.linalg.cython_blas  # noqa: F401  what the compiled code calls; the limit holds for what is loaded
    from threadpoolctl import threadpool_limits

    threadpool_limits(limits=form.options["threads"], user_api="blas")
    ours, batches = read_start(folder)
    theirs, numbers = layouts.laid_out(case, ours, np)
    p = {name: pytensor.shared(value.copy(), name) for name, value in theirs.items()}
    given = {n: pt.tensor(n, dtype=a.dtype, shape=(None,) * a.ndim) for n, a in batches[0].items()}
    read = dict(p)
    embedding = ROWS.get(case.losses) if case.optimizer == "sgd" else None
    if embedding is not None:
        read[embedding[0]] = p[embedding[0]][given[embedding[1]]]
    loss = LOSSES[case.losses](SimpleNamespace(**read, **given, **numbers), pt, embedding is not None)
    t = pytensor.shared(np.array(1, case.dtype), "t")
    constants = {n: np.dtype(case.dtype).type(v) for n, v in (USUAL[case.optimizer] | {"lr": case.rate}).items()}
    updates = [(t, t + np.dtype(case.dtype).type(1))]
    for (name, X), g in zip(p.items(), pytensor.grad(loss, list(read.values())), strict=True):
        if embedding is not None and name == embedding[0]:
            updates.append((X, pt.inc_subtensor(read[name], -constants["lr"] * g)))
            continue
        shapes = initial_shapes(case.optimizer, theirs[name].shape)
        state = [pytensor.shared(np.zeros(shape, case.dtype)) for shape in shapes]
        X_new, state_new = RULES[case.optimizer](pt, X, g, state, t, constants)
        updates += [(X, X_new), *zip(state, state_new, strict=True)]
    updates = [(old, new.astype(case.dtype)) for old, new in updates]
    function = pytensor.function(list(given.values()), loss, updates=updates, mode="NUMBA")
    function.trust_input = True
    arguments = [[np.asarray(array) for array in batch.values()] for batch in batches]
    done = 0

    def run(steps: int) -> np.ndarray:
        nonlocal done
        losses = []
        for _ in range(steps):
            losses.append(function(*arguments[done % len(arguments)]))
            done += 1
        return np.array(losses, dtype=np.float64).reshape(steps)

    return run


def scalar_tanh(m: SimpleNamespace, pt, rows: bool):
    return (m.y - pt.tanh(m.w2 * pt.tanh(m.w1 * m.x))) ** 2 / 2


def embedded(C, x, rows: bool):
    """(B, N*D); with `rows` C stands for the rows of it that the step reads."""
    return (C if rows else C[x]).flatten(2)


def log_likelihood(scores, y, pt):
    log_p = pt.special.log_softmax(scores, axis=1)
    return log_p, log_p[pt.arange(y.shape[0]), y].mean()


def concat_lm(m: SimpleNamespace, pt, rows: bool):
    h = pt.tanh(embedded(m.C, m.x, rows) @ m.W1.flatten(2).T)
    return -log_likelihood(h @ m.W2.T, m.y, pt)[1]


def makemore_mlp(m: SimpleNamespace, pt, rows: bool):
    h = pt.tanh(embedded(m.C, m.x, rows) @ m.W1.flatten(2).T + m.b1)
    return -log_likelihood(h @ m.W2.T + m.b2, m.y, pt)[1]


def bengio2003(m: SimpleNamespace, pt, rows: bool):
    a = pt.tanh(m.d + embedded(m.C, m.context, rows) @ m.H.flatten(2).T)
    return -log_likelihood(m.b + a @ m.U.T, m.word, pt)[1]


def unnamed_loss(m: SimpleNamespace, pt, rows: bool):
    h = pt.tanh(embedded(m.C, m.x, rows) @ m.W1.flatten(2).T)
    log_p, picked = log_likelihood(1.5 * (h @ m.W2.T), m.y, pt)
    return (pt.exp(log_p) ** 2).sum(axis=1).mean() / 10 - picked


LOSSES: dict[str, Callable] = {f.__name__: f for f in (scalar_tanh, concat_lm, makemore_mlp, bengio2003, unnamed_loss)}

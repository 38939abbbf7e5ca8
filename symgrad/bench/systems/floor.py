"""What the machine can do: a step is one product of large matrices, whose rate is the peak."""

from __future__ import annotations

import numpy as np

from ...language.machine import cores
from ..cases import Case
from . import Form, Run, threads_text

SIDE = 1536
FLOPS = 2.0 * SIDE**3


def forms(case: Case) -> tuple[Form, ...]:
    return tuple(Form(f"{SIDE} x {SIDE} products on {threads_text(n)}", {"threads": n}) for n in sorted({1, cores()}))


def start(case: Case, form: Form, folder: str) -> Run:
    from threadpoolctl import threadpool_limits

    threadpool_limits(limits=form.options["threads"], user_api="blas")
    left, right = np.random.default_rng(0).random((2, SIDE, SIDE)).astype(case.dtype)
    out = np.empty_like(left)

    def run(steps: int) -> np.ndarray:
        for _ in range(steps):
            np.matmul(left, right, out)
        return np.empty(0)

    return run

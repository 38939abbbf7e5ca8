"""What memory can do: a step reads and writes an array of a given number of bytes once, on one thread or on all."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ...language.machine import cores
from ..cases import Case
from . import Form, Run, threads_text


def forms(case: Case) -> tuple[Form, ...]:
    """None: it is asked for a number of bytes, see `forms_of`."""
    return ()


def forms_of(size: int) -> tuple[Form, ...]:
    return tuple(
        Form(f"{size:,} bytes read and written by {threads_text(n)}", {"threads": n, "bytes": size})
        for n in sorted({1, cores()})
    )


def start(case: Case, form: Form, folder: str) -> Run:
    threads = form.options["threads"]
    parts = np.array_split(np.ones(max(1, form.options["bytes"] // 4), np.float32), threads)
    pool = ThreadPoolExecutor(threads)

    def run(steps: int) -> np.ndarray:
        for _ in range(steps):
            if threads == 1:
                np.multiply(parts[0], 1.0, out=parts[0])
            else:
                list(pool.map(lambda part: np.multiply(part, 1.0, out=part), parts))
        return np.empty(0)

    return run

"""How many threads BLAS runs on."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

SMALL = 64_000_000


def blas_threads(sizes: Mapping[str, int], batch: int, axis: str | None) -> int:
    """1 where the model's largest matrix product is small, else every core this process may use.

    The product is taken as the two largest sizes beside the batch, times the batch: below 64 million multiplications
    (about a millisecond on one core) a second thread gains little, and loses much where another process wants the core
    that it waits on: BLAS waits by spinning.  `axis` is the batch's own size.
    """
    largest = sorted((size for name, size in sizes.items() if name != axis), reverse=True)[:2]
    work = batch
    for size in largest:
        work *= size
    return 1 if work < SMALL else len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


@contextmanager
def limited_blas(threads: int) -> Iterator[None]:
    """Within, BLAS has this many threads."""
    # OpenBLAS's idle threads spin for some 30 ms unless told otherwise before it is loaded.  On a shared machine that
    # takes the core from whoever holds up the next product; sleeping at once costs microseconds.
    os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "8")
    # The limit holds for libraries that are loaded already; jitted code calls SciPy's BLAS, which Numba loads late.
    import scipy.linalg.cython_blas  # noqa: F401
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=threads, user_api="blas"):
        yield

"""How many threads a step runs on: those of its sweeps, with BLAS on one, or where it has none those of BLAS.

Either divides the work evenly and waits for the slowest thread.  On a quiet machine two threads nearly halve a large
step; where somebody else holds the other core they take longer than one.  So a training that nobody told the number
measures both, now and then, and takes the faster.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ..language.machine import cores

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

SMALL = 16_000_000  # multiplications


def threads_for(sizes: Mapping[str, int], batch: int, axis: str | None, threaded: bool) -> int:
    """1 where the model's largest matrix product is small, else every core this process may use.

    The product is taken as the two largest sizes beside the batch, times the batch: below 16 million multiplications
    (a quarter of a millisecond on one core) a second thread of BLAS gains little, and loses much where another process
    wants the core that it waits on.  Code that is `threaded` decides for each of its sweeps.  `axis` is the batch's own
    size.
    """
    if threaded:
        return cores()
    largest = sorted((size for name, size in sizes.items() if name != axis), reverse=True)[:2]
    work = batch
    for size in largest:
        work *= size
    return 1 if work < SMALL else cores()


@contextmanager
def limited_blas(threads: int) -> Iterator[None]:
    """Within, BLAS has this many threads."""
    with blas().limit(limits=threads, user_api="blas"):
        yield


@cache
def blas() -> ThreadpoolController:
    """Of the libraries of this process.  To look for them takes as long as a few steps of a small model."""
    # OpenBLAS's idle threads spin for some 30 ms unless told otherwise before it is loaded.  On a shared machine that
    # takes the core from whoever holds up the next product; sleeping at once costs microseconds.
    os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "8")
    # Only libraries that are loaded already are found; jitted code calls SciPy's BLAS, which Numba loads late.
    import scipy.linalg.cython_blas  # noqa: F401
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


Values = Mapping[str, np.ndarray]


class Chunks(Protocol):
    """What is run in chunks of steps, by a number of threads if it is `threaded`; see `loop.Emitted`."""

    threaded: bool

    def chunk(
        self,
        order: np.ndarray,
        settings: Values,
        data: Values,
        parameters: Values,
        states: Values,
        losses: np.ndarray,
        **threads: int,
    ) -> int: ...

    def mean_loss(self, data: Values, parameters: Values, batch: int, threads: int = 1) -> float: ...


class Balanced:
    """An emitted module whose chunks run on that count of threads, of those given, that took least time a step lately.

    `mean_loss`, whose threads wait for each other only at the end, runs on the largest.

    The numbers of different thread counts differ in their last bits; a run that must be repeated to the bit names one.
    """

    TRY = 2  # tries, of which the faster counts: threads that wake and caches that are cold are no count's own
    AGAIN = 4, 32  # chunks until the slower count gets another try: at first, and at most, twice as many each time
    PART = 16  # a try takes this part of a chunk, and at least
    STEPS = 3  # so many steps, or all of them

    def __init__(self, emitted: Chunks, *counts: int) -> None:
        self._emitted, self._counts = emitted, tuple(sorted(set(counts), reverse=True))
        self._seconds: dict[int, deque[float]] = {count: deque(maxlen=self.TRY) for count in self._counts}
        # The first try of all may wait for the compiler.
        self._tries = [self._counts[0], *(count for count in self._counts for _ in range(self.TRY))]
        self._waited, self._wait = 0, self.AGAIN[0]

    def __getattr__(self, name: str) -> object:
        return getattr(self._emitted, name)

    def chunk(
        self, order: np.ndarray, settings: Values, data: Values, parameters: Values, states: Values, losses: np.ndarray
    ) -> int:
        """The steps of the chunk, the first of them on the counts that are to be tried; how many were done."""
        done = 0
        for count, steps in self.pieces(len(order)):
            piece = slice(done, done + steps)
            of_piece = {name: values[piece] for name, values in settings.items()}
            began = time.perf_counter()
            taken = self.on(count, order[piece], of_piece, data, parameters, states, losses[piece])
            self._seconds[count].append((time.perf_counter() - began) / steps)
            done += taken
            if taken < steps:
                break
        return done

    def mean_loss(self, data: Values, parameters: Values, batch: int) -> float:
        with limited_blas(1):
            return self._emitted.mean_loss(data, parameters, batch, threads=self._counts[0])

    def on(self, count: int, *arguments: object) -> int:
        threaded = self._emitted.threaded
        with limited_blas(1 if threaded else count):  # two pools of threads ruin each other
            return self._emitted.chunk(*arguments, **({"threads": count} if threaded else {}))

    def pieces(self, steps: int) -> Iterator[tuple[int, int]]:
        """(count of threads, number of steps): first the tries, then what is left of the chunk."""
        if not self._tries and self._waited == self._wait and len(self._counts) > 1:
            self._tries = [max(self._counts, key=self.seconds)] * self.TRY
            self._waited, self._wait = 0, min(2 * self._wait, self.AGAIN[1])
        few = max(self.STEPS, steps // self.PART)
        few = few if len(self._tries) * few < steps else steps
        while self._tries and steps:
            yield self._tries.pop(0), few
            steps -= few
        if steps:
            self._waited += 1
            yield min(self._counts, key=self.seconds), steps

    def seconds(self, count: int) -> float:
        """Of a step on so many threads: the least lately."""
        return min(self._seconds[count])

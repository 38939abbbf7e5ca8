"""The order of the rows: which of them each step reads."""

from __future__ import annotations

import numpy as np


class Order:
    """Row numbers of every step: a fresh permutation each epoch, cut into full batches.

    The `rows % batch` rows at a permutation's end, which fill no batch, are left out of that epoch.  A step's rows
    depend on the seed and the step's number only, so the cut of a run into chunks cannot change what it computes.
    """

    def __init__(self, rows: int, batch: int, seed: int) -> None:
        self.rows, self.batch, self.seed = rows, batch, seed
        self.steps_per_epoch = rows // batch
        self.epoch, self.permutation = -1, np.empty(0, dtype=np.int64)

    def batches(self, start: int, stop: int) -> np.ndarray:
        """int64 (stop - start, batch): the rows of steps start..stop-1, counted from 0."""
        pieces = []
        while start < stop:
            epoch, first = divmod(start, self.steps_per_epoch)
            last = min(first + stop - start, self.steps_per_epoch)
            pieces.append(self.permuted(epoch)[first * self.batch : last * self.batch])
            start += last - first
        return np.concatenate(pieces).reshape(-1, self.batch)

    def permuted(self, epoch: int) -> np.ndarray:
        """The rows in this epoch's order; the latest is kept, as steps come in order."""
        if epoch != self.epoch:
            stream = np.random.default_rng((self.seed, epoch))
            self.epoch, self.permutation = epoch, stream.permutation(self.rows).astype(np.int64, copy=False)
        return self.permutation

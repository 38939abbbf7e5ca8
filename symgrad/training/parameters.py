"""How parameters and states start."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from ..language.program import Initial, Tensor
from .sizes import extent_size

Values = dict[str, np.ndarray]


def initial_values(tensors: Iterable[Tensor], sizes: Mapping[str, int], seed: int, dtype: str) -> Values:
    """The tensors' first values, C-contiguous, of `dtype`.

    Each tensor has a random stream of its own, in the order given, and is drawn in float64: its values depend neither
    on the other tensors' sizes nor, up to rounding, on the dtype.
    """
    tensors = list(tensors)
    streams = np.random.default_rng(seed).spawn(len(tensors))
    values = {}
    for tensor, stream in zip(tensors, streams, strict=True):
        shape = tuple(extent_size(extent, sizes) for extent in tensor.shape)
        values[tensor.name] = np.array(drawn(tensor.initial, shape, stream), dtype=dtype, order="C")
    return values


def drawn(initial: Initial, shape: tuple[int, ...], stream: np.random.Generator) -> np.ndarray:
    """Float64 numbers of that shape.  Raises ValueError for a kind that `Initial` does not have."""
    if initial.kind == "normal":
        return stream.standard_normal(shape) * initial.scale
    if initial.kind == "uniform":
        return stream.uniform(-initial.scale, initial.scale, shape)
    if initial.kind == "constant":
        return np.full(shape, initial.scale, dtype=np.float64)
    raise ValueError(f"no initialization is called {initial.kind!r}")

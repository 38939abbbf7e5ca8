"""The arrays that steps write to: apart from everything else in memory, and kept from chunk to chunk."""

from __future__ import annotations

import contextlib
import math
import mmap

import numpy as np
import pytest

from symgrad.codegen.functions import support

KINDS = [((3,), np.float32), ((7, 5), np.float64), ((2, 3, 4), np.int32), ((600, 1024), np.float32), ((1,), np.int64)]


@pytest.fixture
def carried() -> dict[str, object]:
    _, (source,) = support({"workspace"}, "float32")
    names = {"contextlib": contextlib, "math": math, "mmap": mmap, "np": np, "real": np.float32}
    exec(source, names)
    return names


@pytest.mark.parametrize(("shape", "number"), KINDS)
def test_arrays_are_contiguous_and_apart(carried: dict, shape: tuple[int, ...], number: type) -> None:
    """Where another array begins within 256 bytes, LLVM's loops go entry by entry, and sum in another order."""
    array = carried["workspace"](shape, number)
    assert (array.shape, array.dtype) == (shape, number)
    assert array.flags.c_contiguous and array.flags.writeable and array.flags.aligned
    whole = array.base
    assert array.ctypes.data % 128 == 0, "vectors cross cache lines, and rows that two threads write share them"
    assert array.ctypes.data >= whole.ctypes.data + 1024
    assert array.ctypes.data + array.nbytes + 1024 <= whole.ctypes.data + whole.nbytes


def test_a_chunk_takes_the_arrays_of_the_one_before(carried: dict) -> None:
    workspace, spare = carried["workspace"], carried["spare"]
    first = [workspace((4, 5)), workspace((4, 5)), workspace((4, 5), np.float64), workspace((6,))]
    assert len({array.ctypes.data for array in first}) == 4, "two are in use at once"
    spare(*first)
    again = [workspace((4, 5)), workspace((4, 5)), workspace((4, 5))]
    assert {again[0].ctypes.data, again[1].ctypes.data} == {first[0].ctypes.data, first[1].ctypes.data}
    assert again[2].ctypes.data not in {array.ctypes.data for array in first}
    spare(*again)
    assert {shape for shape, _ in carried["SPARE"]} == {(4, 5)}, "those of another size are let go"

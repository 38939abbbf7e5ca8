"""The product that emitted files carry, against NumPy: in blocks and whole, in every layout, with rows apart too."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from symgrad.codegen.emitted import load_module
from symgrad.codegen.functions import support

HEAD = """import numpy as np
from llvmlite import binding
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

real = np.float32
"""
# With AVX-512, and without it.
LIMITS = {"blocks": "SMALL = 1_000_000", "whole": "SMALL = 2**62"}
SHAPES = (
    (1, 1, 1), (2, 3, 5), (1, 700, 2000), (2000, 1, 700), (700, 2000, 1),  # rows, inner, columns
    (256, 50, 512), (512, 256, 50), (50, 257, 241), (513, 257, 65), (1100, 31, 64),
    (129, 131, 255), (129, 131, 256), (257, 61, 300), (96, 1030, 520), (1024, 33, 32),
)  # fmt: skip


@pytest.fixture(scope="module", params=LIMITS)
def module(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    source = "".join(support({"product", "stored"}, "float32")[1])
    (line,) = (line for line in source.splitlines() if line.startswith("SMALL = "))
    path = tmp_path_factory.mktemp("product") / "product.py"
    path.write_text(HEAD + source.replace(line, LIMITS[request.param]))
    return load_module(path)


@pytest.mark.parametrize("turned", [(False, False), (True, False), (False, True), (True, True)], ids=str)
def test_against_numpy(module: ModuleType, turned: tuple[bool, bool]) -> None:
    rng = np.random.default_rng(0)
    for rows, inner, columns in SHAPES:
        for alpha, beta, margin in ((1.0, 0.0, 0), (-0.5, 1.0, 0), (2.0, 0.5, 3)):
            left, right, before = (
                np.round(4 * rng.standard_normal(shape)).astype(np.float32)  # whole numbers: their sums are exact
                for shape in ((rows, inner), (inner, columns), (rows, columns))
            )
            expected = alpha * (left @ right) + beta * before
            out = strided(before, margin)
            a, b = (strided(m.T if t else m, margin) for m, t in zip((left, right), turned, strict=True))
            ways = [module.TRANSPOSED if t else module.AS_IS for t in turned]
            beyond = out.base.copy() if margin else None
            out[...] = np.nan if beta == 0 else out  # BLAS does not read what it does not add to
            operands = ((*told(m), way) for m, way in zip((a, b), ways, strict=True))
            module.product((rows, columns, inner), *operands, alpha, beta, told(out))
            np.testing.assert_array_equal(out, expected, f"{rows, inner, columns} {alpha} {beta}")
            if margin:
                np.testing.assert_array_equal(out.base[:, columns:], beyond[:, columns:])


def told(matrix: np.ndarray) -> tuple[int, int]:
    """(address, how far its rows are apart)."""
    return matrix.ctypes.data, matrix.strides[0] // matrix.itemsize


def strided(matrix: np.ndarray, margin: int) -> np.ndarray:
    """A copy, in a larger array if there is a margin."""
    larger = np.full((matrix.shape[0], matrix.shape[1] + margin), 7, np.float32)
    larger[:, : matrix.shape[1]] = matrix
    return larger[:, : matrix.shape[1]] if margin else larger

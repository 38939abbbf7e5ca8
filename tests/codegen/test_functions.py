"""The functions that emitted files carry: float32 exp and tanh against mpmath, alone and inside vectorized loops."""

from __future__ import annotations

from types import ModuleType

import mpmath
import numpy as np
import pytest

from symgrad.codegen.emitted import load_module
from symgrad.codegen.emitted_file import FAST
from symgrad.codegen.functions import support

LOOPS = '''
@njit(fastmath=FAST, error_model="numpy")
def along(x, exps, tanhs, total):
    """Both functions as emitted loops call them, and a sum that is collected beside."""
    for i in range(x.shape[0]):
        exps[i] = exp(x[i])
        total[0] = plus(total[0], exps[i])
    for i in range(x.shape[0]):
        tanhs[i] = tanh(x[i])
'''
SMALLEST, LARGEST = -86.0, 88.7228  # between them exp is a float32 and no denormal one
STATED_ULP = 2.0
LISTED = np.array(
    [s * x for x in (0, 1e-45, 1e-40, 1e-20, 1e-3, 0.625, 1, 5, 8, 10, 20, 40, 85.9) for s in (1, -1)]
    + [86.1, 87, 88.3, 88.6, 88.72, 88.722],
    np.float32,
)


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    imported, sources = support({"exp", "tanh", "plus"}, "float32")
    assert not imported
    head = f"import numpy as np\nfrom numba import njit\n\nf32 = np.float32\n{FAST}\n"
    path = tmp_path_factory.mktemp("functions") / "functions.py"
    path.write_text("\n".join([head, *sources, LOOPS]))
    return load_module(path)


def values(module: ModuleType, x: np.ndarray) -> dict[str, np.ndarray]:
    made = {"exp": np.empty_like(x), "tanh": np.empty_like(x)}
    module.along(x, made["exp"], made["tanh"], np.zeros(1, np.float32))
    return made


def ulps(found: np.ndarray, exact: np.ndarray) -> float:
    unit = np.spacing(np.abs(exact).astype(np.float32)).astype(np.float64)
    return float(np.max(np.abs(found.astype(np.float64) - exact) / unit))


@pytest.mark.parametrize("name", ("exp", "tanh"))
def test_stated_error_over_the_whole_range(module: ModuleType, name: str) -> None:
    tiny = np.geomspace(1e-45, 1, 50_000)
    x = np.concatenate((np.linspace(SMALLEST, LARGEST, 1_000_000), np.linspace(-1, 1, 500_000), tiny, -tiny))
    x = x.astype(np.float32)
    x = x[(x >= SMALLEST) & (x <= LARGEST)]
    exact = {"exp": np.exp, "tanh": np.tanh}[name](x.astype(np.float64))  # errors of 1e-9 ulp of float32
    assert ulps(values(module, x)[name], exact) <= STATED_ULP


@pytest.mark.parametrize("name", ("exp", "tanh"))
def test_against_mpmath(module: ModuleType, name: str) -> None:
    x = np.concatenate((LISTED, np.random.default_rng(0).uniform(SMALLEST, LARGEST, 3000).astype(np.float32)))
    with mpmath.workprec(100):
        exact = np.array([float(getattr(mpmath, name)(mpmath.mpf(float(value)))) for value in x])
    assert ulps(values(module, x)[name], exact) <= STATED_ULP
    alone = np.array([getattr(module, name)(value) for value in x])
    assert ulps(alone, exact) <= STATED_ULP


@pytest.mark.parametrize(
    ("x", "exp", "tanh"),
    [
        (-np.inf, 0, -1), (np.inf, np.inf, 1), (np.nan, np.nan, np.nan), (0.0, 1, 0),
        (-86.1, 0, -1), (-90, 0, -1), (-200, 0, -1), (-1e4, 0, -1), (-3e38, 0, -1),
        (88.73, np.inf, 1), (90, np.inf, 1), (200, np.inf, 1), (1e4, np.inf, 1), (3e38, np.inf, 1),
    ],
)  # fmt: skip
def test_beyond_the_range(module: ModuleType, x: float, exp: float, tanh: float) -> None:
    for length in (1, 16):  # alone and among the lanes of a vector
        made = values(module, np.full(length, x, np.float32))
        np.testing.assert_array_equal(made["exp"], np.full(length, exp, np.float32))
        np.testing.assert_array_equal(made["tanh"], np.full(length, tanh, np.float32))

"""The functions that emitted files carry in float32, against mpmath: alone, and in loops, which become vector code."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType

import mpmath
import numpy as np
import pytest

from symgrad.codegen.emitted import load_module
from symgrad.codegen.emitted_file import FAST
from symgrad.codegen.functions import support

LOOP = '''
@njit(fastmath=FAST, error_model="numpy")
def along_{name}(x, made):
    """The function as emitted loops call it, and a sum that is collected beside."""
    total = f32(0.0)
    for i in range(x.shape[0]):
        made[i] = {call}
        total = plus(total, made[i])
    return total
'''
SMALLEST_NORMAL = 1.17549435e-38
DENORMAL = np.geomspace(1e-45, SMALLEST_NORMAL, 20_000)
TINY = np.geomspace(1e-45, 1, 50_000)
NEAR_ONE = np.linspace(0.5, 2, 500_000)
EVERY_BINADE = np.geomspace(1e-45, 3.4028235e38, 1_000_000)


@dataclass(frozen=True)
class Case:
    """`ulp`: the error that is stated, anywhere between `low` and `high`; `points`: where else it is looked for."""

    call: str  # in the loop of an emitted file
    exact: Callable[[np.ndarray], np.ndarray]
    precise: Callable[[mpmath.mpf], mpmath.mpf]
    low: float
    high: float
    ulp: float
    points: tuple[np.ndarray, ...] = ()


CASES = {
    # between these exp is a float32 and no denormal one
    "exp": Case("exp(x[i])", np.exp, mpmath.exp, -86.98, 88.7228, 2.0, (TINY, -TINY)),
    "log": Case("log(x[i])", np.log, mpmath.log, 1e-45, 3.4028235e38, 2.0, (DENORMAL, NEAR_ONE, EVERY_BINADE)),
    "tanh": Case("tanh(x[i])", np.tanh, mpmath.tanh, -3.4028235e38, 3.4028235e38, 2.0,
                 (TINY, -TINY, np.linspace(-1, 1, 500_000), np.linspace(-9.3, 9.3, 1_000_000))),
    "sigmoid": Case("sigmoid(x[i])", lambda x: 1 / (np.exp(-x) + 1), lambda x: 1 / (mpmath.exp(-x) + 1),
                    -86.98, 3.4028235e38, 2.0, (TINY, -TINY, np.linspace(-86.98, 20, 2_000_000))),
}  # fmt: skip
CARRIED = ("exp", "log", "tanh", "sigmoid")
LISTED = np.array(
    [s * x for x in (1e-45, 1e-40, 1e-20, 1e-3, 0.17, 0.45, 0.625, 1, 2, 5, 8, 9, 9.1, 20, 40, 86.9) for s in (1, -1)]
    + [87, 88.3, 88.6, 88.72, 88.722, SMALLEST_NORMAL, 1e10, 1e38, 3.4e38, 0.70710677, 1.41421356, 0.99999994],
    np.float32,
)


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    imported, sources = support({*CARRIED, "plus"}, "float32")
    assert not imported
    head = f"import numpy as np\nfrom numba import njit\n\nreal = f32 = np.float32\n{FAST}\n"
    loops = [LOOP.format(name=name, call=case.call) for name, case in CASES.items()]
    path = tmp_path_factory.mktemp("functions") / "functions.py"
    path.write_text("\n".join([head, *sources, *loops]))
    return load_module(path)


def values(module: ModuleType, name: str, x: np.ndarray) -> np.ndarray:
    made = np.empty_like(x)
    getattr(module, f"along_{name}")(x, made)
    return made


def ulps(found: np.ndarray, exact: np.ndarray) -> float:
    unit = np.spacing(np.abs(exact).astype(np.float32)).astype(np.float64)
    return float(np.max(np.abs(found.astype(np.float64) - exact) / unit))


def inside(case: Case, x: np.ndarray) -> np.ndarray:
    x = x.astype(np.float32)
    return x[(x >= np.float32(case.low)) & (x <= np.float32(case.high))]


@pytest.mark.parametrize("name", CASES)
def test_stated_error_over_the_whole_range(module: ModuleType, name: str) -> None:
    case = CASES[name]
    x = inside(case, np.concatenate((np.linspace(max(case.low, -100), min(case.high, 100), 1_000_000), *case.points)))
    exact = case.exact(x.astype(np.float64))  # errors of 1e-9 ulp of float32
    assert ulps(values(module, name, x), exact) <= case.ulp


@pytest.mark.parametrize("name", CASES)
def test_against_mpmath(module: ModuleType, name: str) -> None:
    case = CASES[name]
    x = np.concatenate((LISTED, np.random.default_rng(0).uniform(-90, 90, 3000).astype(np.float32)))
    x = inside(case, x)
    with mpmath.workprec(200):
        exact = np.array([float(case.precise(mpmath.mpf(float(value)))) for value in x])
    assert ulps(values(module, name, x), exact) <= case.ulp
    if name in CARRIED:
        for kind in (np.float32, float):  # a scalar of the emitted code may be a Python float
            alone = np.array([getattr(module, name)(kind(value)) for value in x])
            assert ulps(alone, exact) <= case.ulp


NAN, INF = np.nan, np.inf


@pytest.mark.parametrize(
    ("x", "exp", "log", "tanh", "sigmoid"),
    [
        (-INF, 0, NAN, -1, 0), (INF, INF, INF, 1, 1), (NAN, NAN, NAN, NAN, NAN), (0.0, 1, -INF, 0, 0.5),
        (-0.0, 1, -INF, -0.0, 0.5), (1.0, None, 0, None, None), (-1e-45, 1, NAN, -1e-45, 0.5),
        (1e-45, 1, None, 1e-45, 0.5), (-87, 0, NAN, -1, None), (-90, 0, NAN, -1, 0), (-1e4, 0, NAN, -1, 0),
        (-3e38, 0, NAN, -1, 0), (88.73, INF, None, 1, 1), (90, INF, None, 1, 1), (1e4, INF, None, 1, 1),
        (3e38, INF, None, 1, 1),
    ],
)  # fmt: skip
def test_at_and_beyond_the_ends(
    module: ModuleType, x: float, exp: float | None, log: float | None, tanh: float | None, sigmoid: float | None
) -> None:
    for name, value in {"exp": exp, "log": log, "tanh": tanh, "sigmoid": sigmoid}.items():
        for length in (1, 16):  # alone and among the lanes of a vector
            if value is not None:
                made = values(module, name, np.full(length, x, np.float32))
                np.testing.assert_array_equal(made, np.full(length, value, np.float32), name)
                assert name != "tanh" or np.all(np.signbit(made) == np.signbit(made.dtype.type(x))), "the sign of zero"


@pytest.mark.parametrize("name", CASES)
def test_a_loop_is_vector_code(module: ModuleType, name: str) -> None:
    values(module, name, np.ones(16, np.float32))
    (compiled,) = getattr(module, f"along_{name}").inspect_llvm().values()
    assert re.search(r"fmul .*<\d+ x float>", compiled), "no product of vectors: the loop goes entry by entry"
    assert not re.search(r"call .*@\w*(exp|log|tanh)f?\(", compiled), "libm is called"

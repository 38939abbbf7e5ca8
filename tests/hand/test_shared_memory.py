"""What is done to an array through another name, a list, a loop or a function is done to the array."""

from __future__ import annotations

import pytest

from symgrad import verify

from .test_stated import words

RIGHT = "dU = ds.T @ h\n"
# lines after a right one, the exit status of both
CASES = (
    ("q = dU.T\nq *= 2", 1),
    ("q = dU.ravel()\nq *= 2", 1),
    ("q = np.ravel(dU)\nq += 1", 1),
    ("q = dU.flatten()\nq *= 2", 0),
    ("q = np.asarray(dU)\nq *= 2", 1),
    ("q = np.array(dU)\nq *= 2", 0),
    ("q = dU.clone()\nq *= 2", 0),
    ("q = dU.detach()\nq *= 2", 1),
    ("q = dU.astype(float)\nq *= 2", 0),
    ("q = dU.astype(float, copy=False)\nq *= 2", 3),
    ("np.clip(dU, -1e-3, 1e-3, out=dU)", 1),
    ("for g in [dU]:\n    g *= 2", 3),
    ("for g in [dU]:\n    np.clip(g, -9, 9, out=g)", 0),
    ("for row in dU:\n    row /= B", 3),
    ("for k, row in enumerate(dU):\n    row += k", 3),
    ("a, b = dU[0], dU[1]\na *= 1\nb *= 2", 1),
    ("gs = [dU]\ngs[0] *= 2", 3),
    ("gs = []\ngs.append(dU)\ngs[0] += 1", 3),
    ("gs = [np.zeros_like(dU)]\ngs[0] += 1", 0),
    ("gs = [dU]\ndU *= 2\ndU = gs[0] / 2", 1),
    ("for dU in range(2):\n    z = 1", 3),
    ("def f():\n    dU[0] = 3\n    return 1\nz = f()", 3),
    ("def f(a):\n    b = a.T\n    b += 1\n    return b\nz = f(dU)", 3),
    ("def f(a):\n    b = a.copy()\n    b += 1\n    return b\nz = f(dU)", 0),
)


@pytest.mark.parametrize(("code", "status"), CASES)
def test_what_is_done_elsewhere(code, status):
    found = verify(words(), RIGHT + code)
    assert found.exit_status == status, str(found)


def test_an_array_of_two_names():
    assert verify(words(), "a = dU = ds.T @ h\na *= 2").exit_status == 3
    assert verify(words(), "a = dU = ds.T @ h\nb = a * 2").exit_status == 0

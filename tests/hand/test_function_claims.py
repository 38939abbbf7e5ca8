"""A function whose arguments are names of the model: its lines are claims, and so is what it returns."""

from __future__ import annotations

import pytest

from symgrad import verify
from symgrad.hand.verdicts import Status

from .test_stated import words

BACKWARD = '''def backward(ctx, y, p, h, E, U):
    """Mine."""
    n = y.shape[0]
    ds = (p - np.eye(V)[y]) / n
    dU = ds.T @ h
    dh = ds @ U
    dE = np.zeros_like(E)
    for k in range(ctx.shape[1]):
        np.add.at(dE, ctx[:, k], dh / ctx.shape[1])
    return dE, dU
'''
SCORES = "def grads(p, y, h):\n    ds = p - np.eye(V)[y]\n    dU = ds.T @ h\n    return {}\n"
# the code, the exit status, the lines that are right, those that are wrong
CASES = (
    (BACKWARD, 0, [4, 5, 6, 9], []),
    (BACKWARD.replace("return dE, dU", 'return {"E": dE, "U": dU}'), 0, [4, 5, 6, 9], []),
    (BACKWARD.replace("ds.T @ h", "ds.T @ -h"), 1, [4, 6, 9], [5]),
    (BACKWARD.replace("return dE, dU", "return dE, -dU"), 1, [4, 5, 6, 9], [10]),
    (BACKWARD.replace("p, h, E", "cache, E").replace("    n =", "    p, h = cache\n    n ="), 3, [], []),
    (BACKWARD + "\n\ndE, dU = backward(ctx, y, p, h, E, U)\n", 0, [13, 13], []),
    (SCORES.format("ds / B, dU / B").replace("dU = ds", "dU = (ds / B)").replace(", dU / B", ", dU"), 0, [3, 4], []),
    (
        SCORES.format("ds, (ds / B).T @ h").replace("ds = p - np.eye(V)[y]", "ds = (p - np.eye(V)[y]) / B"),
        3,
        [2, 3],
        [],
    ),
    ("def dU(ds, h):\n    return ds.T @ h\n", 0, [2], []),
    ("def dU(ds, h):\n    return h.T @ ds\n", 1, [], [2]),
    ("def f(ds, h, U):\n    if B > 3:\n        return h\n    dU = ds.T @ h\n    return dU\n", 3, [], []),
    ("def square(a):\n    return a * a\n\n\ndU = ds.T @ h\n", 0, [5], []),
)


@pytest.mark.parametrize(("code", "status", "right", "wrong"), CASES)
def test_lines_of_functions(code, status, right, wrong):
    found = verify(words(), code)
    assert found.exit_status == status, str(found)
    assert [verdict.line for verdict in found.with_status(Status.RIGHT)] == right, str(found)
    assert [verdict.line for verdict in found.with_status(Status.WRONG)] == wrong, str(found)


def test_an_argument_that_is_no_name_of_the_model_is_named():
    (verdict,) = verify(words(), CASES[4][0]).with_status(Status.UNREAD)
    assert "the argument cache of backward is no name of the model words" in verdict.error

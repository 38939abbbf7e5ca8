"""NumPy code is read as syntax: what can be read, and what is refused with its place and its reason."""

from __future__ import annotations

import pytest

from symgrad import verify
from symgrad.hand import interpretation
from symgrad.hand.numpy_reader import read_numpy
from symgrad.hand.statements import Apply, Assign, Bare, Binary, Define, Item, Loop, Name, Number, Unary
from symgrad.hand.verdicts import Status

from .test_verify import network

a, b, x = Name("a"), Name("b"), Name("x")
READ = (
    ("x = a @ b.T", Assign(x, "", Binary("@", a, Apply("transpose", (b,))))),
    ("x += np.exp(-a)", Assign(x, "+", Apply("exp", (Unary("-", a),)))),
    ("x = a.sum(0, keepdims=True)", Assign(x, "", Apply("sum", (a, Number(0)), (("keepdims", Number(1)),)))),
    ("x = np.linalg.inv(a)", Assign(x, "", Apply("inv", (a,)))),
    ("x[a] = b", Assign(Item(x, (a,)), "", b)),
    ("np.add.at(x, a, b)", Assign(Item(x, (a,)), "+", b, repeated=True)),
    ("x = torch.nn.functional.one_hot(a, num_classes=b)", Assign(x, "", Apply("one_hot", (a,), (("num_classes", b),)))),
    ("x = sigma(a)", Assign(x, "", Apply("sigmoid", (a,)))),
    ("x = sum(a)", Assign(x, "", Apply("sum_items", (a,)))),
    ("x = max(a, b)", Assign(x, "", Apply("maximum", (a, b)))),
    ("a + b", Bare(Binary("+", a, b))),
    ("for a in range(b): x = a", Loop(("a",), Apply("range", (b,)), (Assign(x, "", a),))),
)


@pytest.mark.parametrize(("code", "statement"), READ, ids=[code for code, _ in READ])
def test_reading(code, statement):
    assert read_numpy(code) == (statement,)


def test_imports_that_only_name_a_library_and_docstrings_are_nothing():
    assert read_numpy('"""text"""\nimport numpy as np\nimport torch.nn.functional as F\nfrom math import exp') == ()


def test_functions_and_swaps():
    (define,) = read_numpy("def f(a, b=2):\n    return a * b")
    assert isinstance(define, Define)
    assert define.parameters == ("a", "b")
    assert [line.name for line in read_numpy("a, b = b, a")][-2:] == ["a", "b"]


def test_spans_quote_the_source():
    source = "é = 1\nx = a @ (b + é)"
    assign = read_numpy(source)[1]
    assert source[slice(*assign.value.right.span)] == "b + é"


UNREADABLE = (
    ("import os", "an import", 1, 1),
    ("from os import path", "an import", 1, 1),
    ("x = open('f')", "a function that is not known", 1, 5),
    ("x = a.tofile('f')", "the method .tofile", 1, 5),
    ("x = a.__class__", "the attribute .__class__", 1, 5),
    ("x = np.fromfile('f')", "a function of a library", 1, 5),
    ("y = 1\nx = [z for z in a if z]", "a list comp", 2, 5),
    ("while True: x = 1", "a while loop", 1, 1),
    ("class A: pass", "a class definition", 1, 1),
    ("with a: x = 1", "a with", 1, 1),
    ("del x", "a delete", 1, 1),
    ("global x", "a global", 1, 1),
    ("x = f'{a}'", "a joined str", 1, 5),
    ("x = {1: 2}", "a dict", 1, 5),
    ("x = a(1)(2)", "a call", 1, 5),
    ("x = a @ (b", "this is no Python", 1, 9),
    ("x = a b", "this is no Python", 1, 7),
    ("x = np.sum(*a)", "arguments with a star", 1, 5),
    ("def f(a):\n    a = 1", "a function whose last line is no return", 1, 1),
    ("x = a if b", "this is no Python", 1, 5),
    ("a.b = 1", "the attribute .b", 1, 1),
    ("f(x) = 1", "this is no Python", 1, 1),
    ("x = exec('1')", "a function that is not known", 1, 5),
    ("x = lambda: 1", None, None, None),
)


@pytest.mark.parametrize(("code", "reason", "line", "column"), UNREADABLE, ids=[row[0] for row in UNREADABLE])
def test_what_cannot_be_read_is_refused_with_its_place(code, reason, line, column):
    if reason is None:
        assert isinstance(read_numpy(code)[0], Define)
        return
    found = verify(network(), code)
    assert found.exit_status == 3
    (verdict,) = found.with_status(Status.UNREAD)
    assert reason in verdict.error
    assert (verdict.line, verdict.column) == (line, column)


def test_a_line_that_cannot_be_read_leaves_the_others():
    found = verify(network(), "import os\ndb2 = do.sum(0)\nassert db2.any()\nprint(db2)\ndb2 = do.sum(1)")
    assert [verdict.status for verdict in found.verdicts] == [Status.UNREAD, Status.RIGHT, Status.WRONG]


ENDLESS = (
    ("for k in range(10**9): do = 1", "too long"),
    ("x = np.zeros((10**6, 10**6))", "too large"),
    ("x = np.ones(10**12)", "too large"),
    ("def f(a): return f(a)\nx = f(1)", "too often"),
    ("for k in range(10**5):\n    for j in range(10**5): x = k + j", "too long"),
    ("x = [1]\nfor k in range(40): x = x + x", "too long"),
    ("x = [1, 2] * 10**9", "too long"),
    ("x = '1' * 10**9", "is no number"),
    ("x = np.arange(10**12)", "too long"),
    ("x = np.eye(10**6)", "too large"),
    ("x = 9.0**9**9**9", None),
)


@pytest.mark.parametrize(("code", "reason"), ENDLESS, ids=[row[0] for row in ENDLESS])
def test_endless_and_huge_work_ends(code, reason, monkeypatch):
    monkeypatch.setattr(interpretation, "MOST_OPERATIONS", 20_000)
    found = verify(network(), code)
    assert found.exit_status == 3
    if reason is not None:
        assert any(reason in verdict.error for verdict in found.verdicts), str(found)


def test_nothing_of_the_code_is_executed(tmp_path):
    trap = tmp_path / "trap"
    for code in (
        f"__import__('pathlib').Path({str(trap)!r}).touch()",
        f"x = open({str(trap)!r}, 'w')",
        f"import pathlib\npathlib.Path({str(trap)!r}).touch()",
        f"def f(a=open({str(trap)!r}, 'w')):\n    return a",
        f"x = np.savetxt({str(trap)!r}, a)",
    ):
        assert verify(network(), code).exit_status == 3
    assert not trap.exists()


def test_what_an_unread_line_may_have_changed_is_not_judged():
    found = verify(network(), "db2 = np.zeros(V)\nnp.put_along_axis(db2, y, 1, 0)\ndW2 = do.T @ r")
    assert [verdict.status for verdict in found.verdicts] == [Status.OWN, Status.UNREAD, Status.RIGHT]

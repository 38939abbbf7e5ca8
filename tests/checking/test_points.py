"""Where is checked: the table of sizes, generic values, repeated tokens, the distance from kinks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from sympy import Abs, Max, Piecewise, log, sin, sqrt

from symgrad.checking.api import check
from symgrad.checking.differences import CalledLoss, along, gradient, relative_error, some_entries
from symgrad.checking.interpreter import evaluate
from symgrad.checking.kinks import gaps
from symgrad.checking.points import MARGIN, point, size_names, size_table, tokens
from symgrad.language.errors import DataError
from symgrad.language.model import Model
from symgrad.language.program import Program
from symgrad.language.surface import axes, total

from ..calculus.programs import PROGRAMS


def elementwise(function: Callable) -> Program:
    model = Model("elementwise")
    i = axes("i:H")
    x = model.parameters(x=(i,))
    model.minimize("L", total(function(x[i]), i))
    return model.program


def test_the_table_has_square_different_and_single_sizes() -> None:
    table = size_table(PROGRAMS["concatenation_lm"]())
    assert table[0] == {"V": 3, "D": 3, "H": 3, "N": 3, "B": 3}
    assert all(len(set(sizes.values())) == len(sizes) for sizes in table[1:4])
    assert {name for sizes in table for name, value in sizes.items() if list(sizes.values()).count(1) == 1} >= {
        name for name, value in table[0].items() if any(sizes[name] == 1 for sizes in table)
    }
    assert table[-1] == dict.fromkeys(table[0], 1)
    assert len({tuple(sizes.items()) for sizes in table}) == len(table)


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("scalar_tanh", ()),
        ("merged_axes", ("B", "N", "D", "H")),
        ("slices", ("B", "D", "H")),
        ("masked_by_tokens", ("B", "H", "V")),
    ],
)
def test_merged_axes_and_vocabularies_give_their_sizes(name: str, sizes: tuple[str, ...]) -> None:
    program = PROGRAMS[name]()
    assert set(size_names(program)) == set(sizes)
    for row in size_table(program):
        evaluate(program, point(program, row).values, row)


def test_values_are_generic_and_the_same_for_the_same_seed() -> None:
    program = PROGRAMS["two_layers"]()
    sizes = size_table(program)[1]
    first, again, other = (point(program, sizes, seed).values["W1"] for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert np.abs(first).min() >= 0.3 and np.abs(first).max() < 1.5
    assert (first < 0).any() and (first > 0).any() and len(np.unique(np.abs(first))) == first.size


@pytest.mark.parametrize(
    ("shape", "vocabulary"), [((1,), 1), ((2,), 5), ((3,), 2), ((4, 3), 7), ((50,), 10_000), ((0,), 3)]
)
def test_tokens_repeat_and_reach_both_ends(shape: tuple[int, ...], vocabulary: int) -> None:
    ids = tokens(shape, vocabulary, np.random.default_rng(0))
    assert ids.shape == shape and ids.dtype == np.int64
    assert ((ids >= 0) & (ids < vocabulary)).all()
    if ids.size > 1:
        assert len(np.unique(ids)) < ids.size
    if ids.size > 2:
        assert {0, vocabulary - 1} <= set(ids.reshape(-1))


@pytest.mark.parametrize("name", ["relu_", "clipped", "huber", "maximum_of_a_product", "stable_softmax", "distances"])
def test_points_keep_away_from_kinks(name: str) -> None:
    program = PROGRAMS[name]()
    for seed, sizes in enumerate(size_table(program)):
        found = gaps(program, point(program, sizes, seed).values, sizes)
        assert found
        for _, gap in found:
            assert ((gap >= MARGIN) | (gap == 0)).all()


@pytest.mark.parametrize("function", [log, sqrt, lambda x: log(1 - x) + log(x)])
def test_where_a_function_is_not_defined_everywhere_another_domain_is_found(function: Callable) -> None:
    values = point(elementwise(function), {"H": 3}).values["x"]
    assert (values > 0).all()


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: log(-(x**2)), "L is not finite"),
        (lambda x: Abs(sin(x / 1000)), "of its kink"),
        (lambda x: Max(x / 1000, x**2 / 1000), "of its kink"),
    ],
)
def test_where_no_point_is_found_the_term_is_named(function: Callable, message: str) -> None:
    with np.errstate(all="ignore"), pytest.raises(DataError, match=f"elementwise: no point .* sizes H=2: .*{message}"):
        point(elementwise(function), {"H": 2})


GIVEN = [
    (Abs, [0.5, 0.0, 1.0], "abs(x[i]) is within 0.02 of its kink"),
    (lambda x: Max(x, 0), [0.5, -0.001, 1.0], "max(0, x[i]) is within 0.02 of its kink"),
    (lambda x: Piecewise((x, x > 1), (0, True)), [0.5, 1.0, 2.0], "[1 < x[i]] is within 0.02 of its kink"),
    (log, [0.5, -1.0, 2.0], "L is not finite"),
]


@pytest.mark.parametrize(("function", "values", "message"), GIVEN, ids=[row[2] for row in GIVEN])
def test_a_given_point_at_a_kink_is_refused(function: Callable, values: list[float], message: str) -> None:
    program = elementwise(function)
    with pytest.raises(DataError) as raised:
        check(program, at={"x": np.array(values)})
    assert str(raised.value).startswith(f"elementwise: at the given values {message}, so nothing can be checked there")


def test_a_given_point_beside_a_kink_is_checked() -> None:
    report = check(elementwise(lambda x: Max(x, 0) * x), at={"x": np.array([0.5, -0.7])})
    assert report.ok
    assert {row.sizes["H"] for row in report.rows} == {2}


def test_differences_are_exact_for_a_polynomial_of_degree_four() -> None:
    at = {"x": np.array([0.7, -1.2])}

    def function(values: dict) -> float:
        return float(np.sum(values["x"] ** 4))

    np.testing.assert_allclose(gradient(CalledLoss(function, at), "x", np.arange(2)), 4 * at["x"] ** 3, rtol=1e-11)
    slope = along(lambda values: np.sin(values["x"]), at, {"x": np.array([1.0, 2.0])})
    np.testing.assert_allclose(slope, np.cos(at["x"]) * [1, 2], rtol=1e-11)


@pytest.mark.parametrize(
    ("found", "expected", "scale", "error"),
    [
        ([1.0, 2.0], [1.0, 2.0], 1.0, 0.0),
        ([1.0, 2.2], [1.0, 2.0], 1.0, 0.1),
        ([1e-12], [0.0], 1.0, 1e-7),
        ([1e-12], [0.0], 100.0, 1e-9),
        ([np.nan], [0.0], 1.0, np.inf),
        ([], [], 1.0, 0.0),
    ],
)
def test_relative_error(found: list, expected: list, scale: float, error: float) -> None:
    assert relative_error(np.array(found), np.array(expected), scale) == pytest.approx(error)


def test_some_entries_hold_both_ends() -> None:
    assert some_entries((2, 3), 10).tolist() == [0, 1, 2, 3, 4, 5]
    chosen = some_entries((50, 40), 10)
    assert len(set(chosen)) == 10 and chosen[0] == 0 and chosen[-1] == 1999

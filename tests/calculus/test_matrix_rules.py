"""Inverse, determinant and log-determinant: their rules, and their place in everything that handles terms."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from symgrad import Model, axes, derive, generate, total
from symgrad.calculus.matrix_rules import conditions
from symgrad.calculus.reverse import differentiate
from symgrad.calculus.saved import Reuse
from symgrad.calculus.simplify import simplify
from symgrad.checking.differences import gradient_error, interpreted_loss
from symgrad.checking.interpreter import evaluate
from symgrad.checking.points import point
from symgrad.language.errors import DeclarationError
from symgrad.language.lifting import to_sympy
from symgrad.language.lowering import lower
from symgrad.language.notation import text
from symgrad.language.program import Equation, Program, Role, Tensor
from symgrad.language.rewriting import canonical, same, substitute
from symgrad.language.surface import determinant, inverse, log_determinant
from symgrad.language.terms import Const, Index, Inverse, Read, Reduce, Size

i, j, k, l, p, m = axes("i:N j:N k:N l:N p:N m:M")  # noqa: E741
N = Size("N")
r, c, a, e = (Index(name, N) for name in ["r", "c", "a", "e"])
entry = Read("X", (r, c))


def model(loss) -> Program:
    made = Model("whole_matrices")
    X, u, w = made.parameters(X=(i, j), u=(i,), w=(i,))
    made.minimize("L", loss(X, u, w) + total(u[i] * w[i], i) + total(X[i, i], i))
    return made.program


LOSSES = {
    "inverse": lambda X, u, w: total(u[i] * inverse(X[k, j], k, j, (i, l)) * w[l], i, l),
    "inverse of a sum": lambda X, u, w: total(inverse(X[i, j] + u[i] * w[j], i, j, (k, k)), k),
    "determinant": lambda X, u, w: determinant(X[i, j], i, j) * u[0],
    "log-determinant": lambda X, u, w: log_determinant(total(X[i, k] * X[j, k], k), i, j),
    "determinant of a function": lambda X, u, w: determinant(X[i, j] ** 2 + u[i], i, j) ** 2,
    "inverse of an inverse": lambda X, u, w: total(inverse(inverse(X[i, j], i, j, (k, l)) + X[k, l], k, l, (p, p)), p),
}


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
@pytest.mark.parametrize("size", [1, 2, 4])
def test_gradients_against_difference_quotients(loss, size: int) -> None:
    program = model(loss)
    sizes = {"N": size}
    given = point(program, sizes, seed=3).values
    gradients = simplify(differentiate(program))
    found = evaluate(gradients.program, given, sizes)
    for name, adjoint in gradients.of_parameters.items():
        error = gradient_error(interpreted_loss(program, given, sizes), name, found[adjoint], tolerance=1e-7)
        assert error < 1e-6, (name, error)


@pytest.mark.parametrize("loss", ["inverse", "determinant", "log-determinant"])
def test_second_derivatives(loss: str) -> None:
    """The gradient of sum(U * dX), a Hessian times U."""
    program = simplify(differentiate(model(LOSSES[loss]), ("X",))).program
    row, column = program.tensors["dX"].indices
    directed = Reduce("sum", (row, column), Read("dX", (row, column)))
    tensors = {**program.tensors, "S": Tensor("S", (), Role.DEFINITION)}
    items = (*program.items, Equation("S", (), directed, "S"))
    summed = replace(program, tensors=tensors, items=items, outputs=("S",))
    second = simplify(differentiate(summed, ("X",)))
    given = point(summed, {"N": 3}, seed=5).values
    found = evaluate(second.program, given, {"N": 3})[second.adjoints["X"]]
    assert gradient_error(interpreted_loss(summed, given, {"N": 3}), "X", found, tolerance=1e-7) < 1e-6


def test_the_values_are_numpys() -> None:
    made = Model("values")
    (X,) = (made.parameters(X=(i, j)),)
    made.define("A", (i, j), inverse(X[k, l], k, l, (i, j)))
    made.define("d", (), determinant(X[i, j], i, j))
    made.define("g", (), log_determinant(X[i, j], i, j))
    made.minimize("L", total(X[i, j], i, j))
    matrix = np.array([[2.0, 1.0, 0.5], [-1.0, 3.0, 0.0], [0.0, 1.0, 1.0]])
    values = evaluate(made.program, {"X": matrix})
    assert np.allclose(values["A"], np.linalg.inv(matrix))
    assert np.isclose(values["d"], np.linalg.det(matrix))
    assert np.isclose(values["g"], np.log(np.linalg.det(matrix)))
    singular = evaluate(made.program, {"X": np.ones((3, 3))})
    assert np.isnan(singular["A"]).all()
    assert np.isnan(singular["g"])


def test_a_batch_of_inverses() -> None:
    """A body with another free index is one matrix for each of its values."""
    made = Model("batch")
    X = made.parameters(X=(m, i, j))
    made.define("A", (m, i, j), inverse(X[m, k, l], k, l, (i, j)))
    made.minimize("L", total(X[m, i, j], m, i, j))
    matrices = np.random.default_rng(0).normal(size=(2, 3, 3))
    assert np.allclose(evaluate(made.program, {"X": matrices})["A"], np.linalg.inv(matrices))


def test_a_matrix_that_is_not_square_is_refused() -> None:
    made = Model("oblong")
    X = made.parameters(X=(i, m))
    for value in (determinant(X[i, m], i, m), inverse(X[i, m], i, m, (j, i))):
        with pytest.raises(DeclarationError, match=r"needs a square matrix, .* is N x M"):
            made.define("d", (i, j), value)


def test_the_transpose_is_known() -> None:
    turned = Inverse((c, r), Read("X", (r, c)), (e, a))
    assert same(Inverse((r, c), entry, (a, e)), turned)
    assert not same(Inverse((r, c), entry, (a, e)), Inverse((r, c), entry, (e, a)))


def test_places_are_outside_of_the_binder() -> None:
    """In inverse_r,c(X[r,c])[r,e] the last r is another one."""
    term = Inverse((r, c), entry, (r, e))
    assert term.free == {r, e}
    assert text(substitute(term, {r: a})) == "inverse_r,c(X[r,c])[a,e]"
    capturing = Inverse((r, c), Read("X", (r, c, a)), (a, e))
    assert text(substitute(capturing, {a: r})) == "inverse_r2,c(X[r2,c,r])[r,e]"


def test_back_from_sympy() -> None:
    program = model(LOSSES["inverse"])
    tensors = program.tensors
    for term in (
        Inverse((r, c), entry, (a, e)),
        Reduce("det", (r, c), entry),
        Reduce("logdet", (r, c), entry),
    ):
        assert canonical(lower(to_sympy(term, program), tensors, "back")) == canonical(term)


def test_a_saved_inverse_is_reused() -> None:
    saved = Equation("A", (a, e), Inverse((r, c), entry, (a, e)))
    row, column = Index("p", N), Index("q", N)
    found, used = Reuse([saved])(Inverse((column, row), Read("X", (row, column)), (Const(0), row)))
    assert [found.equation for found in used] == [saved]
    assert text(found) == "A[p,0]"


def test_conditions_are_collected_once() -> None:
    terms = [Inverse((r, c), entry, (a, e)), Inverse((r, c), entry, (e, a)), Reduce("logdet", (r, c), entry)]
    assert len(conditions(terms)) == 2
    assert conditions([Reduce("det", (r, c), entry)]) == ()


def test_the_whole_derivation_is_printed() -> None:
    made = Model("printed")
    X = made.parameters(X=(i, j))
    made.minimize("L", log_determinant(X[i, j], i, j))
    derivation = derive(made)
    assert "inverse_" in derivation.text()
    assert r"\log\det" in derivation.latex()
    assert "is invertible" in derivation.text()
    assert "det(X) > 0" in derivation.text()


def test_no_training_code_is_emitted() -> None:
    with pytest.raises(DeclarationError, match="no training code is emitted"):
        generate(model(LOSSES["determinant"]))

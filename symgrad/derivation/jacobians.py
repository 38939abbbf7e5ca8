"""Derivatives of definitions with axes, and second derivatives of the loss, entry by entry.

jacobian(model, "p", "o")          dp[b,v]/do[b,v2] = p[b,v]*[v == v2] - p[b,v]*p[b,v2]     0 where b differs
                                   dp/do = diag(p) - p p^T                                  for each b
hessian(model, "z")                d2L/(dz[v] dz[v2]) = ...
hessian(model, "w1", "w2")         d2L/(dw1 dw2) = ...

Both are the reverse sweep from a definition with axes; a Hessian is the Jacobian of a gradient.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from ..calculus.deltas import contract
from ..calculus.inlining import cut, inline
from ..calculus.reverse import Gradients, differentiate, wanted
from ..calculus.simplify import simplify
from ..checking.interpreter import Sizes, evaluate, sizes_of
from ..language.dependence import without_dead
from ..language.errors import DerivativeError, Independent
from ..language.notation import equation_text, text
from ..language.program import Equation, Program, Role, Tensor
from ..language.recurrences import cycles, with_equations
from ..language.rewriting import fresh_index, substitute
from ..language.terms import ZERO, Index, Read, Term, reads
from .conditions import condition_texts
from .document import Source, program_of
from .entries import in_order, multiplied_out, numbers_outside, without_indices
from .latex import latex
from .local_derivatives import LocalDerivative, equal_index, local_derivatives
from .matrix_form import MatrixForm, matrix_form
from .naming import presented
from .typesetting import document

READABLE = 200  # characters of a formula over several definitions; a longer one keeps the derivatives between them


@dataclass(frozen=True)
class Jacobian:
    """d `of` / d `by` = `value`, which is 0 where one of the `shared` indices differs between the two.

    `loss` is set for a second derivative: `of` is then an entry of its gradient, that by `first`.  `program` computes
    the derivative in `tensor`, of the shape of `of` and then that of `by`; `between` are derivatives that `value`
    reads.  `why` says why a derivative that is 0 everywhere is that.
    """

    name: str
    of: Read
    by: Read
    shared: tuple[Index, ...]
    value: Term
    program: Program
    tensor: str
    locals_: tuple[LocalDerivative, ...]
    between: tuple[Equation, ...] = ()
    loss: str = ""
    first: str = ""
    why: str = ""

    @property
    def left(self) -> str:
        """`dp[b,v]/do[b,v2]`, or `d2L/(dz[b,v] dz[b,v2])`."""
        if not self.loss:
            return f"d{text(self.of)}/d{text(self.by)}"
        return f"d2{self.loss}/(d{text(Read(self.first, self.of.indices))} d{text(self.by)})"

    @property
    def formula(self) -> str:
        """`dp[b,v]/do[b,v2] = p[b,v]*[v == v2] - p[b,v]*p[b,v2]`."""
        return f"{self.left} = {text(self.value)}"

    @property
    def notes(self) -> tuple[str, ...]:
        """Where it is 0, and what it rests on."""
        notes = [f"0 where {' or '.join(i.name for i in self.shared)} differs"] if self.shared else []
        notes += [f"0 because {self.why}"] if self.why else []
        return (*notes, *condition_texts((self.value,), self.program.tensors))

    @property
    def matrix(self) -> MatrixForm:
        """The same for each value of the shared indices in matrix notation; its `reason` says why there is none."""
        of = tuple(index for index in self.of.indices if index not in self.shared)
        by = tuple(index for index in self.by.indices if index not in self.shared)
        name = (
            f"d2{self.loss}/(d{self.first} d{self.by.tensor})" if self.loss else f"d{self.of.tensor}/d{self.by.tensor}"
        )
        equation = Equation(name, of + by, self.value)
        opened = without_indices(self.value, self.shared, self.program)
        if opened is None or self.between:
            reason = "it reads other derivatives" if self.between else "the shared index has no fixed place"
            return MatrixForm(equation, None, reason, self.program)
        value, tensors = opened
        return matrix_form(replace(equation, body=value), replace(self.program, tensors=tensors))

    def at(self, values: Mapping[str, np.ndarray], sizes: Sizes | None = None) -> np.ndarray:
        """Its numbers in float64, of the shape of `of` and then that of `by`.

        `values` are those of parameters, inputs and tokens that it reads; sizes are read off them where not given.
        Raises DataError for a missing value or a wrong shape.
        """
        sizes = {**sizes_of(self.program, values), **(sizes or {})}
        return evaluate(without_dead(self.program, given=self.program.tensors), values, sizes)[self.tensor]

    def text(self) -> str:
        """The derivation: the equations on the way, their local derivatives, the result in both notations."""
        from .jacobian_text import jacobian_text

        return jacobian_text(self)

    def matrix_text(self) -> str:
        """The result in matrix notation; in index notation, saying why, where it has no matrix form."""
        from .jacobian_text import matrix_lines

        return "\n".join(matrix_lines(self))

    def latex(self, standalone: bool = False) -> str:
        """The formula in LaTeX (needs amsmath and amssymb); `standalone`: in a document that compiles as it is."""
        by = latex(self.by)
        if self.loss:
            first, above = latex(Read(self.first, self.of.indices)), rf"\partial^{{2}} {latex(Read(self.loss))}"
            left = rf"\frac{{{above}}}{{\partial {first} \, \partial {by}}}"
        else:
            left = rf"\frac{{\partial {latex(self.of)}}}{{\partial {by}}}"
        formula = f"{left} = {latex(self.value)}"
        return document(f"\\begin{{align*}}\n{formula}\n\\end{{align*}}") if standalone else formula

    def data(self) -> dict[str, object]:
        """The same for programs; strings and lists only."""
        form = self.matrix
        return {
            "model": self.name,
            "of": text(self.of),
            "by": text(self.by),
            "second_derivative_of": self.loss or None,
            "derivative": self.left,
            "value": text(self.value),
            "notes": list(self.notes),
            "matrix": form.text() if form.matrix is not None else None,
            "between": [equation_text(equation) for equation in self.between],
            "program": [equation_text(equation) for equation in self.program.equations()],
        }

    def json(self) -> str:
        """`data()` as JSON."""
        return json.dumps(self.data(), indent=2)

    def __str__(self) -> str:
        return self.text()

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"


def jacobian(model: Source, of: str, by: str) -> Jacobian:
    """d `of` / d `by`: every entry of a definition by every entry of a parameter, a real input or another definition.

    Raises DerivativeError for a name that there is not and for what has no derivative, Independent where `of` is
    proven not to depend on `by`.
    """
    program = program_of(model)
    return entry_by_entry(differentiate(program, by, of), of, by)


def hessian(model: Source, by: str, other: str | None = None) -> Jacobian:
    """The second derivatives of the loss by the entries of `by`, and then by those of `other` (`by` unless given).

    `by` may be a definition: the loss is then taken as a function of its entries, whatever they are made of.  Where the
    gradient is proven not to depend on `other` the result is 0 and says why.  Raises DerivativeError and Independent
    as `derive` does.
    """
    whole = program_of(model)
    if by in cycles(whole):
        raise DerivativeError(
            f"{whole.name}: {by} is made by a recurrence, so its entries depend on each other; second derivatives are "
            "by parameters, real inputs and definitions outside of recurrences"
        )
    program = cut(whole, by) if by in {equation.tensor for equation in whole.equations()} else whole
    if program is not whole and other not in (None, by):
        raise DerivativeError(
            f"{whole.name}: {by} is a definition; mixed second derivatives are by parameters and real inputs"
        )
    other = by if other is None else other
    first = simplify(differentiate(program, by))
    wanted(program, other)
    loss, of = program.outputs[0], first.adjoints[by]
    try:
        second = entry_by_entry(differentiate(first.program, other, of), of, other)
    except Independent:
        second = zero(first.program, of, other, f"d{loss}/d{by} does not depend on {other}")
    if program is not whole:
        second = replace(second, program=joined_again(second.program, whole, by))
    return replace(second, loss=loss, first=by)


# -- inside ------------------------------------------------------------------------------------------------------------


def entry_by_entry(raw: Gradients, of: str, by: str) -> Jacobian:
    """The derivative in the tensor of `by`'s adjoint, written in forward values where that is a short formula."""
    simple = simplify(raw)
    program, tensor = simple.program, simple.adjoints[by]
    derivatives = {e.tensor: e for e in program.equations() if e.tensor in set(simple.adjoints.values())}
    recurring = cycles(program)
    equation = derivatives[tensor]
    opened, body = equation, equation.body
    while name := next((r.tensor for r in reads(body) if r.tensor in derivatives and r.tensor not in recurring), None):
        body = inline(body, derivatives[name])
        opened = replace(equation, body=body)
    if tensor in recurring:
        opened = equation
    result = written(opened, program, of, by)
    if len(result.formula) > READABLE:
        result = written(equation, program, of, by)
    needed = without_dead(replace(program, outputs=(tensor,), updates={}, evaluation={}))
    read = {r.tensor for r in reads(result.value)} & derivatives.keys()
    between = tuple(e for e in needed.equations() if e.tensor in derivatives and e.tensor != tensor) if read else ()
    if tensor in recurring:
        between = (*between, equation)
    return replace(result, program=needed, locals_=local_derivatives(raw), between=between)


def written(equation: Equation, program: Program, of: str, by: str) -> Jacobian:
    """The equation of a derivative in the indices of `of`, and in others for `by`; equal ones where they must be."""
    vocabularies = {t.name: t.vocabulary for t in program.tensors.values() if t.vocabulary is not None}
    own = program.tensors[of].indices
    taken, entry = {index.name for index in own}, []
    for index in program.tensors[by].indices:
        entry.append(fresh_index(index, taken))
        taken.add(entry[-1].name)
    body = substitute(equation.body, dict(zip(equation.indices, (*own, *entry), strict=True)))
    value = contract(multiplied_out(contract(body, vocabularies)), vocabularies)
    shared: list[Index] = []
    for position, index in enumerate(entry):
        equal = equal_index(value, index, [i for i in own if i not in shared])
        if equal is not None:
            value = contract(substitute(value, {index: equal}), vocabularies)
            entry[position] = equal
            shared.append(equal)
    value = presented(in_order(numbers_outside(value), own, tuple(entry)), (*own, *entry))
    why = "its terms cancel" if value == ZERO else ""
    left, right = Read(of, own), Read(by, tuple(entry))
    return Jacobian(program.name, left, right, tuple(shared), value, program, equation.tensor, (), why=why)


def zero(program: Program, of: str, by: str, why: str) -> Jacobian:
    """A derivative that is proven to be 0, as a program of its own."""
    own, taken = program.tensors[of].indices, {index.name for index in program.tensors[of].indices}
    entry: tuple[Index, ...] = ()
    for index in program.tensors[by].indices:
        entry += (fresh_index(index, taken),)
        taken.add(entry[-1].name)
    name = f"d{of}_d{by}"
    while name in program.tensors:
        name += "_"
    tensors = {**program.tensors, name: Tensor(name, own + entry, Role.DEFINITION)}
    made = Program(program.name, tensors, (Equation(name, own + entry, ZERO, name),), (name,))
    return Jacobian(program.name, Read(of, own), Read(by, entry), (), ZERO, made, name, (), why=why)


def joined_again(program: Program, whole: Program, name: str) -> Program:
    """The program of a derivative, with `name` made as in the whole model instead of given."""
    known = {equation.tensor for equation in whole.equations()}
    tensors = {**whole.tensors, **program.tensors, name: whole.tensors[name]}
    derivatives = (equation for equation in program.equations() if equation.tensor not in known)
    joined = with_equations(replace(program, tensors=tensors), (*whole.equations(), *derivatives))
    return without_dead(joined)

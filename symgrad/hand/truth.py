"""What is right: the model differentiated, and the value of every tensor and adjoint at points chosen to tell apart.

The points have sizes that all differ (a transpose shows), equal ones (what only fits there runs), repeated tokens and
generic values; no entry is zero, but of inputs that are said to be 0 or 1.  Nothing is compiled.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np

from ..calculus.reverse import Gradients, differentiate, independent_inputs
from ..calculus.simplify import simplify
from ..calculus.steps import Local
from ..checking.interpreter import Evaluation, Values, evaluate
from ..checking.points import ATTEMPTS, Point, given_point, point, shape_of, size_names
from ..derivation.jacobians import Jacobian, jacobian
from ..language.algebra import mul
from ..language.errors import ClaimError, DataError, DerivativeError, Independent
from ..language.program import Program, Role, Tensor
from ..language.rewriting import substitute
from ..language.terms import ZERO, Call, Term, delta
from .stated_model import zeros_and_ones

GENERIC = (5, 4, 7, 3, 6, 8, 9, 10, 11, 12, 13, 14)
EQUAL = 4
KINK_MARGIN = 1e-6  # nothing is differentiated by quotients here: a point only must not lie on a kink
TOLERANCE = 1e-9
MOST_SHARES = 8  # of one adjoint, whose subsets are compared with a part of it


@dataclass(frozen=True)
class Share:
    """One path's part of an adjoint: through `equation`, which reads the tensor."""

    through: str
    local: Local


@dataclass(frozen=True)
class At:
    """Everything at one point: the sizes, the seed, the values of tensors and adjoints by their names."""

    truth: Truth
    sizes: dict[str, int]
    seed: int
    values: Values

    def value(self, tensor: str) -> np.ndarray:
        return np.asarray(self.values[tensor], dtype=np.float64)

    def adjoint(self, tensor: str) -> np.ndarray:
        """dL/dtensor; zeros where the loss is proven not to depend on it."""
        name = self.truth.adjoints.get(tensor)
        if name is None:
            return np.zeros(shape_of(self.truth.program.tensors[tensor], self.sizes))
        return np.asarray(self.values[name], dtype=np.float64)

    def shares(self, tensor: str) -> list[tuple[Share, np.ndarray]]:
        """The paths' parts of dL/dtensor, one for each place at which a definition reads it."""
        target = self.truth.program.tensors[tensor]
        shape = shape_of(target, self.sizes)
        evaluation = Evaluation(self.values, self.sizes, {})
        return [
            (share, np.broadcast_to(evaluation.value(share.local.share, target.indices), shape))
            for share in self.truth.shares.get(tensor, ())
        ]

    def jacobian(self, of: str, by: str) -> np.ndarray:
        """d of/d by, of the shape of `of` and then that of `by`; zeros where it is proven not to depend on it."""
        found = self.truth.jacobian(of, by)
        if found is None:
            shapes = (shape_of(self.truth.model.tensors[name], self.sizes) for name in (of, by))
            return np.zeros(sum(shapes, ()))
        given = {t.name for t in found.program.tensors.values() if t.role is not Role.DEFINITION}
        return found.at({name: self.values[name] for name in given if name in self.values}, self.sizes)

    @property
    def all_different(self) -> bool:
        """Whether no two sizes are equal, so that only what fits in general fits."""
        return len(set(self.sizes.values())) == len(self.sizes)

    def written(self) -> str:
        """`B=5, H=4`"""
        return ", ".join(f"{name}={size}" for name, size in self.sizes.items())


class Truth:
    """The model's adjoints and their values at several points.  Raises DerivativeError as `differentiate` does."""

    def __init__(
        self, program: Program, sizes: Mapping[str, int] | None = None, seed: int = 0, binary: Collection[str] = ()
    ) -> None:
        self.model, self.binary = program, tuple(binary)
        self.fixed, self.seed = dict(sizes or {}), seed
        self.jacobians: dict[tuple[str, str], Jacobian | None] = {}
        inputs = [t.name for t in program.with_role(Role.INPUT) if t.name not in independent_inputs(program)]
        self.gradients: Gradients = differentiate(program, [p.name for p in program.parameters] + inputs)

    @property
    def program(self) -> Program:
        return self.gradients.program

    @property
    def adjoints(self) -> dict[str, str]:
        """tensor -> the tensor that holds its adjoint; one that has none is independent of the loss."""
        return self.gradients.adjoints

    @property
    def loss(self) -> str:
        return self.model.outputs[0]

    def jacobian(self, of: str, by: str) -> Jacobian | None:
        """The derivative of a definition by another tensor; None where it does not depend on it.

        Raises ClaimError for what cannot be differentiated."""
        if (of, by) not in self.jacobians:
            try:
                self.jacobians[of, by] = jacobian(self.model, of, by)
            except Independent:
                self.jacobians[of, by] = None
            except DerivativeError as error:
                raise ClaimError(str(error)) from None
        return self.jacobians[of, by]

    @cached_property
    def shares(self) -> dict[str, list[Share]]:
        found: dict[str, list[Share]] = {}
        for local in self.gradients.locals_:
            found.setdefault(local.read.tensor, []).append(Share(local.equation.tensor, local))
        return found

    def jacobian_entry(self, of: str, by: str, entry: tuple[Term, ...]) -> Term:
        """d of/d by at `entry`, the places in `of` and then those in `by`, as a term in forward values."""
        found = self.jacobian(of, by)
        if found is None:
            return ZERO
        places = dict(zip(found.of.indices, entry, strict=False))
        equal = []
        for index, place in zip(found.by.indices, entry[len(found.of.indices) :], strict=True):
            if index in places:  # shared: 0 where the two differ
                equal.append(delta(places[index], place))
            places[index] = places.get(index, place)
        return mul(*equal, substitute(found.value, places))

    @cached_property
    def simplified(self) -> Program:
        """The textbook's form, as `derive` prints it."""
        return simplify(self.gradients).program

    @cached_property
    def functions(self) -> frozenset[str]:
        """The elementary functions in the model and its derivatives."""
        bodies = [equation.body for equation in self.program.equations()]
        return frozenset(node.function for body in bodies for node in body.walk() if isinstance(node, Call))

    @cached_property
    def size_rows(self) -> list[dict[str, int]]:
        return size_rows(self.model, self.fixed)

    @cached_property
    def points(self) -> list[At]:
        """One point at each row of sizes.  Raises DataError where no row has one."""
        found, reason = [], None
        for k, sizes in enumerate(self.size_rows):
            try:
                found.append(self.at(sizes, self.seed + k))
            except DataError as error:  # an empty axis, no point away from a kink: at other sizes there may be one
                reason = error
        if not found:
            raise reason or DataError(f"{self.model.name}: there is no point to compare at")
        if len(found) == 1:  # no sizes, or all of them given: other values instead
            found += [self.at(found[0].sizes, self.seed + k) for k in (1, 2, 3)]
        if self.binary:  # a place may have the same number in all of few points
            found += [self.at(at.sizes, self.seed + k) for k, at in enumerate(found, len(found))]
        return found

    def at(self, sizes: Mapping[str, int], seed: int) -> At:
        chosen = self.with_binary(point(self.model, sizes, seed, KINK_MARGIN), seed)
        with np.errstate(all="ignore"):
            values = evaluate(self.program, chosen.values, sizes)
        return At(self, dict(sizes), seed, values)

    def with_binary(self, chosen: Point, seed: int) -> Point:
        """The point with 0 and 1 in the inputs that are said to be so.  Raises DataError where there is none."""
        random = np.random.default_rng(seed)
        for attempt in reversed(range(ATTEMPTS if self.binary else 0)):
            values = {name: zeros_and_ones(chosen.values[name].shape, random) for name in self.binary}
            try:
                return given_point(self.model, {**chosen.values, **values}, KINK_MARGIN)
            except DataError:
                if not attempt:
                    raise
        return chosen

    def tensor(self, name: str) -> Tensor:
        return self.model.tensors[name]


def size_rows(program: Program, fixed: Mapping[str, int]) -> list[dict[str, int]]:
    """All sizes different, in two orders; all equal.  Sizes that are fixed stay."""
    names = size_names(program)
    generic = [GENERIC[k] if k < len(GENERIC) else 15 + k for k in range(len(names))]
    rows = (generic, generic[::-1], [EQUAL] * len(names), generic[1:] + generic[:1])
    table = [{**dict(zip(names, row, strict=True)), **fixed} for row in rows]
    return [row for k, row in enumerate(table) if row not in table[:k]]


def agree(claimed: np.ndarray, right: np.ndarray) -> bool:
    """Equal up to rounding: relative to the largest entry, absolute where all are (nearly) zero."""
    if claimed.shape != right.shape:
        return False
    return bool(deviation(claimed, right) <= TOLERANCE)


def deviation(claimed: np.ndarray, right: np.ndarray) -> float:
    """The largest difference, relative to the largest right entry; infinite where the claim is not finite."""
    if not np.isfinite(claimed).all():
        return np.inf
    largest = float(np.abs(right).max(initial=0.0))
    return float(np.abs(claimed - right).max(initial=0.0)) / (largest if largest > 1e-6 else 1.0)


def cosine(claimed: np.ndarray, right: np.ndarray) -> float | None:
    """The cosine of the angle between them; None where one has no direction."""
    lengths = float(np.linalg.norm(claimed) * np.linalg.norm(right))
    return float((claimed * right).sum() / lengths) if lengths and np.isfinite(lengths) else None


def subsets(shares: list[tuple[Share, np.ndarray]]) -> Iterator[tuple[tuple[Share, ...], np.ndarray]]:
    """Every proper non-empty choice of paths and the sum of their parts, few paths first."""
    if len(shares) > MOST_SHARES:
        return
    for count in range(1, len(shares)):
        for chosen in combinations(shares, count):
            yield tuple(share for share, _ in chosen), sum((part for _, part in chosen), np.zeros(()))

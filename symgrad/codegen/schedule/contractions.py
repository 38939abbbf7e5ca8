"""Which sums are matrix products, and what their operands look like.

    out[M, N] += alpha * sum_K left[M, K] * right[K, N]

M are the result's indices that only the left operand has, N those that only the right one has, K the summed ones; each
group lies together in memory, in one order, so that an operand is a matrix without a copy.  An operand that is no such
read (a gather, an expression, another order of axes) becomes a definition of its own first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import combinations, permutations

from ...language.algebra import add, factors_of, mul, summed, terms_of
from ...language.program import Equation, Program
from ...language.rewriting import substitute
from ...language.terms import Compare, Index, Read, Reduce, Term
from .builder import Builder, in_order

Indices = tuple[Index, ...]


@dataclass(frozen=True)
class Product:
    """`target[rows, columns] += alpha * sum_inner left * right`; `transposed_*`: stored the other way round.

    `batch` are the indices of loops around, such as those that all three have: there is one product for each of their
    values.  `fixed` are those and the index of the recurrence around; each array is a matrix once they are given.
    """

    target: Read
    alpha: Term
    left: Read
    right: Read
    rows: Indices
    columns: Indices
    inner: Indices
    transposed_left: bool
    transposed_right: bool
    batch: Indices = ()
    fixed: frozenset[Index] = frozenset()

    @property
    def own(self) -> Indices:
        """Those that no loop around goes along."""
        return (*self.rows, *self.columns, *self.inner)

    def renamed(self, old: Index, new: Index) -> Product:
        """With another name for an index of a loop around."""
        reads = {side: substitute(getattr(self, side), {old: new}) for side in ("target", "alpha", "left", "right")}
        batch = tuple(new if index == old else index for index in self.batch)
        fixed = frozenset(new if index == old else index for index in self.fixed)
        return replace(self, **reads, batch=batch, fixed=fixed)

    def sides(self) -> tuple[tuple[Read, Indices], ...]:
        """(array, the indices of its rows as it is stored) of the target and both operands."""
        return (
            (self.target, self.rows),
            (self.left, self.inner if self.transposed_left else self.rows),
            (self.right, self.columns if self.transposed_right else self.inner),
        )


def as_product(term: Term, target: Read, along: Index | None = None) -> Product | None:
    """The term as a matrix product into `target`, or None; `along` is held fixed."""
    return next(products(term, target, along, (0,)), None)


def as_products_of_a_loop(term: Term, target: Read, along: Index | None = None) -> Product | None:
    """The same, or with as few indices as possible held fixed that one operand alone has with the target.

    q[b,h,t,e] = sum_d x[b,t,d]*Q[h,e,d] is a product for each b and h.
    """
    return next(products(term, target, along, range(len(target.indices) - 1)), None)


def products(term: Term, target: Read, along: Index | None, counts: Iterable[int]) -> Iterator[Product]:
    """The matrix products that the term is into `target` with so many indices fixed beside those of all three."""
    reduction = next((f for f in factors_of(term) if isinstance(f, Reduce) and f.op == "sum"), None)
    if reduction is None:
        return
    alpha = mul(*(factor for factor in factors_of(term) if factor is not reduction))
    operands = factors_of(reduction.body)
    if alpha.free or len(operands) != 2 or not all(map(is_matrix_read, (target, *operands))):
        return
    always = target.free & operands[0].free & operands[1].free | ({along} if along is not None else set())
    others = [index for index in target.indices if index not in always]
    for count in counts:
        for more in combinations(others, count):
            fixed = frozenset({*always, *more})
            batch = tuple(index for index in target.indices if index in fixed and index != along)
            for left, right in permutations(operands):
                axes = [tuple(index for index in read.indices if index not in fixed) for read in (target, left, right)]
                groups = grouped(*axes, reduction.indices)
                if groups is not None:
                    product = Product(target, alpha, left, right, *groups, batch, fixed)
                    if all(slices_to_matrix(read, first, fixed) for read, first in product.sides()):
                        yield product


def slices_to_matrix(read: Read, first: Indices, fixed: frozenset[Index]) -> bool:
    """Whether the read is a matrix once `fixed` is given: each group of axes together, its columns side by side."""
    return read.indices[-1] not in fixed and len(runs(read, first, fixed)) == 2 + len(fixed & read.free)


def runs(read: Read, first: Indices, fixed: frozenset[Index]) -> list[Indices]:
    """The axes of the read in order, neighbours of one group together, each fixed one for itself."""
    groups: list[list[Index]] = []
    for index in read.indices:
        joins = groups and index not in fixed and groups[-1][-1] not in fixed
        if joins and (index in first) == (groups[-1][-1] in first):
            groups[-1].append(index)
        else:
            groups.append([index])
    return [tuple(group) for group in groups]


def is_matrix_read(term: Term) -> bool:
    return (
        isinstance(term, Read)
        and all(isinstance(index, Index) for index in term.indices)
        and len(set(term.indices)) == len(term.indices)
    )


def grouped(target: Indices, left: Indices, right: Indices, inner: Indices):
    """(rows, columns, inner, transposed_left, transposed_right) where the three orders fit together, else None."""
    rows = tuple(index for index in target if index in left)
    columns = tuple(index for index in target if index in right)
    if not rows or not columns or rows + columns != target or set(rows) & set(columns):
        return None
    summed_left = tuple(index for index in left if index not in rows)
    if set(summed_left) != set(inner) or set(right) != set(columns) | set(inner):
        return None
    ways_left = {rows + summed_left: False, summed_left + rows: True}
    ways_right = {summed_left + columns: False, columns + summed_left: True}
    if left not in ways_left or right not in ways_right:
        return None
    return rows, columns, summed_left, ways_left[left], ways_right[right]


def materialize_operands(program: Program) -> Program:
    """Every sum of products that can be a matrix product gets operands that are plain reads in a fitting order."""
    builder = Builder(program)
    for equation in program.equations():
        terms = [operands_of(term, equation, builder) for term in terms_of(equation.body)]
        builder.add(replace(equation, body=add(*terms)))
    return builder.program


def operands_of(term: Term, equation: Equation, builder: Builder) -> Term:
    reduction = next((f for f in factors_of(term) if isinstance(f, Reduce) and f.op == "sum"), None)
    if reduction is None or as_product(term, equation.left) is not None or len(equation.indices) < 2:
        return term
    if any(isinstance(f, Compare) and f.free & set(equation.indices) for f in factors_of(reduction.body)):
        return term
    sides = bipartition(factors_of(reduction.body), equation.indices, reduction.indices)
    if sides is None:
        return term
    alpha = mul(*(factor for factor in factors_of(term) if factor is not reduction))
    inner = reduction.indices
    number = mul(*(factor for factor in factors_of(reduction.body) if not factor.free))
    batch = tuple(i for i in equation.indices if all(i in side.free for side in sides))
    made: list[Read] = []
    for side in sides:
        outer = batch + tuple(i for i in equation.indices if i in side.free and i not in batch)
        private = tuple(index for index in inner if index in side.free and not all(index in s.free for s in sides))
        side = summed(private, side)
        shared = tuple(index for index in inner if index not in private and index in side.free)
        made.append(operand(side, outer, shared, frozenset(batch), made, equation, builder))
    rest = tuple(index for index in inner if all(index in read.free for read in made))
    return mul(alpha, number, summed(rest, mul(*made)))


def operand(
    side: Term,
    outer: Indices,
    shared: Indices,
    batch: frozenset[Index],
    made: list[Read],
    equation: Equation,
    builder: Builder,
) -> Read:
    """The side itself where it is a read in a fitting order, else a definition [outer, shared] of it."""
    # The order of the summed indices is the first operand's own where that is a plain read, else the sum's.
    if made:
        shared = in_order(shared, made[0].indices)
    if is_matrix_read(side):
        own = tuple(index for index in side.indices if index in shared)
        free = tuple(index for index in outer if index not in batch)
        axes = tuple(index for index in side.indices if index not in batch)
        fits = axes in (free + own, own + free) and slices_to_matrix(side, axes[: axes.index(own[0])] or own, batch)
        if fits and (not made or own == shared):
            return side
        shared = own if not made else shared
    return builder.define(operand_name(side, equation), in_order(outer + shared, outer, shared), side)


def with_right_turned(product: Product, builder: Builder) -> Term:
    """The product with its right operand, stored the other way round, as a definition that lies as BLAS reads it."""
    fixed = tuple(index for index in product.right.indices if index in product.fixed)
    indices = (*fixed, *product.inner, *product.columns)
    turned = builder.define(f"{product.right.tensor}_turned", indices, product.right)
    return mul(product.alpha, summed(product.inner, mul(product.left, turned)))


def operand_name(side: Term, equation: Equation) -> str:
    """`C_x` for the gathered C[x[b,t],d]; otherwise after the equation that needs it."""
    if isinstance(side, Read):
        tokens = [node.tensor for index in side.indices for node in index.walk() if isinstance(node, Read)]
        return "_".join([side.tensor, *tokens]) if tokens else f"{side.tensor}_turned"
    return f"{equation.tensor}_operand"


def bipartition(factors: tuple[Term, ...], target: Indices, inner: Indices) -> tuple[Term, Term] | None:
    """The factors in two groups, each with result indices of its own and all sharing a summed one; else None."""
    groups = [factor for factor in factors if factor.free]
    # A factor whose indices another one has too joins the smallest such one: diag(s) P H = P (diag(s) H).
    while len(groups) > 2:
        pair = next(
            (
                (small, large)
                for small in sorted(groups, key=lambda f: len(f.free))
                for large in sorted(groups, key=lambda f: len(f.free))
                if small is not large and small.free <= large.free
            ),
            None,
        )
        if pair is None:
            return None
        position = groups.index(pair[1])
        groups[position] = mul(*pair)
        groups.remove(pair[0])
    if len(groups) != 2:
        return None
    left, right = groups
    batch = left.free & right.free & set(target)
    target = tuple(index for index in target if index not in batch)
    rows, columns = left.free & set(target), right.free & set(target)
    if not rows or not columns or not (left.free & right.free & set(inner)):
        return None
    if target[0] not in rows:
        left, right = right, left
    return left, right  # where their indices take turns in the result, it is a product for each of some of them

"""What "auto" stands for where the sizes are known.

A table whose axis is no longer than a tile has only one: nothing is gained by working on tiles of it, and the threads
have nothing to share.  There the rows of the batch are divided, where the step's largest product pays for a second
thread, and otherwise nothing is.  Measured on two cores with perceptrons of one hidden layer: at 0.2 million
multiplications `whole` takes 0.87 of the time that `tiles` takes, at 1.5 million `rows` 0.54, at 67 million 0.45.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

from ...language.algebra import terms_of
from ...language.program import Program
from ...language.sizes import at_sizes
from ...language.terms import Const, Term
from .contractions import as_products_of_a_loop
from .plan import TILE, chosen_schedule, scheduled_equations
from .rows import rows_of
from .tables import tables

WORTH_DIVIDING = 1_000_000  # multiplications of one product: some ten microseconds on one core


def fitting_schedule(program: Program, sizes: Mapping[str, int], tile: int = TILE) -> str:
    """For a step: "auto", or "rows" or "whole" where a tile is as long as the axis of every table."""
    if chosen_schedule(program, "auto") != "auto":
        return "auto"
    scheduled = scheduled_equations(program, "whole")
    axes = {scheduled.equation(table.members[0]).indices[table.position].extent for table in tables(scheduled)}
    if not axes or any(not 0 < value(axis, sizes) <= tile for axis in axes):
        return "auto"
    return "rows" if rows_of(program) is not None and largest_product(scheduled, sizes) > WORTH_DIVIDING else "whole"


def largest_product(program: Program, sizes: Mapping[str, int]) -> int:
    """The multiplications of the largest matrix product, of those whose sizes are all known."""
    products = (as_products_of_a_loop(term, e.left) for e in program.equations() for term in terms_of(e.body))
    spaces = ((*p.batch, *p.rows, *p.columns, *p.inner) for p in products if p is not None)
    return max((prod(value(index.extent, sizes) for index in space) for space in spaces), default=0)


def value(extent: Term, sizes: Mapping[str, int]) -> int:
    """What the extent is at these sizes; 0 where it is not known."""
    found = at_sizes(extent, sizes)
    return found.value if isinstance(found, Const) else 0

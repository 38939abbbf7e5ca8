"""The sizes at which emitted code takes another way, so that a check looks at both sides of them.

    ("V",), 513              an axis that has a second tile
    ("B", "H", "V"), 400001  a sweep that pays for a second thread

Each is the names of sizes, and the product of these from which on the other way is taken.
"""

from __future__ import annotations

from ..language.terms import Const, Size
from .functions import WORTH_A_THREAD
from .schedule.plan import Nest
from .sweep_functions import largest_spaces

Threshold = tuple[tuple[str, ...], int]


def of_tiles(*nests: Nest) -> tuple[Threshold, ...]:
    """(size names, the product of these sizes from which on there is a second tile), each once."""
    sweeps = (sweep for nest in nests for sweep in nest.sweeps if sweep.tile is not None)
    return tuple({((s.axis.name,), s.size + 1): None for s in sweeps if isinstance(s.axis, Size)})


def of_threads(step: Nest) -> tuple[Threshold, ...]:
    """The same for a second thread, which the largest statement of a sweep decides, where its sizes are no formulas."""
    found = {}
    for sweep in step.sweeps:
        spaces = largest_spaces(sweep.body)
        plain = [space for space in spaces if all(isinstance(extent, Size | Const) for extent in space)]
        names = {extent.name for extent in next(iter(plain), ()) if isinstance(extent, Size)}
        if names:
            found[tuple(sorted(names)), WORTH_A_THREAD + 1] = None
    return tuple(found)

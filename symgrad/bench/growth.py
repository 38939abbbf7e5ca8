"""How a step's time grows with the vocabulary, the batch and the hidden units, beside a floor of the same machine.

The floor is the larger of two times that no schedule can save, both measured in the same run: that of the step's matrix
products at the rate of a large one, and that of reading and writing once what the step changes, with as many bytes.
"""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from rich.table import Table

from ..language.errors import DataError
from ..language.files import write_atomically
from ..language.program import Program
from ..language.terms import Read, reads
from ..training.sizes import extent_size
from .cases import Case, of
from .data import all_sizes, program_of, write_start
from .report import microseconds, significant
from .systems import FLOOR, OURS, TRAFFIC
from .systems.floor import FLOPS as PRODUCT
from .systems.traffic import forms_of
from .turns import Worker, fastest, products

BASE = {"V": 16384, "B": 256, "H": 50}
ENDS = {"V": (1_000, 128_000), "B": (1, 1024), "H": (16, 1024)}


@dataclass(frozen=True)
class Point:
    """One axis at one length; seconds of a step, of its matrix products and of its memory traffic."""

    axis: str
    length: int
    step: float
    products: float
    traffic: float

    @property
    def floor(self) -> float:
        return max(self.products, self.traffic)


def lengths(axis: str, count: int) -> list[int]:
    """`count` lengths from end to end, each the same factor larger than the one before."""
    return sorted({round(length) for length in np.geomspace(*ENDS[axis], count)})


def growth(count: int, rounds: int, turn: float, say: Callable[[str], None]) -> list[Point]:
    """Every point; the rate of products is the best of the whole run."""
    points, fastest_product = [], float("inf")
    with tempfile.TemporaryDirectory(prefix="symgrad-bench-") as folder:  # compiled once for all sizes
        for axis in ENDS:
            for length in lengths(axis, count):
                sizes = {**BASE, axis: length}
                case = of("concat_lm", f"V={sizes['V']} N=4 D=60 H={sizes['H']}", sizes["B"])
                say(case.name)
                step, product, traffic = measured(case, rounds, turn, folder)
                fastest_product = min(product, fastest_product)
                points.append(Point(axis, length, step, products(case) / PRODUCT, traffic))
    return [replace(point, products=point.products * fastest_product) for point in points]


def measured(case: Case, rounds: int, turn: float, folder: str) -> tuple[float, float, float]:
    """(a step, a large product, the traffic): the least of the rounds' seconds for each."""
    write_start(case, Path(folder))
    program = program_of(case)
    traffic = forms_of(changed_bytes(program, all_sizes(case, program)))
    workers = [fastest(OURS, case, folder, turn), fastest(FLOOR, case, folder, turn)]
    try:
        workers += [Worker(TRAFFIC, case, form, folder) for form in traffic]
        for worker in workers[2:]:
            worker.calibrate(turn)
        for _ in range(rounds):
            for worker in workers:
                worker.times.append(worker.seconds())
    finally:
        for worker in workers:
            worker.stop()
    step, product, *passes = (min(worker.times) for worker in workers)
    return step, product, min(passes)


def changed_bytes(program: Program, sizes: dict[str, int]) -> int:
    """Of the parameters' entries that a plain SGD step changes: of an array that is read at tokens only, their rows."""
    total = 0
    for parameter in program.parameters:
        lengths = [extent_size(extent, sizes) for extent in parameter.shape]
        found = [r for e in program.equations() for r in reads(e.body) if r.tensor == parameter.name]
        if found and all(any(isinstance(place, Read) for place in read.indices) for read in found):
            for axis in range(len(lengths)):
                rows = sum(rows_read(read.indices[axis], sizes) for read in found)
                lengths[axis] = min(lengths[axis], rows) if rows else lengths[axis]
        total += 4 * int(np.prod(lengths))
    return total


def rows_read(place: object, sizes: dict[str, int]) -> int:
    """How many entries x[b,t] has, 0 for a place that is no token."""
    if not isinstance(place, Read):
        return 0
    return int(np.prod([extent_size(index.extent, sizes) for index in place.free]))


def table(points: Iterable[Point]) -> Table:
    found = Table(title="concat_lm, N=4 D=60, plain SGD: least microseconds of a step", title_justify="left")
    for name in ("axis", "step", "products", "traffic", "step / floor"):
        found.add_column(name, justify="left" if name == "axis" else "right")
    for p in points:
        times = (microseconds(seconds) for seconds in (p.step, p.products, p.traffic))
        found.add_row(f"{p.axis}={p.length:,}", *times, significant(p.step / p.floor))
    return found


def as_json(points: Iterable[Point]) -> str:
    return json.dumps([asdict(point) | {"floor": point.floor} for point in points], indent=2)


def check_plotting() -> None:
    """Raises DataError without matplotlib."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise DataError("matplotlib is not installed; pip install '.[plots]' brings it") from None


def draw(points: list[Point], path: Path) -> None:
    """A panel an axis, both scales logarithmic.  Raises DataError where the file cannot be written."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 4), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, len(ENDS), sharey=True)
    names = {"V": "vocabulary V", "B": "batch B", "H": "hidden units H"}
    for panel, axis in zip(panels, ENDS, strict=True):
        own = [point for point in points if point.axis == axis]
        at = [point.length for point in own]
        panel.loglog(at, [1e6 * p.step for p in own], "o-", label="step of the emitted code")
        panel.loglog(at, [1e6 * p.floor for p in own], "k-", label="floor")
        panel.loglog(at, [1e6 * p.products for p in own], "k:", linewidth=1, label="matrix products")
        panel.loglog(at, [1e6 * p.traffic for p in own], "k--", linewidth=1, label="memory traffic")
        others = ", ".join(f"{name}={length:,}" for name, length in BASE.items() if name != axis)
        panel.set_title(others, fontsize="medium")
        panel.set_xlabel(names[axis])
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("microseconds")
    panels[0].legend(fontsize="small")
    picture = io.BytesIO()
    try:
        figure.savefig(picture, dpi=120, format=path.suffix.removeprefix(".") or "png")
    except ValueError as error:
        raise DataError(f"{path} cannot be drawn: {error}") from error
    write_atomically(path, picture.getvalue())

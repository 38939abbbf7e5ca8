"""What came out, for people (tables) and for programs (JSON)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version

from rich.table import Table

from .systems import FLOOR, OURS, SYSTEMS
from .turns import Comparison, Timing

MEBIBYTE = 1 << 20


def case_table(comparison: Comparison) -> Table:
    """A line a system; ratios are theirs to ours, above 1 where ours is faster."""
    table = Table(title=comparison.case.name, title_justify="left", caption=caption(comparison), caption_justify="left")
    table.add_column("system")
    table.add_column("us a step", justify="right")
    table.add_column("/ symgrad (middle half)", justify="right")
    table.add_column("MiB", justify="right")
    table.add_column("how")
    for timing in comparison.timings.values():
        memory = "" if timing.system == FLOOR else f"{timing.memory / MEBIBYTE:,.0f}"
        table.add_row(timing.system, microseconds(timing.median), ratio(timing), memory, how(timing))
    for system, reason in comparison.failures.items():
        table.add_row(system, "", "", "", f"does not run here: {reason}")
    return table


def how(timing: Timing) -> str:
    return f"matrix products alone, as {timing.note}" if timing.system == FLOOR else timing.note


def ratio(timing: Timing) -> str:
    """`2.51 (2.40 to 2.66)`."""
    low, high = (significant(bound) for bound in timing.spread)
    return "1" if timing.system == OURS else f"{significant(timing.ratio)} ({low} to {high})"


def microseconds(seconds: float) -> str:
    value = 1e6 * seconds
    return f"{value:,.0f}" if value >= 10 else significant(value)


def significant(value: float) -> str:
    if value >= 10:
        return f"{value:,.{0 if value >= 100 else 1}f}"
    return f"{value:.2f}" if value >= 0.1 else f"{value:.2g}"


def caption(comparison: Comparison) -> str:
    first, timings = comparison.first_step, comparison.timings
    parts = [f"first step after {first.cold:.1f} s with a cold compile cache, {first.warm:.1f} s with a warm one"]
    peers = [t.difference for name, t in timings.items() if name not in (OURS, FLOOR)]
    parts += [f"first losses agree to {max(peers):.0e}"] if peers else []
    parts += [f"symgrad takes {significant(1 / timings[FLOOR].ratio)} times the floor"] if FLOOR in timings else []
    return "; ".join(parts)


def summary_table(comparisons: Iterable[Comparison]) -> Table:
    """A line a case: the best of the others against ours."""
    table = Table(title="best of the others / symgrad", title_justify="left")
    table.add_column("case")
    for name in ("ratio", "best", "symgrad / floor", "memory / torch's"):
        table.add_column(name, justify="left" if name == "best" else "right")
    for comparison in comparisons:
        best, timings = comparison.best_peer, comparison.timings
        floor, torch = timings.get(FLOOR), timings.get("torch")
        table.add_row(
            comparison.case.name,
            ratio(best) if best else "",
            best.system if best else "",
            significant(1 / floor.ratio) if floor else "",
            f"{timings[OURS].memory / torch.memory:.2f}" if torch else "",
        )
    return table


def as_json(comparisons: Iterable[Comparison]) -> str:
    """One object: the versions, and for each case every time and ratio, in seconds and bytes."""
    cases = {}
    for comparison in comparisons:
        systems = {
            name: asdict(t) | {"median": t.median, "ratio": t.ratio, "spread": t.spread}
            for name, t in comparison.timings.items()
        }
        cases[comparison.case.name] = {
            "systems": systems,
            "failures": comparison.failures,
            "flops": comparison.flops,
            "first_step": asdict(comparison.first_step),
        }
    return json.dumps({"versions": versions(), "cases": cases}, indent=2)


def versions() -> dict[str, str]:
    found = {}
    for package in ("numba", "numpy", *sorted({system.needs for system in SYSTEMS.values() if system.needs})):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def missing() -> str:
    """A line about the systems that are not installed; empty where all are."""
    names = [name for name, system in SYSTEMS.items() if not system.installed]
    return f"not installed: {', '.join(names)}; pip install '.[peers]' brings them" if names else ""

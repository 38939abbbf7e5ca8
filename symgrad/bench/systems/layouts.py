"""The parameters as another system lays them out: the same numbers, so that elementwise rules do the same to them.

Each is written with what arrays of NumPy, PyTorch and JAX have in common; `xp` is their module.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

from ..cases import Case

Arrays = dict[str, Any]

# ours: forget, input, output, candidate; PyTorch's: input, forget, candidate, output
GATES = np.array([1, 0, 3, 2])
BLOCK = ("M", "g1", "b1", "g2", "b2", "W", "w", "U", "u")


def laid_out(case: Case, ours: Arrays, xp: ModuleType) -> tuple[Arrays, dict[str, Any]]:
    """(the parameters as the system's loss reads them, the numbers that it reads beside them)."""
    if case.losses == "lstm_lm":
        gates = {name: ours[name][GATES] for name in ("W", "R", "c")}
        return ours | {name: value.reshape(-1, *value.shape[2:]) for name, value in gates.items()}, {}
    if case.losses == "transformer_lm":
        return transformer(ours, xp)
    # of several axes PyTorch factors the last two, we the first and all others together
    if case.optimizer == "adafactor" and not case.own:
        return {name: v.reshape(len(v), -1) if v.ndim > 2 else v for name, v in ours.items()}, {}
    return dict(ours), {}


def transformer(ours: Arrays, xp: ModuleType) -> tuple[Arrays, dict[str, Any]]:
    """Each block's own; queries, keys and values are one product, as in GPT-2."""
    theirs = {name: ours[name] for name in ("C", "P", "H", "h")}
    for n in range(len(ours["Q"])):
        parts = [ours[name][n].reshape(-1, ours[name].shape[-1]) for name in "QGA"]
        theirs[f"QGA_{n}"] = xp.concatenate(parts, axis=0)
        theirs |= {f"{name}_{n}": ours[name][n] for name in BLOCK}
        theirs[f"M_{n}"] = ours["M"][n].reshape(len(ours["M"][n]), -1)
    return theirs, {"blocks": len(ours["Q"]), "heads": ours["Q"].shape[1]}

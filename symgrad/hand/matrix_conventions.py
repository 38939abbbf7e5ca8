"""How vectors and derivatives stand in formulas among matrices."""

from __future__ import annotations

from enum import Enum

import numpy as np


class Convention(Enum):
    """How vectors and derivatives stand; the value is what it is called."""

    COLUMNS = "denominator layout"  # vectors and gradients are columns, dy/dx has a column for each entry of y
    NUMERATOR = "numerator layout"  # vectors are columns, a gradient is a row, dy/dx has a row for each entry of y
    ROWS = "row vectors"  # vectors and gradients are rows, dy/dx has a column for each entry of y

    def is_row(self, gradient: bool) -> bool:
        return self is Convention.ROWS or (gradient and self is Convention.NUMERATOR)

    def vector(self, value: np.ndarray, gradient: bool = False) -> np.ndarray:
        """One axis becomes two."""
        if value.ndim != 1:
            return value
        return value[None, :] if self.is_row(gradient) else value[:, None]

"""Small programs whose gradients are checked: data for tests, one idea a program.

`u` is always an input that serves as a random cotangent: a loss of all ones cancels through a softmax or a norm.
"""

from . import conditions, elementary, gathers, layers, recurrent, reshapes, sums
from .table import PROGRAMS

__all__ = ["PROGRAMS", "conditions", "elementary", "gathers", "layers", "recurrent", "reshapes", "sums"]

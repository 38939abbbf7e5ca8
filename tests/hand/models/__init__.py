"""Models of derivations that people do by hand, each with the names of the NumPy code that computes it.

case("mlp-relu-W")      the model, its sizes and what it is derived by
CASES                   all of them by their identifiers
UPDATES                 optimizer rules, which have no loss
"""

from . import attention, matrices, mlp, norms, nplm, recurrent, regression, softmaxes, word2vec
from .table import CASES, HandCase
from .updates import UPDATES, UpdateCase

__all__ = [
    "CASES",
    "UPDATES",
    "HandCase",
    "UpdateCase",
    "attention",
    "case",
    "matrices",
    "mlp",
    "norms",
    "nplm",
    "recurrent",
    "regression",
    "softmaxes",
    "word2vec",
]


def case(identifier: str) -> HandCase:
    """The case of that identifier.  Raises KeyError with the known ones."""
    if identifier not in CASES:
        raise KeyError(f"no hand case {identifier!r}; there are {', '.join(CASES)}")
    return CASES[identifier]

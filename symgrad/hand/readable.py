"""What can be read, for people: the functions and methods of NumPy code, the commands of LaTeX.  README lists them."""

from __future__ import annotations

from .latex_brackets import COMPARISONS
from .latex_names import ACCENTS
from .latex_pieces import FONTS, UPRIGHT
from .latex_scanner import OPERATORS, STEPS
from .latex_scripts import ALONG, FUNCTIONS, TRANSPOSES
from .latex_text import RELATIONS
from .operations import METHODS, SIGNATURES, SPELLED, VARIADIC

OURS = {"sum_items", "turned"}  # sum(list) and zip(*rows)
WORDS = {"as_type": "astype", "asarray": "detach"}  # methods that have another name there


def functions() -> tuple[str, ...]:
    """`np.exp`, `np.linalg.inv`, or without their module: sigmoid, one_hot, range."""
    return tuple(sorted({*SIGNATURES, *VARIADIC} - OURS))


def spellings() -> tuple[str, ...]:
    """Other names of the same functions."""
    return tuple(sorted(word for row in SPELLED.values() for word in row.split()))


def methods() -> tuple[str, ...]:
    return tuple(sorted(WORDS.get(word, word) for word in METHODS))


def commands() -> tuple[str, ...]:
    """Of LaTeX, without Greek letters, brackets and layout."""
    names = {*FONTS, *UPRIGHT}
    words = {*OPERATORS, *COMPARISONS, *STEPS, *RELATIONS, *ACCENTS, *FONTS, *UPRIGHT, *TRANSPOSES, r"\partial"}
    joined = {f"{font}T" for font in names}  # a transpose
    return tuple(sorted(word for word in words - joined if word.startswith("\\") and word[1:].isalpha()))


def latex_functions() -> tuple[str, ...]:
    r"""\tanh, or \operatorname{softmax}."""
    return tuple(sorted({*FUNCTIONS, *ALONG}))

"""Naming the mistake of a wrong line: explanations that give the claim exactly, at every point that was judged.

values, contributions   the wrong value, taken apart          (of any claim that has one)
repairs, term_repairs   the person's own text with one change (of code, of a term in index notation)
cuts                    the right derivation with a part forgotten
nearest                 what is said where nothing fits
"""

from .diagnosing import Diagnosis
from .nearest import NO_SINGLE

__all__ = ["NO_SINGLE", "Diagnosis"]

"""The recorded steps of a derivation as a document: text, LaTeX, JSON, numbers."""

from .document import Derivation, derive

__all__ = ["Derivation", "derive"]

"""The recorded steps of a derivation as a document: text, LaTeX, JSON, numbers; Jacobians and second derivatives."""

from .document import Derivation, derive
from .jacobians import Jacobian, hessian, jacobian

__all__ = ["Derivation", "Jacobian", "derive", "hessian", "jacobian"]

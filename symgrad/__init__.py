"""symgrad: declare a model in SymPy, derive its gradients, emit fast code, check every step.

Start reading at `symgrad/pipeline.py`.  The names below are loaded when they are first used.
"""

from __future__ import annotations

from importlib import import_module

__version__ = "0.1.0"

_HOME = {
    "language.model": ("Model", "normal", "uniform", "constant", "zeros", "ones"),
    "language.surface": (
        "axes", "concatenated", "log_softmax", "maximum", "mean", "merged", "relu", "sigmoid", "size", "softmax",
        "split", "stop_gradient", "total",
    ),
    "language.optimizers": ("SGD", "Momentum", "Nesterov", "Adam", "AdamW", "Adafactor"),
    "language.errors": ("SymgradError",),
    "language.matrix_model": ("MatrixModel",),
    "derivation.document": ("derive",),
    "derivation.matrix_form": ("gradient",),
    "derivation.jacobians": ("jacobian", "hessian"),
    "calculus.second_order": ("hessian_vector_product",),
    "pipeline": ("generate", "check"),
    "training.api": ("train",),
    "training.configuration": ("Training",),
}  # fmt: skip
_MODULE = {name: module for module, names in _HOME.items() for name in names}

__all__ = ["__version__", *_MODULE]


def __getattr__(name: str) -> object:
    if name not in _MODULE:
        raise AttributeError(f"symgrad has no {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULE[name]}"), name)


def __dir__() -> list[str]:
    return list(__all__)

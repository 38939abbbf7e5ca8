"""PyTorch with `torch.compile`, which needs a C++ compiler: loss and gradients in one compiled graph."""

from __future__ import annotations

from ..cases import Case
from . import Form, Run, torch_eager


def forms(case: Case) -> tuple[Form, ...]:
    """Those of eager mode but for sparse gradients, and with the update that it does best."""
    best = "foreach" if case.optimizer == "adafactor" else "fused"
    dense = [form for form in torch_eager.forms(case) if not form.options["sparse"]]
    return tuple(form for form in dense if form.options["update"] == best)


def start(case: Case, form: Form, folder: str) -> Run:
    return torch_eager.start(case, form, folder, compiled=True)

"""PyTorch, operation by operation: gradients set to None, fused or foreach updates, one thread or all of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...language.machine import cores
from ..cases import Case
from ..data import read_start
from . import Form, Run, layouts, threads_text

EMBEDDED = ("concat_lm", "makemore_mlp", "bengio2003", "unnamed_loss")


def forms(case: Case) -> tuple[Form, ...]:
    if case.own or case.whole_loop:
        return ()
    updates = [("foreach", False), ("one by one", False)]
    updates += [("fused", False)] if case.optimizer != "adafactor" else []  # of which there is none
    if case.optimizer == "sgd" and case.losses in EMBEDDED:  # the others take no sparse gradients
        updates.append(("one by one", True))
    return tuple(
        Form(
            f"{update}{', sparse embedding' if sparse else ''}, {threads_text(threads)}",
            {"update": update, "sparse": sparse, "threads": threads},
        )
        for threads in sorted({1, cores()})
        for update, sparse in updates
    )


def start(case: Case, form: Form, folder: str, compiled: bool = False) -> Run:
    import torch

    from . import torch_losses

    torch.set_num_threads(form.options["threads"])
    ours, batches = read_start(folder)
    theirs, numbers = layouts.laid_out(case, ours, np)
    parameters = {name: torch.from_numpy(np.array(value)).requires_grad_() for name, value in theirs.items()}
    data = [{name: as_tensor(array) for name, array in batch.items()} for batch in batches]
    optimizer = rule(case, parameters, form.options["update"])
    loss_of = getattr(torch_losses, case.losses)
    beside = numbers | recurrent_layers(compiled) | {"sparse": form.options["sparse"]}

    def loss(parameters: dict, batch: dict) -> torch.Tensor:
        return loss_of(Named(parameters | batch | beside))

    evaluate: Callable = torch.compile(loss) if compiled else loss
    done = 0

    def run(steps: int) -> np.ndarray:
        nonlocal done
        losses = []
        for _ in range(steps):
            optimizer.zero_grad(set_to_none=True)
            value = evaluate(parameters, data[done % len(data)])
            value.backward()
            if case.clip is not None:
                torch.nn.utils.clip_grad_norm_(parameters.values(), case.clip)
            optimizer.step()
            losses.append(value.detach())
            done += 1
        return torch.stack(losses).numpy()

    return run


def recurrent_layers(compiled: bool) -> dict[str, Callable]:
    """Those of PyTorch; compiled graphs call them as they are, as they do with nn.LSTM, and do not unroll them."""
    import torch

    layers = {"rnn_tanh": torch.rnn_tanh, "lstm": torch.lstm}
    return {name: torch.compiler.disable(layer) for name, layer in layers.items()} if compiled else layers


class Named:
    """A loss reads its tensors as attributes; `torch.compile` does not know types.SimpleNamespace."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.__dict__.update(values)


def as_tensor(array: np.ndarray):
    import torch

    tensor = torch.from_numpy(np.array(array))
    return tensor.long() if array.dtype.kind == "i" else tensor


def rule(case: Case, parameters: dict, update: str):
    """PyTorch's own optimizer, with our constants."""
    import torch

    way = {"foreach": {"foreach": True}, "one by one": {"foreach": False}, "fused": {"fused": True}}[update]
    if case.optimizer == "adafactor":
        # PyTorch bounds the estimate V by eps[0]**2 at last, we add eps1 to each square at first.  With
        # eps[0]**2 = eps1 neither is seen: rows without a gradient get none.
        way["eps"] = (1e-15, 1e-3)
    kinds = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adafactor": torch.optim.Adafactor}
    return kinds[case.optimizer](parameters.values(), lr=case.rate, **way)

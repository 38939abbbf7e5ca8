"""The adjoints of a tensor model, from the loss down: the chain rule, then every rewriting with its reason.

dh[b,i] = sum_v dL/do[b,v] * do[b,v]/dh[b,i]        h is read by F3
        = sum_v W2[v,i]*do[b,v]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..calculus.reverse import Gradients
from ..calculus.steps import Reason
from ..language.rewriting import fresh_index, substitute
from ..language.terms import Index, Read, Term
from .local_derivatives import LocalDerivative
from .naming import presented
from .reasons import spelled


@dataclass(frozen=True)
class Share:
    """What one reader adds: the sum over `indices` of dL/d`local.of` * `local`, without the first where that is L."""

    indices: tuple[Index, ...]
    local: LocalDerivative

    def direct(self, loss: str) -> bool:
        """Whether the reader is the loss itself."""
        return self.local.of.tensor == loss


@dataclass(frozen=True)
class Form:
    """A right side that the adjoint has had, and why: empty for the first, which is the chain rule carried out."""

    value: Term
    because: Reason = ()

    @property
    def reason(self) -> str:
        return spelled(self.because)


@dataclass(frozen=True)
class Adjoint:
    """dL/d`of`, kept in the tensor `left.tensor` unless it was put into its readers."""

    left: Read
    of: Read
    shares: tuple[Share, ...]
    forms: tuple[Form, ...]
    kept: bool

    @property
    def formula(self) -> Term:
        return self.forms[-1].value


def adjoints(raw: Gradients, simple: Gradients, locals_: Sequence[LocalDerivative]) -> tuple[Adjoint, ...]:
    """Every adjoint that the sweep `raw` made, in its order, with the steps by which `simple` came from it."""
    tensor_of = {adjoint: tensor for tensor, adjoint in raw.adjoints.items()}
    result = []
    for equation in raw.program.equations():
        if equation.tensor not in tensor_of:
            continue
        of = raw.program.tensors[tensor_of[equation.tensor]].entry
        forms = [Form(presented(equation.body, equation.indices))]
        for step in simple.steps:
            if step.tensor == equation.tensor:
                forms.append(Form(presented(step.after, equation.indices), step.reason))
        shares = tuple(share(local, of) for local in locals_ if local.by.tensor == of.tensor)
        kept = equation.tensor in simple.program.tensors
        result.append(Adjoint(equation.left, of, shares, tuple(forms), kept))
    return tuple(result)


def share(local: LocalDerivative, target: Read) -> Share:
    """The reader's part of the chain rule, in the target's own indices."""
    mapping: dict[Term, Term] = dict(zip(local.by.indices, target.indices, strict=True))
    taken = {index.name for index in target.indices if isinstance(index, Index)}
    summed: list[Index] = []
    for index in local.equation.indices:
        if index not in mapping:
            mapping[index] = fresh_index(index, taken)
            taken.add(mapping[index].name)
            summed.append(mapping[index])
    equation = replace(
        local.equation,
        indices=tuple(mapping[index] for index in local.equation.indices),
        body=substitute(local.equation.body, mapping),
    )
    value = substitute(local.value, mapping)
    return Share(tuple(summed), replace(local, equation=equation, by=target, value=value))
